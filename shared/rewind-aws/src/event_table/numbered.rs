//! Numbered events: where they stand, found without a claim.

use super::table::EventStore;
use crate::Error;
use rewind::{RecordedEvent, StreamName, numbers::Numbered};
use std::collections::BTreeSet;

/// Commits on one page where a stream is read backwards, and on the first one: what
/// comes again most often stands in the last commit, and the one before it tells so.
const PAGE: i32 = 10;
const FIRST_PAGE: i32 = 2;

impl EventStore {
    /// The events of a stream that stand where their sources came to these
    /// numbers, of the commits that begin at or below a version, strongly
    /// consistent. An event that came late is not found so: it is claimed.
    ///
    /// The stream is read backwards, to the commit at which a source came to the
    /// lowest of the numbers.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or a commit is damaged.
    pub async fn numbered(
        &self,
        stream: &StreamName,
        mut below: u64,
        mut wanted: BTreeSet<Numbered>,
    ) -> Result<Vec<RecordedEvent>, Error> {
        let (mut found, mut page) = (Vec::new(), FIRST_PAGE);
        loop {
            let commits = self.last_commits(stream, below, page).await?;
            for (nth, commit) in commits.iter().enumerate() {
                wanted.retain(|numbered| commit.numbers.has_come(*numbered));
                let before = commits.get(nth + 1).map(|before| &before.numbers);
                let comes_here =
                    |numbered: &Numbered| before.is_none_or(|before| !before.has_come(*numbered));
                if wanted.iter().any(comes_here) {
                    let events = commit.events()?.into_iter();
                    found.extend(events.filter(|event| {
                        let numbered = event.event.numbered();
                        numbered.is_some_and(|numbered| wanted.contains(&numbered))
                    }));
                }
            }
            match commits.last() {
                Some(first) if first.version > 1 && !wanted.is_empty() => {
                    (below, page) = (first.version - 1, PAGE)
                }
                Some(_) | None => return Ok(found),
            }
        }
    }
}
