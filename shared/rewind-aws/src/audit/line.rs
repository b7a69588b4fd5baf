//! The line of a stream's commits: dense versions, rising positions, and
//! commits that can be read.

use super::{
    look::Run,
    report::{Kind, Violation},
};
use crate::{aws::item::Item, event_table::scan::commit_of};
use rewind::{
    Commit, RecordedEvent, StreamName,
    numbers::{Numbers, Standing},
    reversal::LastReversal,
};
use std::collections::BTreeSet;

/// How far a stream was followed.
pub(super) struct Line {
    /// The version that has to come next.
    next: u64,
    /// The position of the last event.
    position: u64,
    /// The last reversal up to there.
    reversal: LastReversal,
    /// How far the sources have counted up to there.
    numbers: Numbers,
    /// Whether some commit cannot be read: what follows cannot be folded.
    pub is_broken: bool,
}

impl Line {
    pub fn new() -> Self {
        Self {
            next: 1,
            position: 0,
            reversal: LastReversal::None,
            numbers: Numbers::default(),
            is_broken: false,
        }
    }

    /// The version of the last event.
    pub fn head(&self) -> u64 {
        self.next - 1
    }
}

/// What stands on a page.
#[derive(Default)]
pub(super) struct Read {
    pub commits: Vec<Commit>,
    pub events: Vec<RecordedEvent>,
    /// The versions of the events that need no claim: their numbers told that
    /// they were new.
    pub new_by_number: BTreeSet<u64>,
}

/// Reads a page without a word about what is wrong with it.
pub(super) fn read(items: &[Item]) -> Read {
    let mut page = Read::default();
    for commit in items.iter().filter_map(|item| sound(item).ok()) {
        page.events.extend(commit.events().unwrap_or_default());
        page.commits.push(commit);
    }
    page
}

/// An item as a commit whose numbers can be reckoned with.
fn sound(item: &Item) -> Result<Commit, String> {
    let commit = commit_of(item).map_err(|error| error.to_string())?;
    let ends = commit.version.checked_add(commit.length);
    let ends = ends.and(commit.position.checked_add(commit.length));
    if commit.version == 0 || commit.length == 0 || ends.is_none() {
        let (version, length) = (commit.version, commit.length);
        return Err(format!("version {version} and length {length}"));
    }
    Ok(commit)
}

impl Run<'_> {
    /// Reads a page of a stream, and reports what is wrong with its commits.
    pub(super) fn follow(&self, stream: &StreamName, line: &mut Line, items: &[Item]) -> Read {
        let mut page = Read::default();
        for item in items {
            let commit = match sound(item) {
                Ok(commit) => commit,
                Err(found) => {
                    line.is_broken = true;
                    let place = format!("{stream}@{}", line.next);
                    let expected = "a commit";
                    self.violation(Violation::new(Kind::DamagedItem, place, expected, found));
                    continue;
                }
            };
            self.follow_commit(line, &commit);
            self.follow_reversals(line, &commit);
            match commit.events() {
                Ok(events) => {
                    self.follow_numbers(line, &commit, &events, &mut page);
                    page.events.extend(events);
                }
                Err(error) => {
                    line.is_broken = true;
                    let (place, expected) = (place_of(&commit), "events that can be read");
                    let found = error.reason;
                    self.violation(Violation::new(
                        Kind::UnreadableCommit,
                        place,
                        expected,
                        found,
                    ));
                }
            }
            page.commits.push(commit);
        }
        page
    }

    /// The chain of reversals: a commit that is wrong about it hides what was
    /// taken back. One that does not know, from an older version, says nothing.
    fn follow_reversals(&self, line: &mut Line, commit: &Commit) {
        let is_known = |reversal: &LastReversal| *reversal != LastReversal::Unknown;
        let expected = commit.expected_reversal(line.reversal).ok();
        let expected = expected.filter(|_| !line.is_broken).filter(is_known);
        if let Some(expected) = expected.filter(|_| is_known(&commit.reversal))
            && expected != commit.reversal
        {
            let (kind, place) = (Kind::WrongReversal, place_of(commit));
            let (expected, found) = (format!("{expected:?}"), format!("{:?}", commit.reversal));
            self.violation(Violation::new(kind, place, expected, found));
        }
        line.reversal = expected.unwrap_or(commit.reversal);
    }

    /// How far the sources have counted: a commit that is wrong about it lets a
    /// repeat through.
    fn follow_numbers(
        &self,
        line: &mut Line,
        commit: &Commit,
        events: &[RecordedEvent],
        page: &mut Read,
    ) {
        for event in events {
            if let Some(numbered) = event.event.numbered() {
                if line.numbers.standing(numbered) == Standing::New {
                    page.new_by_number.insert(event.version);
                }
                line.numbers.take(numbered);
            }
        }
        if commit.numbers != line.numbers && !line.is_broken {
            let (kind, place) = (Kind::WrongNumbers, place_of(commit));
            let shown = |numbers: &Numbers| format!("{:?}", numbers.stored().collect::<Vec<_>>());
            let (expected, found) = (shown(&line.numbers), shown(&commit.numbers));
            self.violation(Violation::new(kind, place, expected, found));
        }
        line.numbers = commit.numbers.clone();
    }

    fn follow_commit(&self, line: &mut Line, commit: &Commit) {
        if commit.version != line.next {
            let kind = match commit.version > line.next {
                true => Kind::Gap,
                false => Kind::Overlap,
            };
            let expected = format!("version {}", line.next);
            let found = format!("version {}", commit.version);
            self.violation(Violation::new(kind, place_of(commit), expected, found));
        }
        if commit.position <= line.position {
            let expected = format!("a position above {}", line.position);
            let kind = Kind::PositionBack;
            self.violation(Violation::new(
                kind,
                place_of(commit),
                expected,
                commit.position,
            ));
        }
        line.next = line.next.max(commit.version + commit.length);
        line.position = line.position.max(commit.head().position);
    }
}

/// A commit by its stream and first version.
pub(super) fn place_of(commit: &Commit) -> String {
    format!("{}@{}", commit.stream, commit.version)
}
