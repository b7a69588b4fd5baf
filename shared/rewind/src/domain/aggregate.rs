//! Aggregates: what decides about commands.

use super::{decision::Decision, event::category::Naming};
use crate::{Envelope, Event};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

/// The commands of one category: an enum that derives serde's traits and
/// [`JsonSchema`]. Variants name the types of commands, as those of an
/// [`Event`] name event types: `AddProduct` is `add-product`.
pub trait Command: Serialize + DeserializeOwned + JsonSchema + 'static {
    /// Who decides about them.
    type Aggregate: Aggregate<Command = Self>;

    /// How variants name types.
    const NAMING: Naming = Naming::KebabCase;
}

/// `decide(state, command, at) -> events or rejection` and
/// `evolve(state, event)`: pure, synchronous, without a clock.
///
/// The value itself is the state. It is kept as a snapshot, so it has a JSON.
///
/// An event that was reversed is left out, with its reversal: the state is that
/// of a history in which it did not happen.
///
/// ```
/// use rewind::{Aggregate, Command, Decision, Envelope, Event, Timestamp, testing::given};
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
/// enum BookEvent { BookBorrowed { by: String }, BookReturned {} }
/// impl Event for BookEvent { const CATEGORY: &'static str = "book"; }
///
/// #[derive(Serialize, Deserialize, JsonSchema)]
/// enum BookCommand { BorrowBook { by: String }, ReturnBook {} }
/// impl Command for BookCommand { type Aggregate = Book; }
///
/// #[derive(Debug, PartialEq, Serialize, thiserror::Error)]
/// enum BookRejection {
///     #[error("the book is lent already")]
///     Lent,
///     #[error("nobody has borrowed the book")]
///     NotLent,
/// }
///
/// #[derive(Debug, Clone, Default, Serialize, Deserialize)]
/// struct Book { by: Option<String> }
///
/// impl Aggregate for Book {
///     type Command = BookCommand;
///     type Event = BookEvent;
///     type Rejection = BookRejection;
///
///     fn decide(&self, command: BookCommand, _: Timestamp) -> Result<Decision<Self>, BookRejection> {
///         match (command, &self.by) {
///             (BookCommand::BorrowBook { .. }, Some(_)) => Err(BookRejection::Lent),
///             (BookCommand::BorrowBook { by }, None) => Ok([BookEvent::BookBorrowed { by }].into()),
///             (BookCommand::ReturnBook {}, Some(_)) => Ok([BookEvent::BookReturned {}].into()),
///             (BookCommand::ReturnBook {}, None) => Err(BookRejection::NotLent),
///         }
///     }
///
///     fn evolve(&mut self, event: &Envelope<BookEvent>) {
///         match &event.data {
///             BookEvent::BookBorrowed { by } => self.by = Some(by.clone()),
///             BookEvent::BookReturned {} => self.by = None,
///         }
///     }
/// }
///
/// let lent = BookEvent::BookBorrowed { by: "ann".into() };
/// given([lent]).when(BookCommand::ReturnBook {}).then([BookEvent::BookReturned {}]);
/// given([]).when(BookCommand::ReturnBook {}).then_rejected(BookRejection::NotLent);
/// ```
pub trait Aggregate:
    Default + Clone + std::fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// What may be asked of it.
    type Command: Command<Aggregate = Self>;
    /// What it records: only it writes to their category.
    type Event: Event;
    /// Why it refuses: an enum, whose variants name the reasons as those of an
    /// event name its types (`NotLent` is `not-lent`), and whose fields are
    /// told to whoever sent the command.
    type Rejection: std::error::Error + Serialize + 'static;

    /// The version of the state: a snapshot of another one is not read. Raise
    /// it when [`evolve`](Self::evolve) changes.
    const VERSION: u32 = 1;

    /// The events that follow from a command. `at` is the command's own time.
    ///
    /// # Errors
    ///
    /// A rejection is an answer to whoever sent the command, not a failure.
    fn decide(
        &self,
        command: Self::Command,
        at: Timestamp,
    ) -> Result<Decision<Self>, Self::Rejection>;

    /// The state after an event.
    fn evolve(&mut self, event: &Envelope<Self::Event>);

    /// Whether the event could happen in this state: asked before an earlier
    /// event is reversed, to show what depends on it.
    ///
    /// # Errors
    ///
    /// Why it could not.
    fn allows(&self, event: &Envelope<Self::Event>) -> Result<(), Self::Rejection> {
        let _ = event;
        Ok(())
    }
}
