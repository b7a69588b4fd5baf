//! Processes: they wait for what happens next, and for deadlines.

use super::{
    aggregate::Command, gateway::Gateway, new_call::NewCall, new_command::NewCommand,
    new_event::NewEvent,
};
use crate::{Envelope, Event, Events, Rejection};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;

/// The longest name of a deadline, in bytes.
pub const MAX_DEADLINE_NAME: usize = 256;

/// A process manager, or saga: a state for each of its keys, fed by events of
/// any categories, which gives commands, emits events, calls gateways, and sets deadlines.
///
/// It is pure: its time is that of the event, or of the deadline.
///
/// An instance is a fold of its journal, the stream `process:{NAME}-{key}`. The
/// journal keeps the order in which the events were taken and what was done
/// about them, so that a rebuild does nothing again. An event that was reversed
/// is left out, with its deadlines; what was given because of it stays given.
///
/// ```
/// use rewind::{Action, Envelope, Event, Process, Reached, Rejection, testing::given};
/// use rewind::jiff::SignedDuration;
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, JsonSchema)]
/// enum LoanEvent { BookBorrowed {}, BookReturned {}, BookOverdue {} }
/// impl Event for LoanEvent { const CATEGORY: &'static str = "loan"; }
///
/// struct Overdue;
/// impl Process for Overdue {
///     type Event = LoanEvent;
///     type State = ();
///     const NAME: &'static str = "overdue";
///
///     fn key(event: &Envelope<LoanEvent>) -> Option<String> {
///         Some(event.stream().id().into())
///     }
///
///     fn on(_: &mut (), event: &Envelope<LoanEvent>) -> Result<Vec<Action>, Rejection> {
///         Ok(match &event.data {
///             LoanEvent::BookBorrowed {} => {
///                 let in_four_weeks = event.timestamp()? + SignedDuration::from_hours(28 * 24);
///                 vec![Action::deadline("return", in_four_weeks)]
///             }
///             LoanEvent::BookReturned {} => vec![Action::cancel("return")],
///             LoanEvent::BookOverdue {} => vec![],
///         })
///     }
///
///     fn reached(_: &mut (), deadline: &Reached) -> Result<Vec<Action>, Rejection> {
///         Ok(vec![Action::emit(&deadline.key, &LoanEvent::BookOverdue {})?])
///     }
/// }
///
/// let lent = given([LoanEvent::BookBorrowed {}]).at("2026-01-01T09:00:00Z");
/// let overdue = Action::emit("1", &LoanEvent::BookOverdue {}).unwrap();
/// lent.process::<Overdue>()
///     .then_deadline("return", "2026-01-29T09:00:00Z")
///     .at("2026-01-29T09:00:00Z")
///     .then([overdue]);
/// lent.and_at("2026-01-15T09:00:00Z", "1", [LoanEvent::BookReturned {}])
///     .process::<Overdue>()
///     .then_no_deadline("return");
/// ```
pub trait Process {
    /// The events that it is fed with, of one category or of several.
    type Event: Events;
    /// What it has to know. `Default` is the state before the first event. It
    /// is kept as a snapshot, so it has a JSON.
    type State: Default + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// Its name: part of the category of its journals, so without `-`.
    const NAME: &'static str;
    /// The version of the state: a snapshot of another one is not read. Raise
    /// it when [`on`](Self::on) or [`reached`](Self::reached) changes.
    const VERSION: u32 = 1;

    /// The key of the instance that an event is about; `None` where it is about
    /// none.
    fn key(event: &Envelope<Self::Event>) -> Option<String>;

    /// An event happened: the state after it, and what to do about it. Where
    /// the journal is folded again, only the state counts.
    ///
    /// # Errors
    ///
    /// A rejection stalls this process for the event's stream until it is
    /// mended. So does a command or an event that cannot be recorded.
    fn on(state: &mut Self::State, event: &Envelope<Self::Event>)
    -> Result<Vec<Action>, Rejection>;

    /// A deadline was reached: the state after it, and what to do about it.
    ///
    /// # Errors
    ///
    /// A rejection stalls this instance until it is mended. So does a command
    /// or an event that cannot be recorded.
    fn reached(state: &mut Self::State, deadline: &Reached) -> Result<Vec<Action>, Rejection> {
        let _ = (state, deadline);
        Ok(Vec::new())
    }
}

/// A deadline that was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// Its name.
    pub name: String,
    /// When it was due: the time to reckon with. It fires then or later.
    pub at: Timestamp,
    /// The key of the instance, where the name of the journal tells it; the
    /// journal's id where the key was too long for that.
    pub key: String,
}

/// What a process does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// It gives a command, to be decided later.
    Command(NewCommand),
    /// It emits an event, of a category that no aggregate decides about.
    Emit(NewEvent),
    /// It calls a gateway.
    Call(NewCall),
    /// It sets a deadline, in the place of an open one of this name.
    Deadline {
        /// Its name, at most [`MAX_DEADLINE_NAME`] bytes: names are the
        /// instance's own.
        name: String,
        /// When it is due. One that is due already fires at once.
        at: Timestamp,
    },
    /// It cancels the deadline of this name, where one is open.
    Cancel {
        /// Its name.
        name: String,
    },
}

impl Action {
    /// A command for the aggregate of `id`.
    ///
    /// # Errors
    ///
    /// See [`NewCommand::new`].
    pub fn command<C: Command>(id: &str, command: &C) -> Result<Self, Rejection> {
        NewCommand::new(id, command).map(Self::Command)
    }

    /// An event for the stream of `id` in the event's category.
    ///
    /// # Errors
    ///
    /// See [`NewEvent::new`].
    pub fn emit<E: Event>(id: &str, event: &E) -> Result<Self, Rejection> {
        NewEvent::new(id, event).map(Self::Emit)
    }

    /// A call of a gateway.
    ///
    /// # Errors
    ///
    /// See [`NewCall::new`].
    pub fn call<G: Gateway>(action: &G::Action) -> Result<Self, Rejection> {
        NewCall::new::<G>(action).map(Self::Call)
    }

    /// A deadline of this name.
    pub fn deadline(name: impl Into<String>, at: Timestamp) -> Self {
        let name = name.into();
        Self::Deadline { name, at }
    }

    /// No deadline of this name.
    pub fn cancel(name: impl Into<String>) -> Self {
        Self::Cancel { name: name.into() }
    }
}
