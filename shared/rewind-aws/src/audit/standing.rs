//! Where the readers of a stream stand.

use super::{look::Run, readers::Reader};
use crate::{
    Error,
    data_table::{key::Key, row::Row},
    project::many_streams::Apart,
};
use rewind::StreamName;
use std::{collections::HashMap, sync::Mutex};

/// A reader's watermark for a stream, and where it stands.
pub(super) struct Standing<'a> {
    /// The reader's place in the list of readers.
    pub nth: usize,
    pub reader: &'a Reader,
    pub key: Key,
    pub row: Row,
    /// The events of which the rows say otherwise than history does, as far as
    /// the stream was followed.
    pub apart: Mutex<Apart>,
}

impl Run<'_> {
    /// Where the readers of a stream stand.
    pub(super) async fn standings(
        &self,
        stream: &StreamName,
        is_wanted: impl Fn(&Reader) -> bool,
        is_first_look: bool,
    ) -> Result<Vec<Standing<'_>>, Error> {
        let readers = self.readers.iter().enumerate();
        let readers = readers.filter(|(_, reader)| reader.reads(stream.category()));
        let mut standings: Vec<Standing<'_>> = readers
            .filter(|(_, reader)| is_wanted(reader))
            .map(|(nth, reader)| Standing {
                nth,
                reader,
                key: reader.watermark_key(stream),
                row: Row::default(),
                apart: Mutex::default(),
            })
            .collect();
        let keys: Vec<Key> = standings.iter().map(|s| s.key.clone()).collect();
        let rows = self.store.rows_or_damage(&keys).await?;
        let mut rows: HashMap<Key, Result<Row, Error>> = rows.into_iter().collect();
        for standing in &mut standings {
            match rows.remove(&standing.key) {
                Some(Ok(row)) => standing.row = row,
                Some(Err(error)) => {
                    let place = format!("{}/{}", standing.reader.name, standing.key.sk);
                    self.damaged(&place, &error, is_first_look);
                }
                None => {}
            }
        }
        Ok(standings)
    }
}
