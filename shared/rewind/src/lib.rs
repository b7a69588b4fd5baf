//! Rewind is event sourcing on AWS Lambda: every change is an immutable event,
//! every state is a fold of events, and any state can be rebuilt from them.
//!
//! This crate is the pure part: no AWS, no async, no clock. A domain needs no
//! more than it:
//!
//! ```
//! use rewind::{Envelope, Event, Rejection, Service, SingleStreamProjection};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, JsonSchema)]
//! enum AccountEvent {
//!     Deposited { cents: i64 },
//!     Withdrawn { cents: i64 },
//! }
//!
//! impl Event for AccountEvent {
//!     const CATEGORY: &'static str = "account";
//! }
//!
//! #[derive(Default, Serialize, Deserialize)]
//! struct Balance { cents: i64 }
//!
//! struct Balances;
//! impl SingleStreamProjection for Balances {
//!     type Event = AccountEvent;
//!     type Row = Balance;
//!     const NAME: &'static str = "balances";
//!     fn apply(balance: &mut Balance, event: &Envelope<AccountEvent>) -> Result<(), Rejection> {
//!         match event.data {
//!             AccountEvent::Deposited { cents } => balance.cents += cents,
//!             AccountEvent::Withdrawn { cents } => balance.cents -= cents,
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let service = Service::new().single_stream::<Balances>();
//! # assert!(service.projection("balances").is_some());
//! rewind::testing::given([AccountEvent::Deposited { cents: 5 }])
//!     .then_row::<Balances>(Balance { cents: 5 });
//! ```
//!
//! | room | what it is about |
//! |---|---|
//! | `domain` | what a team implements: [`Event`], [`SingleStreamProjection`], [`MultiStreamProjection`], [`Adapter`], [`Rule`], [`Process`], [`Aggregate`], [`Command`], [`Upcaster`] |
//! | [`Service`] | all that a team registers |
//! | `fold` | a team's code at work: [`Projection`], [`Reaction`], [`Runner`], [`Decider`] |
//! | `history` | rules of a stream: [`watermark`], [`reversal`], [`selection`] |
//! | `record` | sent and stored forms: [`CloudEvent`], [`RecordedEvent`], [`Commit`], [`Batch`], [`Delivery`], [`Problem`] |
//! | [`testing`] | the kit, golden files |
#![deny(missing_docs)]

mod domain;
mod fold;
mod history;
mod record;
mod service;
pub mod testing;

pub use domain::{
    aggregate::{Aggregate, Command},
    categories::Categories,
    decision::{Decision, Expected, Unique, unique},
    emit::Emit,
    event::{
        category::{Event, Naming},
        declaration::{Declaration, event_types},
        envelope::Envelope,
        readers::{Events, Holds},
    },
    gateway::{Done, Gateway, Kind},
    new_call::NewCall,
    new_command::NewCommand,
    new_event::NewEvent,
    process::{Action, MAX_DEADLINE_NAME, Process, Reached},
    projection::{
        MAX_ROW_KEY, MAX_ROWS_PER_EVENT, MAX_SECONDARY_KEY, MultiStreamProjection, Reverted,
        SingleStreamProjection,
    },
    reaction::{Adapter, Rule, read_object},
    rejection::Rejection,
    request::{Answer, HttpRequest, Mail, Method, Request, SECRET},
    secondary::SecondaryKey,
    stream::{self, BadStreamName, StreamName},
    table::{Cell, Column, ColumnType, ColumnValue, Table},
    upcast::Upcaster,
};
pub use fold::{
    aggregate::{Append, Claiming, Decided, Decider, Plan, state_of},
    feed::{Cause, Changed, Feed},
    gateway::{
        Again, AnsweredData, Approved, Asked, Attempt, Call, CallState, Caller, Calls,
        CorrectionData, Difference, Ended, Proposal, Proposed, SentData, call_key,
    },
    mode::{Live, Mode, Silent},
    process::{Due, Instance, Reconsidered, Runner},
    projection::{Change, Folded, Over, Projection},
    reaction::{Calling, Emitted, Reaction},
    secondary::KeptSecondaryKey,
    state::State,
    table::KeptTable,
    upcasters::Upcasters,
};
pub use history::{
    reversal,
    selection::{self, Selection},
    watermark,
};
pub use jiff::{self, Timestamp};
pub use record::{
    claimed, cloudevents, command,
    commit::{self, Commit, Head},
    delivery::{self, Batch, Delivery, Receiver, Replay, Target},
    event::{self, CloudEvent, MAX_DATA, RecordedEvent},
    kpl, misfit, numbers,
    problem::{self, Problem},
    reserved,
};
pub use service::{LATER, Listener, Service, journal_listener};

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
#[doc = include_str!("../../../docs/feed.md")]
struct ChangesOfRows;

/// See [`AddADomain`].
#[cfg(doctest)]
#[doc = include_str!("../../../docs/rebuild.md")]
struct Rebuild;

/// See [`AddADomain`].
#[cfg(doctest)]
#[doc = include_str!("../../../docs/outside.md")]
struct Outside;

/// See [`AddADomain`].
#[cfg(doctest)]
#[doc = include_str!("../../../docs/read-models.md")]
struct ReadModels;
