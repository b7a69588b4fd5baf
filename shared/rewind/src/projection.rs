//! Projections: folds of events into rows of the data store.
//!
//! A [`SingleStreamProjection`] keeps one row for each stream. A
//! [`MultiStreamProjection`] keeps rows that many streams may change. Both are
//! pure: the same events give the same rows, on a live system, in a rebuild
//! and in a test.

pub(crate) use crate::panics::guarded;
use crate::{RecordedEvent, Rejection, misfit, panics::catching, upcast::Upcasters};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::sync::Arc;

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
    /// Event types that it leaves out, such as retired ones: they are dropped
    /// as they were recorded, before upcasters and `apply` see them.
    const LEAVES_OUT: &'static [&'static str] = &[];

    /// Folds one event in. Types that it does not know, it leaves alone.
    ///
    /// # Errors
    ///
    /// A refusal stalls this projection for this stream until it is mended.
    fn apply(state: &mut Self::State, event: &RecordedEvent) -> Result<(), Rejection>;

    /// Takes an event back that was folded in before. The row then has to be
    /// what it would be without the event: [`then_row`] checks it. Where this
    /// is not written, the stream is folded again without the event.
    ///
    /// [`then_row`]: crate::testing::Given::then_row
    ///
    /// # Errors
    ///
    /// A refusal stalls this projection for this stream until it is mended.
    fn revert(state: &mut Self::State, event: &RecordedEvent) -> Result<Reverted, Rejection> {
        let _ = (state, event);
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
    /// A row. `Default` is the row before the first event.
    type Row: Serialize + DeserializeOwned + Default;
    /// Its name in `/projections/{name}`.
    const NAME: &'static str;
    /// To be raised when a change of `keys` or `apply` asks for a rebuild.
    const VERSION: u32 = 1;
    /// The categories whose streams it folds.
    const CATEGORIES: &'static [&'static str];
    /// Event types that it leaves out, such as retired ones: they are dropped
    /// as they were recorded, before upcasters, `keys` and `apply` see them.
    const LEAVES_OUT: &'static [&'static str] = &[];

    /// The keys of the rows that the event changes, at most
    /// [`MAX_ROWS_PER_EVENT`]. Keys that share what stands before the first
    /// `/` lie together, in order, and can be listed by that prefix.
    ///
    /// # Errors
    ///
    /// A refusal stalls this projection for this stream until it is mended.
    fn keys(event: &RecordedEvent) -> Result<Vec<String>, Rejection>;

    /// Folds one event into one of those rows.
    ///
    /// # Errors
    ///
    /// A refusal stalls this projection for this stream until it is mended.
    fn apply(key: &str, row: &mut Self::Row, event: &RecordedEvent) -> Result<(), Rejection>;

    /// Takes an event back that was folded into the row before; `apply` has to
    /// be able to restore it. A row of many streams cannot be folded again
    /// from one of them, so a projection whose events may be reversed has to
    /// say how.
    ///
    /// # Errors
    ///
    /// A refusal stalls this projection for this stream until it is mended.
    fn revert(key: &str, row: &mut Self::Row, event: &RecordedEvent) -> Result<(), Rejection> {
        let _ = (key, row);
        let (name, event_type) = (Self::NAME, event.event_type());
        Err(Rejection::new(format!(
            "`{name}` does not say how to take `{event_type}` back: write its `revert`"
        )))
    }
}

/// The most rows that one event may change: with the stream's watermark and
/// the report of a stall they have to fit one DynamoDB transaction of 100 items.
pub const MAX_ROWS_PER_EVENT: usize = 98;

/// The longest key of a row, in bytes. DynamoDB allows sort keys of 1,024.
pub const MAX_ROW_KEY: usize = 1024;

/// A registered projection of either kind.
#[derive(Debug, Clone)]
pub struct Projection {
    /// Its name.
    pub name: &'static str,
    /// The version that its author declares.
    pub version: u32,
    /// The categories whose streams it folds.
    pub categories: &'static [&'static str],
    /// Over how many streams a row goes.
    pub over: Over,
    leaves_out: &'static [&'static str],
    keys: fn(&RecordedEvent) -> Result<Vec<String>, Rejection>,
    fold: fn(&Folding<'_>) -> Folded,
    upcasters: Arc<Upcasters>,
}

/// Over how many streams a row of a projection goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// One row for each stream, under the stream's id.
    OneStream,
    /// Rows of the projection's own keys, which streams share.
    ManyStreams,
}

/// What happens to a row. A fold takes one change for each version of a
/// stream, so that a watermark counts them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change<'a> {
    /// An event is folded in.
    Apply(&'a RecordedEvent),
    /// An event that was folded in before is taken back.
    Revert(&'a RecordedEvent),
    /// An event that is known to be taken back: the row is there, without it.
    Void(&'a RecordedEvent),
    /// Nothing: the version does not count.
    Pass,
}

/// What became of a fold.
#[derive(Debug, Clone, PartialEq)]
pub struct Folded {
    /// The row after `applied` changes; `None` where there was none and none
    /// made one.
    pub row: Option<Value>,
    /// How many of the changes it holds.
    pub applied: usize,
    /// Why the next one is not in it.
    pub rejection: Option<Rejection>,
    /// Whether the next one is not in it because the stream has to be folded
    /// again, without the event that is taken back.
    pub fold_again: bool,
}

/// A fold to be done, its types taken away.
struct Folding<'a> {
    key: &'a str,
    row: Option<&'a Value>,
    changes: &'a [Change<'a>],
    projection: &'a Projection,
}

/// Why a fold ends early.
enum Stop {
    Refused(Rejection),
    FoldAgain,
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
            over: Over::OneStream,
            leaves_out: P::LEAVES_OUT,
            keys: |event| Ok(vec![event.stream().id().to_string()]),
            fold: |folding| {
                folding.run(|state, change| match change {
                    Change::Apply(event) => Ok(P::apply(state, event)?),
                    Change::Revert(event) => match P::revert(state, event)? {
                        Reverted::Done => Ok(()),
                        Reverted::FoldAgain => Err(Stop::FoldAgain),
                    },
                    Change::Void(_) | Change::Pass => Ok(()),
                })
            },
            upcasters: Arc::default(),
        }
    }

    /// Registers a projection over many streams.
    pub(crate) fn multi<P: MultiStreamProjection>() -> Self {
        Self {
            name: P::NAME,
            version: P::VERSION,
            categories: P::CATEGORIES,
            over: Over::ManyStreams,
            leaves_out: P::LEAVES_OUT,
            keys: P::keys,
            fold: |folding| {
                let key = folding.key;
                folding.run(|row, change| match change {
                    Change::Apply(event) => Ok(P::apply(key, row, event)?),
                    Change::Revert(event) => Ok(P::revert(key, row, event)?),
                    Change::Void(_) | Change::Pass => Ok(()),
                })
            },
            upcasters: Arc::default(),
        }
    }

    /// With a service's upcasters.
    pub(crate) fn lifting(&mut self, upcasters: &Arc<Upcasters>) {
        self.upcasters = upcasters.clone();
    }

    /// Whether it folds streams of this category.
    pub fn reads(&self, category: &str) -> bool {
        self.categories.contains(&category)
    }

    /// The keys of the rows that an event changes, each once.
    ///
    /// # Errors
    ///
    /// What the domain refuses, a panic included; too many keys or too long
    /// ones.
    pub fn keys(&self, event: &RecordedEvent) -> Result<Vec<String>, Rejection> {
        if self.leaves_out.contains(&event.event_type()) {
            return Ok(Vec::new());
        }
        let event = self.upcasters.lift(event)?;
        checked_keys(guarded(|| (self.keys)(&event))?)
    }

    /// Folds changes into the row of a key, given as JSON where there is one.
    pub fn fold(&self, key: &str, row: Option<&Value>, changes: &[Change<'_>]) -> Folded {
        (self.fold)(&Folding {
            key,
            row,
            changes,
            projection: self,
        })
    }
}

fn checked_keys(mut keys: Vec<String>) -> Result<Vec<String>, Rejection> {
    keys.sort_unstable();
    keys.dedup();
    if keys.len() > MAX_ROWS_PER_EVENT {
        let touched = keys.len();
        return Err(Rejection::new(format!(
            "the event changes {touched} rows; at most {MAX_ROWS_PER_EVENT} are possible"
        )));
    }
    match keys
        .iter()
        .find(|key| key.is_empty() || key.len() > MAX_ROW_KEY)
    {
        Some(key) => Err(Rejection::new(format!(
            "a row's key has {} bytes; 1 to {MAX_ROW_KEY} are possible",
            key.len()
        ))),
        None => Ok(keys),
    }
}

impl Folding<'_> {
    fn run<S, A>(&self, apply: A) -> Folded
    where
        S: Serialize + DeserializeOwned + Default,
        A: Fn(&mut S, Change<'_>) -> Result<(), Stop>,
    {
        let mut applied = self.changes.len();
        let (mut refused, mut fold_again) = (None, false);
        loop {
            match self.first(applied, &apply) {
                Ok(row) => {
                    return Folded {
                        row,
                        applied,
                        rejection: refused,
                        fold_again,
                    };
                }
                // A refused or panicked change may have left half of itself in
                // the state: what stands before it is folded again.
                Err((before, stop)) => {
                    applied = before;
                    match stop {
                        Stop::Refused(reason) => (refused, fold_again) = (Some(reason), false),
                        Stop::FoldAgain => (refused, fold_again) = (None, true),
                    }
                }
            }
        }
    }

    /// The row after so many of the changes.
    fn first<S, A>(&self, count: usize, apply: &A) -> Result<Option<Value>, (usize, Stop)>
    where
        S: Serialize + DeserializeOwned + Default,
        A: Fn(&mut S, Change<'_>) -> Result<(), Stop>,
    {
        let wanted = &self.changes[..count];
        let mut state: Option<S> = None;
        for (applied, change) in wanted.iter().enumerate() {
            let event = match change {
                Change::Apply(event) | Change::Revert(event) | Change::Void(event) => event,
                Change::Pass => continue,
            };
            if self.projection.leaves_out.contains(&event.event_type()) {
                continue;
            }
            let stop = |refused| (applied, Stop::Refused(refused));
            if state.is_none() {
                state = Some(self.state().map_err(stop)?);
            }
            let lifted;
            let change = match change {
                Change::Void(_) | Change::Pass => continue,
                Change::Apply(event) => {
                    lifted = self.projection.upcasters.lift(event).map_err(stop)?;
                    Change::Apply(&lifted)
                }
                Change::Revert(event) => {
                    lifted = self.projection.upcasters.lift(event).map_err(stop)?;
                    Change::Revert(&lifted)
                }
            };
            let Some(state) = &mut state else { continue };
            let done = catching(|| apply(state, change));
            done.unwrap_or_else(|panic| Err(Stop::Refused(panic)))
                .map_err(|stop| (applied, stop))?;
        }
        let Some(state) = state else {
            return Ok(self.row.cloned());
        };
        // Which change made it so is unknown: none of the run is taken.
        let row = serde_json::to_value(&state);
        let no_json =
            |error| Stop::Refused(Rejection::new(format!("the state has no JSON: {error}")));
        Ok(Some(row.map_err(|error| (0, no_json(error)))?))
    }

    /// The state that the fold starts from.
    fn state<S: DeserializeOwned + Default>(&self) -> Result<S, Rejection> {
        let Some(row) = self.row else {
            return Ok(S::default());
        };
        misfit::decode_value(row).map_err(|misfit| {
            Rejection::new(format!(
                "the stored row does not fit the projection's state: {misfit}; rebuild the projection"
            ))
        })
    }
}

impl From<Rejection> for Stop {
    fn from(refused: Rejection) -> Self {
        Self::Refused(refused)
    }
}
