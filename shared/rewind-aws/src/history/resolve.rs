//! Streams as they count: folded with regard to what was reversed.

use crate::{
    Error,
    data_table::item_limits::exceeded,
    event_table::event_store::EventStore,
    history::partition::{self, Advanced, Merged},
};
use rewind::{
    Change, Folded, Projection, RecordedEvent, Rejection, Selection, StreamName,
    reversal::{Effect, Reversal, Reversals},
};
use serde_json::Value;
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet, hash_map::Entry},
    time::Instant,
};

/// What the event at a version comes to. That of a reversal is the event at
/// the end of its chain, taken back or restored; any other stands for itself.
#[derive(Debug, Clone)]
pub(crate) struct Resolved<'a> {
    /// The version.
    pub version: u64,
    /// The event that happens or is taken back.
    pub root: Cow<'a, RecordedEvent>,
    /// What the version does to it, where it is that of a reversal.
    pub effect: Option<Effect>,
}

impl Resolved<'_> {
    /// Whether the version is that of a reversal.
    pub fn is_reversal(&self) -> bool {
        self.effect.is_some()
    }

    /// Whether it restores its event.
    pub fn is_restored(&self) -> bool {
        matches!(self.effect, Some(Effect::Restored(_)))
    }

    /// Whether it changes nothing, as another reversal does the same.
    pub fn does_nothing(&self) -> bool {
        matches!(self.effect, Some(Effect::Nothing(_)))
    }

    /// What it does to a row, where the selection takes it.
    pub fn change(&self, selection: Option<&Selection>) -> Change<'_> {
        if !selection.is_none_or(|selection| selection.takes(&self.root)) {
            return Change::Pass;
        }
        match self.effect {
            None | Some(Effect::Restored(_)) => Change::Apply(&self.root),
            Some(Effect::TakenBack(_)) => Change::Revert(&self.root),
            Some(Effect::Nothing(_)) => Change::Pass,
        }
    }
}

/// Follows the reversals among events of one stream to what they are about.
pub(crate) async fn resolve<'a>(
    store: &EventStore,
    run: Vec<Cow<'a, RecordedEvent>>,
) -> Result<Vec<Resolved<'a>>, Error> {
    let is_reversal = |event: &Cow<'a, RecordedEvent>| Reversal::of(event).is_some();
    let last = run.iter().rfind(|event| is_reversal(event));
    let known = match last {
        // What one does depends on all before it.
        Some(last) => reversals(store, last.stream(), 0, last.version).await?,
        None => Reversals::default(),
    };
    let mut found: HashMap<u64, RecordedEvent> = HashMap::new();
    let effects = run.iter().filter_map(|event| known.effect(event.version));
    for root in effects.map(Effect::root) {
        if let Entry::Vacant(unknown) = found.entry(root) {
            let here = run.iter().find(|event| event.version == root);
            unknown.insert(match (here, run.first()) {
                (Some(event), _) => event.clone().into_owned(),
                (None, Some(first)) => read(store, first.stream(), root).await?,
                (None, None) => continue,
            });
        }
    }
    let resolved = run.into_iter().map(|event| {
        let version = event.version;
        let effect = known.effect(version);
        let root = effect.and_then(|effect| found.get(&effect.root()));
        let root = root.map_or(event, |root| Cow::Owned(root.clone()));
        Resolved {
            version,
            root,
            effect,
        }
    });
    Ok(resolved.collect())
}

/// What an event comes to: that of a reversal is the event at the end of its
/// chain.
///
/// # Errors
///
/// When DynamoDB fails, or a commit is damaged or missing.
pub async fn root(store: &EventStore, event: &RecordedEvent) -> Result<RecordedEvent, Error> {
    let mut root = event.clone();
    while let Some(Reversal { version, .. }) = Reversal::of(&root) {
        root = read(store, root.stream(), version).await?;
    }
    Ok(root)
}

async fn read(
    store: &EventStore,
    stream: &StreamName,
    version: u64,
) -> Result<RecordedEvent, Error> {
    let (mut events, _) = store.read_events(stream, version - 1, version).await?;
    events.pop().ok_or_else(|| {
        let what = format!("stream {stream}");
        Error::damaged(what, format!("version {version} is named and not there"))
    })
}

/// The reversals of a stream among the versions above `after` and up to
/// `through`.
///
/// # Errors
///
/// When DynamoDB fails, or a commit is damaged or missing.
pub async fn reversals(
    store: &EventStore,
    stream: &StreamName,
    mut after: u64,
    through: u64,
) -> Result<Reversals, Error> {
    let mut reversals = Reversals::default();
    loop {
        let (events, has_more) = store.read_events(stream, after, through).await?;
        events.iter().for_each(|event| reversals.note(event));
        after = events.last().map_or(after, |event| event.version);
        if !has_more {
            return Ok(reversals);
        }
    }
}

/// Whether an event that is refused is taken back by what follows it, up to a
/// version: then it holds nobody up.
pub(crate) async fn is_taken_back(
    store: &EventStore,
    stream: &StreamName,
    version: u64,
    through: u64,
) -> Result<bool, Error> {
    let later = reversals(store, stream, version, through).await?;
    Ok(later.taken_back().contains(&version))
}

/// A row that was folded from the first event on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Refolded {
    /// The row; `None` where nothing made one.
    pub state: Option<Value>,
    /// Up to which version it holds its stream.
    pub watermark: u64,
    /// Why the next event is not in it.
    pub refused: Option<Rejection>,
}

/// Which row is folded, and of what.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The projection.
    pub projection: &'a Projection,
    /// The stream.
    pub stream: &'a StreamName,
    /// The row's key.
    pub key: &'a str,
    /// Which events count, where not all do.
    pub selection: Option<&'a Selection>,
}

/// Folds a stream from its first event up to a version, page by page, without
/// what was taken back by then. Where an event is refused, the row is the one
/// before it, without what was taken back by *then*.
///
/// # Errors
///
/// When DynamoDB fails, or a commit is damaged or missing.
pub async fn fold(
    store: &EventStore,
    subject: Subject<'_>,
    through: u64,
) -> Result<Refolded, Error> {
    supposing(store, subject, through, None).await
}

/// As [`fold`], supposing that one more event were taken back.
///
/// # Errors
///
/// As [`fold`].
pub async fn supposing(
    store: &EventStore,
    subject: Subject<'_>,
    through: u64,
    taken_back: Option<u64>,
) -> Result<Refolded, Error> {
    let mut through = through;
    let mut refused = None;
    loop {
        let mut reversals = reversals(store, subject.stream, 0, through).await?;
        if let Some(version) = taken_back {
            reversals.suppose(version);
        }
        let taken_back = reversals.taken_back();
        let mut row = Refolded::default();
        loop {
            let page = store.read_events(subject.stream, row.watermark, through);
            let (events, has_more) = page.await?;
            let changes = events.iter().map(|event| {
                let counts = subject.selection.is_none_or(|s| s.takes(event));
                match counts && !reversals.holds(event.version) {
                    true if taken_back.contains(&event.version) => Change::Void(event),
                    true => Change::Apply(event),
                    false => Change::Pass,
                }
            });
            let changes: Vec<Change<'_>> = changes.collect();
            let folded = fold_sized(subject, row.state.as_ref(), &changes);
            row = Refolded {
                state: folded.row,
                watermark: row.watermark + folded.applied as u64,
                refused: folded.rejection,
            };
            if row.refused.is_some() || !has_more {
                break;
            }
        }
        match row.refused.take() {
            None => return Ok(Refolded { refused, ..row }),
            Some(reason) => {
                // What was taken back behind the refused event still counted
                // before it.
                through = row.watermark;
                refused = Some(reason);
            }
        }
    }
}

/// Folds a row that streams share, from everything that was recorded up to a
/// position: the row as it was then. `None` when the deadline came first, as
/// all of the projection's categories are read.
///
/// # Errors
///
/// When DynamoDB fails, or a commit is damaged or missing.
pub async fn fold_shared(
    store: &EventStore,
    projection: &Projection,
    key: &str,
    position: u64,
    deadline: Instant,
) -> Result<Option<Refolded>, Error> {
    let everything = Selection::default();
    let categories = projection.categories.iter().copied().collect();
    let partitions = partition::of(&everything, &categories);
    let mut merged = Merged::new(store, partitions, &everything, position.saturating_add(1));
    let mut row = Refolded::default();
    // Streams that cannot go on, as they could not then.
    let mut stalled: HashSet<StreamName> = HashSet::new();
    loop {
        let event = match merged.advance().await? {
            Advanced::Event(event) => *event,
            Advanced::Read if Instant::now() > deadline => return Ok(None),
            Advanced::Read => continue,
            Advanced::End => return Ok(Some(row)),
        };
        if event.position > position || stalled.contains(event.stream()) {
            continue;
        }
        let stream = event.stream().clone();
        let resolved = resolve(store, vec![Cow::Owned(event)]).await?;
        for resolved in &resolved {
            let change = resolved.change(None);
            let keys = match change {
                Change::Void(_) | Change::Pass => continue,
                Change::Apply(root) | Change::Revert(root) => projection.keys(root),
            };
            let refused = match keys {
                Ok(keys) if keys.iter().any(|touched| touched == key) => {
                    let folded = projection.fold(key, row.state.as_ref(), &[change]);
                    row.state = folded.row;
                    folded.rejection
                }
                Ok(_) => None,
                Err(refused) => Some(refused),
            };
            if refused.is_some() {
                stalled.insert(stream.clone());
            }
        }
    }
}

/// Folds changes into a row that has to fit an item.
pub(crate) fn fold_sized(
    subject: Subject<'_>,
    row: Option<&Value>,
    changes: &[Change<'_>],
) -> Folded {
    let folded = subject.projection.fold(subject.key, row, changes);
    let Some(unfit) = folded.row.as_ref().and_then(exceeded) else {
        return folded;
    };
    match changes.split_at(changes.len() / 2) {
        ([], _) => Folded {
            row: row.cloned(),
            applied: 0,
            rejection: Some(unfit),
            fold_again: false,
        },
        // Which of the changes is too much shows in halves.
        (first, second) => {
            let half = fold_sized(subject, row, first);
            if half.applied < first.len() {
                return half;
            }
            let whole = fold_sized(subject, half.row.as_ref(), second);
            Folded {
                applied: half.applied + whole.applied,
                ..whole
            }
        }
    }
}
