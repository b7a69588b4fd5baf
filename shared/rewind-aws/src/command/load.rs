//! Aggregates, loaded: a snapshot, and the events behind it. A snapshot saves
//! time and decides nothing: without any, the stream is folded from its first
//! event on.

use super::answer::Failure;
use crate::{
    Error,
    data_table::{
        data_store::DataStore,
        key::Key,
        row::{MAX_ROW_BYTES, Row},
    },
    event_table::event_store::EventStore,
    history::resolve::reversals,
};
use rewind::{
    Decider, Head, RecordedEvent, State, StreamName,
    numbers::Numbers,
    reversal::{LastReversal, Reversal},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

/// A snapshot is written when so many events are behind the last one.
pub const SNAPSHOT_EVERY: u64 = 64;

/// An aggregate as it stands.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Its state.
    pub state: State,
    /// Where its stream stands.
    pub head: Head,
    /// The version of the last snapshot.
    pub snapshot: u64,
}

/// What a snapshot holds.
#[derive(Debug, Serialize, Deserialize)]
struct Snapshot {
    /// The version of the aggregate's state.
    of: u32,
    position: u64,
    /// The last reversal; 0 for none. Missing where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    reversal: Option<u64>,
    /// How far the sources of the stream have counted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    numbers: BTreeMap<String, u64>,
    /// JSON text: DynamoDB's numbers have no type.
    state: String,
}

/// Reads aggregates.
#[derive(Debug, Clone)]
pub(super) struct Loader {
    pub events: EventStore,
    pub store: DataStore,
}

impl Loader {
    /// An aggregate as it stands now, from what is known of it, from its
    /// snapshot, or from its first event on.
    pub async fn load(
        &self,
        decider: &Decider,
        stream: &StreamName,
        known: Option<Loaded>,
    ) -> Result<Loaded, Failure> {
        let mut loaded = match known {
            Some(known) => known,
            None => match self.snapshot(decider, stream).await? {
                Some(snapshot) => snapshot,
                None => Loaded {
                    state: decider.begin(),
                    head: Head::default(),
                    snapshot: 0,
                },
            },
        };
        loop {
            let page = self.events.behind(stream, loaded.head.version).await?;
            for commit in &page.commits {
                let events = commit.events().map_err(Error::from)?;
                if events.iter().any(Reversal::is_one) {
                    return self.whole(decider, stream, loaded.snapshot).await;
                }
                evolve(decider, &mut loaded.state, &events)?;
                loaded.head = commit.head();
            }
            if !page.has_more {
                return Ok(loaded);
            }
        }
    }

    /// A stream with a reversal, folded from its first event on, without what
    /// is taken back.
    async fn whole(
        &self,
        decider: &Decider,
        stream: &StreamName,
        snapshot: u64,
    ) -> Result<Loaded, Failure> {
        let head = self.events.head(stream).await?;
        let reversals = reversals(&self.events, stream, 0, head.version).await?;
        let left_out = reversals.left_out();
        let mut state = decider.begin();
        let mut after = 0;
        while after < head.version {
            let page = self.events.read_events(stream, after, head.version);
            let (mut events, _) = page.await?;
            let Some(last) = events.last() else {
                return Err(Error::damaged(
                    format!("stream {stream}"),
                    format!("version {} is not in the table", after + 1),
                )
                .into());
            };
            after = last.version;
            let unknown = events.iter().find_map(|event| {
                let why = reversals.undecoded(event.version)?;
                let counts = !reversals.taken_back().contains(&event.version);
                counts.then(|| (event.version, why.clone()))
            });
            if let Some((version, why)) = unknown {
                let stream = stream.clone();
                return Err(Failure::Poisoned {
                    stream,
                    version,
                    why,
                });
            }
            events.retain(|event| !left_out.contains(&event.version));
            evolve(decider, &mut state, &events)?;
        }
        Ok(Loaded {
            state,
            head,
            snapshot,
        })
    }

    async fn snapshot(
        &self,
        decider: &Decider,
        stream: &StreamName,
    ) -> Result<Option<Loaded>, Error> {
        let Some(row) = self.store.get(&key(decider, stream)).await? else {
            return Ok(None);
        };
        let state = row.state.unwrap_or_default();
        // What cannot be read is of another time: the events tell it all.
        let Ok(snapshot) = serde_json::from_value::<Snapshot>(state) else {
            return Ok(None);
        };
        if snapshot.of != decider.version {
            return Ok(None);
        }
        let numbers = snapshot.numbers.iter();
        let numbers = numbers.map(|(source, last)| (source.as_str(), *last));
        let Some(numbers) = Numbers::read(numbers) else {
            return Ok(None);
        };
        let state = serde_json::from_str(&snapshot.state);
        let state = state.ok().and_then(|state| decider.restore(&state));
        Ok(state.map(|state| Loaded {
            state,
            head: Head {
                version: row.watermark,
                position: snapshot.position,
                reversal: match snapshot.reversal {
                    None => LastReversal::Unknown,
                    Some(0) => LastReversal::None,
                    Some(version) => LastReversal::At(version),
                },
                numbers,
            },
            snapshot: row.watermark,
        }))
    }

    /// Keeps a snapshot, where enough events are behind the last one.
    pub async fn keep(&self, decider: &Decider, stream: &StreamName, loaded: &mut Loaded) {
        let head = &loaded.head;
        if head.version < loaded.snapshot + SNAPSHOT_EVERY {
            return;
        }
        // Whether or not it can be kept: the next one is tried later.
        loaded.snapshot = head.version;
        let text = match loaded.state.json() {
            Ok(json) => json.to_string(),
            Err(why) => {
                tracing::warn!(%stream, %why, "no snapshot");
                return;
            }
        };
        if text.len() > MAX_ROW_BYTES {
            tracing::warn!(%stream, bytes = text.len(), "the state is too large for a snapshot");
            return;
        }
        let snapshot = Snapshot {
            of: decider.version,
            position: head.position,
            reversal: match head.reversal {
                LastReversal::Unknown => None,
                LastReversal::None => Some(0),
                LastReversal::At(version) => Some(version),
            },
            numbers: head.numbers.stored().collect(),
            state: text,
        };
        let row = Row {
            state: Some(json!(snapshot)),
            watermark: head.version,
            ..Row::default()
        };
        if let Err(error) = self.store.advance(&key(decider, stream), &row).await {
            tracing::warn!(%stream, %error, "no snapshot");
        }
    }
}

fn evolve(decider: &Decider, state: &mut State, events: &[RecordedEvent]) -> Result<(), Failure> {
    events.iter().try_for_each(|event| {
        let step = decider.evolve(state, event);
        step.map_err(|why| Failure::Poisoned {
            stream: event.stream().clone(),
            version: event.version,
            why,
        })
    })
}

fn key(decider: &Decider, stream: &StreamName) -> Key {
    Key::checkpoint(&format!("snapshot/{}", decider.category), stream.as_str())
}
