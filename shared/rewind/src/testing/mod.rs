//! The testing kit: given these events, then this row; when this command or
//! this input, then these events; at this time, then these actions. For one
//! part of a domain at a time, or for a whole service.

mod asked;
mod calling;
mod given;
#[cfg(feature = "golden")]
pub mod golden;
mod recorded;
mod running;
mod system;

use crate::{Adapter, Emit, Envelope, Event, Events, Gateway, RecordedEvent, Rejection, Service};
pub use asked::Asked;
pub use calling::{Answered, GatewayCall};
pub use given::Given;
pub use recorded::event;
pub use running::Running;
use serde_json::Value;
pub use system::{Answer, Sent, System};

/// The history of one stream, `<category>-1`.
#[track_caller]
pub fn given<E: Event>(events: impl IntoIterator<Item = E>) -> Given<E> {
    Given::default().and("1", events)
}

/// A history without events yet, of one category or of several.
pub fn history<E: Events>() -> Given<E> {
    Given::default()
}

/// A whole service without a history yet, with everything that it registers at
/// work.
pub fn system(service: Service) -> System {
    System::of(service)
}

/// A call of a gateway.
#[track_caller]
pub fn gateway<G: Gateway>(action: &G::Action) -> GatewayCall<G> {
    GatewayCall::new(action)
}

/// What an adapter makes of an input.
///
/// # Errors
///
/// The adapter's rejection, or that of an event or a command which cannot be
/// recorded.
pub fn when_input<A: Adapter>(input: &Value) -> Result<Vec<A::Emits>, Rejection> {
    let received = event("input:test-1", crate::reserved::INPUT_RECEIVED, input, 1);
    let emitted = A::map(&Envelope::new(&received, A::read(input)?))?;
    for new in &emitted {
        let new: Emit = new.clone().into();
        new.check()?;
    }
    Ok(emitted)
}

/// An event as a reader gets it.
///
/// # Panics
///
/// When the recorded event is none of `E`.
#[track_caller]
pub fn envelope<E: Events>(event: &RecordedEvent) -> Envelope<'_, E> {
    let data = E::read(&event.event).expect("data that fits");
    Envelope::new(event, data.expect("a declared type"))
}
