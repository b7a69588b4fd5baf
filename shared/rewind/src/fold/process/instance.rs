//! Instances: a state with its open deadlines, as a fold of a journal.

use super::{
    Runner,
    journal::{Correction, Deadline, Named, Over, is_correction},
};
use crate::{
    Reached, RecordedEvent, Rejection, StreamName, Timestamp,
    fold::{panics::guarded, state::State},
    record::command::time_of,
    reserved::{
        DEADLINE_CANCELLED, DEADLINE_REACHED, DEADLINE_SET, EVENT_RESTORED, EVENT_TAKEN,
        EVENT_TAKEN_BACK,
    },
    reversal::place,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// An instance of a process after some events of its journal.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its journal.
    pub stream: StreamName,
    /// The version of the journal's last event; 0 before the first one.
    pub version: u64,
    /// The process's own state.
    pub state: State,
    /// Open deadlines, by name.
    pub deadlines: BTreeMap<String, Due>,
}

/// An open deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// When it is due.
    pub at: Timestamp,
    /// The version of its `deadline-set` in the journal: which deadline of its
    /// name it is.
    pub set: u64,
    /// What it belongs to, across streams.
    pub correlation: String,
    /// How long the causal chain is that it goes on with: 0 where it was set for
    /// later, so that a process which does something each month goes on for
    /// ever. One that was due already goes on with the chain that has set it.
    pub depth: u64,
}

/// An instance as a snapshot has it.
#[derive(Deserialize)]
struct Snapshot {
    stream: StreamName,
    version: u64,
    state: Value,
    deadlines: BTreeMap<String, Due>,
}

impl Instance {
    /// The deadlines that are due at a time, in the order in which they fire.
    pub fn due(&self, until: Timestamp) -> Vec<(&str, &Due)> {
        let due = self.deadlines.iter().filter(|(_, due)| due.at <= until);
        let mut due: Vec<_> = due.map(|(name, due)| (name.as_str(), due)).collect();
        due.sort_by_key(|(_, due)| (due.at, due.set));
        due
    }

    /// A snapshot.
    ///
    /// # Errors
    ///
    /// When the state has no JSON, or its panic.
    pub fn json(&self) -> Result<Value, Rejection> {
        Ok(json!({
            "stream": self.stream,
            "version": self.version,
            "state": self.state.json()?,
            "deadlines": self.deadlines,
        }))
    }

    /// The key, where the name of the journal tells it.
    pub(super) fn key(&self) -> String {
        let key = self.stream.original_id();
        key.map_or_else(|| self.stream.id().into(), Into::into)
    }
}

impl Runner {
    /// The instance of a journal before its first event.
    pub fn begin(&self, journal: &StreamName) -> Instance {
        Instance {
            stream: journal.clone(),
            version: 0,
            state: (self.begin)(),
            deadlines: BTreeMap::new(),
        }
    }

    /// The instance that a snapshot holds; `None` where it is none of this
    /// process.
    pub fn restore(&self, snapshot: &Value) -> Option<Instance> {
        let read: Snapshot = serde_json::from_value(snapshot.clone()).ok()?;
        if read.stream.category() != self.category {
            return None;
        }
        Some(Instance {
            state: (self.restore)(&read.state)?,
            stream: read.stream,
            version: read.version,
            deadlines: read.deadlines,
        })
    }

    /// The instance after its whole journal. What `on` and `reached` give is
    /// dropped: what was done is what the journal says.
    ///
    /// # Errors
    ///
    /// When an event cannot be folded: see [`evolve`](Self::evolve).
    pub fn load(
        &self,
        journal: &StreamName,
        events: &[RecordedEvent],
    ) -> Result<Instance, Rejection> {
        let mut left_out = self.taken_back(events)?;
        let mut instance = self.begin(journal);
        for event in events {
            let cause = event.event.extension("causationid").unwrap_or_default();
            if !left_out.contains(cause) {
                self.step(&mut instance, event)?;
            } else if event.event_type() == DEADLINE_SET {
                // Nor does what follows from it, when it was reached.
                left_out.insert(place(journal, event.version));
            }
            instance.version = event.version;
        }
        Ok(instance)
    }

    /// Goes on behind the next event of the journal. After an error the
    /// instance is of no use.
    ///
    /// # Errors
    ///
    /// When the event is not the next one; where it [needs the whole
    /// journal](Self::needs_whole); when its data does not fit; what the process
    /// rejects, a panic included.
    pub fn evolve(&self, instance: &mut Instance, event: &RecordedEvent) -> Result<(), Rejection> {
        let (expected, actual) = (instance.version + 1, event.version);
        if expected != actual {
            return Err(Rejection::new(format!(
                "the journal goes on with version {expected}, not {actual}"
            )));
        }
        if self.needs_whole(event) {
            return Err(Rejection::new(
                "an event was taken back: the journal has to be folded from its beginning",
            ));
        }
        self.step(instance, event)?;
        instance.version = actual;
        Ok(())
    }

    /// Whether an event of the journal changes what came before it, so that the
    /// journal has to be loaded as a whole.
    pub fn needs_whole(&self, event: &RecordedEvent) -> bool {
        event.event.source == self.source() && is_correction(event)
    }

    /// The places of the events that were taken and do not count.
    pub(super) fn taken_back(
        &self,
        events: &[RecordedEvent],
    ) -> Result<BTreeSet<String>, Rejection> {
        let mut taken_back = BTreeSet::new();
        for event in events.iter().filter(|event| self.needs_whole(event)) {
            let of: Correction = event.data()?;
            let of = place(&of.stream, of.version);
            match event.event_type() {
                EVENT_TAKEN_BACK => taken_back.insert(of),
                EVENT_RESTORED => taken_back.remove(&of),
                _ => continue,
            };
        }
        Ok(taken_back)
    }

    /// Folds an event in, whatever its version. Types that are none of a
    /// journal's are passed over.
    fn step(&self, instance: &mut Instance, event: &RecordedEvent) -> Result<(), Rejection> {
        if event.event.source != self.source() {
            return Ok(());
        }
        match event.event_type() {
            EVENT_TAKEN => {
                let taken: RecordedEvent = event.data()?;
                let lifted = self.upcasters.lift(&taken)?;
                guarded(|| (self.on)(&mut instance.state, &lifted))?;
            }
            DEADLINE_SET => {
                let deadline: Deadline = event.data()?;
                let is_later = deadline.at > time_of(&event.event.time)?;
                let correlation = event.event.extension("correlationid");
                let due = Due {
                    at: deadline.at,
                    set: event.version,
                    correlation: correlation.unwrap_or_default().into(),
                    depth: match is_later {
                        true => 0,
                        false => event.event.causation_depth(),
                    },
                };
                instance.deadlines.insert(deadline.name, due);
            }
            DEADLINE_CANCELLED => {
                let named: Named = event.data()?;
                instance.deadlines.remove(&named.name);
            }
            DEADLINE_REACHED => {
                let Over { name, at, set } = event.data()?;
                let open = instance.deadlines.get(&name);
                if open.is_some_and(|open| open.set == set) {
                    instance.deadlines.remove(&name);
                }
                let key = instance.key();
                let reached = Reached { name, at, key };
                guarded(|| (self.reached)(&mut instance.state, &reached))?;
            }
            _ => {}
        }
        Ok(())
    }
}
