//! How a turn ends: the checkpoint moves on behind what was sent.

use super::turn::Turn;
use crate::{
    Error,
    data_table::{
        data_store::DataStore,
        row::{Row, Written},
        stall::{self, Stall},
        transaction::Write,
    },
};
use rewind::StreamName;
use std::cmp::Ordering;

/// Changes in the list of deadlines that are written with a checkpoint: a
/// transaction holds 100 items.
const CHANGES_AT_ONCE: usize = 90;

impl Turn<'_> {
    /// Moves the checkpoint on behind what was sent.
    pub async fn settle(&self, store: &DataStore) -> Result<(), Error> {
        let stalled = match &self.refused {
            Some(refused) => Some(stall::reason(refused)),
            // It is on its way to the end, and has to go on there.
            None if self.has_more => self.checkpoint.stalled.clone(),
            None => None,
        };
        let is_known = self.refused.is_none() || stalled == self.checkpoint.stalled;
        if self.watermark == self.checkpoint.watermark && is_known {
            // Stalled before for the same reason, or nothing but repeats: those
            // say nothing about the event that the stream is stalled at.
            return Ok(());
        }
        let origin = self.work.origin();
        let was = self.checkpoint.stalled.as_deref();
        let stall = stalled.as_ref();
        let stall = stall.map(|reason| Stall::new(&origin, self.stream, self.watermark, reason));
        let report = stall::change(was, stall.as_ref(), &origin, self.stream)?;
        let mut seen = self.checkpoint.revision;
        let mut changes = self.changes.as_slice();
        while changes.len() > CHANGES_AT_ONCE {
            // They are found again, and written again, if the rest fails.
            let (some, rest) = changes.split_at(CHANGES_AT_ONCE);
            let (key, row) = (self.key.clone(), self.checkpoint.clone());
            let mut writes = some.to_vec();
            writes.push(Write::Put { key, row, seen });
            if store.write_together(&writes).await? == Written::Stale {
                return Err(overtaken(&origin, self.stream));
            }
            (changes, seen) = (rest, seen + 1);
        }
        let checkpoint = Row {
            state: self.state.clone(),
            watermark: self.watermark,
            revision: seen,
            stalled,
            ..Row::default()
        };
        let mut beside: Vec<Write> = report.into_iter().collect();
        beside.extend(changes.iter().cloned());
        let written = match beside.is_empty() {
            true => store.put(&self.key, &checkpoint, seen).await?,
            false => {
                let (key, row) = (self.key.clone(), checkpoint);
                beside.push(Write::Put { key, row, seen });
                store.write_together(&beside).await?
            }
        };
        if written == Written::Stale {
            // Another invocation moved the checkpoint. Where it says at least as
            // much, all is well. Where it does not (a write of a process that died
            // may come late), the delivery has to come again. What is emitted
            // twice is recorded once.
            let checkpoints = store.rows(std::slice::from_ref(&self.key)).await?;
            if !checkpoints
                .get(&self.key)
                .is_some_and(|now| self.is_in(now))
            {
                return Err(overtaken(&origin, self.stream));
            }
        }
        Ok(())
    }

    /// Whether a checkpoint is beyond this turn, or says as much as it: up to
    /// where it came, and that it stalls there.
    fn is_in(&self, checkpoint: &Row) -> bool {
        match checkpoint.watermark.cmp(&self.watermark) {
            Ordering::Less => false,
            Ordering::Equal => self.refused.is_none() || checkpoint.stalled.is_some(),
            Ordering::Greater => true,
        }
    }
}

fn overtaken(origin: &str, stream: &StreamName) -> Error {
    let what = format!("the checkpoint of {origin} for {stream}");
    Error::Contended { what, attempts: 1 }
}
