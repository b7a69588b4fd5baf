//! What an event has led to outside: named before it is reversed, and taken back
//! with it if the operator says so.

use super::{
    compare::Comparison,
    finding::{Finding, Kind},
    recorded::Failed,
};
use crate::{
    Error,
    aws::publish::Run,
    playback::{
        player::{PlayError, Player},
        request::Policy,
    },
};
use rewind::{Approved, Batch, CloudEvent, Problem, RecordedEvent, StreamName};
use std::collections::BTreeMap;

impl Player {
    /// The calls of gateways that an event has led to, each with what takes it
    /// back.
    ///
    /// # Errors
    ///
    /// A problem where the code of today cannot say it; a failing service.
    pub async fn effects(
        &self,
        stream: &StreamName,
        version: u64,
    ) -> Result<Vec<Finding>, PlayError> {
        let callers = self.service.callers().iter();
        let policies: BTreeMap<String, Policy> = callers
            .map(|caller| (caller.name.to_string(), Policy::Difference))
            .collect();
        let Some(event) = self.events.event(stream, version).await? else {
            return Ok(Vec::new());
        };
        let run = format!("reversal/{stream}@{version}");
        let (service, events) = (&self.service, &self.events);
        let mut comparison = Comparison::new(service, events, &policies, &run);
        match comparison.without(&event).await {
            Ok(()) => Ok(comparison.found),
            Err(Failed::Service(error)) => Err(error.into()),
            Err(Failed::Refused(why)) => {
                let why = format!("what the event has led to outside is not known: {why}");
                Err(Problem::new(409, "effects-unknown", why).into())
            }
        }
    }

    /// The same, where all of it can be taken back.
    ///
    /// # Errors
    ///
    /// As [`effects`](Self::effects); a problem that names a call which cannot be
    /// taken back, or not yet: who asks for all of it does not get a part.
    pub async fn revocable(
        &self,
        stream: &StreamName,
        version: u64,
    ) -> Result<Vec<Finding>, PlayError> {
        let effects = self.effects(stream, version).await?;
        let Some(open) = effects.iter().find(|effect| effect.kind == Kind::Open) else {
            return Ok(effects);
        };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let why = format!(
            "the call {} of {} cannot be taken back: {}; nothing was reversed",
            text(&open.call),
            text(&open.gateway),
            text(&open.about),
        );
        Err(Problem::new(409, "cannot-be-taken-back", why).into())
    }

    /// Records that calls are to be taken back, as their findings say. To do it
    /// again changes nothing.
    ///
    /// # Errors
    ///
    /// When Kinesis fails.
    pub async fn undo(&self, effects: Vec<Finding>) -> Result<(), Error> {
        let Some(incoming) = &self.incoming else {
            return Err(Error::damaged("playback", "it has no stream for events"));
        };
        let proposals = effects.into_iter().filter_map(|effect| effect.proposal);
        let events: Vec<CloudEvent> = proposals
            .map(|proposal| proposal.approved(Approved::by_operator()))
            .collect();
        let runs = events.iter().map(|event| {
            let packed = Batch::encode(std::slice::from_ref(event));
            Run::new(event.stream.as_str(), packed)
        });
        let published = incoming.publish(runs.collect()).await;
        match published.into_iter().find_map(|run| run.refused) {
            Some(reason) => Err(Error::Service {
                operation: "PutRecords",
                reason,
            }),
            None => Ok(()),
        }
    }
}

impl Comparison<'_> {
    /// Compares what an event has led to with nothing at all.
    async fn without(&mut self, event: &RecordedEvent) -> Result<(), Failed> {
        let service = self.service;
        let category = event.stream().category();
        for reaction in service
            .reactions()
            .iter()
            .filter(|known| known.reads(category))
        {
            self.calls(&reaction.origin, event, Vec::new()).await?;
        }
        for runner in service
            .runners()
            .iter()
            .filter(|known| known.reads(category))
        {
            if let Some(journal) = runner.key(event)? {
                self.step_without(runner, &journal, event).await?;
            }
        }
        Ok(())
    }
}
