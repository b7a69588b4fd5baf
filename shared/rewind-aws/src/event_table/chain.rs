//! The chain of a stream's reversals. Each commit stores the version of the
//! stream's last reversal as of its own end, so that one read leads from a
//! reversal to the one before it, whatever lies between.

use super::{link::Link, table::EventStore};
use crate::Error;
use rewind::{
    StreamName,
    reversal::{LastReversal, Reversal},
};
use std::sync::Arc;

impl EventStore {
    /// The link of a stream's chain at a version: one read, of two commits. The
    /// version need not be that of a reversal, and need not be recorded.
    pub(crate) async fn link(&self, stream: &StreamName, until: u64) -> Result<Arc<Link>, Error> {
        let Some(cache) = &self.cache else {
            return Ok(Arc::new(self.read_link(stream, until).await?));
        };
        let _turn = cache.turn(stream).await;
        if let Some(known) = cache.link(stream, until) {
            return Ok(known);
        }
        let link = Arc::new(self.read_link(stream, until).await?);
        cache.keep_link(stream, until, &link);
        Ok(link)
    }

    async fn read_link(&self, stream: &StreamName, until: u64) -> Result<Link, Error> {
        let commits = self.last_commits(stream, until, 2).await?;
        let Some(commit) = commits.first() else {
            return Ok(Link::default());
        };
        let at = match commit.reversal {
            LastReversal::At(at) if at >= commit.version => at,
            earlier => {
                return Ok(Link {
                    reversals: Vec::new(),
                    earlier,
                    before: until.min(commit.last_version()),
                });
            }
        };
        let damaged = |why: String| {
            let what = format!("commit {stream}@{}", commit.version);
            Err(Error::damaged(what, why))
        };
        let mut reversals = commit.events()?;
        reversals.retain(Reversal::is_one);
        if reversals.last().map(|last| last.version) != Some(at) {
            return damaged(format!(
                "it does not end with the reversal {at}, as it says"
            ));
        }
        reversals.retain(|reversal| reversal.version <= until);
        // The commit in front of this one tells what came before.
        let earlier = match commits.get(1) {
            _ if commit.version == 1 => LastReversal::None,
            Some(before) if before.last_version() + 1 == commit.version => before.reversal,
            _ => return damaged("the commit before it is missing".to_string()),
        };
        let before = commit.version - 1;
        if matches!(earlier, LastReversal::At(at) if at > before) {
            return damaged("the commit before it names a later reversal".to_string());
        }
        Ok(Link {
            reversals,
            earlier,
            before,
        })
    }
}
