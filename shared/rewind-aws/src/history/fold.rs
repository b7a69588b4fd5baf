//! A row of one stream, folded from the stream's first event on.
//!
//! What was taken back by the last version is left out from the start, so the
//! fold goes once through the stream. Where an event is refused, the row is the
//! one before it: what was taken back behind the refused event still counts
//! there. Only where that makes a difference, the stream is folded once more.

use super::{
    reversals::reversals,
    sized::fold_sized,
    subject::{Refolded, Subject},
};
use crate::{Error, event_table::event_store::EventStore};
use rewind::{Change, Rejection, StreamName, reversal::Reversals};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Folds a stream from its first event up to a version, page by page, without
/// what was taken back by then. Where an event is refused, the row is the one
/// before it, without what was taken back by *then*.
///
/// # Errors
///
/// When DynamoDB fails, or a commit is damaged or missing.
pub async fn fold(
    store: &EventStore,
    subject: Subject<'_>,
    through: u64,
) -> Result<Refolded, Error> {
    supposing(store, subject, through, None).await
}

/// As [`fold`], supposing that one more event were taken back.
///
/// # Errors
///
/// As [`fold`].
pub async fn supposing(
    store: &EventStore,
    subject: Subject<'_>,
    through: u64,
    taken_back: Option<u64>,
) -> Result<Refolded, Error> {
    let mut fold = Fold::new(store, subject, through, taken_back).await?;
    while !fold.page().await? {}
    Ok(fold.finish())
}

/// A fold under way.
#[derive(Debug)]
pub(crate) struct Fold<'a> {
    store: &'a EventStore,
    subject: Subject<'a>,
    /// The last version that it takes.
    through: u64,
    /// The event that is supposed to be taken back as well.
    supposed: Option<u64>,
    reversals: Reversals,
    /// The versions that were taken back up to `through`.
    taken_back: BTreeSet<u64>,
    state: Option<Value>,
    watermark: u64,
    /// Why it ends before the version that was asked for.
    refused: Option<Rejection>,
}

impl<'a> Fold<'a> {
    /// A fold that begins with the first event.
    pub async fn new(
        store: &'a EventStore,
        subject: Subject<'a>,
        through: u64,
        supposed: Option<u64>,
    ) -> Result<Self, Error> {
        let reversals = reversals(store, subject.stream, 0, through).await?;
        let mut fold = Self {
            store,
            subject,
            through,
            supposed,
            reversals,
            taken_back: BTreeSet::new(),
            state: None,
            watermark: 0,
            refused: None,
        };
        fold.taken_back = fold.taken_back_by(through);
        Ok(fold)
    }

    /// The state and the watermark so far.
    pub fn reached(&self) -> (Option<&Value>, u64) {
        (self.state.as_ref(), self.watermark)
    }

    /// Goes on from a state that an earlier fold reached, if that one left out
    /// the same versions up to there. `of` is its [`fingerprint`].
    ///
    /// [`fingerprint`]: Self::fingerprint
    pub fn resume(&mut self, state: Option<Value>, watermark: u64, of: &str) -> bool {
        let is_usable = watermark <= self.through && self.fingerprint(watermark) == of;
        if is_usable {
            (self.state, self.watermark) = (state, watermark);
        }
        is_usable
    }

    /// What a state at this watermark is the fold of: the stream, the
    /// projection's version, the selection, and what of it is left out. Events
    /// do not change, so states of the same fingerprint are the same. How far
    /// the fold goes on is not part of it: a later delivery of the stream goes
    /// on as well, unless it takes back an event that the state holds.
    pub fn fingerprint(&self, watermark: u64) -> String {
        let Subject {
            projection,
            stream,
            key,
            selection,
        } = self.subject;
        let left_out: Vec<&u64> = self.taken_back.range(..=watermark).collect();
        let version = projection.version;
        let name = projection.name;
        let of = format!("{name} {version} {stream} {key} {watermark} {selection:?} {left_out:?}");
        let hash = Sha256::digest(of.as_bytes());
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Folds the next page. Says whether that was the last one.
    pub async fn page(&mut self) -> Result<bool, Error> {
        let stream: &StreamName = self.subject.stream;
        let page = self.store.read_events(stream, self.watermark, self.through);
        let (events, has_more) = page.await?;
        let mut changes = Vec::with_capacity(events.len());
        let mut undecoded = None;
        for event in &events {
            let version = event.version;
            let counts = self.subject.selection.is_none_or(|s| s.takes(event));
            let is_taken_back = self.taken_back.contains(&version);
            let unknown = self.reversals.undecoded(version);
            if let Some(why) = unknown.filter(|_| counts && !is_taken_back) {
                undecoded = Some(why.clone());
                break;
            }
            let is_reversal = self.reversals.holds(version) || unknown.is_some();
            changes.push(match (counts && !is_reversal, is_taken_back) {
                (true, true) => Change::Void(event),
                (true, false) => Change::Apply(event),
                (false, _) => Change::Pass,
            });
        }
        let folded = fold_sized(self.subject, self.state.as_ref(), &changes);
        self.state = folded.row;
        self.watermark += folded.applied as u64;
        match folded.rejection.or(undecoded) {
            None => Ok(!has_more),
            Some(why) => Ok(self.cut(why)),
        }
    }

    /// The row.
    pub fn finish(self) -> Refolded {
        Refolded {
            state: self.state,
            watermark: self.watermark,
            refused: self.refused,
        }
    }

    /// The event behind the state is refused. What was taken back behind it
    /// still counted before it. Says whether the state is right all the same;
    /// otherwise it begins again.
    fn cut(&mut self, why: Rejection) -> bool {
        let before = std::mem::take(&mut self.taken_back);
        self.refused = Some(why);
        self.through = self.watermark;
        self.taken_back = self.taken_back_by(self.through);
        let up_to = ..=self.watermark;
        let is_right = self.taken_back.range(up_to).eq(before.range(up_to));
        if !is_right {
            (self.state, self.watermark) = (None, 0);
        }
        is_right
    }

    /// What the reversals up to a version take back.
    fn taken_back_by(&self, through: u64) -> BTreeSet<u64> {
        let mut reversals = self.reversals.up_to(through);
        if let Some(version) = self.supposed {
            reversals.suppose(version);
        }
        reversals.taken_back()
    }
}
