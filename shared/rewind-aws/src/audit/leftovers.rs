//! What lies in the data store and belongs to no stream.

use super::{
    look::{Run, locked},
    readers::{Reader, Way},
    report::{Kind, Violation},
};
use crate::{
    Error,
    aws::item::Item,
    data_table::{key::Key, row, stall},
};
use rewind::StreamName;

/// From this chance of a false alarm on, the filter is not asked.
const MAX_FALSE_ALARMS: f64 = 1e-4;

impl Run<'_> {
    /// Looks at every item of the data store.
    pub(super) async fn check_leftovers(&self) -> Result<(), Error> {
        let mut start = None;
        let mut done = 0;
        loop {
            let (items, next) = self.store.scan(start).await?;
            done += items.len() as u64;
            for item in items {
                self.check_item(item).await?;
            }
            locked(&self.ledger).progress("data store", done, done);
            start = next;
            if start.is_none() {
                return Ok(());
            }
        }
    }

    async fn check_item(&self, item: Item) -> Result<(), Error> {
        let (key, row) = match row::row(item) {
            Ok(read) => read,
            Err(error) => {
                self.damaged("data store", &error, true);
                return Ok(());
            }
        };
        let owner = key.pk.rsplit_once(['#', '~']).map(|(owner, _)| owner);
        let is_mark = key.pk.contains('~');
        let owner = owner.and_then(|owner| self.readers.iter().find(|r| r.name == owner));
        let Some(reader) = owner else {
            self.count(|counts| match key.pk == stall::REPORTS.partition() {
                true => counts.stall_reports += 1,
                false => counts.other_items += 1,
            });
            return Ok(());
        };
        self.count(|counts| match is_mark {
            true => counts.checkpoints += 1,
            // A deleted row is none.
            false => counts.rows += u64::from(row.state.is_some()),
        });
        if !is_mark && row.state.is_none() && row.watermark == 0 {
            // It only says who tells what becomes of the key, or why its first
            // event is not in it.
            return Ok(());
        }
        let is_known = match is_mark {
            true => reader.has_watermarks(),
            false => reader.outdated.is_none(),
        };
        if !is_known {
            return Ok(());
        }
        let (stream, home) = match &reader.way {
            Way::SharedRows(generation) if !is_mark => {
                (None, Some(Key::row(&generation.target, &key.sk)))
            }
            _ => {
                let stream = match is_mark {
                    true => StreamName::new(key.sk.clone()).ok(),
                    false => reader.stream_of_row(&key.sk),
                };
                let home = stream.as_ref().map(|stream| reader.watermark_key(stream));
                (stream, home)
            }
        };
        if home.as_ref() != Some(&key) {
            let expected = home.map_or("nothing".to_string(), |home| {
                format!("{}/{}", home.pk, home.sk)
            });
            let found = format!("{}/{}", key.pk, key.sk);
            let place = format!("{}/{}", reader.name, key.sk);
            let kind = Kind::RowSuperfluous;
            self.violation(Violation::new(kind, place, expected, found));
            return Ok(());
        }
        match stream {
            Some(stream) => {
                self.check_stream_of(reader, &key, row.watermark, &stream)
                    .await
            }
            None => Ok(()),
        }
    }

    /// Looks whether the stream of a row or checkpoint has events at all. Streams
    /// that the walk came by were compared then.
    async fn check_stream_of(
        &self,
        reader: &Reader,
        key: &Key,
        watermark: u64,
        stream: &StreamName,
    ) -> Result<(), Error> {
        let is_known = {
            let streams = locked(&self.streams);
            streams.may_hold(stream.as_str()) && streams.false_alarms() < MAX_FALSE_ALARMS
        };
        if is_known {
            return Ok(());
        }
        let head = match self.events.head(stream).await {
            Ok(head) => head.version,
            // The walk has reported it.
            Err(Error::Damaged { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let kind = match (head, &reader.way) {
            (0, Way::OneRow(_)) => Kind::RowSuperfluous,
            (head, _) if head >= watermark.max(1) => return Ok(()),
            (_, Way::OneRow(_)) => Kind::RowAhead,
            _ => Kind::CheckpointAhead,
        };
        let place = format!("{}/{}", reader.name, key.sk);
        let expected = format!("at most {head}, the head of {stream}");
        self.violation(Violation::new(kind, place, expected, watermark));
        Ok(())
    }
}
