//! What a replay would send, beside what was sent: for entries of a ledger.

use super::{
    compare::Comparison,
    finding::{Finding, Kind},
};
use crate::{
    Error, event_table::event_store::EventStore, gateway::ledger::Entry, playback::request::Policy,
};
use rewind::{Caller, RecordedEvent, Request, Service, StreamName};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a replay would do about a call, with the code of today.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Replayed {
    /// How the call differs from what the code of today asks for; `None`: not at
    /// all.
    pub differs: Option<Kind>,
    /// What would have been sent by the code of today, where it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<Request>,
    /// What a replay with the policy `difference` sends, if it is approved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sends: Vec<Request>,
    /// Why it sends nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

/// A place in a stream, as an entry names its cause.
type Place = (StreamName, u64);

/// Compares the calls of a gateway's entries with what the code of today asks
/// for, by idempotency key. Corrections are left out: what they correct counts.
/// It reads what led to each entry, and for a process its whole journal.
///
/// # Errors
///
/// When DynamoDB fails.
pub async fn beside(
    service: &Service,
    events: &EventStore,
    caller: &Caller,
    entries: &[Entry],
) -> Result<BTreeMap<String, Replayed>, Error> {
    let policies = BTreeMap::from([(caller.name.to_string(), Policy::Difference)]);
    let mut comparison = Comparison::new(service, events, &policies, "ledger");
    let calls = entries.iter().filter(|entry| entry.corrects.is_none());
    let calls: Vec<(&Entry, Place)> = calls
        .filter_map(|entry| Some((entry, cause(entry.cause.as_deref()?)?)))
        .collect();
    let mut causes: BTreeMap<&StreamName, BTreeSet<u64>> = BTreeMap::new();
    for (_, (stream, version)) in &calls {
        causes.entry(stream).or_default().insert(*version);
    }
    for (stream, versions) in causes {
        let runners = service.runners().iter();
        let is_journal = { runners }.any(|runner| runner.category == stream.category());
        let led: Vec<RecordedEvent> = match is_journal {
            true => comparison.whole(stream).await?,
            false => {
                let mut led = Vec::new();
                for version in versions {
                    led.extend(events.event(stream, version).await?);
                }
                led
            }
        };
        if !led.is_empty() {
            comparison.stream(stream, &led).await?;
        }
    }
    let found = comparison.found;
    let replayed = calls.into_iter().map(|(entry, cause)| {
        let own = found.iter().find(|found| concerns(found, entry, &cause));
        let replayed = own.map_or_else(Replayed::default, |own| Replayed {
            differs: Some(own.kind),
            now: own.now.clone(),
            sends: own.sends.clone(),
            about: own.about.clone(),
        });
        (entry.call.clone(), replayed)
    });
    Ok(replayed.collect())
}

/// Whether a finding is about an entry: about its call, or about an event in
/// front of its cause that is refused.
fn concerns(found: &Finding, entry: &Entry, (stream, version): &Place) -> bool {
    if found.kind != Kind::Refused {
        return found.call.as_ref() == Some(&entry.call);
    }
    let is_in_front =
        cause(&found.cause).is_some_and(|(refused, at)| refused == *stream && at <= *version);
    is_in_front && entry.source == format!("/rewind/{}", found.origin)
}

/// Reads `stream@version`.
fn cause(place: &str) -> Option<Place> {
    let (stream, version) = place.rsplit_once('@')?;
    Some((stream.parse().ok()?, version.parse().ok()?))
}
