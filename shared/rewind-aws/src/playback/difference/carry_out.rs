//! What an operator has approved is recorded: gateways then send what it asks
//! for, as they send everything.

use super::finding::{self, Finding, Found, Kind};
use crate::{
    Error,
    aws::{producer::Stream, publish::Run},
    playback::{
        player::{PlayError, Player},
        playing::{Go, Playing},
        record::{self, Approval, Playback, load},
        state::State,
    },
};
use rewind::{Approved, Batch, CloudEvent, Problem};

/// Findings in one page.
const PAGE: i32 = 100;

impl Player {
    /// With the stream `incoming`, which takes what an operator has approved.
    #[must_use]
    pub fn with_incoming(mut self, incoming: Stream) -> Self {
        self.incoming = Some(incoming);
        self
    }

    /// Approves what a comparison has found. It then needs an invocation, which
    /// records it. To ask twice is to ask once.
    ///
    /// # Errors
    ///
    /// A problem when there is no such playback, or it compares nothing, or it
    /// has not ended.
    pub async fn approve(&self, id: &str, approval: &Approval) -> Result<Playback, PlayError> {
        let edit = |playback: &mut Playback| {
            if playback.request.policies().is_none() {
                let why = format!("playback {id} compares nothing");
                return Err(Problem::new(409, "not-now", why));
            }
            match (&playback.approval, playback.state) {
                (Some(_), _) => Ok(()),
                (None, State::Completed) => {
                    playback.approval = Some(approval.clone());
                    playback.state = State::CarryingOut;
                    playback.ended = None;
                    Ok(())
                }
                (None, state) => Err(state.refuses(id, "only a list that is complete is approved")),
            }
        };
        let changed = record::change::<PlayError>(&self.store, id, edit).await?;
        if changed.value.state == State::CarryingOut {
            record::list(&self.store, id).await?;
        }
        Ok(load(&self.store, id).await?.unwrap_or(changed.value))
    }
}

impl Playing<'_> {
    /// Counts what a comparison has found.
    pub(in crate::playback) async fn found(&self) -> Result<Found, Error> {
        let mut found = Found::default();
        let mut after: Option<String> = None;
        loop {
            let page = finding::page(&self.player.store, &self.replay.id, after.as_deref(), PAGE);
            let (findings, next) = page.await?;
            findings.iter().for_each(|finding| found.add(finding));
            after = next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    /// Records what was approved. To do it again changes nothing: identities
    /// depend on what was found alone.
    pub(in crate::playback) async fn carry_out(&self) -> Result<Go, Error> {
        let Some(incoming) = &self.player.incoming else {
            return Err(Error::damaged("playback", "it has no stream for events"));
        };
        let approval = self.playback().await.approval;
        let records = approval.is_some_and(|approval| approval.record);
        let mut after: Option<String> = None;
        loop {
            if !self.has_time() {
                return Ok(Go::OutOfTime);
            }
            let page = finding::page(&self.player.store, &self.replay.id, after.as_deref(), PAGE);
            let (findings, next) = page.await?;
            let events = findings
                .into_iter()
                .filter_map(|found| event(found, records));
            let events: Vec<CloudEvent> = events.collect();
            let runs = events.iter().map(|event| {
                let packed = Batch::encode(std::slice::from_ref(event));
                Run::new(event.stream.as_str(), packed)
            });
            let published = incoming.publish(runs.collect()).await;
            if let Some(reason) = published.into_iter().find_map(|run| run.refused) {
                let operation = "PutRecords";
                return Err(Error::Service { operation, reason });
            }
            after = next;
            if after.is_none() {
                break;
            }
            if self.beat(|_| {}).await? == Go::Stopped {
                return Ok(Go::Stopped);
            }
        }
        self.save(|playback| playback.end(State::Completed)).await
    }
}

/// What is recorded for a finding that was approved.
fn event(found: Finding, records: bool) -> Option<CloudEvent> {
    let is_wanted = match found.kind {
        Kind::Correct | Kind::Undo | Kind::New => true,
        Kind::Emits => records,
        Kind::Open | Kind::Gone | Kind::Refused => false,
    };
    let proposal = found.proposal.filter(|_| is_wanted)?;
    Some(proposal.approved(Approved::by_operator()))
}
