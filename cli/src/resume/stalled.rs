//! The stalls of a deployment: listing them, sending deliveries, looking at
//! their state.

use super::*;
use crate::deployment::Deployment;
use rewind::{Delivery, Over, Target};
use rewind_aws::{
    Error,
    aws::producer::Outgoing,
    data_table::{key::Key, row::Row, stall},
    elsewhere::read_models::READER,
    generation::lifecycle,
};

/// The number of stalls on one page.
const PAGE: i32 = 500;

/// The number of streams that are delivered together.
const STREAMS: usize = 200;

/// A deployment, as far as its stalls are concerned.
pub struct Stalled {
    pub deployment: Deployment,
}

/// The present state of a stall.
pub enum State {
    /// The reader is beyond the event.
    GoesOn,
    /// No change is visible.
    Stalled,
    /// The reader stalls at a later event, or for another reason.
    Elsewhere(Stall),
}

impl Stalled {
    /// Wraps an open deployment.
    pub fn new(deployment: Deployment) -> Self {
        Self { deployment }
    }

    /// Lists the stalls of one reader or of all, of one stream or of all.
    pub async fn list(
        &self,
        reader: Option<&str>,
        stream: Option<&StreamName>,
    ) -> Result<Vec<Stall>, End> {
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = stall::list(&self.deployment.store, reader, after.as_deref(), PAGE);
            let (page, next) = page.await?;
            let wanted = |stall: &Stall| stream.is_none_or(|stream| stall.stream == *stream);
            found.extend(page.into_iter().filter(wanted));
            match next {
                Some(next) => after = Some(next),
                None => return Ok(found),
            }
        }
    }

    /// Checks that a reader and a stream of these names exist.
    pub async fn check(&self, reader: Option<&str>, stream: Option<&StreamName>) -> Outcome {
        if let Some(reader) = reader {
            let readers = self.readers().await?;
            if !readers.iter().any(|known| known == reader) {
                let readers = readers.join(", ");
                return Err(End::Wrong(format!(
                    "--reader: no reader is named {reader:?}; there are {readers}"
                )));
            }
        }
        if let Some(stream) = stream
            && self.deployment.events.head(stream).await?.version == 0
        {
            return Err(End::Wrong(format!("--stream: there is no stream {stream}")));
        }
        Ok(())
    }

    /// All readers: generations of projections, and reactions.
    async fn readers(&self) -> Result<Vec<String>, End> {
        let Deployment { service, store, .. } = &self.deployment;
        let mut readers = Vec::new();
        for projection in service.projections() {
            let name = projection.name;
            let known = lifecycle::of(store, name).await?;
            readers.extend(known.all().map(|(nth, _)| format!("{name}@{nth}")));
        }
        let listeners = service.listeners().into_iter();
        readers.extend(listeners.map(|listener| listener.origin));
        Ok(readers)
    }

    /// Delivers the last event of each stream once more.
    pub async fn deliver(&self, streams: BTreeSet<&StreamName>) -> Outcome {
        let streams: Vec<&StreamName> = streams.into_iter().collect();
        let events = &self.deployment.events;
        for some in streams.chunks(STREAMS) {
            let mut outgoing = Vec::new();
            for stream in some {
                let head = events.head(stream).await?.version;
                let read = events.read_events(stream, head.saturating_sub(1), head);
                let (last, _) = read.await?;
                let key = stream.to_string();
                outgoing.extend(
                    Delivery::encode(&last, None)
                        .into_iter()
                        .map(|packed| Outgoing {
                            key: key.clone(),
                            data: packed.text.into_bytes(),
                        }),
                );
            }
            for answer in self.deployment.published.put_in_order(&outgoing).await {
                let before = "a delivery could not be put: ";
                answer.map_err(|reason| End::Service(before.into(), reason))?;
            }
        }
        Ok(())
    }

    /// Returns the present state of a stall. It deletes a report whose stall is
    /// over: its reader died between the two writes.
    pub async fn state_of(&self, stall: &Stall) -> Result<State, End> {
        let store = &self.deployment.store;
        if stall.reader.starts_with(READER) {
            return self.reported(stall).await;
        }
        let row = match self.watermark_of(stall).await? {
            Some(key) => store.get(&key).await?.unwrap_or_default(),
            // The generation is dropped, or the reader is not in the domain.
            None => Row {
                watermark: u64::MAX,
                ..Row::default()
            },
        };
        match row.stalled {
            None if row.watermark >= stall.version => {
                stall::clear(store, &stall.reader, &stall.stream).await?;
                Ok(State::GoesOn)
            }
            Some(reason) if row.watermark >= stall.version || reason != stall.reason => {
                Ok(State::Elsewhere(Stall {
                    version: row.watermark + 1,
                    reason,
                    ..stall.clone()
                }))
            }
            _ => Ok(State::Stalled),
        }
    }

    /// Returns the state of a stall in PostgreSQL, which only write reaches: what
    /// write reports of it.
    async fn reported(&self, stall: &Stall) -> Result<State, End> {
        let mut after = None;
        loop {
            let (store, reader) = (&self.deployment.store, Some(stall.reader.as_str()));
            let (reports, next) = stall::list(store, reader, after.as_deref(), PAGE).await?;
            let mut reports = reports.into_iter();
            if let Some(report) = reports.find(|report| report.stream == stall.stream) {
                return Ok(match report == *stall {
                    true => State::Stalled,
                    false => State::Elsewhere(report),
                });
            }
            after = next;
            if after.is_none() {
                return Ok(State::GoesOn);
            }
        }
    }

    /// Returns the key of a stalled reader's watermark; `None` if the reader
    /// does not exist any more.
    async fn watermark_of(&self, stall: &Stall) -> Result<Option<Key>, Error> {
        let checkpoint = Key::checkpoint(&stall.reader, stall.stream.as_str());
        let Some((name, generation)) = stall.reader.rsplit_once('@') else {
            let mut listeners = self.deployment.service.listeners().into_iter();
            let is_known = listeners.any(|listener| listener.origin == stall.reader);
            return Ok(is_known.then_some(checkpoint));
        };
        let (Some(projection), Ok(generation)) =
            (self.deployment.service.projection(name), generation.parse())
        else {
            return Ok(None);
        };
        let generations = lifecycle::of(&self.deployment.store, name).await?;
        if !generations.takes(generation) {
            return Ok(None);
        }
        let target = Target {
            projection: name.to_string(),
            generation,
        };
        Ok(Some(match projection.over {
            Over::OneStream => Key::row(&target, stall.stream.id()),
            Over::ManyStreams => checkpoint,
        }))
    }
}
