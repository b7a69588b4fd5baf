//! Projections: folds of events into rows of the data store.
//!
//! A [`SingleStreamProjection`] keeps one row for each stream. A
//! [`MultiStreamProjection`] keeps rows that many streams may change. Both are
//! pure: the same events give the same rows, on a live system, in a rebuild
//! and in a test.

use crate::{Envelope, Event, Events, Rejection, SecondaryKey, Table};
use serde::{Serialize, de::DeserializeOwned};

/// The most rows that one event may change: with the stream's watermark and
/// the report of a stall they have to fit one DynamoDB transaction of 100 items.
pub const MAX_ROWS_PER_EVENT: usize = 98;

/// The longest key of a row, in bytes. DynamoDB allows sort keys of 1,024.
pub const MAX_ROW_KEY: usize = 1024;

/// The longest value of a secondary key, in bytes. DynamoDB allows partition keys
/// of 2,048, and the projection's name and generation stand in front of it.
pub const MAX_SECONDARY_KEY: usize = 1024;

/// A fold of each stream of one category into one row, whose key is the
/// stream's id.
pub trait SingleStreamProjection {
    /// The events of the category whose streams it folds.
    type Event: Event;
    /// The row. `Default` is the row before the first event.
    type Row: Serialize + DeserializeOwned + Default + 'static;
    /// Its name in `/projections/{name}`.
    const NAME: &'static str;
    /// To be raised when a change of `apply` asks for a rebuild.
    const VERSION: u32 = 1;
    /// Event types that it leaves out, such as retired ones: they are dropped
    /// as they were recorded, before upcasters and `apply` see them.
    const LEAVES_OUT: &'static [&'static str] = &[];
    /// The entity that its rows are, where changes of them are events that
    /// others read: `application` gives `application-insert`,
    /// `application-update` and `application-delete` in the category
    /// `changes:application`.
    const FEED: Option<&'static str> = None;

    /// The table of another database that its rows are kept in as well, such as
    /// PostgreSQL: see `docs/read-models.md`. There is none unless it says so.
    fn table() -> Option<Table<Self::Row>> {
        None
    }

    /// A second key that its rows are found by, such as the customer of an order.
    /// There is none unless it says so. Whoever adds or changes one raises
    /// [`VERSION`](Self::VERSION): rows get their value when they are written.
    fn secondary_key() -> Option<SecondaryKey<Self::Row>> {
        None
    }

    /// Folds one event in.
    ///
    /// # Errors
    ///
    /// A rejection stalls this projection for this stream until it is mended.
    fn apply(row: &mut Self::Row, event: &Envelope<Self::Event>) -> Result<(), Rejection>;

    /// Whether the row is to be deleted, asked after each event. A deleted row
    /// is none for readers, and keeps its watermark, so that a repeat cannot
    /// bring it back. The stream's next event begins a new row, from `Default`.
    fn is_deleted(row: &Self::Row) -> bool {
        let _ = row;
        false
    }

    /// Takes an event back that was folded in before. The row then has to be
    /// what it would be without the event: [`then_row`] checks it. Without this
    /// method, the stream is folded again without the event. A row that is
    /// deleted is folded again as well: what it was is not known.
    ///
    /// [`then_row`]: crate::testing::Given::then_row
    ///
    /// # Errors
    ///
    /// A rejection stalls this projection for this stream until it is mended.
    fn revert(row: &mut Self::Row, event: &Envelope<Self::Event>) -> Result<Reverted, Rejection> {
        let _ = (row, event);
        Ok(Reverted::FoldAgain)
    }
}

/// What a projection over one stream did to take an event back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reverted {
    /// The row is as if the event had not happened.
    Done,
    /// Nothing: the stream has to be folded again without the event.
    FoldAgain,
}

/// A fold of the streams of some categories into rows of its own keys.
///
/// Streams reach it in any interleaving, another one in a rebuild, so the fold
/// must not depend on the order across streams.
pub trait MultiStreamProjection {
    /// The events of the category, or of the categories, whose streams it folds.
    type Event: Events;
    /// A row. `Default` is the row before the first event.
    type Row: Serialize + DeserializeOwned + Default + 'static;
    /// Its name in `/projections/{name}`.
    const NAME: &'static str;
    /// To be raised when a change of `keys` or `apply` asks for a rebuild.
    const VERSION: u32 = 1;
    /// Event types that it leaves out, such as retired ones: they are dropped
    /// as they were recorded, before upcasters, `keys` and `apply` see them.
    const LEAVES_OUT: &'static [&'static str] = &[];
    /// The entity that its rows are, where changes of them are events that
    /// others read: `application` gives `application-insert`,
    /// `application-update` and `application-delete` in the category
    /// `changes:application`.
    const FEED: Option<&'static str> = None;

    /// The table of another database that its rows are kept in as well, such as
    /// PostgreSQL: see `docs/read-models.md`. There is none unless it says so.
    fn table() -> Option<Table<Self::Row>> {
        None
    }

    /// A second key that its rows are found by, such as the customer of an order.
    /// There is none unless it says so. Whoever adds or changes one raises
    /// [`VERSION`](Self::VERSION): rows get their value when they are written.
    fn secondary_key() -> Option<SecondaryKey<Self::Row>> {
        None
    }

    /// The keys of the rows that the event changes, at most
    /// [`MAX_ROWS_PER_EVENT`]. Keys that share what stands before the first
    /// `/` lie together, in order, and can be listed by that prefix.
    ///
    /// # Errors
    ///
    /// A rejection stalls this projection for this stream until it is mended.
    fn keys(event: &Envelope<Self::Event>) -> Result<Vec<String>, Rejection>;

    /// Folds one event into one of those rows.
    ///
    /// # Errors
    ///
    /// A rejection stalls this projection for this stream until it is mended.
    fn apply(
        key: &str,
        row: &mut Self::Row,
        event: &Envelope<Self::Event>,
    ) -> Result<(), Rejection>;

    /// Whether the row is to be deleted, asked after each event. A deleted row
    /// is none for readers. The next event that changes it begins a new row,
    /// from `Default`: so a row may be deleted only where it holds no more than
    /// `Default` does, or the order across streams counts.
    fn is_deleted(row: &Self::Row) -> bool {
        let _ = row;
        false
    }

    /// Takes an event back that was folded into the row before; `apply` has to
    /// be able to restore it. A row of many streams cannot be folded again
    /// from one of them, so a projection whose events may be reversed has to
    /// say how. A row that is deleted comes as `Default`.
    ///
    /// # Errors
    ///
    /// A rejection stalls this projection for this stream until it is mended.
    fn revert(
        key: &str,
        row: &mut Self::Row,
        event: &Envelope<Self::Event>,
    ) -> Result<(), Rejection> {
        let _ = (key, row);
        let (name, event_type) = (Self::NAME, event.event_type());
        Err(Rejection::new(format!(
            "`{name}` does not say how to take `{event_type}` back: write its `revert`"
        )))
    }
}
