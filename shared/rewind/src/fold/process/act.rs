//! What a process does: about an event that it takes, and about a deadline.

use super::{
    Instance, Runner,
    journal::{Cause, Deadline, Named, Over},
};
use crate::{
    Action, CloudEvent, NewCall, Reached, RecordedEvent, Rejection,
    cloudevents::rfc3339,
    domain::{nested::take_apart_if_too_deep, process::MAX_DEADLINE_NAME},
    event::identity,
    fold::{mode::Mode, panics::guarded, reaction::Calling},
    record::command::time_of,
    reserved::{
        CALL_ISSUED, CALL_WITHHELD, COMMAND_ISSUED, DEADLINE_CANCELLED, DEADLINE_REACHED,
        DEADLINE_SET, EVENT_EMITTED, EVENT_TAKEN, MAX_CAUSATION_DEPTH,
    },
    reversal::place,
};

impl Runner {
    /// What claims an event for this process: the identity of its
    /// `event-taken`, the same whatever its key. An event that was taken is not
    /// taken again.
    pub fn taken_identity(&self, event: &RecordedEvent) -> String {
        identity(&self.source(), &place(event.stream(), event.version))
    }

    /// The events by which the journal takes an event, all of them or none:
    /// first the event itself, then what the process does about it. None where
    /// the event's type is not declared. `mode` says whether it may call.
    ///
    /// # Errors
    ///
    /// What the process rejects, a panic included; what cannot be recorded; a
    /// causal chain that is too long.
    pub fn take(
        &self,
        instance: &Instance,
        event: &RecordedEvent,
        mode: Mode,
    ) -> Result<Vec<CloudEvent>, Rejection> {
        let lifted = self.upcasters.lift(event)?;
        let mut state = instance.state.clone();
        let Some(actions) = guarded(|| (self.on)(&mut state, &lifted))? else {
            return Ok(Vec::new());
        };
        // As it was recorded: what upcasters make of it may change.
        let cause = Cause::of(event);
        let taken = self.event(instance, &cause, cause.place.clone(), EVENT_TAKEN, event)?;
        self.act(instance, &cause, taken, actions, mode)
    }

    /// The events by which the journal says that a deadline was reached, and
    /// what the process does about it. `None` where it is not open any more, or
    /// is another one than that which was `set` at this version. It calls nobody
    /// if it was due before the process began, at the position `since`.
    ///
    /// # Errors
    ///
    /// See [`take`](Self::take).
    pub fn fire(
        &self,
        instance: &Instance,
        name: &str,
        set: u64,
        since: u64,
    ) -> Result<Option<Vec<CloudEvent>>, Rejection> {
        let open = instance.deadlines.get(name);
        let Some(due) = open.filter(|due| due.set == set) else {
            return Ok(None);
        };
        let reached = Reached {
            name: name.into(),
            at: due.at,
            key: instance.key(),
        };
        let mut state = instance.state.clone();
        let actions = guarded(|| (self.reached)(&mut state, &reached))?;
        let cause = Cause {
            place: place(&instance.stream, set),
            correlation: due.correlation.clone(),
            time: due.at.to_string(),
            depth: due.depth,
            is_imported: false,
        };
        let mode = Mode::of_deadline(due.at, since);
        let over = Over {
            name: reached.name,
            at: due.at,
            set,
        };
        let id = cause.place.clone();
        let over = self.event(instance, &cause, id, DEADLINE_REACHED, &over)?;
        self.act(instance, &cause, over, actions, mode).map(Some)
    }

    /// The run of events that begins with `first`.
    fn act(
        &self,
        instance: &Instance,
        cause: &Cause,
        first: CloudEvent,
        mut actions: Vec<Action>,
        mode: Mode,
    ) -> Result<Vec<CloudEvent>, Rejection> {
        let count = actions.len();
        // All of them first: what is too deep cannot even be forgotten.
        let flat: Vec<_> = actions.iter_mut().map(take_apart).collect();
        let mut events = vec![first];
        for (nth, (action, flat)) in actions.into_iter().zip(flat).enumerate() {
            let event = flat.and_then(|()| self.action(instance, cause, nth, action, mode));
            let event = event.and_then(|event| {
                // Once it is recorded, nothing may keep it from being issued.
                let recorded = RecordedEvent {
                    event,
                    version: instance.version + 1 + events.len() as u64,
                    position: 0,
                };
                self.issued(std::slice::from_ref(&recorded))?;
                Ok(recorded.event)
            });
            let named = |why| Rejection::new(format!("action {} of {count}: {why}", nth + 1));
            events.push(event.map_err(named)?);
        }
        Ok(events)
    }

    fn action(
        &self,
        instance: &Instance,
        cause: &Cause,
        nth: usize,
        action: Action,
        mode: Mode,
    ) -> Result<CloudEvent, Rejection> {
        let id = cause.nth(nth);
        match action {
            Action::Command(command) => {
                self.goes_on(cause)?;
                match &self.known {
                    Some(known) => known.check_command(&command)?,
                    None => command.check()?,
                }
                self.event(instance, cause, id, COMMAND_ISSUED, &command)
            }
            Action::Emit(new) => {
                self.goes_on(cause)?;
                match &self.known {
                    Some(known) => known.check_event(&self.upcasters, &new)?,
                    None => new.check()?,
                }
                self.event(instance, cause, id, EVENT_EMITTED, &new)
            }
            Action::Call(call) => {
                self.goes_on(cause)?;
                match &self.known {
                    Some(known) => known.check_call(&call)?,
                    None => call.check()?,
                }
                let event_type = match mode {
                    Mode::Live(_) => CALL_ISSUED,
                    Mode::Silent(_) => CALL_WITHHELD,
                };
                self.event(instance, cause, id, event_type, &call)
            }
            Action::Deadline { name, at } => {
                let name = deadline_name(name)?;
                rfc3339(&at.to_string())
                    .map_err(|why| Rejection::new(format!("the time of `{name}`: {why}")))?;
                if at <= time_of(&cause.time)? {
                    self.goes_on(cause)?;
                }
                let deadline = Deadline { name, at };
                self.event(instance, cause, id, DEADLINE_SET, &deadline)
            }
            Action::Cancel { name } => {
                // Also where none is open: an event that has set one may be
                // restored later.
                let name = deadline_name(name)?;
                self.event(instance, cause, id, DEADLINE_CANCELLED, &Named { name })
            }
        }
    }

    /// A call that follows from a step of a journal now and did not when it was
    /// recorded: the `nth` of its gateway.
    ///
    /// # Errors
    ///
    /// When the gateway is not registered, or the action is none of its own.
    pub fn proposed_call(
        &self,
        step: &RecordedEvent,
        cause: &str,
        call: &NewCall,
        nth: usize,
    ) -> Result<Calling, Rejection> {
        if let Some(known) = &self.known {
            known.check_call(call)?;
        }
        let id = format!("{cause}/{}/{nth}", call.gateway());
        let depth = step.event.causation_depth();
        Ok(Calling::new(call.requested(self.source(), id, step, depth)))
    }

    /// What would be sent to `incoming` for a command or an event that follows
    /// from a step of a journal now, as its `nth`.
    ///
    /// # Errors
    ///
    /// When it is no such thing, or cannot be recorded.
    pub fn proposed_event(
        &self,
        step: &RecordedEvent,
        action: &Action,
        nth: usize,
    ) -> Result<CloudEvent, Rejection> {
        let depth = step.event.causation_depth();
        match action {
            Action::Command(command) => {
                let place = place(step.stream(), step.version);
                let id = format!("{}/{place}/{nth}", self.origin);
                command.clone().received(id, step, depth)
            }
            Action::Emit(new) => {
                let mut new = new.clone().caused_by(step, &self.origin, nth);
                let depth = step.event.causation_depth();
                new.extensions
                    .insert(crate::reserved::CAUSATION_DEPTH.into(), depth.into());
                Ok(new)
            }
            Action::Call(_) | Action::Deadline { .. } | Action::Cancel { .. } => {
                Err(Rejection::new("it is neither a command nor an event"))
            }
        }
    }

    /// Cuts a causal chain that has no end.
    fn goes_on(&self, cause: &Cause) -> Result<(), Rejection> {
        let depth = cause.depth;
        if depth < MAX_CAUSATION_DEPTH {
            return Ok(());
        }
        Err(Rejection::new(format!(
            "the event is at the end of a causal chain of {depth} adapters, rules and processes, and nothing is given beyond {MAX_CAUSATION_DEPTH}: does `{}` feed itself?",
            self.origin
        )))
    }

    pub(super) fn event(
        &self,
        instance: &Instance,
        cause: &Cause,
        id: String,
        event_type: &str,
        data: &impl serde::Serialize,
    ) -> Result<CloudEvent, Rejection> {
        cause.event(&instance.stream, self.source(), id, event_type, data)
    }
}

fn take_apart(action: &mut Action) -> Result<(), Rejection> {
    match action {
        Action::Command(command) => take_apart_if_too_deep(&mut command.data),
        Action::Emit(new) => take_apart_if_too_deep(&mut new.data),
        Action::Call(call) => take_apart_if_too_deep(&mut call.action),
        Action::Deadline { .. } | Action::Cancel { .. } => Ok(()),
    }
}

fn deadline_name(name: String) -> Result<String, Rejection> {
    if name.is_empty() || name.len() > MAX_DEADLINE_NAME || name.contains(char::is_control) {
        return Err(Rejection::new(format!(
            "the name of a deadline has 1 to {MAX_DEADLINE_NAME} bytes and no control characters"
        )));
    }
    Ok(name)
}
