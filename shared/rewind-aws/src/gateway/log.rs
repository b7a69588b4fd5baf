//! Logs of gateways: read as a whole, and gone on with right behind their head.

use crate::{
    Error,
    append::recorder::Recorder,
    aws::{clock::micros, retry},
    event_table::event_store::{EventStore, Together},
};
use rewind::{Calls, CloudEvent, Head, RecordedEvent, Rejection, StreamName, commit};

/// A log as it stands.
#[derive(Debug)]
pub struct Loaded {
    /// What it says of each call.
    pub calls: Calls,
    pub(super) head: Head,
}

/// Why a log cannot be gone on with.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A service did not do its part.
    #[error(transparent)]
    Aws(#[from] Error),
    /// It is no log.
    #[error("{0}")]
    Refused(Rejection),
}

impl From<Rejection> for Failure {
    fn from(why: Rejection) -> Self {
        Self::Refused(why)
    }
}

/// Says that an event stands in a log: only whoever has appended it has one.
#[derive(Debug)]
pub(super) struct Stands(());

/// What became of an event that was to follow a log.
pub(super) enum Appended {
    /// It stands.
    Yes(Stands),
    /// It may stand or not, and others may have been faster: the log has to be
    /// read again.
    Unclear,
}

/// A log as it stands, strongly consistent.
///
/// # Errors
///
/// When DynamoDB fails, or it is no log.
pub async fn load(events: &EventStore, stream: &StreamName) -> Result<Loaded, Failure> {
    let mut all: Vec<RecordedEvent> = Vec::new();
    let mut head = Head::default();
    loop {
        let page = events.behind(stream, head.version).await?;
        for commit in &page.commits {
            all.extend(commit.events().map_err(Error::from)?);
            head = commit.head();
        }
        if !page.has_more {
            let calls = Calls::of(&all)?;
            return Ok(Loaded { calls, head });
        }
    }
}

/// Appends an event right behind the head that was read.
pub(super) async fn append(
    recorder: &Recorder,
    loaded: &Loaded,
    event: &CloudEvent,
) -> Result<Appended, Failure> {
    let mut commits = commit::plan(loaded.head.clone(), &[event], micros());
    match recorder.record(&mut commits, None).await? {
        Together::Done => Ok(Appended::Yes(Stands(()))),
        Together::Refused(why) => Err(Rejection::new(why).into()),
        Together::Taken => Ok(Appended::Unclear),
        Together::Failed(_) => {
            retry::wait(1).await;
            Ok(Appended::Unclear)
        }
    }
}

impl Loaded {
    /// The proof that an attempt stands, for whoever has made it under this id
    /// and was told nothing.
    pub(super) fn has_sent(&self, key: &str, run: &str) -> Option<Stands> {
        let last = self.calls.get(key)?.open()?;
        (last.sent.run == run).then_some(Stands(()))
    }
}
