//! Compares one call with what is asked for now.

use super::{
    compare::Comparison,
    finding::{Finding, Kind},
    recorded::Failed,
};
use crate::{aws::clock::now, playback::request::Policy};
use rewind::{Calling, Difference, Proposal, Proposed, StreamName};

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

impl Comparison<'_> {
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
            Some(log) => Some(self.recorded.log(log).await?),
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
}
