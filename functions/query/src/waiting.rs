//! `GET /waiting`: deadlines by their time, and the calls of gateways that wait.

use crate::sources::{Sources, Unanswered};
use jiff::Timestamp;
use rewind::StreamName;
use rewind_aws::{
    aws::http::{self, Parameters, Response},
    gateway::waiting,
    process::due,
};
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Serialize, JsonSchema)]
pub(crate) struct Waiting<'a> {
    deadlines: Vec<Deadline<'a>>,
    calls: Vec<Call<'a>>,
    /// Whether there are more than are named.
    more: bool,
}

#[derive(Serialize, JsonSchema)]
struct Deadline<'a> {
    time: Timestamp,
    process: &'a str,
    /// Of the instance.
    key: &'a str,
    name: &'a str,
    /// The journal.
    stream: &'a StreamName,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CallWaiting")]
struct Call<'a> {
    gateway: &'a str,
    key: &'a str,
    /// The log.
    stream: &'a StreamName,
    since: Timestamp,
    /// No sooner is it tried again.
    due: Timestamp,
    reason: &'a str,
    /// Whether the last attempt may have reached the outside.
    may_have_acted: bool,
}

impl Sources {
    pub(crate) async fn waiting(&self, parameters: &Parameters) -> Result<Response, Unanswered> {
        let limit = parameters.number("limit", 1..=1000)?.unwrap_or(100) as usize;
        let (deadlines, more_deadlines) = due::first(&self.store, limit).await?;
        let (calls, more_calls) = waiting::longest(&self.store, limit).await?;
        let deadlines = deadlines.iter().map(|deadline| Deadline {
            time: deadline.at,
            process: &deadline.process,
            key: deadline.journal.id(),
            name: &deadline.name,
            stream: &deadline.journal,
        });
        let calls = calls.iter().map(|entry| {
            let log = &entry.stream;
            let (_, gateway) = log.category().split_once(':').unwrap_or_default();
            Call {
                gateway,
                key: log.id(),
                stream: log,
                since: time(entry.waiting.since),
                due: time(entry.waiting.due),
                reason: &entry.waiting.reason,
                may_have_acted: entry.waiting.may_have_acted,
            }
        });
        let answer = Waiting {
            deadlines: deadlines.collect(),
            calls: calls.collect(),
            more: more_deadlines || more_calls,
        };
        Ok(http::json(200, &answer))
    }
}

/// A time in microseconds since 1970; one that is none is the last.
fn time(micros: u64) -> Timestamp {
    let micros = i64::try_from(micros).ok();
    micros
        .and_then(|micros| Timestamp::from_microsecond(micros).ok())
        .unwrap_or(Timestamp::MAX)
}
