//! Identities: each event's is claimed for it, unless its number tells that it is
//! new, and stands nowhere else.
//!
//! An event whose claim names another stream, or that nothing claims, is a
//! stray: it may stand elsewhere as well. All others can repeat only within
//! their own stream, which is why the second look at what the filter has seen
//! before reads no more than that stream.

use super::{
    line,
    look::{Run, locked},
    pages::Pages,
    report::{Kind, Violation},
};
use crate::{
    Error,
    aws::item::{Item, number, string},
    event_table::event_store::Place,
};
use rewind::{RecordedEvent, StreamName, claimed::Claimed};
use std::collections::{BTreeSet, HashMap};

/// Identities that are looked at again in one go.
const MAX_CANDIDATES: usize = 10_000;

/// Strays that are remembered.
const MAX_STRAYS: usize = 10_000;

/// Identities of a stream that the filter has seen before.
pub(super) type Candidates = BTreeSet<String>;

impl Run<'_> {
    /// Checks the claims of a page of events.
    pub(super) async fn check_claims(
        &self,
        stream: &StreamName,
        page: &line::Read,
        candidates: &mut Candidates,
    ) -> Result<(), Error> {
        let events = &page.events;
        let identities: BTreeSet<String> = events
            .iter()
            .flat_map(|event| match event.event.claimed() {
                Claimed::Together { identity, .. } => vec![identity, event.event.identity()],
                // One that was imported is claimed by itself.
                Claimed::ByItself | Claimed::Not => vec![event.event.identity()],
            })
            .collect();
        let identities: Vec<String> = identities.into_iter().collect();
        let items = self.events.claim_items(&identities).await?;
        let mut claims: HashMap<&str, &Item> = HashMap::new();
        for item in &items {
            claims.insert(string(item, "stream")?.trim_start_matches('#'), item);
        }
        for event in events {
            let identity = event.event.identity();
            if locked(&self.identities).insert(&identity) {
                candidates.insert(identity.clone());
            }
            match (claims.get(&*identity), event.event.claimed()) {
                // Also what was recorded together elsewhere, and imported.
                (Some(own), _) => {
                    self.count(|counts| counts.claimed_events += 1);
                    if !self.check_claim(event, own) {
                        self.look_elsewhere(stream, event, own).await?;
                        self.stray(event, identity);
                    }
                }
                (None, Claimed::ByItself) if page.new_by_number.contains(&event.version) => {}
                (None, Claimed::ByItself | Claimed::Together { is_first: true, .. }) => {
                    self.unclaimed(event, &identity);
                }
                (None, Claimed::Together { identity: with, .. }) => match claims.get(&*with) {
                    None => self.unclaimed(event, &with),
                    Some(claim) if self.check_together(event, claim) => {}
                    Some(_) => self.stray(event, identity),
                },
                (None, Claimed::Not) => {}
            }
            if candidates.len() >= MAX_CANDIDATES {
                self.look_again(stream, candidates).await?;
            }
        }
        Ok(())
    }

    /// Nothing claims an event: it may stand elsewhere as well.
    fn unclaimed(&self, event: &RecordedEvent, claimed: &str) {
        let (place, expected) = (place_of(event), format!("a claim #{claimed}"));
        self.violation(Violation::new(Kind::Unclaimed, place, expected, "none"));
        self.stray(event, event.event.identity());
    }

    /// Checks the claim of all that was recorded together, and says whether it
    /// names the commit of this event.
    fn check_together(&self, event: &RecordedEvent, claim: &Item) -> bool {
        let first = (string(claim, "target"), number(claim, "from"));
        let also = string(claim, "also").unwrap_or("[]");
        let also: Vec<Place> = serde_json::from_str(also).unwrap_or_default();
        let stream = event.stream();
        let is_here = |named: &str, version: u64| {
            named == stream.as_str() && (1..=event.version).contains(&version)
        };
        let is_named = matches!(first, (Ok(target), Ok(from)) if is_here(target, from))
            || also
                .iter()
                .any(|place| is_here(place.stream.as_str(), place.version));
        if !is_named {
            let expected = format!("a claim that names {stream} up to {}", event.version);
            let found = string(claim, "target").unwrap_or("nothing");
            let place = place_of(event);
            self.violation(Violation::new(Kind::ClaimDiffers, place, expected, found));
        }
        is_named
    }

    /// Checks a claim, and says whether it sends a retry to this stream.
    fn check_claim(&self, event: &RecordedEvent, claim: &Item) -> bool {
        let fingerprint = event.event.fingerprint();
        let target = string(claim, "target").unwrap_or("nothing");
        let from = number(claim, "from").unwrap_or(u64::MAX);
        let is_here = target == event.stream().as_str();
        let is_right = string(claim, "fingerprint").is_ok_and(|known| known == fingerprint);
        if !is_here || !is_right || from > event.version {
            let expected = format!(
                "a claim of {fingerprint} for {} from {} or before",
                event.stream(),
                event.version
            );
            let known = string(claim, "fingerprint").unwrap_or("nothing");
            let found = format!("{known} for {target} from {from}");
            let place = place_of(event);
            self.violation(Violation::new(Kind::ClaimDiffers, place, expected, found));
        }
        is_here
    }

    /// Remembers an event that may stand elsewhere as well.
    fn stray(&self, event: &RecordedEvent, identity: String) {
        let place = place_of(event);
        let mut strays = locked(&self.strays);
        let before = match strays.get(&identity) {
            Some(before) => Some(before.clone()),
            None if strays.len() < MAX_STRAYS => strays.insert(identity, place.clone()),
            None => None,
        };
        drop(strays);
        // Within one stream, the second look finds it.
        let stream = format!("{}@", event.stream());
        if let Some(before) = before.filter(|before| !before.starts_with(&stream)) {
            self.twice(&event.event.id, &[before, place]);
        }
    }

    /// Looks for an event in the stream that its claim names.
    async fn look_elsewhere(
        &self,
        stream: &StreamName,
        event: &RecordedEvent,
        claim: &Item,
    ) -> Result<(), Error> {
        let target = string(claim, "target").ok().map(StreamName::new);
        let Some(Ok(target)) = target else {
            return Ok(());
        };
        if target == *stream {
            return Ok(());
        }
        let wanted = BTreeSet::from([event.event.identity()]);
        for mut places in self.places(&target, &wanted).await?.into_values() {
            places.insert(0, place_of(event));
            self.twice(&event.event.id, &places);
        }
        Ok(())
    }

    /// Looks where in the stream the candidates really stand.
    pub(super) async fn look_again(
        &self,
        stream: &StreamName,
        candidates: &mut Candidates,
    ) -> Result<(), Error> {
        if candidates.is_empty() {
            return Ok(());
        }
        let wanted = std::mem::take(candidates);
        for (identity, places) in self.places(stream, &wanted).await? {
            if places.len() > 1 {
                self.twice(&format!("#{identity}"), &places);
                let repeats = places.len() as u64 - 1;
                self.count(|counts| {
                    counts.claimed_events = counts.claimed_events.saturating_sub(repeats);
                });
            }
        }
        Ok(())
    }

    /// Where events of these identities stand in a stream.
    async fn places(
        &self,
        stream: &StreamName,
        wanted: &BTreeSet<String>,
    ) -> Result<HashMap<String, Vec<String>>, Error> {
        let mut places: HashMap<String, Vec<String>> = HashMap::new();
        let mut pages = Pages::of(&self.events, stream);
        while let Some(items) = pages.next().await? {
            for event in line::read(&items).events {
                let identity = event.event.identity();
                if wanted.contains(&identity) {
                    places.entry(identity).or_default().push(place_of(&event));
                }
            }
        }
        Ok(places)
    }

    fn twice(&self, id: &str, places: &[String]) {
        let found = format!("{id} at {}", places.join(", "));
        let kind = Kind::RecordedTwice;
        self.violation(Violation::new(kind, &places[0], "one event", found));
    }
}

/// An event by its stream and version.
fn place_of(event: &RecordedEvent) -> String {
    format!("{}@{}", event.stream(), event.version)
}
