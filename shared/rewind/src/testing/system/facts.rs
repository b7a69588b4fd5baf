//! What comes in from outside: facts, CloudEvents, raw inputs.

use super::System;
use crate::{
    CloudEvent, Event, NewEvent, Problem, StreamName,
    cloudevents::{self, Defaults, checked_data},
    event::raw,
    reserved::{INPUT_CATEGORY, INPUT_RECEIVED, SCHEMA_VERSION, is_reserved, is_reserved_category},
};
use serde_json::Value;
use std::collections::BTreeMap;

impl System {
    /// Events that happen now, in the stream of this id in their category. Those
    /// of a decided category are taken as well, as if they had been decided;
    /// the values that their decision would claim are not claimed.
    ///
    /// # Panics
    ///
    /// When there is no stream of such an id, or an event does not fit what the
    /// service declares.
    #[track_caller]
    pub fn given<E: Event>(&mut self, id: &str, events: impl IntoIterator<Item = E>) -> &mut Self {
        for event in events {
            let new = NewEvent::new(id, &event).expect("an event that can be recorded");
            assert_eq!(new.check(), Ok(()), "{new:?} cannot be recorded");
            let version = new.schema_version.unwrap_or(1);
            let event = self.event(new.stream, &new.event_type, version, &new.data);
            if let Err(problem) = self.engine.service.check(&event) {
                let why = problem.as_rejection();
                panic!("{} is not taken: {why}", event.event_type);
            }
            self.engine.incoming.push_back(event);
        }
        self.engine.go();
        self
    }

    /// One event as it was recorded once: of an old shape, or of a type that is
    /// no longer declared. Nothing is checked.
    ///
    /// # Panics
    ///
    /// When `stream` is no name of a stream.
    #[track_caller]
    pub fn stored(
        &mut self,
        stream: &str,
        event_type: &str,
        version: u32,
        data: &Value,
    ) -> &mut Self {
        let stream = StreamName::new(stream).expect("a stream's name");
        let event = self.event(stream, event_type, version, data);
        self.engine.incoming.push_back(event);
        self.engine.go();
        self
    }

    fn event(
        &mut self,
        stream: StreamName,
        event_type: &str,
        version: u32,
        data: &Value,
    ) -> CloudEvent {
        let Defaults { id, time } = self.defaults();
        let version = (version > 1).then(|| (SCHEMA_VERSION.to_string(), version.into()));
        CloudEvent {
            id,
            source: "/test".into(),
            event_type: event_type.into(),
            stream,
            time,
            extensions: version.into_iter().collect(),
            data: raw(data),
        }
    }

    /// A CloudEvent from outside, as `POST /events` takes it.
    ///
    /// # Errors
    ///
    /// A problem where the door refuses it.
    #[track_caller]
    pub fn post(&mut self, event: &Value) -> Result<&mut Self, Problem> {
        let event = cloudevents::structured(&event.to_string(), self.defaults())?;
        let category = event.stream.category();
        let why = if is_reserved_category(category) {
            Some((
                "subject",
                format!("the category {category:?} is Rewind's own"),
            ))
        } else if is_reserved(&event.source) {
            let why = "what comes from below /rewind/ is Rewind's own";
            Some(("source", why.into()))
        } else if self.engine.service.is_decided(category) {
            let why = format!("the category {category:?} is decided: send it a command");
            Some(("subject", why))
        } else {
            None
        };
        if let Some((field, why)) = why {
            return Err(Problem::invalid(field, why));
        }
        self.engine.service.check(&event)?;
        self.engine.incoming.push_back(event);
        self.engine.go();
        Ok(self)
    }

    /// A raw input, as `POST /inputs/{source}` takes it. It stands in the stream
    /// that its adapter's `partition` says: `input:{source}-all` without one.
    ///
    /// # Panics
    ///
    /// When the source has no adapter, or its `partition` names no stream.
    #[track_caller]
    pub fn input(&mut self, source: &str, input: &Value) -> &mut Self {
        let service = self.engine.service.clone();
        let Some(adapter) = service.input(source) else {
            let known: Vec<&str> = service.inputs().collect();
            panic!("no adapter takes inputs of {source:?}; there are {known:?}");
        };
        let partition = adapter.partition_of(input);
        let partition = partition.unwrap_or_else(|why| panic!("`partition`: {why}"));
        let category = format!("{INPUT_CATEGORY}{source}");
        let stream = StreamName::of(&category, partition.as_deref().unwrap_or("all"));
        let Defaults { id, time } = self.defaults();
        self.engine.incoming.push_back(CloudEvent {
            id,
            source: format!("/inputs/{source}"),
            event_type: INPUT_RECEIVED.into(),
            stream: stream.expect("a partition that names a stream"),
            time,
            extensions: BTreeMap::new(),
            data: checked_data(raw(input)).expect("an input that is taken"),
        });
        self.engine.go();
        self
    }

    /// What an event gets that does not bring it.
    fn defaults(&mut self) -> Defaults {
        self.given += 1;
        Defaults {
            id: format!("test-{}", self.given),
            time: self.engine.now.to_string(),
        }
    }
}
