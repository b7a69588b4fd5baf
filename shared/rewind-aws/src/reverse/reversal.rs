//! Reversing one event: what it would change, and doing it.

use crate::{
    Error,
    aws::{clock, producer::Stream, publish::Run},
    data_table::{data_store::DataStore, key::Key},
    event_table::event_store::EventStore,
    generation::lifecycle,
    history::resolve::{self, Subject},
};
use rewind::{
    Batch, Change, Over, Problem, Projection, RecordedEvent, Rejection, Service, StreamName,
    Target,
    reversal::{Effect, Reversal, Reversals, place},
};
use serde::Serialize;
use serde_json::Value;

/// The longest reason and the longest name, in bytes.
const MAX_WORDS: usize = 1024;

/// Reverses events of a service.
#[derive(Debug)]
pub struct Reverser {
    service: Service,
    events: EventStore,
    store: DataStore,
    incoming: Stream,
}

/// Which event is to be reversed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its stream.
    pub stream: StreamName,
    /// Its version.
    pub version: u64,
}

/// A reversal that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// The id of the event that will be recorded.
    pub id: String,
    /// Its source.
    pub source: String,
    /// Its stream.
    pub stream: StreamName,
    /// The version that it takes back.
    pub reverses: u64,
}

/// What a reversal would change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Preview {
    /// The event.
    pub event: RecordedEvent,
    /// Every row that would be another one.
    pub rows: Vec<RowChange>,
    /// What depends on the event: later events that would now be refused.
    pub depending: Vec<Depending>,
}

/// A row that a reversal would change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowChange {
    /// The projection.
    pub projection: &'static str,
    /// The row's key.
    pub key: String,
    /// The row now.
    pub before: Option<Value>,
    /// The row without the event.
    pub after: Option<Value>,
}

/// A later event that would be refused without the reversed one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Depending {
    /// Who would refuse: a projection, or `aggregate`.
    pub by: String,
    /// The version of the event that would be refused.
    pub version: u64,
    /// Why.
    pub reason: String,
}

/// Why an event is not reversed.
#[derive(Debug, thiserror::Error)]
pub enum ReverseError {
    /// The request is refused.
    #[error(transparent)]
    Refused(#[from] Problem),
    /// A service failed: asking again is harmless.
    #[error(transparent)]
    Service(#[from] Error),
}

impl Reverser {
    /// A reverser that sends reversals to the stream `incoming`.
    pub fn new(service: Service, events: EventStore, store: DataStore, incoming: Stream) -> Self {
        Self {
            service,
            events,
            store,
            incoming,
        }
    }

    /// Takes an event back: its reversal is on its way into the events table
    /// when this returns. Asking twice is asking once.
    ///
    /// # Errors
    ///
    /// A problem when there is no such event, it is reversed already, or
    /// nobody says why or who.
    pub async fn reverse(
        &self,
        named: &Named,
        reason: &str,
        by: &str,
    ) -> Result<Accepted, ReverseError> {
        for (field, words) in [("reason", reason), ("by", by)] {
            if words.trim().is_empty() || words.len() > MAX_WORDS {
                let why =
                    format!("expected 1 to {MAX_WORDS} bytes: a reversal says why and by whom");
                return Err(Problem::invalid(field, why).into());
            }
        }
        let (event, reversals) = self.find(named).await?;
        let reversal = Reversal {
            version: named.version,
            source: event.event.source.clone(),
            id: event.event.id.clone(),
            reason: reason.to_string(),
            by: by.to_string(),
        };
        let nth = reversals.times(named.version);
        let event = reversal.event(&event, nth, clock::now().to_string());
        let packed = Batch::encode(std::slice::from_ref(&event));
        let run = Run::new(event.stream.as_str(), packed);
        let published = self.incoming.publish(vec![run]).await;
        if let Some(reason) = published.into_iter().find_map(|run| run.refused) {
            let operation = "PutRecords";
            return Err(Error::Service { operation, reason }.into());
        }
        Ok(Accepted {
            id: event.id,
            source: event.source,
            stream: event.stream,
            reverses: named.version,
        })
    }

    /// What reversing an event would change, and what depends on it. Nothing
    /// is done.
    ///
    /// # Errors
    ///
    /// As [`reverse`](Self::reverse).
    pub async fn preview(&self, named: &Named) -> Result<Preview, ReverseError> {
        let (event, mut reversals) = self.find(named).await?;
        reversals.suppose(named.version);
        let mut preview = Preview {
            event,
            rows: Vec::new(),
            depending: Vec::new(),
        };
        let projections = self.service.projections().iter();
        for projection in projections.filter(|known| known.reads(named.stream.category())) {
            match projection.over {
                Over::OneStream => self.preview_row(projection, named, &mut preview).await?,
                Over::ManyStreams => {
                    let (root, is_restored) = match reversals.effect(u64::MAX) {
                        Some(Effect::TakenBack(root)) => (root, false),
                        Some(Effect::Restored(root)) => (root, true),
                        Some(Effect::Nothing(_)) | None => continue,
                    };
                    let root = match root == named.version {
                        true => preview.event.clone(),
                        false => self.event(&named.stream, root).await?,
                    };
                    let change = (&root, is_restored);
                    let changed = self.preview_rows(projection, change, &mut preview);
                    changed.await?;
                }
            }
        }
        if self.service.is_decided(named.stream.category()) {
            let events = self.all(&named.stream).await?;
            let left_out = reversals.left_out();
            let events = events.iter();
            let events = events.filter(|event| !left_out.contains(&event.version));
            let events: Vec<&RecordedEvent> = events.collect();
            let category = named.stream.category();
            if let Some((version, refused)) = self.service.first_refused(category, &events) {
                preview.depending.push(Depending {
                    by: "aggregate".into(),
                    version,
                    reason: refused.reason,
                });
            }
        }
        Ok(preview)
    }

    /// The event, and the reversals of its stream.
    async fn find(&self, named: &Named) -> Result<(RecordedEvent, Reversals), ReverseError> {
        let Named { stream, version } = named;
        let reversals = resolve::reversals(&self.events, stream, 0, u64::MAX).await?;
        let event = self.event(stream, *version).await?;
        if let Some(by) = reversals.by(*version) {
            let why = format!(
                "{} is reversed already, by version {by}; reverse that one to restore it",
                place(stream, *version)
            );
            return Err(Problem::new(409, "reversed-already", why).into());
        }
        let mut supposed = reversals.clone();
        supposed.suppose(*version);
        if let Some(Effect::Nothing(root)) = supposed.effect(u64::MAX) {
            let why = format!(
                "it would change nothing: another reversal of {} stands, reverse that one",
                place(stream, root)
            );
            return Err(Problem::new(409, "nothing-to-reverse", why).into());
        }
        Ok((event, reversals))
    }

    async fn event(
        &self,
        stream: &StreamName,
        version: u64,
    ) -> Result<RecordedEvent, ReverseError> {
        let not_found = || {
            let place = place(stream, version);
            Problem::not_found(format!("there is no event {place}"))
        };
        let before = version.checked_sub(1).ok_or_else(not_found)?;
        let (mut events, _) = self.events.read_events(stream, before, version).await?;
        Ok(events.pop().ok_or_else(not_found)?)
    }

    async fn all(&self, stream: &StreamName) -> Result<Vec<RecordedEvent>, Error> {
        let mut events: Vec<RecordedEvent> = Vec::new();
        loop {
            let after = events.last().map_or(0, |event| event.version);
            let (page, has_more) = self.events.read_events(stream, after, u64::MAX).await?;
            events.extend(page);
            if !has_more {
                return Ok(events);
            }
        }
    }

    async fn preview_row(
        &self,
        projection: &Projection,
        named: &Named,
        preview: &mut Preview,
    ) -> Result<(), Error> {
        let subject = Subject {
            projection,
            stream: &named.stream,
            key: named.stream.id(),
            selection: None,
        };
        let before = resolve::fold(&self.events, subject, u64::MAX).await?;
        let supposed = resolve::supposing(&self.events, subject, u64::MAX, Some(named.version));
        let after = supposed.await?;
        if let Some(refused) = after.refused.clone().filter(|_| before.refused.is_none()) {
            preview.depending.push(Depending {
                by: projection.name.to_string(),
                version: after.watermark + 1,
                reason: refused.reason,
            });
        }
        if before.state != after.state {
            preview.rows.push(RowChange {
                projection: projection.name,
                key: named.stream.id().to_string(),
                before: before.state,
                after: after.state,
            });
        }
        Ok(())
    }

    async fn preview_rows(
        &self,
        projection: &Projection,
        (root, is_restored): (&RecordedEvent, bool),
        preview: &mut Preview,
    ) -> Result<(), Error> {
        let version = preview.event.version;
        let refused = |why: Rejection| Depending {
            by: projection.name.to_string(),
            version,
            reason: why.reason,
        };
        let keys = match projection.keys(root) {
            Ok(keys) => keys,
            Err(why) => {
                preview.depending.push(refused(why));
                return Ok(());
            }
        };
        let known = lifecycle::of(&self.store, projection.name).await?;
        let target = Target {
            projection: projection.name.to_string(),
            generation: known.serving,
        };
        for key in keys {
            let row = self.store.get(&Key::row(&target, &key)).await?;
            let before = row.and_then(|row| row.state);
            let change = match is_restored {
                true => Change::Apply(root),
                false => Change::Revert(root),
            };
            let folded = projection.fold(&key, before.as_ref(), &[change]);
            if let Some(why) = folded.rejection {
                preview.depending.push(refused(why));
                return Ok(());
            }
            if folded.row != before {
                preview.rows.push(RowChange {
                    projection: projection.name,
                    key,
                    before,
                    after: folded.row,
                });
            }
        }
        Ok(())
    }
}
