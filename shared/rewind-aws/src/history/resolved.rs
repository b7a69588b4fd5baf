//! What each version of a stream comes to: an event that happens, is taken back
//! or is restored.

use super::reversals::reversals;
use crate::{Error, event_table::event_store::EventStore};
use rewind::{
    Change, RecordedEvent, Rejection, Selection, StreamName,
    reversal::{Effect, Reversal, Reversals},
};
use std::{
    borrow::Cow,
    collections::{HashMap, hash_map::Entry},
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

    /// Why no reader may pass the version: the event is a reversal that cannot be
    /// decoded.
    pub fn refused(&self) -> Option<Rejection> {
        Reversal::of(&self.root).err()
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

/// Follows the reversals among a run of events, which has no gap, to the events
/// that they take back or restore.
pub(crate) async fn resolve<'a>(
    store: &EventStore,
    run: Vec<Cow<'a, RecordedEvent>>,
) -> Result<Vec<Resolved<'a>>, Error> {
    let mut known = Reversals::among(run.iter().map(Cow::as_ref));
    if let Some(first) = run.first().filter(|_| !known.is_empty()) {
        // The effect of a reversal depends on all reversals before it.
        let before = first.version.saturating_sub(1);
        known.extend(reversals(store, first.stream(), 0, before).await?);
    }
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
/// chain. One that cannot be decoded stands for itself.
///
/// # Errors
///
/// When DynamoDB fails, or a commit is damaged or missing.
pub async fn root(store: &EventStore, event: &RecordedEvent) -> Result<RecordedEvent, Error> {
    let mut root = event.clone();
    while let Ok(Some(Reversal { version, .. })) = Reversal::of(&root) {
        root = read(store, root.stream(), version).await?;
    }
    Ok(root)
}

async fn read(
    store: &EventStore,
    stream: &StreamName,
    version: u64,
) -> Result<RecordedEvent, Error> {
    let event = store.event(stream, version).await?;
    event.ok_or_else(|| {
        let what = format!("stream {stream}");
        Error::damaged(what, format!("version {version} is named and not there"))
    })
}
