//! What is folded: one projection over one stream, one over many streams, and
//! one rule that emits nothing.

use crate::support::{CountEvent, Digits, Sums};
use rewind::{Envelope, NewEvent, Rejection, Rule, Service};

/// A rule that watches each event and never has anything to say. Most rules are
/// so for most events.
struct Quiet;

impl Rule for Quiet {
    type Event = CountEvent;
    type Emits = NewEvent;
    const NAME: &'static str = "quiet";

    fn react(_: &Envelope<CountEvent>) -> Result<Vec<NewEvent>, Rejection> {
        Ok(Vec::new())
    }
}

/// All that is registered.
pub fn service() -> Service {
    Service::new()
        .single_stream::<Sums>()
        .multi_stream::<Digits>()
        .rule::<Quiet>()
}
