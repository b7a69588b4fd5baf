//! Projections at work: the registered form of either kind, its types taken
//! away.

use super::{
    feed::Feed,
    panics::{catching, guarded},
    secondary::KeptSecondaryKey,
    table::KeptTable,
    upcasters::Upcasters,
};
use crate::{
    Envelope, Events, MAX_ROW_KEY, MAX_ROWS_PER_EVENT, MultiStreamProjection, RecordedEvent,
    Rejection, Reverted, SingleStreamProjection, record::misfit,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{borrow::Cow, sync::Arc};

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
    /// Where changes of its rows are told, if they are.
    pub feed: Option<Feed>,
    /// The table that its rows are kept in as well, if they are.
    pub table: Option<KeptTable>,
    /// The second key that its rows are found by, if there is one.
    pub secondary_key: Option<KeptSecondaryKey>,
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
    /// made one, or where it is deleted.
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
    Rejected(Rejection),
    FoldAgain,
}

/// What a projection does with its rows.
struct Folder<R, A> {
    apply: A,
    is_deleted: fn(&R) -> bool,
    /// Whether an event cannot be taken back from a row that is deleted.
    folds_deleted_again: bool,
}

/// A row while it is folded.
enum Held<R> {
    /// Nothing has changed it yet.
    Unread,
    Row(R),
    Deleted,
}

/// Which way an event goes.
#[derive(Clone, Copy)]
enum Way {
    Apply,
    Revert,
}

impl Projection {
    /// Registers a projection over one stream.
    pub(crate) fn single<P: SingleStreamProjection>() -> Self {
        Self {
            name: P::NAME,
            version: P::VERSION,
            categories: <P::Event as Events>::CATEGORIES,
            over: Over::OneStream,
            feed: P::FEED.map(Feed::of),
            table: P::table().map(KeptTable::of),
            secondary_key: P::secondary_key().map(KeptSecondaryKey::of),
            leaves_out: P::LEAVES_OUT,
            keys: |event| Ok(vec![event.stream().id().to_string()]),
            fold: |folding| {
                let apply = |row: &mut P::Row, way, event: &Envelope<'_, P::Event>| match way {
                    Way::Apply => Ok(P::apply(row, event)?),
                    Way::Revert => match P::revert(row, event)? {
                        Reverted::Done => Ok(()),
                        Reverted::FoldAgain => Err(Stop::FoldAgain),
                    },
                };
                folding.run(&Folder {
                    apply,
                    is_deleted: P::is_deleted,
                    folds_deleted_again: true,
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
            categories: <P::Event as Events>::CATEGORIES,
            over: Over::ManyStreams,
            feed: P::FEED.map(Feed::of),
            table: P::table().map(KeptTable::of),
            secondary_key: P::secondary_key().map(KeptSecondaryKey::of),
            leaves_out: P::LEAVES_OUT,
            keys: |event| match P::Event::read(&event.event)? {
                Some(data) => P::keys(&Envelope::new(event, data)),
                None => Ok(Vec::new()),
            },
            fold: |folding| {
                let key = folding.key;
                let apply = |row: &mut P::Row, way, event: &Envelope<'_, P::Event>| match way {
                    Way::Apply => Ok(P::apply(key, row, event)?),
                    Way::Revert => Ok(P::revert(key, row, event)?),
                };
                folding.run(&Folder {
                    apply,
                    is_deleted: P::is_deleted,
                    folds_deleted_again: false,
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

    /// The value of the secondary key of a row; `None` where there is no such
    /// key, no row, or no value.
    ///
    /// # Errors
    ///
    /// What the domain rejects, a panic included; too long a value.
    pub fn secondary(&self, row: Option<&Value>) -> Result<Option<String>, Rejection> {
        match (&self.secondary_key, row) {
            (Some(key), Some(row)) => key.value(row),
            (None, _) | (_, None) => Ok(None),
        }
    }

    /// The keys of the rows that an event changes, each once; none where its
    /// type is not declared.
    ///
    /// # Errors
    ///
    /// What the domain rejects, a panic included; too many keys or too long
    /// ones.
    pub fn keys(&self, event: &RecordedEvent) -> Result<Vec<String>, Rejection> {
        if self.leaves_out.contains(&event.event_type()) {
            return Ok(Vec::new());
        }
        let event = self.upcasters.lift(event)?;
        checked_keys(guarded(|| (self.keys)(&event))?)
    }

    /// Folds changes into the row of a key, given as JSON where there is one.
    /// Events whose type is not declared change nothing.
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
    fn run<R, E, A>(&self, folder: &Folder<R, A>) -> Folded
    where
        R: Serialize + DeserializeOwned + Default,
        E: Events,
        A: Fn(&mut R, Way, &Envelope<'_, E>) -> Result<(), Stop>,
    {
        let mut applied = self.changes.len();
        let (mut rejection, mut fold_again) = (None, false);
        loop {
            match self.first(applied, folder) {
                Ok(row) => {
                    return Folded {
                        row,
                        applied,
                        rejection,
                        fold_again,
                    };
                }
                // A change that was rejected or panicked may have left half of
                // itself in the row: what stands before it is folded again.
                Err((before, stop)) => {
                    applied = before;
                    match stop {
                        Stop::Rejected(reason) => (rejection, fold_again) = (Some(reason), false),
                        Stop::FoldAgain => (rejection, fold_again) = (None, true),
                    }
                }
            }
        }
    }

    /// The row after so many of the changes.
    fn first<R, E, A>(
        &self,
        count: usize,
        folder: &Folder<R, A>,
    ) -> Result<Option<Value>, (usize, Stop)>
    where
        R: Serialize + DeserializeOwned + Default,
        E: Events,
        A: Fn(&mut R, Way, &Envelope<'_, E>) -> Result<(), Stop>,
    {
        let mut held: Held<R> = Held::Unread;
        for (applied, change) in self.changes[..count].iter().enumerate() {
            let stop = |rejection| (applied, Stop::Rejected(rejection));
            let (event, way) = match change {
                Change::Apply(event) => (event, Some(Way::Apply)),
                Change::Revert(event) => (event, Some(Way::Revert)),
                Change::Void(event) => (event, None),
                Change::Pass => continue,
            };
            if self.projection.leaves_out.contains(&event.event_type()) {
                continue;
            }
            let read = self.read::<E>(event);
            if matches!(read, Ok(None)) {
                continue;
            }
            let is_none = match held {
                Held::Unread => self.row.is_none(),
                Held::Row(_) => false,
                Held::Deleted => true,
            };
            if is_none && folder.folds_deleted_again && matches!(way, Some(Way::Revert)) {
                return Err((applied, Stop::FoldAgain));
            }
            let mut row = match held {
                Held::Unread => self.row().map_err(stop)?,
                Held::Row(row) => row,
                Held::Deleted => R::default(),
            };
            // A void event need not be readable: it may be taken back for that.
            if let Some(way) = way
                && let Some((lifted, data)) = read.map_err(stop)?
            {
                let envelope = Envelope::new(&lifted, data);
                let done = catching(|| (folder.apply)(&mut row, way, &envelope));
                done.unwrap_or_else(|panic| Err(Stop::Rejected(panic)))
                    .map_err(|stop| (applied, stop))?;
            }
            let is_deleted = guarded(|| Ok((folder.is_deleted)(&row))).map_err(stop)?;
            held = match is_deleted {
                true => Held::Deleted,
                false => Held::Row(row),
            };
        }
        let row = match held {
            Held::Unread => return Ok(self.row.cloned()),
            Held::Deleted => return Ok(None),
            Held::Row(row) => row,
        };
        // Which change made it so is unknown: none of the run is taken.
        let json = serde_json::to_value(&row);
        let no_json =
            |error| Stop::Rejected(Rejection::new(format!("the row has no JSON: {error}")));
        Ok(Some(json.map_err(|error| (0, no_json(error)))?))
    }

    /// An event in its present shape, with its data; `None` where its type is
    /// not declared.
    fn read<'e, E: Events>(
        &self,
        event: &'e RecordedEvent,
    ) -> Result<Option<(Cow<'e, RecordedEvent>, E)>, Rejection> {
        let lifted = self.projection.upcasters.lift(event)?;
        // Reading runs the domain's own code where it has a `Deserialize`.
        let data = guarded(|| E::read(&lifted.event))?;
        Ok(data.map(|data| (lifted, data)))
    }

    /// The row that the fold starts from.
    fn row<R: DeserializeOwned + Default>(&self) -> Result<R, Rejection> {
        let Some(row) = self.row else {
            return Ok(R::default());
        };
        misfit::decode_value(row).map_err(|misfit| {
            Rejection::new(format!(
                "the stored row does not fit the projection's row: {misfit}; rebuild the projection"
            ))
        })
    }
}

impl From<Rejection> for Stop {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}
