//! What fixed code would do otherwise: proposals, which are carried out only if
//! an operator approves them.
//!
//! To compare is to call nobody. What comes of it is a list of proposals, and a
//! proposal gives its event only to whoever has the operator's word
//! ([`Approved`]).

use super::{
    Caller,
    calls::{Call, CallState, Calls},
    log::CorrectionData,
};
use crate::{
    CloudEvent, Rejection, Request, Timestamp, event::identity, fold::reaction::Calling,
    record::command::Command, reserved::COMMAND_RECEIVED,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An operator's word for what a comparison has proposed.
#[derive(Debug, Clone, Copy)]
pub struct Approved(());

impl Approved {
    /// The word of somebody who has seen the list of this comparison.
    pub fn by_operator() -> Self {
        Self(())
    }
}

/// An event that is recorded if an operator approves it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Proposal(CloudEvent);

impl Proposal {
    /// The event, to be recorded.
    pub fn approved(self, _: Approved) -> CloudEvent {
        self.0
    }

    /// A call that nobody has made.
    pub fn call(calling: Calling) -> Self {
        Self(calling.into_proposed())
    }

    /// An event, or a command that waits, in another form than was recorded. Its
    /// identity depends on what it says: to propose it again changes nothing.
    ///
    /// # Errors
    ///
    /// When the command's new key has no stream.
    pub fn event(mut event: CloudEvent) -> Result<Self, Rejection> {
        event.id = format!("{}/replay/{}", event.id, event.fingerprint());
        if event.event_type == COMMAND_RECEIVED {
            event.stream = Command::stream_of(&event.id)?;
        }
        Ok(Self(event))
    }

    /// Its identity, if it is recorded.
    pub fn identity(&self) -> String {
        self.0.identity()
    }
}

/// The key of the `nth` call of a gateway that follows from a cause.
pub fn call_key(origin: &str, place: &str, gateway: &str, nth: usize) -> String {
    identity(
        &format!("/rewind/{origin}"),
        &format!("{place}/{gateway}/{nth}"),
    )
}

/// How a call differs from what fixed code would ask for.
#[derive(Debug, Clone, PartialEq)]
pub enum Difference {
    /// Not at all.
    None,
    /// It was made, and something else should have been asked for.
    Correct(Proposed),
    /// It was made, and should not have been.
    Undo(Proposed),
    /// It was made and taken back, and is asked for now.
    Again(Proposed),
    /// It is not over: whoever wants to correct it has to wait.
    Open {
        /// How it stands.
        why: String,
    },
    /// It cannot be corrected.
    Impossible {
        /// Why.
        why: String,
    },
}

/// What would be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposed {
    /// What was sent, as the log has it.
    pub was: Option<Request>,
    /// What fixed code would have sent.
    pub now: Option<Request>,
    /// What is sent to set it right.
    pub sends: Vec<Request>,
    /// The event that asks for it.
    pub proposal: Proposal,
}

impl Caller {
    /// How a call of the log differs from what is asked for now: another action,
    /// or nothing.
    pub fn difference(
        &self,
        calls: &Calls,
        call: &Call,
        now: Option<&Value>,
        (run, time): (&str, Timestamp),
    ) -> Difference {
        match self.compared(calls, call, now, (run, time)) {
            Ok(difference) => difference,
            Err(why) => Difference::Impossible { why: why.reason },
        }
    }

    fn compared(
        &self,
        calls: &Calls,
        call: &Call,
        now: Option<&Value>,
        (run, time): (&str, Timestamp),
    ) -> Result<Difference, Rejection> {
        let open = |why: &str| Ok(Difference::Open { why: why.into() });
        match (&call.state, now) {
            (CallState::Done, _) => {}
            (CallState::Waits, _) => return open("it waits to be made"),
            (CallState::Failed { .. } | CallState::Withheld | CallState::TakenBack, None) => {
                return Ok(Difference::None);
            }
            (CallState::Failed { .. }, _) => return open("it has failed: it can be tried again"),
            (CallState::Withheld, _) => return open("it was imported, and made elsewhere or not"),
            (CallState::TakenBack, _) => return open("it was reversed before it was made"),
        }
        let mut corrections = calls.corrections(&call.key);
        if corrections.any(|(correction, _)| correction.state == CallState::Waits) {
            return open("a correction of it waits to be made");
        }
        let revision = calls.corrections(&call.key).count() as u64;
        let standing = calls.standing(&call.key);
        let was = match (&standing, revision) {
            (None, _) => None,
            (Some(_), 0) => call.attempts.last().map(|last| last.sent.request.clone()),
            (Some(standing), _) => Some(self.request(&standing.action)?.shown()),
        };
        let asked = now.map(|now| Ok::<_, Rejection>(self.request(now)?.shown()));
        let asked = asked.transpose()?;
        if was == asked {
            return Ok(Difference::None);
        }
        let requests = self.correcting(calls, call, now)?;
        let sends: Vec<Request> = requests.iter().map(Request::shown).collect();
        let data = CorrectionData {
            of: call.key.clone(),
            revision,
            action: now.cloned(),
            requests: sends.clone(),
            run: run.into(),
        };
        let proposed = Proposed {
            proposal: Proposal(self.correction_event(call, &data, time)),
            was,
            now: asked,
            sends,
        };
        Ok(match (standing, now) {
            (None, _) => Difference::Again(proposed),
            (Some(_), Some(_)) => Difference::Correct(proposed),
            (Some(_), None) => Difference::Undo(proposed),
        })
    }

    /// What is sent to set a call right.
    pub(super) fn correcting(
        &self,
        calls: &Calls,
        call: &Call,
        now: Option<&Value>,
    ) -> Result<Vec<Request>, Rejection> {
        match (calls.standing(&call.key), now) {
            (Some(standing), now) => self.correction(standing, now),
            (None, Some(now)) => Ok(vec![self.request(now)?]),
            (None, None) => Err(Rejection::new("the call does not stand")),
        }
    }
}
