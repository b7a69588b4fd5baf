//! Processes: what they do is in the journal once, deadlines fire once and
//! never early, and what was reversed is as if it had not come.

mod chain;
mod deadlines;
mod journal;
mod portal;
mod refused;
mod taken_back;

use rewind::{
    CloudEvent, Envelope, Instance, Mode, Process, RecordedEvent, Rejection, Runner, Service,
    StreamName, Timestamp,
};
use serde_json::Value;

/// A journal on the way, without a data store.
struct Journal {
    runner: Runner,
    stream: StreamName,
    events: Vec<RecordedEvent>,
}

impl Journal {
    /// Of the first process of a service.
    fn new(service: &Service, key: &str) -> Self {
        let runner = service.runners()[0].clone();
        Self {
            stream: StreamName::of(&runner.category, key).unwrap(),
            events: Vec::new(),
            runner,
        }
    }

    fn instance(&self) -> Instance {
        self.runner.load(&self.stream, &self.events).unwrap()
    }

    fn record(&mut self, events: impl IntoIterator<Item = CloudEvent>) {
        for event in events {
            let version = self.events.len() as u64 + 1;
            self.events.push(RecordedEvent {
                event,
                version,
                position: version,
            });
        }
    }

    fn take(&mut self, event: &RecordedEvent) -> Result<(), Rejection> {
        let events = self
            .runner
            .take(&self.instance(), event, Mode::of(event, 0, false))?;
        self.record(events);
        Ok(())
    }

    /// Fires what is due; says what fired.
    fn turn(&mut self, until: Timestamp) -> Result<Vec<(String, Timestamp)>, Rejection> {
        let mut fired = Vec::new();
        loop {
            let instance = self.instance();
            let Some((name, due)) = instance.due(until).first().copied() else {
                return Ok(fired);
            };
            let events = self.runner.fire(&instance, name, due.set, 0)?;
            fired.push((name.to_string(), due.at));
            self.record(events.expect("an open deadline"));
            // It is not open any more, so it does not fire again.
            let again = self.runner.fire(&self.instance(), name, due.set, 0);
            assert_eq!(again, Ok(None));
        }
    }

    /// Folded at once, it is what it is one by one; and so it is behind any
    /// snapshot.
    fn check(&self) {
        let whole = self.instance().json().unwrap();
        for snapshot in 0..=self.events.len() {
            let (before, tail) = self.events.split_at(snapshot);
            if tail.iter().any(|event| self.runner.needs_whole(event)) {
                continue;
            }
            let stored = self.runner.load(&self.stream, before).unwrap();
            let stored = stored.json().unwrap();
            let mut instance = self.runner.restore(&stored).unwrap();
            for event in tail {
                self.runner.evolve(&mut instance, event).unwrap();
            }
            assert_eq!(instance.json().unwrap(), whole, "a snapshot at {snapshot}");
        }
    }

    fn types(&self) -> Vec<&str> {
        self.events.iter().map(RecordedEvent::event_type).collect()
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The key that most of these processes have.
fn id_of<E>(event: &Envelope<E>) -> Option<String> {
    Some(event.stream().id().into())
}

fn json<P: Process>(state: P::State) -> Value {
    serde_json::to_value(state).unwrap()
}
