//! The feed of changes: what became of a row, as an event that others read.

use super::projection::{Over, Projection};
use crate::{
    CloudEvent, MAX_DATA, RecordedEvent, Rejection, StreamName,
    commit::{MAX_COMMIT_BYTES, size_of},
    record::event::raw,
    reserved::{CAUSATION_DEPTH, CHANGES_CATEGORY, FEED_SOURCE},
    reversal::place,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Where changes of a projection's rows are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// What a row is: the types of its events begin with it.
    pub entity: &'static str,
    /// The category of its events, such as `changes:application`.
    pub category: String,
}

/// What a change of a row follows from. It is stored with the row, so that
/// whoever tells the change says the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The time of the last event that is in the row.
    pub time: String,
    /// What it belongs to, across streams.
    pub correlation: String,
    /// Its place, such as `application-7@3`; `None` where an operator has let
    /// other rows serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation: Option<String>,
    /// How many reactions and changes stand between it and an event from
    /// outside.
    #[serde(default)]
    pub depth: u64,
}

/// A change of a row.
#[derive(Debug, Clone, Copy)]
pub struct Changed<'a> {
    /// What tells it from all others of the projection.
    pub id: &'a str,
    /// The row's key.
    pub key: &'a str,
    /// The row as it was told last; `None` where there was none.
    pub old: Option<&'a Value>,
    /// The row as it is; `None` where it is deleted.
    pub new: Option<&'a Value>,
    /// What it follows from.
    pub cause: &'a Cause,
}

impl Feed {
    pub(super) fn of(entity: &'static str) -> Self {
        Self {
            entity,
            category: format!("{CHANGES_CATEGORY}{entity}"),
        }
    }

    /// Checks that the last one of a service's projections may tell changes.
    ///
    /// # Panics
    ///
    /// When its entity has no name, or the name of another one, or its rows are
    /// made of their own changes.
    pub(crate) fn check(projections: &[Projection]) {
        let Some((new, known)) = projections.split_last() else {
            return;
        };
        let feeds = known.iter().filter_map(|known| known.feed.as_ref());
        if let Some(Self { entity, .. }) = &new.feed {
            let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
            assert!(
                !entity.is_empty() && entity.chars().all(is_allowed),
                "an entity is named with A-Z a-z 0-9 _ . only: {entity:?}"
            );
            let mut same = feeds.filter(|feed| feed.entity == *entity);
            assert!(same.next().is_none(), "two projections tell of {entity}");
        }
        // What is told of, followed to all rows that are made of it.
        for first in projections {
            let mut reached: Vec<&Projection> = Vec::new();
            let mut next = vec![first];
            while let Some(from) = next.pop() {
                let Some(feed) = &from.feed else { continue };
                let readers = projections
                    .iter()
                    .filter(|reader| reader.reads(&feed.category));
                for reader in readers {
                    let name = first.name;
                    assert!(
                        reader.name != name,
                        "the rows of {name} are made of their own changes"
                    );
                    if !reached.iter().any(|known| known.name == reader.name) {
                        reached.push(reader);
                        next.push(reader);
                    }
                }
            }
        }
    }
}

impl Cause {
    /// The cause of a change that follows from an event.
    pub fn of(event: &RecordedEvent) -> Self {
        let correlation = event.event.extension("correlationid");
        Self {
            time: event.event.time.clone(),
            correlation: correlation.unwrap_or(&event.event.id).to_string(),
            causation: Some(place(event.stream(), event.version)),
            depth: event.event.causation_depth() + 1,
        }
    }
}

impl Projection {
    /// The stream that tells what becomes of a row; `None` where nothing does.
    ///
    /// # Errors
    ///
    /// A rejection where no stream can have such a name.
    pub fn changes_of(&self, key: &str) -> Result<Option<StreamName>, Rejection> {
        let Some(feed) = &self.feed else {
            return Ok(None);
        };
        // The key of a row of one stream is a part of a stream's name already.
        let as_it_is = match self.over {
            Over::OneStream => StreamName::new(format!("{}-{key}", feed.category)).ok(),
            Over::ManyStreams => None,
        };
        let stream = match as_it_is {
            Some(stream) => stream,
            None => StreamName::of(&feed.category, key)?,
        };
        Ok(Some(stream))
    }

    /// The event that tells a change; `None` where nothing has changed, or
    /// nobody is told.
    ///
    /// # Errors
    ///
    /// A rejection where no event holds both images of the row.
    pub fn change(&self, changed: &Changed<'_>) -> Result<Option<CloudEvent>, Rejection> {
        let Changed { old, new, .. } = *changed;
        let (Some(feed), Some(stream)) = (&self.feed, self.changes_of(changed.key)?) else {
            return Ok(None);
        };
        let what = match (old, new) {
            (None, None) => return Ok(None),
            (Some(old), Some(new)) if old == new => return Ok(None),
            (None, Some(_)) => "insert",
            (Some(_), Some(_)) => "update",
            (Some(_), None) => "delete",
        };
        let mut data = Map::new();
        data.insert("key".into(), changed.key.into());
        data.extend(old.map(|old| ("old".into(), old.clone())));
        data.extend(new.map(|new| ("new".into(), new.clone())));
        let data = raw(&Value::Object(data));
        let bytes = data.get().len();
        let cause = changed.cause;
        let mut extensions = BTreeMap::new();
        extensions.insert("correlationid".into(), cause.correlation.clone().into());
        extensions.extend(
            cause
                .causation
                .iter()
                .map(|place| ("causationid".into(), place.clone().into())),
        );
        extensions.insert(CAUSATION_DEPTH.into(), cause.depth.into());
        let event = CloudEvent {
            id: changed.id.to_string(),
            source: format!("{FEED_SOURCE}{}", self.name),
            event_type: format!("{}-{what}", feed.entity),
            stream,
            time: cause.time.clone(),
            extensions,
            data,
        };
        if bytes > MAX_DATA || size_of(&event) > MAX_COMMIT_BYTES {
            return Err(Rejection::new(format!(
                "the row and the one before it take {bytes} bytes of JSON together; at most {MAX_DATA} fit the event that tells the change: keep less in a row whose changes are told"
            )));
        }
        Ok(Some(event))
    }
}
