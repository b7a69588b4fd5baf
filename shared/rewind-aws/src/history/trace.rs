//! The trace of an event: what led to it, and what it has led to.
//!
//! An event names its cause (`causationid`). The other way round there is no
//! index, and none is needed: the identity of what follows depends on its cause
//! and on who reacts, so it can be said what would have been recorded, and the
//! claims tell whether and where it was. What is recorded together has one claim;
//! the rest stands behind it in its stream.

use crate::{Error, event_table::event_store::EventStore};
use rewind::{
    RecordedEvent, Service, StreamName,
    event::identity,
    reserved::{COMMAND_RECEIVED, COMMAND_SOURCE, RECEIVED_SOURCE, REVERSAL_SOURCE},
};
use std::collections::{BTreeSet, VecDeque};

/// How many events a trace names at most.
pub const MOST: usize = 500;

/// How many causes, one behind the other, are looked for: more than a causal
/// chain may have, with the journals and logs in between.
const MOST_CAUSES: usize = 64;

/// How many things of one kind that an event has led to are looked for at once.
/// Where all are there, as many again are looked for.
const AT_ONCE: usize = 4;

/// What led to an event, and what it has led to.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// The events, a cause before what it has led to.
    pub events: Vec<RecordedEvent>,
    /// Whether there are more than are named.
    pub has_more: bool,
}

/// A place, `stream@version`.
type Place = (StreamName, u64);

/// The trace of the event at a place; `None` where there is none.
///
/// # Errors
///
/// When DynamoDB fails, or what is read is damaged.
pub async fn trace(
    service: &Service,
    events: &EventStore,
    stream: &StreamName,
    version: u64,
) -> Result<Option<Trace>, Error> {
    let Some(event) = events.event(stream, version).await? else {
        return Ok(None);
    };
    let mut causes = vec![event];
    while let Some(cause) = causes.last().and_then(cause_of) {
        if causes.len() > MOST_CAUSES {
            break;
        }
        match events.event(&cause.0, cause.1).await? {
            Some(found) => causes.push(found),
            // An import may leave a cause behind.
            None => break,
        }
    }
    causes.reverse();
    let mut walk = Walk {
        service,
        events,
        known: BTreeSet::new(),
        found: Vec::new(),
        open: VecDeque::new(),
    };
    let asked = causes.len() - 1;
    for (nth, cause) in causes.into_iter().enumerate() {
        walk.take(cause, nth == asked);
    }
    while let Some(next) = walk.open.pop_front() {
        if walk.found.len() >= MOST {
            walk.open.push_front(next);
            break;
        }
        walk.consequences(&next).await?;
    }
    Ok(Some(Trace {
        events: walk.found,
        has_more: !walk.open.is_empty(),
    }))
}

/// The place that an event names as its cause.
pub fn cause_of(event: &RecordedEvent) -> Option<Place> {
    let place = event.event.extension("causationid")?;
    let (stream, version) = place.rsplit_once('@')?;
    Some((StreamName::new(stream).ok()?, version.parse().ok()?))
}

struct Walk<'a> {
    service: &'a Service,
    events: &'a EventStore,
    known: BTreeSet<Place>,
    found: Vec<RecordedEvent>,
    /// What is not followed yet.
    open: VecDeque<RecordedEvent>,
}

impl Walk<'_> {
    fn take(&mut self, event: RecordedEvent, follow: bool) {
        let place = (event.stream().clone(), event.version);
        if self.known.insert(place) {
            if follow {
                self.open.push_back(event.clone());
            }
            self.found.push(event);
        }
    }

    /// Takes what an event has led to.
    async fn consequences(&mut self, cause: &RecordedEvent) -> Result<(), Error> {
        let mut from: BTreeSet<Place> = BTreeSet::new();
        let (mut kinds, mut first) = (kinds(self.service, cause), 0);
        while !kinds.is_empty() {
            let wanted: Vec<Vec<String>> = kinds
                .iter()
                .map(|kind| {
                    (first..first + AT_ONCE)
                        .map(|nth| kind.identity(nth))
                        .collect()
                })
                .collect();
            let all: Vec<&str> = wanted.iter().flatten().map(String::as_str).collect();
            let claims = self.events.claims(&all).await?;
            let mut wanted = wanted.iter();
            // Of a kind that is there as often as it was looked for, there may be more.
            kinds.retain(|kind| {
                let mut wanted = wanted.next().into_iter().flatten();
                kind.is_many && wanted.all(|identity| claims.contains_key(identity))
            });
            from.extend(claims.into_values().map(|claim| (claim.stream, claim.from)));
            first += AT_ONCE;
        }
        // What follows in a log or a journal itself.
        from.insert((cause.stream().clone(), cause.version + 1));
        let place = format!("{}@{}", cause.stream(), cause.version);
        for (stream, version) in from {
            let (page, _) = self
                .events
                .read_events(&stream, version - 1, u64::MAX)
                .await?;
            let of_command = |event: &RecordedEvent| {
                cause.event.event_type == COMMAND_RECEIVED
                    && event.event.source == COMMAND_SOURCE
                    && event.event.id.rsplit_once('/').map(|(id, _)| id) == Some(&*cause.event.id)
            };
            for event in page {
                let is_named = event.event.extension("causationid") == Some(&*place);
                if is_named || of_command(&event) {
                    self.take(event, true);
                }
            }
        }
        Ok(())
    }
}

/// Things of one kind that an event may have led to: their identities differ in
/// a number.
struct Kind {
    source: String,
    id: String,
    is_many: bool,
}

impl Kind {
    fn many(source: impl Into<String>, id: String) -> Self {
        Self {
            source: source.into(),
            id,
            is_many: true,
        }
    }

    fn identity(&self, nth: usize) -> String {
        identity(&self.source, &format!("{}/{nth}", self.id))
    }
}

/// All that may follow from an event by the service of today.
fn kinds(service: &Service, cause: &RecordedEvent) -> Vec<Kind> {
    let place = format!("{}@{}", cause.stream(), cause.version);
    let category = cause.stream().category();
    let reactions = service.reactions().iter();
    let reactions = reactions.filter(|known| known.reads(category));
    let runners = service.runners().iter();
    let runners = runners.filter(|known| known.reads(category) || known.category == category);
    let origins: BTreeSet<&str> = reactions
        .map(|known| known.origin.as_str())
        .chain(runners.map(|known| known.origin.as_str()))
        .collect();
    let mut kinds = vec![Kind::many(REVERSAL_SOURCE, place.clone())];
    for origin in origins {
        let source = format!("/rewind/{origin}");
        kinds.push(Kind::many(&*source, place.clone()));
        let command = format!("{origin}/{place}");
        kinds.push(Kind::many(RECEIVED_SOURCE, command));
        for caller in service.callers() {
            let id = format!("{place}/{}", caller.name);
            kinds.push(Kind::many(&*source, id));
        }
    }
    if cause.event.event_type == COMMAND_RECEIVED && cause.event.source == RECEIVED_SOURCE {
        let mut outcome = Kind::many(COMMAND_SOURCE, cause.event.id.clone());
        outcome.is_many = false;
        kinds.push(outcome);
    }
    kinds
}
