//! Logs of gateways: nothing was sent that nobody asked for, and nothing was
//! answered that was not sent.

use super::{
    look::Run,
    report::{Kind, Violation},
};
use rewind::{CallState, Calls, RecordedEvent, StreamName};

impl Run<'_> {
    /// Whether a stream is the log of a gateway.
    pub(super) fn is_log(&self, stream: &StreamName) -> bool {
        self.service.caller_of(stream.category()).is_some()
    }

    /// Checks a whole log.
    pub(super) fn check_log(&self, stream: &StreamName, events: &[RecordedEvent]) {
        let calls = match Calls::of(events) {
            Ok(calls) => calls,
            Err(why) => {
                let expected = "requests, attempts and answers, in this order";
                self.violation(Violation::new(Kind::WrongLog, stream, expected, why));
                return;
            }
        };
        for call in calls.iter() {
            let place = format!("{stream}@{}", call.asked_by.version);
            let answered = call.attempts.iter();
            let answered =
                answered.filter(|sent| matches!(&sent.ended, Some(end) if end.answer.is_ok()));
            if answered.count() < call.answers.len() {
                let (expected, found) = ("an attempt for each answer", "answers without one");
                self.violation(Violation::new(Kind::WrongLog, &place, expected, found));
            }
            self.count(|counts| {
                counts.calls += 1;
                counts.open_calls += u64::from(call.state == CallState::Waits);
            });
        }
    }
}
