//! The events of a gateway's log: what goes out, and what became of it.

use super::{
    Caller,
    calls::{Asked, Call, Calls},
    log::{self, Again, AnsweredData, CorrectionData, FailedData, RetriedData, SentData},
};
use crate::{
    Answer, CloudEvent, Rejection, Request, Timestamp,
    commit::{MAX_COMMIT_BYTES, size_of},
    reserved::{CALL_ANSWERED, CALL_FAILED, CALL_RETRIED, CALL_SENT, CORRECTION_REQUESTED},
};

impl Caller {
    /// The request whose turn it is.
    ///
    /// # Errors
    ///
    /// What the gateway rejects; a correction for which it now gives others than
    /// those that were approved.
    pub fn next_request(&self, calls: &Calls, call: &Call) -> Result<Request, Rejection> {
        let nth = call.answers.len();
        match &call.asked {
            Asked::Action(action) => self.request(action),
            Asked::Correction(data) => {
                let of = calls.original(&data.of).ok_or_else(|| {
                    Rejection::new("nobody asked for the call that is to be corrected")
                })?;
                let requests = self.correcting(calls, of, data.action.as_ref())?;
                let shown: Vec<Request> = requests.iter().map(Request::shown).collect();
                if shown != data.requests {
                    return Err(Rejection::new(
                        "the gateway now gives other requests than those that were approved",
                    ));
                }
                let request = requests.into_iter().nth(nth);
                request.ok_or_else(|| Rejection::new("it has no such request"))
            }
        }
    }

    /// The event by which the request whose turn it is goes out, to be recorded
    /// before it does.
    ///
    /// # Errors
    ///
    /// When it is too large.
    pub fn sent(
        &self,
        call: &Call,
        request: &Request,
        (run, now): (&str, Timestamp),
        again: Option<Again>,
    ) -> Result<CloudEvent, Rejection> {
        let (nth, attempt) = (call.answers.len(), call.next_attempt());
        let data = SentData {
            call: call.key.clone(),
            nth,
            attempt,
            run: run.into(),
            request: request.shown(),
            again,
        };
        let id = format!("{}/{nth}/{attempt}/sent", call.key);
        let event = self.log(call, (id, now), CALL_SENT, &data);
        match size_of(&event) {
            ..=MAX_COMMIT_BYTES => Ok(event),
            size => Err(Rejection::new(format!(
                "the request takes {size} bytes in the log; at most {MAX_COMMIT_BYTES} are recorded"
            ))),
        }
    }

    /// The event by which an attempt is answered.
    pub fn answered_event(
        &self,
        call: &Call,
        attempt: u64,
        answer: &Answer,
        now: Timestamp,
    ) -> CloudEvent {
        let nth = call.answers.len();
        let data = AnsweredData {
            call: call.key.clone(),
            nth,
            attempt,
            answer: answer.clone(),
        };
        let id = format!("{}/{nth}/{attempt}/answered", call.key);
        self.log(call, (id, now), CALL_ANSWERED, &data)
    }

    /// The event by which a call is given up.
    pub fn failed_event(&self, call: &Call, reason: &str, now: Timestamp) -> CloudEvent {
        let nth = call.answers.len();
        let attempts = call.current().len() as u64;
        let data = FailedData {
            call: call.key.clone(),
            nth,
            attempts,
            reason: reason.into(),
        };
        let id = format!("{}/{nth}/{}/failed", call.key, call.retried);
        self.log(call, (id, now), CALL_FAILED, &data)
    }

    /// The event by which a call that was given up is tried again.
    pub fn retried_event(&self, call: &Call, now: Timestamp) -> CloudEvent {
        let data = RetriedData {
            call: call.key.clone(),
        };
        let id = format!("{}/{}/retried", call.key, call.retried);
        self.log(call, (id, now), CALL_RETRIED, &data)
    }

    /// The event by which a call is to be corrected, or taken back. Its identity
    /// depends on the call and on how often it was corrected before.
    pub fn correction_event(
        &self,
        call: &Call,
        data: &CorrectionData,
        now: Timestamp,
    ) -> CloudEvent {
        let id = format!("{}/{}/correction", data.of, data.revision);
        self.log(call, (id, now), CORRECTION_REQUESTED, data)
    }

    fn log(
        &self,
        call: &Call,
        (id, now): (String, Timestamp),
        event_type: &str,
        data: &impl serde::Serialize,
    ) -> CloudEvent {
        log::event(
            self.source(),
            &call.asked_by.event,
            (id, now),
            event_type,
            data,
        )
    }
}
