//! What a gateway's log says of each call.

use super::log::{AnsweredData, CorrectionData, FailedData, RetriedData, SentData, wrong};
use crate::{
    Answer, Done, RecordedEvent, Rejection,
    reserved::{
        CALL_ANSWERED, CALL_FAILED, CALL_REQUESTED, CALL_RETRIED, CALL_SENT, CORRECTION_REQUESTED,
        GATEWAY_SOURCE, is_imported,
    },
    reversal::Reversals,
};
use serde_json::Value;

/// The calls of one stream of a gateway, as its log has them.
#[derive(Debug, Clone, Default)]
pub struct Calls {
    /// The version of the log's last event; 0 where there is none.
    pub version: u64,
    calls: Vec<Call>,
}

/// A call, or the correction of one.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its idempotency key: the identity of the event that asks for it.
    pub key: String,
    /// The event that asks for it.
    pub asked_by: RecordedEvent,
    /// What is asked for.
    pub asked: Asked,
    /// How it stands.
    pub state: CallState,
    /// All attempts at all of its requests, in order.
    pub attempts: Vec<Attempt>,
    /// The answers to its requests so far, in order.
    pub answers: Vec<Answer>,
    /// How often it was tried again after it had failed.
    pub retried: u64,
    /// The attempts that were made before it was tried again last.
    since: usize,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// An action.
    Action(Value),
    /// That a call is corrected.
    Correction(CorrectionData),
}

/// How a call stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallState {
    /// It is to be made.
    Waits,
    /// All its requests are answered.
    Done,
    /// It is given up.
    Failed {
        /// Why.
        reason: String,
    },
    /// It was imported: whether it is made is the word of the system that it
    /// comes from.
    Withheld,
    /// What asks for it was reversed before it was made.
    TakenBack,
}

/// An attempt at a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// The version of its `call-sent`.
    pub version: u64,
    /// When it was recorded, in microseconds since 1970.
    pub at: u64,
    /// What was sent.
    pub sent: SentData,
    /// What became of it, where that is known.
    pub ended: Option<Ended>,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// When that was recorded, in microseconds since 1970.
    pub at: u64,
    /// The answer, or why the call is given up.
    pub answer: Result<Answer, String>,
}

impl Calls {
    /// What a whole log says.
    ///
    /// # Errors
    ///
    /// When it is no log: an attempt at a call that nobody asked for, for
    /// example.
    pub fn of(events: &[RecordedEvent]) -> Result<Self, Rejection> {
        let left_out = Reversals::among(events).left_out();
        let mut calls = Self::default();
        for event in events {
            calls.take(event, !left_out.contains(&event.version))?;
            calls.version = event.version;
        }
        Ok(calls)
    }

    fn take(&mut self, event: &RecordedEvent, counts: bool) -> Result<(), Rejection> {
        let at = event.version;
        match event.event_type() {
            CALL_REQUESTED => {
                let asked = Asked::Action(event.data()?);
                self.calls.push(Call::new(event, asked, counts));
            }
            CORRECTION_REQUESTED => {
                let data: CorrectionData = event.data()?;
                if self.original(&data.of).is_none() {
                    return Err(wrong("corrects a call that nobody asked for", at));
                }
                let call = Call::new(event, Asked::Correction(data), counts);
                self.calls.push(call);
            }
            _ if !event.event.source.starts_with(GATEWAY_SOURCE) => {}
            CALL_SENT => {
                let sent: SentData = event.data()?;
                let call = self.get_mut(&sent.call, at)?;
                if sent.nth != call.answers.len() {
                    return Err(wrong("sends a request whose turn it is not", at));
                }
                call.attempts.push(Attempt {
                    version: event.version,
                    at: event.position,
                    sent,
                    ended: None,
                });
            }
            CALL_ANSWERED => {
                let data: AnsweredData = event.data()?;
                let call = self.get_mut(&data.call, at)?;
                if data.nth != call.answers.len() || call.state == CallState::Done {
                    return Err(wrong("answers a request that is answered", at));
                }
                let mut attempts = call.attempts.iter_mut();
                let attempt = attempts.find(|attempt| {
                    (attempt.sent.nth, attempt.sent.attempt) == (data.nth, data.attempt)
                });
                let attempt = attempt.ok_or_else(|| wrong("answers what was not sent", at))?;
                attempt.ended = Some(Ended {
                    at: event.position,
                    answer: Ok(data.answer.clone()),
                });
                call.answers.push(data.answer);
                if call.answers.len() >= call.count() {
                    call.state = CallState::Done;
                }
            }
            CALL_FAILED => {
                let data: FailedData = event.data()?;
                let call = self.get_mut(&data.call, at)?;
                let reason = data.reason;
                let open = call.attempts.last_mut().filter(|last| last.ended.is_none());
                if let Some(open) = open {
                    open.ended = Some(Ended {
                        at: event.position,
                        answer: Err(reason.clone()),
                    });
                }
                call.state = CallState::Failed { reason };
            }
            CALL_RETRIED => {
                let data: RetriedData = event.data()?;
                let call = self.get_mut(&data.call, at)?;
                if call.can_be_retried() {
                    call.state = CallState::Waits;
                    call.retried += 1;
                    call.since = call.attempts.len();
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn get_mut(&mut self, key: &str, at: u64) -> Result<&mut Call, Rejection> {
        let mut calls = self.calls.iter_mut();
        let call = calls.find(|call| call.key == key);
        call.ok_or_else(|| wrong("is about a call that nobody asked for", at))
    }

    /// All calls and corrections, in the order in which they were asked for.
    pub fn iter(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter()
    }

    /// The call, or correction, of a key.
    pub fn get(&self, key: &str) -> Option<&Call> {
        self.calls.iter().find(|call| call.key == key)
    }

    /// The call whose turn it is; the others wait for it.
    pub fn next(&self) -> Option<&Call> {
        let mut calls = self.calls.iter();
        calls.find(|call| call.state == CallState::Waits)
    }

    /// The action of a call; `None` for a correction.
    pub fn action(&self, key: &str) -> Option<&Value> {
        match &self.original(key)?.asked {
            Asked::Action(action) => Some(action),
            Asked::Correction(_) => None,
        }
    }

    /// The corrections of a call, in their order.
    pub fn corrections(&self, key: &str) -> impl Iterator<Item = (&Call, &CorrectionData)> {
        self.calls.iter().filter_map(move |call| match &call.asked {
            Asked::Correction(data) if data.of == key => Some((call, data)),
            _ => None,
        })
    }

    /// What counts outside for a call that was made: the action, or what it was
    /// corrected to last; `None` where it was not made, or was taken back.
    pub fn standing(&self, key: &str) -> Option<Done<Value>> {
        let call = self.original(key)?;
        let made = call.state == CallState::Done;
        let answer = call.answers.first().filter(|_| made)?;
        let done = self.corrections(key);
        let done = done.filter(|(call, _)| call.state == CallState::Done);
        let action = match done.last() {
            Some((_, data)) => data.action.clone()?,
            None => self.action(key)?.clone(),
        };
        Some(Done {
            action,
            answer: answer.clone(),
            key: key.into(),
        })
    }

    pub(super) fn original(&self, key: &str) -> Option<&Call> {
        let call = self.get(key)?;
        matches!(call.asked, Asked::Action(_)).then_some(call)
    }
}

impl Call {
    fn new(event: &RecordedEvent, asked: Asked, counts: bool) -> Self {
        Self {
            key: event.event.identity(),
            asked_by: event.clone(),
            asked,
            state: match () {
                () if !counts => CallState::TakenBack,
                () if is_imported(&event.event) => CallState::Withheld,
                () => CallState::Waits,
            },
            attempts: Vec::new(),
            answers: Vec::new(),
            retried: 0,
            since: 0,
        }
    }

    /// How many requests it takes.
    fn count(&self) -> usize {
        match &self.asked {
            Asked::Action(_) => 1,
            Asked::Correction(data) => data.requests.len(),
        }
    }

    /// The attempts at the request whose turn it is, since it was tried again.
    pub fn current(&self) -> &[Attempt] {
        let nth = self.answers.len();
        let attempts = self.attempts.get(self.since..).unwrap_or_default();
        let behind = attempts.iter().position(|attempt| attempt.sent.nth == nth);
        behind.map_or(&[], |from| &attempts[from..])
    }

    /// The last attempt, where nobody knows what became of it.
    pub fn open(&self) -> Option<&Attempt> {
        self.attempts
            .last()
            .filter(|attempt| attempt.ended.is_none())
    }

    /// Whether an operator can have it tried again: it is given up, or was
    /// imported.
    pub fn can_be_retried(&self) -> bool {
        matches!(self.state, CallState::Failed { .. } | CallState::Withheld)
    }

    /// The number of the next attempt at the request whose turn it is.
    pub fn next_attempt(&self) -> u64 {
        let nth = self.answers.len();
        let made = self.attempts.iter().filter(|known| known.sent.nth == nth);
        made.count() as u64 + 1
    }

    /// The key that a request goes out with: the call's, and for the later ones
    /// of a correction one of their own.
    pub fn key_of(&self, nth: usize) -> String {
        match nth {
            0 => self.key.clone(),
            nth => format!("{}.{nth}", self.key),
        }
    }
}
