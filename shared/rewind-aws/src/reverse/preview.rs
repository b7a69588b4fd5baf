//! What a reversal would change, and what depends on the event.

use super::reverser::{Named, ReverseError, Reverser};
use crate::{
    Error,
    data_table::key::Key,
    generation::lifecycle,
    history::resolve::{Fold, Subject},
};
use rewind::{
    Change, Over, Projection, RecordedEvent, Rejection, StreamName, Target, reversal::Effect,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// What a reversal would change.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Preview {
    /// The event.
    pub event: RecordedEvent,
    /// Every row that would be another one.
    pub rows: Vec<RowChange>,
    /// What depends on the event: later events that would now be refused.
    pub depending: Vec<Depending>,
}

/// A row that a reversal would change.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RowChange {
    /// The projection.
    pub projection: &'static str,
    /// The row's key.
    pub key: String,
    /// The row now.
    pub before: Option<Value>,
    /// The row without the event.
    pub after: Option<Value>,
}

/// A later event that would be refused without the reversed one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Depending {
    /// Who would refuse: a projection, or `aggregate`.
    pub by: String,
    /// The version of the event that would be refused.
    pub version: u64,
    /// Why.
    pub reason: String,
}

impl Reverser {
    /// What reversing an event would change, and what depends on it. Nothing
    /// is done.
    ///
    /// # Errors
    ///
    /// As [`reverse`](Self::reverse).
    pub async fn preview(&self, named: &Named) -> Result<Preview, ReverseError> {
        let (event, mut reversals) = self.find(named).await?;
        reversals.suppose(named.version);
        let mut preview = Preview {
            event,
            rows: Vec::new(),
            depending: Vec::new(),
        };
        self.preview_own_rows(named, &mut preview).await?;
        let projections = self.service.projections().iter();
        for projection in projections.filter(|known| known.reads(named.stream.category())) {
            match projection.over {
                Over::OneStream => {}
                Over::ManyStreams => {
                    let (root, is_restored) = match reversals.effect(u64::MAX) {
                        Some(Effect::TakenBack(root)) => (root, false),
                        Some(Effect::Restored(root)) => (root, true),
                        Some(Effect::Nothing(_)) | None => continue,
                    };
                    let root = match root == named.version {
                        true => preview.event.clone(),
                        false => self.event(&named.stream, root).await?,
                    };
                    let change = (&root, is_restored);
                    let changed = self.preview_rows(projection, change, &mut preview);
                    changed.await?;
                }
            }
        }
        if self.service.is_decided(named.stream.category()) {
            let events = self.all(&named.stream).await?;
            let left_out = reversals.left_out();
            let events = events.iter();
            let events = events.filter(|event| !left_out.contains(&event.version));
            let events: Vec<&RecordedEvent> = events.collect();
            let category = named.stream.category();
            if let Some((version, refused)) = self.service.first_rejected(category, &events) {
                preview.depending.push(Depending {
                    by: "aggregate".into(),
                    version,
                    reason: refused.reason,
                });
            }
        }
        let projections = self.service.projections();
        let nth = |name: &str| projections.iter().position(|known| known.name == name);
        let nth = |name: &str| nth(name).unwrap_or(projections.len());
        preview.rows.sort_by_key(|row| nth(row.projection));
        preview.depending.sort_by_key(|refused| nth(&refused.by));
        Ok(preview)
    }

    async fn all(&self, stream: &StreamName) -> Result<Vec<RecordedEvent>, Error> {
        let mut events: Vec<RecordedEvent> = Vec::new();
        loop {
            let after = events.last().map_or(0, |event| event.version);
            let (page, has_more) = self.events.read_events(stream, after, u64::MAX).await?;
            events.extend(page);
            if !has_more {
                return Ok(events);
            }
        }
    }

    /// The rows of the stream itself, folded with and without the event. All
    /// folds go through the stream together, so that each page is read once.
    async fn preview_own_rows(&self, named: &Named, preview: &mut Preview) -> Result<(), Error> {
        let events = &self.events.for_one_batch();
        let stream = &named.stream;
        let head = events.head(stream).await?.version;
        let projections = self.service.projections().iter();
        let projections: Vec<&Projection> = projections
            .filter(|known| known.over == Over::OneStream && known.reads(stream.category()))
            .collect();
        let mut folds = Vec::with_capacity(2 * projections.len());
        for projection in &projections {
            let subject = Subject {
                projection,
                stream,
                key: stream.id(),
                selection: None,
            };
            for supposed in [None, Some(named.version)] {
                folds.push((Fold::new(events, subject, head, supposed).await?, false));
            }
        }
        while folds.iter().any(|(_, is_done)| !is_done) {
            for (fold, is_done) in folds.iter_mut().filter(|(_, is_done)| !is_done) {
                *is_done = fold.page().await?;
            }
        }
        let mut rows = folds.into_iter().map(|(fold, _)| fold.finish());
        for projection in projections {
            let (Some(before), Some(after)) = (rows.next(), rows.next()) else {
                break;
            };
            if let Some(refused) = after.refused.filter(|_| before.refused.is_none()) {
                preview.depending.push(Depending {
                    by: projection.name.to_string(),
                    version: after.watermark + 1,
                    reason: refused.reason,
                });
            }
            if before.state != after.state {
                preview.rows.push(RowChange {
                    projection: projection.name,
                    key: stream.id().to_string(),
                    before: before.state,
                    after: after.state,
                });
            }
        }
        Ok(())
    }

    async fn preview_rows(
        &self,
        projection: &Projection,
        (root, is_restored): (&RecordedEvent, bool),
        preview: &mut Preview,
    ) -> Result<(), Error> {
        let version = preview.event.version;
        let refused = |why: Rejection| Depending {
            by: projection.name.to_string(),
            version,
            reason: why.reason,
        };
        let keys = match projection.keys(root) {
            Ok(keys) => keys,
            Err(why) => {
                preview.depending.push(refused(why));
                return Ok(());
            }
        };
        let known = lifecycle::of(&self.store, projection.name).await?;
        let target = Target {
            projection: projection.name.to_string(),
            generation: known.serving,
        };
        for key in keys {
            let row = self.store.get(&Key::row(&target, &key)).await?;
            let before = row.and_then(|row| row.state);
            let change = match is_restored {
                true => Change::Apply(root),
                false => Change::Revert(root),
            };
            let folded = projection.fold(&key, before.as_ref(), &[change]);
            if let Some(why) = folded.rejection {
                preview.depending.push(refused(why));
                return Ok(());
            }
            if folded.row != before {
                preview.rows.push(RowChange {
                    projection: projection.name,
                    key,
                    before,
                    after: folded.row,
                });
            }
        }
        Ok(())
    }
}
