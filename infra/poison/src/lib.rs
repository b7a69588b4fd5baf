//! A domain that panics on one event.
#![deny(missing_docs)]

use rewind::{RecordedEvent, Rejection, Service, SingleStreamProjection};
use serde::{Deserialize, Serialize};

/// The type of the events that count.
pub const COUNTED: &str = "counted";
/// The type of the event that the domain panics on.
pub const POISON: &str = "poison";

/// How many events a stream has.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Count {
    /// The events counted.
    pub events: u64,
}

/// The projection `counts` of the category `meter`.
#[derive(Debug)]
pub struct Counts;

impl SingleStreamProjection for Counts {
    type State = Count;
    const NAME: &'static str = "counts";
    const CATEGORY: &'static str = "meter";

    fn apply(count: &mut Count, event: &RecordedEvent) -> Result<(), Rejection> {
        assert_ne!(event.event_type(), POISON, "the domain has a fault");
        count.events += 1;
        Ok(())
    }
}

/// All that this domain registers.
pub fn service() -> Service {
    Service::new().single_stream::<Counts>()
}
