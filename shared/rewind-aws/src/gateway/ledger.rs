//! The ledger of a gateway: what was sent when, because of what, and with which
//! answer. It is read from the logs themselves.

use super::log::{self, Failure};
use crate::{
    Error,
    event_table::{
        event_store::{After, EventStore},
        index::Cursor,
    },
};
use jiff::Timestamp;
use rewind::{
    Answer, Asked, Attempt, Call, CallState, Caller, Calls, Request, StreamName,
    stream::{PARTITIONS, partition_name},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A call, or a correction, as the ledger has it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "LedgerEntry")]
pub struct Entry {
    /// The idempotency key.
    pub call: String,
    /// The log, and where it was asked for in it.
    pub stream: StreamName,
    /// The version at which it was asked for.
    pub version: u64,
    /// The event that led to it, as `stream@version`.
    pub cause: Option<String>,
    /// Who asked for it: `/rewind/rule/name`, for example.
    pub source: String,
    /// What belongs together, across streams.
    pub correlation: Option<String>,
    /// The action; of a correction what it corrects the call to.
    pub action: Option<Value>,
    /// Of a correction: which call it corrects, and what led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrects: Option<Corrects>,
    /// How it stands: `waits`, `done`, `failed`, `withheld` or `taken-back`.
    #[schemars(extend("enum" = ["waits", "done", "failed", "withheld", "taken-back"]))]
    pub state: &'static str,
    /// Why it has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Each time that something went out.
    pub sent: Vec<Sent>,
}

/// What a correction corrects.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Corrects {
    /// The call's idempotency key.
    pub call: String,
    /// What led to it, such as `playback/fix-prices`.
    pub run: String,
}

/// A request that went out.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Sent {
    /// When.
    pub at: Timestamp,
    /// In which run: an id of its own for each attempt.
    pub run: String,
    /// The request, without its secrets.
    pub request: Request,
    /// Why it went out again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again: Option<rewind::Again>,
    /// When it was answered, or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// Where a page of the ledger ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    partition: u8,
    commit: Option<Cursor>,
}

/// The entries of one log, in order.
///
/// # Errors
///
/// When DynamoDB fails, or it is no log.
pub async fn of_log(events: &EventStore, stream: &StreamName) -> Result<Vec<Entry>, Failure> {
    let loaded = log::load(events, stream).await?;
    Ok(loaded.calls.iter().map(Entry::of).collect())
}

/// Some entries of all logs of a gateway, partition by partition in recorded
/// order, behind a place; and where to go on. `limit` counts commits of the
/// logs, so a page may hold fewer entries, or none.
///
/// # Errors
///
/// When DynamoDB fails, or there is something that is no log.
pub async fn page(
    events: &EventStore,
    caller: &Caller,
    place: Option<Place>,
    limit: i32,
) -> Result<(Vec<Entry>, Option<Place>), Failure> {
    let Place { partition, commit } = place.unwrap_or(Place {
        partition: 0,
        commit: None,
    });
    let after = commit.map_or(After::Position(0), After::Commit);
    let name = partition_name(&caller.category, partition);
    let page = events.read_index(&name, &after, limit).await?;
    let mut logs: BTreeMap<&StreamName, Calls> = BTreeMap::new();
    let mut entries = Vec::new();
    for found in &page.entries {
        if !logs.contains_key(&found.stream) {
            let loaded = log::load(events, &found.stream).await?;
            logs.insert(&found.stream, loaded.calls);
        }
        let calls = logs.get(&found.stream).into_iter().flat_map(Calls::iter);
        let own = calls
            .filter(|call| (found.version..=found.last_version()).contains(&call.asked_by.version));
        entries.extend(own.map(Entry::of));
    }
    let next = match page.entries.last().filter(|_| page.has_more) {
        Some(last) => Some(Place {
            partition,
            commit: Some(last.cursor()),
        }),
        None => (partition + 1 < PARTITIONS).then_some(Place {
            partition: partition + 1,
            commit: None,
        }),
    };
    Ok((entries, next))
}

impl Entry {
    fn of(call: &Call) -> Self {
        let event = &call.asked_by.event;
        let text = |name: &str| event.extension(name).map(ToString::to_string);
        let (action, corrects) = match &call.asked {
            Asked::Action(action) => (Some(action.clone()), None),
            Asked::Correction(data) => {
                let corrects = Corrects {
                    call: data.of.clone(),
                    run: data.run.clone(),
                };
                (data.action.clone(), Some(corrects))
            }
        };
        let (state, reason) = match &call.state {
            CallState::Waits => ("waits", None),
            CallState::Done => ("done", None),
            CallState::Failed { reason } => ("failed", Some(reason.clone())),
            CallState::Withheld => ("withheld", None),
            CallState::TakenBack => ("taken-back", None),
        };
        Self {
            call: call.key.clone(),
            stream: event.stream.clone(),
            version: call.asked_by.version,
            cause: text("causationid"),
            source: event.source.clone(),
            correlation: text("correlationid"),
            action,
            corrects,
            state,
            reason,
            sent: call.attempts.iter().map(Sent::of).collect(),
        }
    }
}

impl Sent {
    fn of(attempt: &Attempt) -> Self {
        let ended = attempt.ended.as_ref();
        Self {
            at: time(attempt.at),
            run: attempt.sent.run.clone(),
            request: attempt.sent.request.clone(),
            again: attempt.sent.again.clone(),
            ended: ended.map(|ended| time(ended.at)),
            answer: ended.and_then(|ended| ended.answer.clone().ok()),
        }
    }
}

/// A position as the time that it is.
fn time(position: u64) -> Timestamp {
    let micros = i64::try_from(position).unwrap_or(i64::MAX);
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Aws(error) => error,
            Failure::Refused(why) => Self::damaged("the log of a gateway", why),
        }
    }
}
