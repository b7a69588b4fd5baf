//! Gateways at work, their types taken away.
//!
//! A gateway's stream is its log: what it was asked, each attempt, each answer.
//! What is to be done is a fold of that stream ([`Calls`]), so whoever reads it
//! comes to the same, and a rebuild makes no call twice.

mod calls;
mod difference;
mod events;
mod log;

use super::{known::Known, panics::guarded, reaction::is_name, upcasters::Upcasters};
use crate::{
    Answer, Done, Emit, Gateway, Kind, RecordedEvent, Rejection, Request,
    reserved::{CALL_ANSWERED, CALL_FAILED, GATEWAY_CATEGORY, GATEWAY_SOURCE},
};
pub use calls::{Asked, Attempt, Call, CallState, Calls, Ended};
pub use difference::{Approved, Difference, Proposal, Proposed, call_key};
pub use log::{Again, AnsweredData, CorrectionData, FailedData, SentData};
use serde_json::Value;
use std::sync::Arc;

/// A registered gateway.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Its name.
    pub name: &'static str,
    /// `gateway/{name}`.
    pub origin: String,
    /// The category of its log.
    pub category: String,
    /// What calling it does.
    pub kind: Kind,
    check: fn(&Value) -> Result<(), Rejection>,
    request: fn(&Value) -> Result<Request, Rejection>,
    answered: fn(&Value, &Answer) -> Result<Vec<Emit>, Rejection>,
    failed: fn(&Value, &str) -> Result<Vec<Emit>, Rejection>,
    correct: fn(Done<Value>, &Value) -> Result<Vec<Request>, Rejection>,
    undo: fn(Done<Value>) -> Result<Vec<Request>, Rejection>,
    upcasters: Arc<Upcasters>,
    known: Arc<Known>,
}

impl Caller {
    pub(crate) fn new<G: Gateway>() -> Self {
        assert!(
            is_name(G::NAME) && !G::NAME.contains('-'),
            "a gateway is named with A-Z a-z 0-9 _ . only: its name is part of a category"
        );
        Self {
            name: G::NAME,
            origin: format!("gateway/{}", G::NAME),
            category: format!("{GATEWAY_CATEGORY}{}", G::NAME),
            kind: G::KIND,
            check: |action| read::<G>(action).map(drop),
            request: |action| G::request(&read::<G>(action)?),
            answered: |action, answer| G::answered(&read::<G>(action)?, answer),
            failed: |action, reason| G::failed(&read::<G>(action)?, reason),
            correct: |old, new| G::correct(&done::<G>(old)?, &read::<G>(new)?),
            undo: |old| G::undo(&done::<G>(old)?),
            upcasters: Arc::default(),
            known: Arc::default(),
        }
    }

    /// With what a service has registered.
    pub(crate) fn within(&mut self, upcasters: &Arc<Upcasters>, known: &Arc<Known>) {
        self.upcasters = upcasters.clone();
        self.known = known.clone();
    }

    /// The source of all that it records.
    pub fn source(&self) -> String {
        format!("{GATEWAY_SOURCE}{}", self.name)
    }

    pub(crate) fn checker(&self) -> fn(&Value) -> Result<(), Rejection> {
        self.check
    }

    /// Checks that an action is one of its own.
    ///
    /// # Errors
    ///
    /// What does not fit.
    pub fn check(&self, action: &Value) -> Result<(), Rejection> {
        guarded(|| (self.check)(action))
    }

    /// What is sent for an action.
    ///
    /// # Errors
    ///
    /// What the gateway rejects, a panic included.
    pub fn request(&self, action: &Value) -> Result<Request, Rejection> {
        guarded(|| (self.request)(action))
    }

    /// What corrects a call, or takes it back where there is no other action.
    ///
    /// # Errors
    ///
    /// What the gateway rejects, a panic included; an empty list of requests.
    pub fn correction(
        &self,
        old: Done<Value>,
        new: Option<&Value>,
    ) -> Result<Vec<Request>, Rejection> {
        let requests = guarded(|| match new {
            Some(new) => (self.correct)(old, new),
            None => (self.undo)(old),
        })?;
        match requests.is_empty() {
            true => Err(Rejection::new(format!(
                "the gateway {} gives no request for it",
                self.name
            ))),
            false => Ok(requests),
        }
    }

    /// What follows from an event of its log, as [`Reaction::emitted`] has it:
    /// something follows from an answer to a call, and from a call that is given
    /// up. `calls` is the log up to that event.
    ///
    /// [`Reaction::emitted`]: crate::Reaction::emitted
    ///
    /// # Errors
    ///
    /// What the gateway rejects, a panic included; what cannot be recorded.
    pub fn emitted(
        &self,
        calls: &Calls,
        event: &RecordedEvent,
    ) -> Result<super::reaction::Emitted, Rejection> {
        let nothing = super::reaction::Emitted::default();
        if event.event.source != self.source() {
            return Ok(nothing);
        }
        let emit = match event.event_type() {
            CALL_ANSWERED => {
                let data: AnsweredData = event.data()?;
                let Some(action) = calls.action(&data.call) else {
                    return Ok(nothing);
                };
                guarded(|| (self.answered)(action, &data.answer))?
            }
            CALL_FAILED => {
                let data: FailedData = event.data()?;
                let Some(action) = calls.action(&data.call) else {
                    return Ok(nothing);
                };
                guarded(|| (self.failed)(action, &data.reason))?
            }
            _ => return Ok(nothing),
        };
        let by = super::reaction::By {
            origin: &self.origin,
            upcasters: &self.upcasters,
            known: &self.known,
        };
        by.all(emit, event)
    }
}

fn read<G: Gateway>(action: &Value) -> Result<G::Action, Rejection> {
    crate::misfit::decode(&action.to_string()).map_err(|misfit| {
        let (path, what) = (misfit.path("action"), misfit.what());
        Rejection::new(format!("`{}`: {path}: {what}", G::NAME))
    })
}

fn done<G: Gateway>(old: Done<Value>) -> Result<Done<G::Action>, Rejection> {
    Ok(Done {
        action: read::<G>(&old.action)?,
        answer: old.answer,
        key: old.key,
    })
}
