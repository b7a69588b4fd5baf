//! Compares what follows from a page of history now with what was recorded.

use super::finding::{self, Finding, Kind};
use crate::{
    Error,
    aws::clock::now,
    event_table::event_store::EventStore,
    gateway::log::{self, Failure},
    history::resolve,
    playback::{playing::Playing, request::Policy},
};
use rewind::{
    Calling, Calls, CloudEvent, Difference, Emitted, Proposal, Proposed, RecordedEvent, Rejection,
    Service, StreamName, call_key, reversal::place,
};
use std::collections::BTreeMap;

/// Compares, and keeps what it finds.
pub(super) struct Comparison<'a> {
    pub service: &'a Service,
    pub events: &'a EventStore,
    pub policies: &'a BTreeMap<String, Policy>,
    /// What leads to it, such as `playback/ID`.
    pub run: &'a str,
    /// The logs that were read for this page.
    logs: BTreeMap<StreamName, Calls>,
    pub found: Vec<Finding>,
}

/// Why something cannot be compared.
pub(super) enum Failed {
    Service(Error),
    Refused(Rejection),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Service(error)
    }
}

impl From<Rejection> for Failed {
    fn from(why: Rejection) -> Self {
        Self::Refused(why)
    }
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Aws(error) => Self::Service(error),
            Failure::Refused(why) => Self::Refused(why),
        }
    }
}

/// A call that was asked for, or is now: `origin` asks for it because of
/// `cause`.
pub(super) struct Slot<'s> {
    pub origin: &'s str,
    pub cause: &'s str,
    pub gateway: &'s str,
    pub key: String,
    /// The log, where it was asked for.
    pub log: Option<StreamName>,
    /// What is asked for now.
    pub now: Option<Calling>,
}

impl Playing<'_> {
    /// Compares a page of history, stream by stream, and keeps what differs.
    pub(in crate::playback) async fn compare(
        &self,
        policies: &BTreeMap<String, Policy>,
        runs: &BTreeMap<StreamName, Vec<RecordedEvent>>,
    ) -> Result<(), Error> {
        let player = self.player;
        let run = format!("playback/{}", self.replay.id);
        let (service, history) = (&player.service, &player.events);
        let mut comparison = Comparison::new(service, history, policies, &run);
        for (stream, events) in runs {
            comparison.stream(stream, events).await?;
        }
        let records = finding::of(&self.replay.id);
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for found in &comparison.found {
            let nth = seen.entry(found.key(0)).or_default();
            let key = found.key(*nth);
            *nth += 1;
            // A page that is compared again finds the same.
            records.save(&player.store, &key, found, 0).await?;
        }
        Ok(())
    }
}

impl<'a> Comparison<'a> {
    pub fn new(
        service: &'a Service,
        events: &'a EventStore,
        policies: &'a BTreeMap<String, Policy>,
        run: &'a str,
    ) -> Self {
        Self {
            service,
            events,
            policies,
            run,
            logs: BTreeMap::new(),
            found: Vec::new(),
        }
    }
}

impl Comparison<'_> {
    /// Compares what follows from some events of a stream.
    async fn stream(&mut self, stream: &StreamName, events: &[RecordedEvent]) -> Result<(), Error> {
        let service = self.service;
        let category = stream.category();
        let left_out = resolve::reversals(self.events, stream, 0, u64::MAX).await?;
        let left_out = left_out.left_out();
        for reaction in service
            .reactions()
            .iter()
            .filter(|known| known.reads(category))
        {
            let emits = |event: &RecordedEvent| match left_out.contains(&event.version) {
                true => Ok(Emitted::default()),
                false => reaction.emitted(event),
            };
            self.follows(&reaction.origin, events, emits).await?;
        }
        if let Some(caller) = service.caller_of(category) {
            let log = log::load(self.events, stream).await;
            match log {
                Ok(log) => {
                    let calls = &log.calls;
                    let emits = |event: &RecordedEvent| caller.emitted(calls, event);
                    self.follows(&caller.origin, events, emits).await?;
                }
                Err(Failure::Aws(error)) => return Err(error),
                Err(Failure::Refused(why)) => self.refused(&caller.origin, &events[0], &why),
            }
        }
        let runners = service.runners().iter();
        for runner in runners.filter(|known| known.category == category) {
            match self.journal(runner, stream, events).await {
                Ok(()) => {}
                Err(Failed::Service(error)) => return Err(error),
                Err(Failed::Refused(why)) => self.refused(&runner.origin, &events[0], &why),
            }
        }
        Ok(())
    }

    /// Compares what a reader emits, until it refuses an event.
    async fn follows(
        &mut self,
        origin: &str,
        events: &[RecordedEvent],
        emits: impl Fn(&RecordedEvent) -> Result<Emitted, Rejection>,
    ) -> Result<(), Error> {
        for event in events {
            let compared = match emits(event) {
                Ok(emitted) => self.event(origin, event, emitted).await,
                Err(why) => Err(why.into()),
            };
            match compared {
                Ok(()) => {}
                Err(Failed::Service(error)) => return Err(error),
                Err(Failed::Refused(why)) => {
                    self.refused(origin, event, &why);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn event(
        &mut self,
        origin: &str,
        event: &RecordedEvent,
        emitted: Emitted,
    ) -> Result<(), Failed> {
        let cause = place(event.stream(), event.version);
        self.calls(origin, event, emitted.calls).await?;
        self.emits(origin, &cause, &emitted.events).await
    }

    /// Compares the calls that follow from an event.
    pub(super) async fn calls(
        &mut self,
        origin: &str,
        event: &RecordedEvent,
        calls: Vec<Calling>,
    ) -> Result<(), Failed> {
        let cause = place(event.stream(), event.version);
        let mut now: BTreeMap<String, Vec<Calling>> = BTreeMap::new();
        for call in calls {
            let category = call.stream().category();
            if let Some(caller) = self.service.caller_of(category) {
                now.entry(caller.name.into()).or_default().push(call);
            }
        }
        for gateway in self.policies.keys() {
            let mut calls = now.remove(gateway).unwrap_or_default().into_iter();
            for nth in 0.. {
                let key = call_key(origin, &cause, gateway, nth);
                let log = self.log_of(&key).await?;
                let now = calls.next();
                if log.is_none() && now.is_none() {
                    break;
                }
                let slot = Slot {
                    origin,
                    cause: &cause,
                    gateway,
                    key,
                    log,
                    now,
                };
                self.slot(slot).await?;
            }
        }
        Ok(())
    }

    /// The log that holds the call of a key.
    pub(super) async fn log_of(&self, key: &str) -> Result<Option<StreamName>, Error> {
        let claims = self.events.claims(&[key]).await?;
        Ok(claims.into_values().next().map(|claim| claim.stream))
    }

    /// Compares one call.
    pub(super) async fn slot(&mut self, slot: Slot<'_>) -> Result<(), Failed> {
        let Some(caller) = self.service.caller(slot.gateway) else {
            return Ok(());
        };
        let mut finding = Finding::new(Kind::New, slot.origin, slot.cause);
        finding.gateway = Some(slot.gateway.into());
        finding.call = Some(slot.key.clone());
        let action = slot.now.as_ref().map(Calling::action).transpose()?;
        let run = self.run;
        let log = match &slot.log {
            Some(log) => Some(self.log(log).await?),
            None => None,
        };
        let call = log
            .as_ref()
            .and_then(|calls| Some((*calls, calls.get(&slot.key)?)));
        let Some((calls, call)) = call else {
            let Some((calling, action)) = slot.now.zip(action) else {
                return Ok(());
            };
            let request = caller.request(&action)?.shown();
            finding.now = Some(request.clone());
            finding.sends = vec![request];
            finding.proposal = Some(Proposal::call(calling));
            self.keep_new(slot.gateway, finding);
            return Ok(());
        };
        let difference = caller.difference(calls, call, action.as_ref(), (run, now()));
        let with = |kind: Kind, proposed: Proposed| Finding {
            kind,
            was: proposed.was,
            now: proposed.now,
            sends: proposed.sends,
            proposal: Some(proposed.proposal),
            ..finding.clone()
        };
        let found = match difference {
            Difference::None => return Ok(()),
            Difference::Correct(proposed) => with(Kind::Correct, proposed),
            Difference::Undo(proposed) => with(Kind::Undo, proposed),
            Difference::Again(proposed) => {
                let found = with(Kind::New, proposed);
                self.keep_new(slot.gateway, found);
                return Ok(());
            }
            Difference::Open { why } | Difference::Impossible { why } => Finding {
                kind: Kind::Open,
                about: Some(why),
                ..finding
            },
        };
        self.found.push(found);
        Ok(())
    }

    /// A new call is listed in any case, and made only where the operator has
    /// allowed new ones.
    fn keep_new(&mut self, gateway: &str, mut finding: Finding) {
        if self.policies.get(gateway) != Some(&Policy::DifferenceAndNew) {
            finding.proposal = None;
            let why = "new calls are not allowed for this playback";
            finding.about = Some(why.into());
        }
        self.found.push(finding);
    }

    async fn log(&mut self, stream: &StreamName) -> Result<&Calls, Failed> {
        if !self.logs.contains_key(stream) {
            let loaded = log::load(self.events, stream).await?;
            self.logs.insert(stream.clone(), loaded.calls);
        }
        self.logs
            .get(stream)
            .ok_or_else(|| Rejection::new("a log that was read is gone").into())
    }

    /// Compares the events and commands that follow from a cause.
    pub(super) async fn emits(
        &mut self,
        origin: &str,
        cause: &str,
        events: &[CloudEvent],
    ) -> Result<(), Failed> {
        for event in events {
            let proposal = Proposal::event(event.clone())?;
            let (own, again) = (event.identity(), proposal.identity());
            let claims = self.events.claims(&[&own, &again]).await?;
            let is_same = claims
                .get(&own)
                .is_some_and(|claim| claim.fingerprint == event.fingerprint());
            if is_same || claims.contains_key(&again) {
                continue;
            }
            let mut finding = Finding::new(Kind::Emits, origin, cause);
            let otherwise = match claims.contains_key(&own) {
                true => "otherwise",
                false => "for the first time",
            };
            let (event_type, stream) = (&event.event_type, &event.stream);
            finding.about = Some(format!("{event_type} of {stream}, {otherwise}"));
            finding.proposal = Some(proposal);
            self.found.push(finding);
        }
        Ok(())
    }

    pub(super) fn refused(&mut self, origin: &str, event: &RecordedEvent, why: &Rejection) {
        let cause = place(event.stream(), event.version);
        let mut finding = Finding::new(Kind::Refused, origin, &cause);
        finding.about = Some(why.reason.clone());
        self.found.push(finding);
    }
}
