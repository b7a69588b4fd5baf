//! Projections: folds of events into rows of the data store.
//!
//! A [`SingleStreamProjection`] keeps one row for each stream. A
//! [`MultiStreamProjection`] keeps rows that many streams may change. Both are
//! pure: the same events give the same rows, on a live system, in a rebuild
//! and in a test.

use crate::{Recorded, Refused};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A fold of each stream of one category into one row, whose key is the
/// stream's id.
pub trait SingleStreamProjection {
    /// The row. `Default` is the row before the first event.
    type State: Serialize + DeserializeOwned + Default;
    /// Its name in `/projections/{name}`.
    const NAME: &'static str;
    /// To be raised when a change of `apply` asks for a rebuild.
    const VERSION: u32 = 1;
    /// The category whose streams it folds.
    const CATEGORY: &'static str;

    /// Folds one event in. Types that it does not know, it leaves alone.
    ///
    /// # Errors
    ///
    /// A refusal stalls this projection for this stream until it is mended.
    fn apply(state: &mut Self::State, event: &Recorded) -> Result<(), Refused>;
}

/// A fold of the streams of some categories into rows of its own keys.
///
/// Streams reach it in any interleaving, another one in a rebuild, so the fold
/// must not depend on the order across streams.
pub trait MultiStreamProjection {
    /// A row. `Default` is the row before the first event.
    type Row: Serialize + DeserializeOwned + Default;
    /// Its name in `/projections/{name}`.
    const NAME: &'static str;
    /// To be raised when a change of `keys` or `apply` asks for a rebuild.
    const VERSION: u32 = 1;
    /// The categories whose streams it folds.
    const CATEGORIES: &'static [&'static str];

    /// The keys of the rows that the event changes, at most
    /// [`MAX_ROWS_PER_EVENT`]. Keys that share what stands before the first
    /// `/` lie together, in order, and can be listed by that prefix.
    ///
    /// # Errors
    ///
    /// A refusal stalls this projection for this stream until it is mended.
    fn keys(event: &Recorded) -> Result<Vec<String>, Refused>;

    /// Folds one event into one of those rows.
    ///
    /// # Errors
    ///
    /// A refusal stalls this projection for this stream until it is mended.
    fn apply(key: &str, row: &mut Self::Row, event: &Recorded) -> Result<(), Refused>;
}

/// The most rows that one event may change: with the stream's watermark they
/// have to fit one DynamoDB transaction of 100 items.
pub const MAX_ROWS_PER_EVENT: usize = 99;

/// The longest key of a row, in bytes. DynamoDB allows sort keys of 1,024.
pub const MAX_ROW_KEY: usize = 1024;

/// A registered projection of either kind.
#[derive(Debug, Clone, Copy)]
pub struct Projection {
    /// Its name.
    pub name: &'static str,
    /// The version that its author declares.
    pub version: u32,
    /// The categories whose streams it folds.
    pub categories: &'static [&'static str],
    /// How it folds.
    pub fold: Fold,
}

/// How a projection folds, its types taken away.
#[derive(Debug, Clone, Copy)]
pub enum Fold {
    /// One row for each stream.
    SingleStream(FoldRow),
    /// Rows of the projection's own keys.
    MultiStream {
        /// The keys that an event touches.
        keys: fn(&Recorded) -> Result<Vec<String>, Refused>,
        /// Folds events into the row of a key.
        row: FoldRow,
    },
}

/// Folds events into the row of a key, given as JSON where there is one.
pub type FoldRow = fn(&str, Option<&Value>, &[&Recorded]) -> Folded;

/// What became of a fold.
#[derive(Debug, Clone, PartialEq)]
pub struct Folded {
    /// The row after `applied` events; `None` where there was none and none
    /// was applied.
    pub row: Option<Value>,
    /// How many of the events it holds.
    pub applied: usize,
    /// Why the next one is not in it.
    pub refused: Option<Refused>,
}

impl Projection {
    /// Registers a projection over one stream.
    pub(crate) fn single<P: SingleStreamProjection>() -> Self {
        struct Categories<P>(P);
        impl<P: SingleStreamProjection> Categories<P> {
            const ALL: &'static [&'static str] = &[P::CATEGORY];
        }
        Self {
            name: P::NAME,
            version: P::VERSION,
            categories: Categories::<P>::ALL,
            fold: Fold::SingleStream(|_, row, events| {
                fold(row, events, |state, event| P::apply(state, event))
            }),
        }
    }

    /// Registers a projection over many streams.
    pub(crate) fn multi<P: MultiStreamProjection>() -> Self {
        Self {
            name: P::NAME,
            version: P::VERSION,
            categories: P::CATEGORIES,
            fold: Fold::MultiStream {
                keys: |event| {
                    let keys = guarded(|| P::keys(event))?;
                    checked_keys(keys)
                },
                row: |key, row, events| {
                    fold(row, events, |state, event| P::apply(key, state, event))
                },
            },
        }
    }

    /// Whether it folds streams of this category.
    pub fn reads(&self, category: &str) -> bool {
        self.categories.contains(&category)
    }
}

fn checked_keys(mut keys: Vec<String>) -> Result<Vec<String>, Refused> {
    keys.sort_unstable();
    keys.dedup();
    if keys.len() > MAX_ROWS_PER_EVENT {
        let touched = keys.len();
        return Err(Refused::new(format!(
            "the event changes {touched} rows; at most {MAX_ROWS_PER_EVENT} are possible"
        )));
    }
    match keys
        .iter()
        .find(|key| key.is_empty() || key.len() > MAX_ROW_KEY)
    {
        Some(key) => Err(Refused::new(format!(
            "a row's key has {} bytes; 1 to {MAX_ROW_KEY} are possible",
            key.len()
        ))),
        None => Ok(keys),
    }
}

fn fold<S, A>(row: Option<&Value>, events: &[&Recorded], apply: A) -> Folded
where
    S: Serialize + DeserializeOwned + Default,
    A: Fn(&mut S, &Recorded) -> Result<(), Refused>,
{
    let mut wanted = events;
    let mut refused = None;
    loop {
        match fold_all(row, wanted, &apply) {
            Ok(folded) => {
                return Folded {
                    row: folded,
                    applied: wanted.len(),
                    refused,
                };
            }
            // A refused or panicked event may have changed half of the state:
            // the run before it is folded again from the start.
            Err((applied, refusal)) => {
                refused = Some(refusal);
                if applied == 0 {
                    return Folded {
                        row: row.cloned(),
                        applied,
                        refused,
                    };
                }
                wanted = &wanted[..applied];
            }
        }
    }
}

fn fold_all<S, A>(
    row: Option<&Value>,
    events: &[&Recorded],
    apply: &A,
) -> Result<Option<Value>, (usize, Refused)>
where
    S: Serialize + DeserializeOwned + Default,
    A: Fn(&mut S, &Recorded) -> Result<(), Refused>,
{
    if events.is_empty() {
        return Ok(row.cloned());
    }
    let unreadable = |error| {
        Refused::new(format!(
            "the stored row does not fit the projection's state: {error}; rebuild the projection"
        ))
    };
    let mut state = match row {
        Some(row) => S::deserialize(row).map_err(|error| (0, unreadable(error)))?,
        None => S::default(),
    };
    for (applied, event) in events.iter().enumerate() {
        guarded(|| apply(&mut state, event)).map_err(|refused| (applied, refused))?;
    }
    let row = serde_json::to_value(&state);
    // Which event made it so is unknown: none of the run is taken.
    let row = row.map_err(|error| (0, Refused::new(format!("the state has no JSON: {error}"))))?;
    Ok(Some(row))
}

/// Runs domain code; a panic becomes a refusal.
pub(crate) fn guarded<T>(domain: impl FnOnce() -> Result<T, Refused>) -> Result<T, Refused> {
    catch_unwind(AssertUnwindSafe(domain)).unwrap_or_else(|panic| {
        let words = panic
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| panic.downcast_ref::<String>().cloned());
        let words = words.unwrap_or_else(|| "without a message".into());
        Err(Refused::new(format!("panicked: {words}")))
    })
}
