//! A domain that panics on one event.
#![deny(missing_docs)]

use rewind::{Envelope, Event, Rejection, Service, SingleStreamProjection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The type of the events that count.
pub const COUNTED: &str = "counted";
/// The type of the event that the domain panics on.
pub const POISON: &str = "poison";

/// What happens to a meter.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub enum MeterEvent {
    /// One more: [`COUNTED`].
    Counted,
    /// The domain panics on it: [`POISON`].
    Poison,
}

impl Event for MeterEvent {
    const CATEGORY: &'static str = "meter";
}

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
    type Event = MeterEvent;
    type Row = Count;
    const NAME: &'static str = "counts";

    fn apply(count: &mut Count, event: &Envelope<MeterEvent>) -> Result<(), Rejection> {
        match event.data {
            MeterEvent::Counted => count.events += 1,
            // By its words, put together at run time, only the place is told.
            MeterEvent::Poison => {
                assert_ne!(event.event_type(), POISON, "the domain has a fault")
            }
        }
        Ok(())
    }
}

/// All that this domain registers.
pub fn service() -> Service {
    Service::new().single_stream::<Counts>()
}
