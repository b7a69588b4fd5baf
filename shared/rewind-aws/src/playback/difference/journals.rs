//! Compares what a process would do now with what its journal says it has done.

use super::{
    compare::Comparison,
    finding::{Finding, Kind},
    recorded::Failed,
    slot::Slot,
};
use crate::Error;
use rewind::{
    Action, NewCall, Reconsidered, RecordedEvent, Runner, StreamName, call_key, event::identity,
    reversal::place,
};
use std::collections::BTreeMap;

impl Comparison<'_> {
    /// Compares the steps of a journal that begin with one of these events.
    pub(super) async fn journal(
        &mut self,
        runner: &Runner,
        journal: &StreamName,
        of: &[RecordedEvent],
    ) -> Result<(), Failed> {
        let all = self.whole(journal).await?;
        let through = of.last().map_or(0, |event| event.version);
        let from = of.first().map_or(0, |event| event.version);
        let (steps, refused) = runner.reconsidered(journal, &all);
        let wanted = steps.into_iter();
        let wanted = wanted.filter(|step| (from..=through).contains(&step.first.version));
        for step in wanted {
            self.step(runner, journal, &step).await?;
        }
        match refused {
            Some(why) => Err(why.into()),
            None => Ok(()),
        }
    }

    /// All of a journal.
    pub(super) async fn whole(&self, journal: &StreamName) -> Result<Vec<RecordedEvent>, Error> {
        let mut all: Vec<RecordedEvent> = Vec::new();
        loop {
            let after = all.last().map_or(0, |last| last.version);
            let page = self.events.read_events(journal, after, u64::MAX);
            let (events, has_more) = page.await?;
            all.extend(events);
            if !has_more {
                return Ok(all);
            }
        }
    }

    /// Compares what a process did about an event with nothing at all.
    pub(super) async fn step_without(
        &mut self,
        runner: &Runner,
        journal: &StreamName,
        event: &RecordedEvent,
    ) -> Result<(), Failed> {
        let all = self.whole(journal).await?;
        let cause = place(event.stream(), event.version);
        let (steps, _) = runner.reconsidered(journal, &all);
        for mut step in steps.into_iter().filter(|step| step.cause == cause) {
            // What was emitted is reversed by itself.
            step.now.clear();
            step.emitted.clear();
            self.step(runner, journal, &step).await?;
        }
        Ok(())
    }

    async fn step(
        &mut self,
        runner: &Runner,
        journal: &StreamName,
        step: &Reconsidered,
    ) -> Result<(), Failed> {
        let policies = self.policies;
        for gateway in policies.keys() {
            let mut now = step.calls().filter(|call| call.gateway() == gateway);
            let then = step.called.iter();
            let mut then = then.filter(|(call, _)| call.gateway() == gateway);
            for nth in 0.. {
                let (was, call) = (then.next(), now.next());
                // What was withheld, or is new, has a key of its own.
                let key = match was {
                    Some((_, Some(version))) => {
                        identity(&runner.source(), &format!("{}/0", place(journal, *version)))
                    }
                    _ => call_key(&runner.origin, &step.cause, gateway, nth),
                };
                let log = self.recorded.log_of(&key).await?;
                if log.is_none() && call.is_none() {
                    if was.is_none() {
                        break;
                    }
                    continue;
                }
                let now = call.map(|call: &NewCall| {
                    runner.proposed_call(&step.first, &step.cause, call, nth)
                });
                let slot = Slot {
                    origin: &runner.origin,
                    cause: &step.cause,
                    gateway,
                    key,
                    log,
                    now: now.transpose()?,
                };
                self.slot(slot).await?;
            }
        }
        self.given(runner, step).await
    }

    /// Compares the commands and events that the process gave.
    async fn given(&mut self, runner: &Runner, step: &Reconsidered) -> Result<(), Failed> {
        let mut left: BTreeMap<usize, &Action> = step.emitted.iter().enumerate().collect();
        let mut new = Vec::new();
        for action in step.emits() {
            let same = left.iter().find(|(_, known)| **known == action);
            match same.map(|(nth, _)| *nth) {
                Some(nth) => drop(left.remove(&nth)),
                None => new.push(action),
            }
        }
        for (nth, action) in new.into_iter().enumerate() {
            let event = runner.proposed_event(&step.first, action, nth)?;
            self.emits(&runner.origin, &step.cause, &[event]).await?;
        }
        for action in left.into_values() {
            let mut finding = Finding::new(Kind::Gone, &runner.origin, &step.cause);
            finding.about = Some(match action {
                Action::Command(command) => {
                    format!("{} of {}", command.command_type, command.stream)
                }
                Action::Emit(new) => format!("{} of {}", new.event_type, new.stream),
                Action::Call(_) | Action::Deadline { .. } | Action::Cancel { .. } => continue,
            });
            self.found.push(finding);
        }
        Ok(())
    }
}
