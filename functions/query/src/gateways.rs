//! `GET /gateways/{name}/ledger` and `GET /playbacks/{id}/differences`: what was
//! sent outside, and what a comparison would send.

use crate::{
    cursor,
    sources::{MAX_ANSWER, Sources, Unanswered},
};
use rewind::{Problem, StreamName, reserved::GATEWAY_CATEGORY};
use rewind_aws::{
    Error,
    aws::http::{self, Parameters, Response, missing, weight},
    gateway::ledger::{self, Entry, Place},
    playback::{
        create::check_id,
        difference::{
            beside::{Replayed, beside},
            finding::{self, Finding},
        },
        record,
    },
};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Commits of logs that are looked at for a page, where nothing is said.
const PAGE: u64 = 50;

#[derive(Serialize, JsonSchema)]
pub(crate) struct Ledger<'a> {
    gateway: &'a str,
    entries: Vec<Shown>,
    /// What `cursor` is for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// An entry, and where that was asked what a replay would send.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LedgerLine")]
struct Shown {
    #[serde(flatten)]
    entry: Entry,
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<Replayed>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Differences<'a> {
    playback: &'a str,
    found: Vec<Finding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Sources {
    pub(crate) async fn ledger(&self, parameters: &Parameters) -> Result<Response, Unanswered> {
        let name = parameters.path("name");
        let caller = self.service.caller(name);
        let unknown = || missing("name", format!("there is no gateway {name:?}"));
        let caller = caller.ok_or_else(unknown)?;
        let limit = parameters.number("limit", 1..=200)?.unwrap_or(PAGE);
        let key = parameters.text("key");
        let compares = parameters.flag("compare")?;
        let question = ["ledger", name, key.unwrap_or_default()];
        let mut place: Option<Place> = cursor::decode(parameters, &question)?;
        let mut entries = Vec::new();
        if let Some(key) = key {
            let log = StreamName::of(&format!("{GATEWAY_CATEGORY}{name}"), key)
                .map_err(|bad| Problem::invalid("key", format!("the stream's name {bad}")))?;
            entries = ledger::of_log(&self.events, &log)
                .await
                .map_err(Error::from)?;
            place = None;
        } else {
            // A partition may be empty: an answer goes on until it has something.
            let mut is_first = true;
            while entries.is_empty() && (is_first || place.is_some()) {
                is_first = false;
                let page = ledger::page(&self.events, caller, place, limit as i32);
                (entries, place) = page.await.map_err(Error::from)?;
            }
        }
        let next = place.map(|place| cursor::encode(&question, &place));
        let mut replayed = match compares {
            true => beside(&self.service, &self.events, caller, &entries).await?,
            false => BTreeMap::new(),
        };
        let entries = entries.into_iter().map(|entry| Shown {
            replay: replayed.remove(&entry.call),
            entry,
        });
        let answer = Ledger {
            gateway: name,
            entries: entries.collect(),
            next,
        };
        let text = serde_json::to_string(&answer).map_err(|error| Error::Damaged {
            what: format!("the ledger of {name}"),
            reason: error.to_string(),
        })?;
        if weight(&text) > MAX_ANSWER {
            let why = "the page is too large for one answer: ask for fewer with `limit`, or for one `key`";
            return Err(Problem::new(413, "page-too-large", why).of("limit").into());
        }
        Ok(http::json(200, &answer))
    }

    pub(crate) async fn differences(
        &self,
        parameters: &Parameters,
    ) -> Result<Response, Unanswered> {
        let id = parameters.path("id");
        check_id(id)?;
        if record::load(&self.store, id).await?.is_none() {
            return Err(Problem::not_found(format!("there is no playback {id}")).into());
        }
        let limit = parameters.number("limit", 1..=200)?.unwrap_or(PAGE);
        let question = ["differences", id];
        let after: Option<String> = cursor::decode(parameters, &question)?;
        let page = finding::page(&self.store, id, after.as_deref(), limit as i32);
        let (found, next) = page.await?;
        let next = next.map(|next| cursor::encode(&question, &next));
        let playback = id;
        Ok(http::json(
            200,
            &Differences {
                playback,
                found,
                next,
            },
        ))
    }
}
