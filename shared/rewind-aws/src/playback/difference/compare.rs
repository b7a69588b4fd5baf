//! Compares what follows from a page of history now with what was recorded.

use super::{
    finding::{self, Finding, Kind},
    recorded::{Failed, Recorded},
    slot::Slot,
};
use crate::{
    Error,
    event_table::event_store::EventStore,
    gateway::log::{self, Failure},
    history::resolve,
    playback::{playing::Playing, request::Policy},
};
use rewind::{
    Calling, CloudEvent, Emitted, Proposal, RecordedEvent, Rejection, Service, StreamName,
    call_key, reversal::place,
};
use std::collections::BTreeMap;

/// Compares, and keeps what it finds.
pub(super) struct Comparison<'a> {
    pub service: &'a Service,
    pub events: &'a EventStore,
    pub policies: &'a BTreeMap<String, Policy>,
    /// What leads to it, such as `playback/ID`.
    pub run: &'a str,
    pub recorded: Recorded<'a>,
    pub found: Vec<Finding>,
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
            recorded: Recorded::new(events),
            found: Vec::new(),
        }
    }
}

impl Comparison<'_> {
    /// Compares what follows from some events of a stream.
    pub async fn stream(
        &mut self,
        stream: &StreamName,
        events: &[RecordedEvent],
    ) -> Result<(), Error> {
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
        let mut now = Vec::new();
        let mut wanted = Vec::new();
        for event in events {
            let emitted = emits(event);
            if let Ok(emitted) = &emitted {
                self.identities(origin, event, emitted, &mut wanted);
            }
            let is_last = emitted.is_err();
            now.push((event, emitted));
            if is_last {
                break;
            }
        }
        self.recorded.look_up(&wanted).await?;
        for (event, emitted) in now {
            let compared = match emitted {
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

    /// Adds what will be looked up for what follows from an event: its first call
    /// of each gateway, whether there is one now or not, and all it emits.
    fn identities(
        &self,
        origin: &str,
        event: &RecordedEvent,
        emitted: &Emitted,
        wanted: &mut Vec<String>,
    ) {
        let cause = place(event.stream(), event.version);
        let gateways = self.policies.keys();
        wanted.extend(gateways.map(|gateway| call_key(origin, &cause, gateway, 0)));
        wanted.extend(emitted.events.iter().map(CloudEvent::identity));
        let again = emitted.events.iter().cloned().map(Proposal::event);
        wanted.extend(again.flatten().map(|proposal| proposal.identity()));
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
                let log = self.recorded.log_of(&key).await?;
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
            let is_known = self.recorded.claim(&again).await?.is_some();
            let own = self.recorded.claim(&own).await?;
            if is_known || own.is_some_and(|own| own.fingerprint == event.fingerprint()) {
                continue;
            }
            let otherwise = match own {
                Some(_) => "otherwise",
                None => "for the first time",
            };
            let mut finding = Finding::new(Kind::Emits, origin, cause);
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
