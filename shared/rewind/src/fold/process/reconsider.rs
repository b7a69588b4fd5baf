//! What a process would do now about what it has taken: its code may be fixed
//! since.

use super::{
    Runner,
    journal::{Deadline, Over},
};
use crate::{
    Action, NewCall, NewCommand, NewEvent, Reached, RecordedEvent, Rejection, StreamName,
    fold::panics::guarded,
    reserved::{
        CALL_ISSUED, CALL_WITHHELD, COMMAND_ISSUED, DEADLINE_REACHED, DEADLINE_SET, EVENT_EMITTED,
        EVENT_TAKEN,
    },
    reversal::place,
};

/// One step of a journal: what the process did, and what it would do now.
#[derive(Debug, Clone)]
pub struct Reconsidered {
    /// The event of the journal that the step begins with.
    pub first: RecordedEvent,
    /// What caused it: `stream@version`.
    pub cause: String,
    /// The calls that were asked for, each with its version in the journal;
    /// `None` in the place of one that was withheld.
    pub called: Vec<(NewCall, Option<u64>)>,
    /// What was emitted and commanded.
    pub emitted: Vec<Action>,
    /// What would be done now: commands, events and calls. Nothing where what
    /// caused the step was taken back.
    pub now: Vec<Action>,
}

impl Runner {
    /// Every step of a whole journal, in order.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read, or the process now rejects what it had
    /// taken: the steps before that one, and why.
    pub fn reconsidered(
        &self,
        journal: &StreamName,
        events: &[RecordedEvent],
    ) -> (Vec<Reconsidered>, Option<Rejection>) {
        let mut steps = Vec::new();
        let refused = self.steps(journal, events, &mut steps).err();
        (steps, refused)
    }

    fn steps(
        &self,
        journal: &StreamName,
        events: &[RecordedEvent],
        steps: &mut Vec<Reconsidered>,
    ) -> Result<(), Rejection> {
        let mut left_out = self.taken_back(events)?;
        let mut instance = self.begin(journal);
        let own = events.iter();
        for event in own.filter(|event| event.event.source == self.source()) {
            let cause = event.event.extension("causationid").unwrap_or_default();
            let counts = !left_out.contains(cause);
            if !counts && event.event_type() == DEADLINE_SET {
                left_out.insert(place(journal, event.version));
            }
            match event.event_type() {
                EVENT_TAKEN => {
                    let mut step = Reconsidered::new(event, cause);
                    if counts {
                        let taken: RecordedEvent = event.data()?;
                        let lifted = self.upcasters.lift(&taken)?;
                        let actions = guarded(|| (self.on)(&mut instance.state, &lifted))?;
                        step.now = given(actions.unwrap_or_default());
                    }
                    steps.push(step);
                }
                DEADLINE_REACHED => {
                    let mut step = Reconsidered::new(event, cause);
                    if counts {
                        let Over { name, at, .. } = event.data()?;
                        let key = instance.key();
                        let reached = Reached { name, at, key };
                        let actions = guarded(|| (self.reached)(&mut instance.state, &reached))?;
                        step.now = given(actions);
                    }
                    steps.push(step);
                }
                DEADLINE_SET => {
                    let _: Deadline = event.data()?;
                }
                _ => {
                    if let Some(step) = steps.last_mut() {
                        step.note(event)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Reconsidered {
    fn new(first: &RecordedEvent, cause: &str) -> Self {
        Self {
            first: first.clone(),
            cause: cause.into(),
            called: Vec::new(),
            emitted: Vec::new(),
            now: Vec::new(),
        }
    }

    /// Takes note of what was done in this step.
    fn note(&mut self, event: &RecordedEvent) -> Result<(), Rejection> {
        match event.event_type() {
            CALL_ISSUED => self.called.push((event.data()?, Some(event.version))),
            CALL_WITHHELD => self.called.push((event.data()?, None)),
            COMMAND_ISSUED => {
                let command: NewCommand = event.data()?;
                self.emitted.push(Action::Command(command));
            }
            EVENT_EMITTED => {
                let event: NewEvent = event.data()?;
                self.emitted.push(Action::Emit(event));
            }
            _ => {}
        }
        Ok(())
    }

    /// The calls that would be asked for now.
    pub fn calls(&self) -> impl Iterator<Item = &NewCall> {
        self.now.iter().filter_map(|action| match action {
            Action::Call(call) => Some(call),
            _ => None,
        })
    }

    /// What would be emitted and commanded now.
    pub fn emits(&self) -> impl Iterator<Item = &Action> {
        let all = self.now.iter();
        all.filter(|action| matches!(action, Action::Command(_) | Action::Emit(_)))
    }
}

fn given(actions: Vec<Action>) -> Vec<Action> {
    let actions = actions.into_iter();
    let is_given = |action: &Action| {
        matches!(
            action,
            Action::Command(_) | Action::Emit(_) | Action::Call(_)
        )
    };
    actions.filter(is_given).collect()
}
