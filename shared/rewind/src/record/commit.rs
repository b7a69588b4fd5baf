//! Commits: runs of events of one stream that are recorded together, in one item.

use super::{codec as wire, misfit, numbers::Numbers};
use crate::{CloudEvent, RecordedEvent, StreamName};

/// The largest text of a commit's events, in bytes. A DynamoDB item holds
/// 400 KB (409,600 bytes) with its keys and attribute names.
pub const MAX_COMMIT_BYTES: usize = 390_000;

/// The most events in one commit. With it, the commit's delivery, which
/// repeats the stream's name in each event, fits a Kinesis record of 1 MiB.
pub const MAX_COMMIT_EVENTS: usize = 500;

/// One item of the events table.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Whose events these are.
    pub stream: StreamName,
    /// The version of the first event.
    pub version: u64,
    /// How many events there are.
    pub length: u64,
    /// The position of the first event; the next ones follow by one.
    pub position: u64,
    /// The events: a JSON array.
    pub events: String,
    /// The last reversal of the stream, as of the end of this commit.
    pub reversal: LastReversal,
    /// How far the sources of the stream have counted, as of the end of this
    /// commit.
    pub numbers: Numbers,
    /// Which process has recorded it, where no Kinesis batch comes again for it
    /// if that process dies before it publishes.
    pub appender: Option<String>,
}

/// The last reversal of a stream, as of some version of it. Every commit
/// stores it as of its own end. So the reversals of a stream are a chain that
/// is walked backwards, without a read of the events between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LastReversal {
    /// The stream has no reversal up to that version.
    #[default]
    None,
    /// The reversal at this version is the last one.
    At(u64),
    /// Not known: the stream was recorded before commits stored it.
    Unknown,
}

impl LastReversal {
    /// The last reversal once these events stand behind, the first of them at
    /// `version`.
    #[must_use]
    pub fn after<'a>(self, events: impl IntoIterator<Item = &'a CloudEvent>, version: u64) -> Self {
        let events = (version..).zip(events);
        let reversals = events.filter(|(_, event)| event.is_reversal());
        reversals.last().map_or(self, |(at, _)| Self::At(at))
    }
}

/// Where a stream stands: what its next commit starts from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// The version of the last recorded event; 0 when there is none.
    pub version: u64,
    /// The position of the last recorded event; 0 when there is none.
    pub position: u64,
    /// The last reversal up to there.
    pub reversal: LastReversal,
    /// How far the sources of the stream have counted up to there.
    pub numbers: Numbers,
}

impl Commit {
    /// The version of the last event.
    pub fn last_version(&self) -> u64 {
        self.version + self.length - 1
    }

    /// Where the stream stands once this is recorded.
    pub fn head(&self) -> Head {
        Head {
            version: self.last_version(),
            position: self.position + self.length - 1,
            reversal: self.reversal,
            numbers: self.numbers.clone(),
        }
    }

    /// The last reversal that this commit has to store, behind a stream whose
    /// last one is `before`: what an auditor compares [`reversal`] with. A
    /// commit that stores none was recorded before commits did, which says
    /// nothing; so does a commit behind such a one, unless it holds a reversal.
    ///
    /// [`reversal`]: Self::reversal
    ///
    /// # Errors
    ///
    /// When the stored text cannot be read.
    pub fn expected_reversal(
        &self,
        before: LastReversal,
    ) -> Result<LastReversal, UnreadableCommit> {
        let events = self.events()?;
        let events = events.iter().map(|recorded| &recorded.event);
        Ok(before.after(events, self.version))
    }

    /// The events with their places.
    ///
    /// # Errors
    ///
    /// When the stored text cannot be read. The commit is then damaged or from
    /// a newer version of Rewind: no reader may go on as if it were not there.
    pub fn events(&self) -> Result<Vec<RecordedEvent>, UnreadableCommit> {
        let unreadable = |reason: String| UnreadableCommit {
            stream: self.stream.clone(),
            version: self.version,
            reason,
        };
        let read: Vec<wire::Attributes> = serde_json::from_str(&self.events)
            .map_err(|error| unreadable(misfit::words(&error)))?;
        if read.len() as u64 != self.length {
            let (found, said) = (read.len(), self.length);
            return Err(unreadable(format!("{found} events where {said} were said")));
        }
        let events = read.into_iter().zip(0..).map(|(attributes, nth)| {
            let event = attributes.event::<serde_json::Error>(Some(&self.stream));
            Ok(RecordedEvent {
                event: event.map_err(|error| unreadable(misfit::words(&error)))?,
                version: self.version + nth,
                position: self.position + nth,
            })
        });
        events.collect()
    }
}

/// A commit whose events cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("commit {stream}@{version} cannot be read: {reason}")]
pub struct UnreadableCommit {
    /// Its stream.
    pub stream: StreamName,
    /// Its first version.
    pub version: u64,
    /// What is wrong.
    pub reason: String,
}

/// Cuts a run of events of one stream into commits that follow `head` without
/// a gap, each within the limits of an item. `now` is in microseconds since
/// 1970; positions rise even where it went back.
pub fn plan(head: Head, events: &[&CloudEvent], now: u64) -> Vec<Commit> {
    let mut commits: Vec<Commit> = Vec::new();
    let mut head = head;
    let mut text: Vec<u8> = Vec::new();
    let (mut first, mut next) = (0, 0);
    while next < events.len() {
        let end = text.len();
        text.push(if end == 0 { b'[' } else { b',' });
        wire::in_commit(events[next], &mut text);
        let is_full = text.len() > MAX_COMMIT_BYTES || next - first == MAX_COMMIT_EVENTS;
        if is_full && end > 0 {
            // It begins the next commit.
            let mut of_next = text.split_off(end);
            of_next[0] = b'[';
            commits.push(close(&mut head, &events[first..next], text, now));
            (first, text) = (next, of_next);
        }
        next += 1;
    }
    if let Some(rest) = events.get(first..).filter(|rest| !rest.is_empty()) {
        commits.push(close(&mut head, rest, text, now));
    }
    commits
}

/// The commit of some events, whose text is whole but for its last bracket, behind
/// a head, which it moves on.
fn close(head: &mut Head, events: &[&CloudEvent], mut text: Vec<u8>, now: u64) -> Commit {
    text.push(b']');
    let version = head.version + 1;
    let mut numbers = std::mem::take(&mut head.numbers);
    let numbered = events.iter().filter_map(|event| event.numbered());
    numbered.for_each(|event| numbers.take(event));
    let commit = Commit {
        stream: events[0].stream.clone(),
        version,
        length: events.len() as u64,
        position: now.max(head.position + 1),
        events: String::from_utf8(text).expect("serde_json writes UTF-8"),
        reversal: head.reversal.after(events.iter().copied(), version),
        numbers,
        appender: None,
    };
    *head = commit.head();
    commit
}

/// How many bytes an event takes in a commit. What is larger than
/// [`MAX_COMMIT_BYTES`] cannot be recorded and has to be refused at the edge.
pub fn size_of(event: &CloudEvent) -> usize {
    let mut text = Vec::new();
    wire::in_commit(event, &mut text);
    text.len()
}
