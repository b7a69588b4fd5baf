//! What stands in for the outside: an answer for each request.

use super::table::Table;
use crate::{Answer, Caller, Calls, RecordedEvent, Rejection, Request, StreamName, Timestamp};
use std::{collections::BTreeMap, fmt};

/// What an outside system answers to a request.
type Answering = Box<dyn FnMut(&Request) -> Answer>;

/// Answers in the place of outside systems, by gateway.
#[derive(Default)]
pub(super) struct Outside {
    answers: BTreeMap<&'static str, Answering>,
    /// What was sent, and the test has not looked at.
    sent: Vec<(&'static str, Request)>,
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gateways: Vec<_> = self.answers.keys().collect();
        f.debug_struct("Outside")
            .field("gateways", &gateways)
            .field("sent", &self.sent)
            .finish()
    }
}

impl Outside {
    /// Lets a gateway be answered from now on.
    pub fn answer(
        &mut self,
        gateway: &'static str,
        answer: impl FnMut(&Request) -> Answer + 'static,
    ) {
        self.answers.insert(gateway, Box::new(answer));
    }

    /// What a gateway has sent since the test looked last.
    pub fn take(&mut self, gateway: &str) -> Vec<Request> {
        let (own, others) = std::mem::take(&mut self.sent)
            .into_iter()
            .partition(|(name, _)| *name == gateway);
        self.sent = others;
        own.into_iter().map(|(_, request)| request).collect()
    }

    /// Makes the calls that wait in a log, where the gateway is answered. What
    /// becomes of them is recorded.
    ///
    /// # Errors
    ///
    /// When the log cannot be read.
    pub fn call(
        &mut self,
        caller: &Caller,
        table: &mut Table,
        log: &StreamName,
        now: Timestamp,
    ) -> Result<Vec<RecordedEvent>, Rejection> {
        let mut recorded = Vec::new();
        let Some(answer) = self.answers.get_mut(caller.name) else {
            return Ok(recorded);
        };
        loop {
            let calls = Calls::of(table.of(log))?;
            let Some(call) = calls.next() else {
                return Ok(recorded);
            };
            let request = caller.next_request(&calls, call);
            let sent = request.and_then(|request| {
                Ok((caller.sent(call, &request, ("test", now), None)?, request))
            });
            let events = match sent {
                Ok((sent, request)) => {
                    let answer = answer(&request);
                    self.sent.push((caller.name, request));
                    vec![sent, caller.answered_event(call, 1, &answer, now)]
                }
                Err(why) => vec![caller.failed_event(call, &why.reason, now)],
            };
            recorded.extend(table.append(&events, now));
        }
    }
}
