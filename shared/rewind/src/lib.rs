//! Rewind is event sourcing on AWS Lambda: every change is an immutable event,
//! every state is a fold of events, and any state can be rebuilt from them.
//!
//! This crate is the pure part: no AWS, no async, no clock. A domain needs no
//! more than it:
//!
//! ```
//! use rewind::{RecordedEvent, Rejection, Service, SingleStreamProjection};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize)]
//! struct Balance { cents: i64 }
//!
//! #[derive(Deserialize)]
//! struct Deposited { cents: i64 }
//!
//! struct Balances;
//! impl SingleStreamProjection for Balances {
//!     type State = Balance;
//!     const NAME: &'static str = "balances";
//!     const CATEGORY: &'static str = "account";
//!     fn apply(balance: &mut Balance, event: &RecordedEvent) -> Result<(), Rejection> {
//!         if event.event_type() == "deposited" {
//!             balance.cents += event.data::<Deposited>()?.cents;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let service = Service::new().single_stream::<Balances>();
//! # assert!(service.projection("balances").is_some());
//! rewind::testing::given([("deposited", serde_json::json!({"cents": 5}))])
//!     .then_row::<Balances>(Balance { cents: 5 });
//! ```
//!
//! | word | module |
//! |---|---|
//! | event, recorded event | [`event`] |
//! | new event | [`new_event`] |
//! | stream, category, partition | [`stream`] |
//! | commit, head | [`commit`] |
//! | batch, delivery, replay | [`envelope`] |
//! | aggregated record (KPL) | [`aggregated`] |
//! | projection | [`projection`] |
//! | watermark | [`watermark`] |
//! | adapter, rule | [`reaction`] |
//! | aggregate | [`aggregate`] |
//! | reversal | [`reversal`] |
//! | upcaster, schema version | [`upcast`] |
//! | selection | [`selection`] |
//! | misfit: why JSON is not of a type | [`misfit`] |
//! | problem | [`problem`] |
#![deny(missing_docs)]

pub mod aggregate;
pub mod aggregated;
pub mod cloudevents;
pub mod commit;
pub mod envelope;
pub mod event;
pub mod misfit;
pub mod new_event;
mod panics;
pub mod problem;
pub mod projection;
pub mod reaction;
mod rejection;
pub mod reversal;
pub mod selection;
pub mod service;
pub mod stream;
pub mod testing;
pub mod upcast;
pub mod watermark;
mod wire;

pub use aggregate::Aggregate;
pub use commit::{Commit, Head};
pub use envelope::{Batch, Delivery, Receiver, Replay, Target};
pub use event::{CloudEvent, MAX_DATA, RecordedEvent};
pub use new_event::NewEvent;
pub use problem::Problem;
pub use projection::{
    Change, Folded, MultiStreamProjection, Over, Projection, Reverted, SingleStreamProjection,
};
pub use reaction::{Adapter, Reaction, Rule, read_input};
pub use rejection::Rejection;
pub use selection::Selection;
pub use service::Service;
pub use stream::{BadStreamName, StreamName};
pub use upcast::Upcaster;

/// The README's code is a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// The code of the guides in `docs/` as well.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/add-a-domain.md")]
struct AddADomain;

/// See [`AddADomain`].
#[cfg(doctest)]
#[doc = include_str!("../../../docs/change-an-event.md")]
struct ChangeAnEvent;

/// See [`AddADomain`].
#[cfg(doctest)]
#[doc = include_str!("../../../docs/rebuild.md")]
struct Rebuild;
