//! Reversals: events that take another event of their stream back.
//!
//! History is not changed: an event of the type [`REVERSED`] is recorded that
//! names the one that it takes back, why, and by whom. A reversal is an event
//! like any other, so it can be reversed as well, which restores what it took
//! back.

use crate::{CloudEvent, RecordedEvent, Rejection, StreamName, record::event};
pub use crate::{
    commit::LastReversal,
    reserved::{REVERSAL_SOURCE, REVERSED},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The data of a reversal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reversal {
    /// The version of the event that is taken back, in the same stream.
    pub version: u64,
    /// The source of that event.
    pub source: String,
    /// Its id.
    pub id: String,
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: String,
}

impl Reversal {
    /// The reversal that an event is, if it is one. A reversal that names a
    /// version not below its own means nothing: it is none.
    ///
    /// # Errors
    ///
    /// When the event is a reversal and its data cannot be decoded. What it
    /// takes back is then unknown, so no reader may go on as if it took
    /// nothing back.
    pub fn of(event: &RecordedEvent) -> Result<Option<Self>, Rejection> {
        if !Self::is_one(event) {
            return Ok(None);
        }
        let reversal: Self = event.data().map_err(|unfit| {
            let why = format!("a reversal whose data cannot be decoded: {unfit}");
            Rejection::new(format!("{why}; reverse it to leave it out"))
        })?;
        // Nothing can take back what is still to come.
        Ok((reversal.version < event.version).then_some(reversal))
    }

    /// Whether an event is a reversal, whatever its data.
    pub fn is_one(event: &RecordedEvent) -> bool {
        event.event.is_reversal()
    }

    /// The event to be recorded, for the `nth` time (from 0) that this event is
    /// taken back. Its identity depends on these alone, so that asking twice is
    /// asking once.
    pub fn event(&self, of: &RecordedEvent, nth: usize, time: String) -> CloudEvent {
        let causation = format!("{}@{}", of.stream(), of.version);
        let correlation = of.event.extension("correlationid");
        let correlation = correlation.unwrap_or(&of.event.id);
        CloudEvent {
            id: format!("{causation}/{nth}"),
            source: REVERSAL_SOURCE.into(),
            event_type: REVERSED.into(),
            stream: of.stream().clone(),
            time,
            extensions: BTreeMap::from([
                ("correlationid".into(), correlation.into()),
                ("causationid".into(), causation.into()),
            ]),
            data: event::raw(&json!(self)),
        }
    }
}

/// The reversals of one stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reversals {
    /// Version of the reversal, version that it names.
    all: BTreeMap<u64, u64>,
    /// Versions of reversals that cannot be decoded, and why.
    undecoded: BTreeMap<u64, Rejection>,
}

impl Reversals {
    /// Takes note of an event, if it is a reversal.
    pub fn note(&mut self, event: &RecordedEvent) {
        match Reversal::of(event) {
            Ok(Some(reversal)) => {
                self.all.insert(event.version, reversal.version);
            }
            Ok(None) => {}
            Err(why) => {
                self.undecoded.insert(event.version, why);
            }
        }
    }

    /// Takes note of all that others hold.
    pub fn extend(&mut self, others: Self) {
        self.all.extend(others.all);
        self.undecoded.extend(others.undecoded);
    }

    /// Why the reversal at a version cannot be decoded, where that is so. A
    /// reader must not pass it, unless it is taken back itself.
    pub fn undecoded(&self, version: u64) -> Option<&Rejection> {
        self.undecoded.get(&version)
    }

    /// Those up to a version.
    #[must_use]
    pub fn up_to(&self, version: u64) -> Self {
        let all = self.all.range(..=version);
        let undecoded = self.undecoded.range(..=version);
        Self {
            all: all.map(|(by, named)| (*by, *named)).collect(),
            undecoded: undecoded.map(|(at, why)| (*at, why.clone())).collect(),
        }
    }

    /// Supposes that an event were taken back, behind all others.
    pub fn suppose(&mut self, version: u64) {
        self.all.insert(u64::MAX, version);
    }

    /// The reversal that takes an event back now, if one does.
    pub fn by(&self, version: u64) -> Option<u64> {
        let taken_back = self.taken_back();
        let mut standing = self.all.iter().rev();
        let by = standing.find(|(by, named)| **named == version && !taken_back.contains(by));
        by.map(|(by, _)| *by)
    }

    /// The reversals among some events of one stream.
    pub fn among<'a>(events: impl IntoIterator<Item = &'a RecordedEvent>) -> Self {
        let mut reversals = Self::default();
        events.into_iter().for_each(|event| reversals.note(event));
        reversals
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty() && self.undecoded.is_empty()
    }

    /// Whether this version is a reversal that names an earlier one.
    pub fn holds(&self, version: u64) -> bool {
        self.all.contains_key(&version)
    }

    /// The versions of the reversals, in order.
    pub fn versions(&self) -> impl Iterator<Item = u64> {
        self.all.keys().copied()
    }

    /// How often an event was taken back, whether or not it was restored.
    pub fn times(&self, version: u64) -> usize {
        self.all.values().filter(|named| **named == version).count()
    }

    /// The versions that do not count: events taken back, by a reversal that
    /// was not taken back itself. The latest reversal is sure to stand, so they
    /// are settled from the last to the first.
    pub fn taken_back(&self) -> BTreeSet<u64> {
        let mut taken_back = BTreeSet::new();
        for (reversal, named) in self.all.iter().rev() {
            if !taken_back.contains(reversal) {
                taken_back.insert(*named);
            }
        }
        taken_back
    }

    /// The versions whose events a fold leaves out: those taken back, and the
    /// reversals themselves.
    pub fn left_out(&self) -> BTreeSet<u64> {
        let mut left_out = self.taken_back();
        left_out.extend(self.all.keys());
        left_out.extend(self.undecoded.keys());
        left_out
    }

    /// What the reversal at a version does. `None` where that version is no
    /// reversal.
    pub fn effect(&self, version: u64) -> Option<Effect> {
        let mut root = *self.all.get(&version)?;
        // Each step names an earlier version: this ends.
        while let Some(earlier) = self.all.get(&root) {
            root = *earlier;
        }
        let counts = |all: &mut dyn Iterator<Item = (&u64, &u64)>| {
            let all = all.map(|(reversal, named)| (*reversal, *named)).collect();
            let undecoded = BTreeMap::new();
            !Self { all, undecoded }.taken_back().contains(&root)
        };
        let before = counts(&mut self.all.range(..version));
        let after = counts(&mut self.all.range(..=version));
        Some(match (before, after) {
            (true, false) => Effect::TakenBack(root),
            (false, true) => Effect::Restored(root),
            _ => Effect::Nothing(root),
        })
    }

    /// As [`effect`](Self::effect), where that is what counts in the end: a later
    /// reversal may have settled it. For who keeps what it has followed, and is
    /// told of old reversals again.
    pub fn lasting_effect(&self, version: u64) -> Option<Effect> {
        let effect = self.effect(version)?;
        let is_taken_back = self.taken_back().contains(&effect.root());
        Some(match effect {
            Effect::TakenBack(root) if !is_taken_back => Effect::Nothing(root),
            Effect::Restored(root) if is_taken_back => Effect::Nothing(root),
            effect => effect,
        })
    }
}

/// What a reversal does to the event at the end of its chain, which is at the
/// given version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The event no longer counts.
    TakenBack(u64),
    /// The event counts again.
    Restored(u64),
    /// Nothing: another reversal stands that does the same.
    Nothing(u64),
}

impl Effect {
    /// The version of the event.
    pub fn root(self) -> u64 {
        match self {
            Self::TakenBack(root) | Self::Restored(root) | Self::Nothing(root) => root,
        }
    }
}

/// The events of a stream, as they count: without those taken back and without
/// the reversals.
pub fn effective(events: &[RecordedEvent]) -> impl Iterator<Item = &RecordedEvent> {
    let left_out = Reversals::among(events).left_out();
    let counts = move |event: &&RecordedEvent| !left_out.contains(&event.version);
    events.iter().filter(counts)
}

/// The stream that an event at a version is called by: `cart-456@7`.
pub fn place(stream: &StreamName, version: u64) -> String {
    format!("{stream}@{version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reversals(all: &[(u64, u64)]) -> Reversals {
        Reversals {
            all: all.iter().copied().collect(),
            undecoded: BTreeMap::new(),
        }
    }

    #[test]
    fn the_last_reversal_is_carried_on_until_there_is_another() {
        let event = |event_type: &str, source: &str| {
            let mut event = crate::testing::event("cart-1", event_type, &json!({}), 1).event;
            event.source = source.into();
            event
        };
        let (other, reversal) = (event("seen", "/test"), event(REVERSED, REVERSAL_SOURCE));
        let impostor = event(REVERSED, "/test");
        for before in [
            LastReversal::None,
            LastReversal::At(3),
            LastReversal::Unknown,
        ] {
            assert_eq!(before.after([&other, &impostor], 7), before);
            let after = before.after([&reversal, &reversal, &other], 7);
            assert_eq!(after, LastReversal::At(8));
        }
    }

    #[test]
    fn a_reversal_that_cannot_be_decoded_is_known_as_one() {
        let mut broken = crate::testing::event("cart-1", REVERSED, &json!({"version": "x"}), 4);
        broken.event.source = REVERSAL_SOURCE.into();
        let why = Reversal::of(&broken).unwrap_err();
        assert!(why.reason.contains("version"), "{why}");
        let reversals = Reversals::among([&broken]);
        assert_eq!(reversals.undecoded(4), Some(&why));
        assert!(!reversals.is_empty() && !reversals.holds(4));
        assert_eq!(reversals.left_out(), BTreeSet::from([4]));
    }

    #[test]
    fn reversing_a_reversal_restores() {
        let once = reversals(&[(3, 1)]);
        assert_eq!(once.taken_back(), BTreeSet::from([1]));
        let twice = reversals(&[(3, 1), (4, 3)]);
        assert_eq!(twice.taken_back(), BTreeSet::from([3]));
        let thrice = reversals(&[(3, 1), (4, 3), (5, 4)]);
        assert_eq!(thrice.taken_back(), BTreeSet::from([1, 4]));
        assert_eq!(thrice.effect(5), Some(Effect::TakenBack(1)));
        assert_eq!(thrice.effect(4), Some(Effect::Restored(1)));
        assert_eq!(thrice.effect(2), None);
        assert_eq!(twice.lasting_effect(3), Some(Effect::Nothing(1)));
        assert_eq!(thrice.lasting_effect(3), Some(Effect::TakenBack(1)));
        assert_eq!(thrice.lasting_effect(4), Some(Effect::Nothing(1)));
    }

    #[test]
    fn an_event_can_be_taken_back_again() {
        let again = reversals(&[(3, 1), (4, 3), (6, 1)]);
        assert_eq!(again.taken_back(), BTreeSet::from([1, 3]));
        assert_eq!(again.times(1), 2);
    }

    #[test]
    fn a_second_reversal_of_one_event_does_nothing() {
        // 6 restores 3, which takes 1 back, as 5 does already.
        let twice = reversals(&[(3, 1), (4, 3), (5, 1), (6, 4)]);
        assert_eq!(twice.taken_back(), BTreeSet::from([1, 4]));
        assert_eq!(twice.effect(5), Some(Effect::TakenBack(1)));
        assert_eq!(twice.effect(6), Some(Effect::Nothing(1)));
        assert_eq!(twice.lasting_effect(5), Some(Effect::TakenBack(1)));
        // To restore it then takes both.
        let one = reversals(&[(3, 1), (4, 3), (5, 1), (6, 4), (7, 5)]);
        assert_eq!(one.effect(7), Some(Effect::Nothing(1)));
    }
}
