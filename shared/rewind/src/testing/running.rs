//! An instance of a process, with a clock that is turned by hand.

use super::recorded::record;
use crate::{
    Action, CloudEvent, Instance, NewCall, NewCommand, NewEvent, Process, RecordedEvent, Rejection,
    Runner, StreamName, Timestamp,
    fold::{mode::Mode, upcasters::Upcasters},
    record::command::time_of,
    reserved::{CALL_ISSUED, COMMAND_ISSUED, DEADLINE_CANCELLED, DEADLINE_SET, EVENT_EMITTED},
    reversal::{Reversal, Reversals},
};
use serde::Deserialize;
use std::{collections::BTreeMap, marker::PhantomData, sync::Arc};

/// An instance of a process that has taken the events given, in their order.
/// Deadlines that are due before an event fire before it.
#[derive(Debug)]
pub struct Running<P> {
    runner: Runner,
    events: Vec<RecordedEvent>,
    key: Option<String>,
    /// Where the clock was turned to.
    turned: Vec<Timestamp>,
    of: PhantomData<fn() -> P>,
}

/// What became of it.
struct Ran {
    journal: StreamName,
    recorded: Vec<RecordedEvent>,
    instance: Instance,
    /// What was done about the last event, or when the clock was turned last.
    done: Vec<Action>,
}

impl<P: Process> Running<P> {
    pub(super) fn new(upcasters: &Arc<Upcasters>, events: Vec<RecordedEvent>) -> Self {
        let mut runner = Runner::new::<P>();
        runner.lifting(upcasters);
        Self {
            runner,
            events,
            key: None,
            turned: Vec::new(),
            of: PhantomData,
        }
    }

    /// Of this key, where the events are about several instances.
    #[must_use = "nothing is checked without a `then`"]
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Turns the clock: what is due until then fires, in the order of due times.
    ///
    /// # Panics
    ///
    /// When the time is none.
    #[track_caller]
    #[must_use = "nothing is checked without a `then`"]
    pub fn at(mut self, time: &str) -> Self {
        self.turned.push(time_of(time).expect("a time, RFC 3339"));
        self
    }

    /// Checks what is done about the last event; where the clock was turned,
    /// about the deadlines that fired then.
    ///
    /// # Panics
    ///
    /// When anything else is done, or an event is rejected.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = Action>) -> Self {
        let expected: Vec<Action> = expected.into_iter().collect();
        pretty_assertions::assert_eq!(self.ran().done, expected);
        self
    }

    /// Checks that a deadline is open, and when it is due.
    ///
    /// # Panics
    ///
    /// When it is not open, or due at another time.
    #[track_caller]
    pub fn then_deadline(self, name: &str, at: &str) -> Self {
        let expected = time_of(at).expect("a time, RFC 3339");
        let open: BTreeMap<String, Timestamp> = self.open();
        let Some(at) = open.get(name) else {
            panic!("no deadline {name:?} is open; there are {open:?}");
        };
        pretty_assertions::assert_eq!(*at, expected);
        self
    }

    /// Checks that no deadline of this name is open.
    ///
    /// # Panics
    ///
    /// When one is.
    #[track_caller]
    pub fn then_no_deadline(self, name: &str) -> Self {
        let open = self.open();
        let at = open.get(name);
        assert!(at.is_none(), "the deadline {name:?} is open: {at:?}");
        self
    }

    /// Checks the state.
    ///
    /// # Panics
    ///
    /// When it is another one.
    #[track_caller]
    pub fn then_state(self, expected: P::State) -> Self {
        let state = self.ran().instance.state.json();
        let expected = serde_json::to_value(expected).expect("a state that has a JSON");
        pretty_assertions::assert_eq!(state, Ok(expected));
        self
    }

    /// Checks that the process rejects the last event, or a deadline when the
    /// clock is turned.
    ///
    /// # Panics
    ///
    /// When it does not.
    #[track_caller]
    pub fn then_rejected(self) -> Rejection {
        match self.run() {
            Ok(ran) => panic!("not rejected: {:?}", ran.done),
            Err(rejection) => rejection,
        }
    }

    #[track_caller]
    fn open(&self) -> BTreeMap<String, Timestamp> {
        let deadlines = self.ran().instance.deadlines.into_iter();
        deadlines.map(|(name, due)| (name, due.at)).collect()
    }

    #[track_caller]
    fn ran(&self) -> Ran {
        let ran = self.run();
        ran.unwrap_or_else(|rejection| panic!("rejected: {rejection}"))
    }

    #[track_caller]
    fn run(&self) -> Result<Ran, Rejection> {
        let journal = self.journal()?;
        let mut ran = Ran {
            instance: self.runner.begin(&journal),
            recorded: Vec::new(),
            done: Vec::new(),
            journal,
        };
        let last = self.events.len().saturating_sub(1);
        for (nth, event) in self.events.iter().enumerate() {
            let is_own = match Reversal::is_one(event) {
                true => true,
                false => self.runner.key(event)?.as_ref() == Some(&ran.journal),
            };
            if !is_own {
                continue;
            }
            // An event at the very time of a deadline comes before it.
            let just_before = time_of(&event.event.time)? - jiff::SignedDuration::from_nanos(1);
            let fired = self.turn(&mut ran, just_before);
            let taken = fired.and_then(|()| self.take(&mut ran, nth));
            match taken {
                Err(early) if nth < last => panic!("an earlier event was rejected: {early}"),
                taken => taken?,
            }
        }
        for until in &self.turned {
            ran.done.clear();
            self.turn(&mut ran, *until)?;
        }
        Ok(ran)
    }

    /// The one journal that the events are about.
    #[track_caller]
    fn journal(&self) -> Result<StreamName, Rejection> {
        if let Some(key) = &self.key {
            return Ok(StreamName::of(&self.runner.category, key)?);
        }
        let mut one = None;
        for event in &self.events {
            match (self.runner.key(event)?, &one) {
                (Some(another), Some(one)) if another != *one => {
                    panic!("the events are about {one} and {another}: say which with `.key(…)`")
                }
                (Some(first), None) => one = Some(first),
                _ => {}
            }
        }
        match one {
            Some(journal) => Ok(journal),
            None => Ok(StreamName::of(&self.runner.category, "none")?),
        }
    }

    /// Takes an event, or follows a reversal.
    #[track_caller]
    fn take(&self, ran: &mut Ran, nth: usize) -> Result<(), Rejection> {
        let event = &self.events[nth];
        ran.done.clear();
        if !Reversal::is_one(event) {
            let events = self.runner.take(&ran.instance, event, Mode::assumed())?;
            return self.record(ran, events);
        }
        let before = self.events[..=nth].iter();
        let of_stream = before.filter(|known| known.stream() == event.stream());
        let Some(effect) = Reversals::among(of_stream).effect(event.version) else {
            return Ok(());
        };
        let recorded = &ran.recorded;
        let follows = self
            .runner
            .take_back(&ran.journal, recorded, event, effect)?;
        self.record(ran, follows.into_iter().collect())
    }

    /// Fires what is due, also what is due at once because of that.
    #[track_caller]
    fn turn(&self, ran: &mut Ran, until: Timestamp) -> Result<(), Rejection> {
        loop {
            let due = ran.instance.due(until);
            let Some((name, set)) = due.first().map(|(name, due)| (name.to_string(), due.set))
            else {
                return Ok(());
            };
            let events = self.runner.fire(&ran.instance, &name, set, 0)?;
            self.record(ran, events.expect("a deadline that is open"))?;
        }
    }

    #[track_caller]
    fn record(&self, ran: &mut Ran, events: Vec<CloudEvent>) -> Result<(), Rejection> {
        ran.done.extend(events.iter().filter_map(action));
        record(&mut ran.recorded, events);
        ran.instance = self.runner.load(&ran.journal, &ran.recorded)?;
        let again = self.runner.load(&ran.journal, &ran.recorded)?;
        pretty_assertions::assert_eq!(
            ran.instance.json(),
            again.json(),
            "the same journal gives another state: `on` or `reached` is not pure"
        );
        Ok(())
    }
}

/// What the journal says was done.
pub(super) fn action(event: &CloudEvent) -> Option<Action> {
    #[derive(Deserialize)]
    struct Deadline {
        name: String,
        at: Option<Timestamp>,
    }
    let fits = "what the runner has written";
    let deadline = || event.data::<Deadline>().expect(fits);
    Some(match event.event_type.as_str() {
        COMMAND_ISSUED => Action::Command(event.data::<NewCommand>().expect(fits)),
        EVENT_EMITTED => Action::Emit(event.data::<NewEvent>().expect(fits)),
        CALL_ISSUED => Action::Call(event.data::<NewCall>().expect(fits)),
        DEADLINE_SET => {
            let Deadline { name, at } = deadline();
            Action::deadline(name, at.expect(fits))
        }
        DEADLINE_CANCELLED => Action::cancel(deadline().name),
        _ => return None,
    })
}
