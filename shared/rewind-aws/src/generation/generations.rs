//! What is known of a projection's generations.

use crate::aws::clock::now;
use jiff::{SignedDuration, Timestamp};
use rewind::Selection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long a batch may go on that read these records before they changed:
/// twice the time that write has for one.
pub(crate) const SETTLED: SignedDuration = SignedDuration::from_secs(120);

/// The generations of a projection. A projection that nobody has rebuilt has
/// no record and serves generation 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Generations {
    /// What readers see.
    pub serving: u64,
    /// What a playback builds. Live events reach it as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub building: Option<u64>,
    /// The playback that builds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playback: Option<String>,
    /// What served before, kept up to date for a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<u64>,
    /// Generations that hold a part of history only. They never serve, and
    /// live events do not reach them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<u64, Part>,
    /// Generations that nobody wants any more, whose rows are being deleted,
    /// with the time when they were dropped.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped: BTreeMap<u64, Timestamp>,
    /// The `VERSION` of the projection that each generation was begun with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<u64, u32>,
    /// When what serves began to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Whether it is being told where rows of what serves differ from those of
    /// what served before.
    #[serde(default, skip_serializing_if = "is_false")]
    pub telling: bool,
    /// The highest number that was ever given.
    pub latest: u64,
}

/// A generation that holds a part of history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// The playback that built it.
    pub playback: String,
    /// Of which events.
    pub of: Selection,
}

impl Default for Generations {
    fn default() -> Self {
        Self {
            serving: 1,
            building: None,
            playback: None,
            previous: None,
            parts: BTreeMap::new(),
            dropped: BTreeMap::new(),
            versions: BTreeMap::new(),
            since: None,
            telling: false,
            latest: 1,
        }
    }
}

impl Generations {
    /// The generations that live events are folded into.
    pub fn live(&self) -> impl Iterator<Item = u64> {
        let others = [self.building, self.previous].into_iter().flatten();
        std::iter::once(self.serving).chain(others)
    }

    /// All generations that have rows, with the part of history that each
    /// holds where that is not all.
    pub fn all(&self) -> impl Iterator<Item = (u64, Option<&Selection>)> {
        let parts = self.parts.iter().map(|(nth, part)| (*nth, Some(&part.of)));
        self.live().map(|live| (live, None)).chain(parts)
    }

    /// Whether a playback may still write to this generation.
    pub fn takes(&self, generation: u64) -> bool {
        self.all().any(|(known, _)| known == generation)
    }

    /// Whether what serves was begun with another version of the projection.
    pub fn is_rebuild_due(&self, version: u32) -> bool {
        let served = self.versions.get(&self.serving);
        served.is_some_and(|served| *served != version)
    }

    /// Whether every batch that runs knows what serves.
    pub fn is_settled(&self) -> bool {
        let since = self.since;
        since.is_none_or(|since| now().duration_since(since) >= SETTLED)
    }

    /// Gives the next generation its number.
    pub(super) fn open(&mut self, version: u32) -> u64 {
        self.latest += 1;
        self.versions.insert(self.latest, version);
        self.latest
    }

    /// Drops a generation.
    pub(super) fn close(&mut self, generation: u64) {
        self.parts.remove(&generation);
        self.versions.remove(&generation);
        self.dropped.insert(generation, now());
    }
}

fn is_false(value: &bool) -> bool {
    !value
}
