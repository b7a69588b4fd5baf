//! New calls: what adapters, rules and processes ask of gateways.

use super::gateway::Gateway;
use crate::{
    CloudEvent, RecordedEvent, Rejection, StreamName, cloudevents,
    record::event::raw,
    reserved::{CALL_REQUESTED, CAUSATION_DEPTH, GATEWAY_CATEGORY},
    reversal::place,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A call of a gateway that the domain asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewCall {
    /// The gateway's stream of this key.
    pub stream: StreamName,
    /// The action.
    pub action: Value,
}

impl NewCall {
    /// A call of a gateway.
    ///
    /// # Errors
    ///
    /// A rejection where the key is empty, or the action has no JSON.
    pub fn new<G: Gateway>(action: &G::Action) -> Result<Self, Rejection> {
        let stream = StreamName::of(&format!("{GATEWAY_CATEGORY}{}", G::NAME), &G::key(action))?;
        let action = serde_json::to_value(action).map_err(|error| {
            Rejection::new(format!("the action for {} has no JSON: {error}", G::NAME))
        })?;
        Ok(Self { stream, action })
    }

    /// The gateway's name.
    pub fn gateway(&self) -> &str {
        let category = self.stream.category();
        category.strip_prefix(GATEWAY_CATEGORY).unwrap_or(category)
    }

    /// Checks the action as the door checks the data of an event.
    ///
    /// # Errors
    ///
    /// A refusal that says what was expected.
    pub fn check(&self) -> Result<(), Rejection> {
        let checked = cloudevents::checked_data(raw(&self.action));
        checked
            .map(drop)
            .map_err(|problem| problem.of("action").as_rejection())
    }

    /// The event by which the call is asked for. Its identity, which is the
    /// call's key, depends on these alone.
    pub(crate) fn requested(
        &self,
        source: String,
        id: String,
        cause: &RecordedEvent,
        depth: u64,
    ) -> CloudEvent {
        let correlation = cause.event.extension("correlationid");
        let correlation = correlation.unwrap_or(&cause.event.id);
        CloudEvent {
            id,
            source,
            event_type: CALL_REQUESTED.into(),
            stream: self.stream.clone(),
            time: cause.event.time.clone(),
            extensions: BTreeMap::from([
                ("correlationid".into(), Value::from(correlation)),
                (
                    "causationid".into(),
                    Value::from(place(cause.stream(), cause.version)),
                ),
                (CAUSATION_DEPTH.into(), depth.into()),
            ]),
            data: raw(&self.action),
        }
    }
}
