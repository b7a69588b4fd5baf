//! `rewind check`'s work: folds a sample of the rows that serve again, with the
//! code of today. Where a row differs although the projection's `VERSION` is the
//! one that its generation was begun with, the code has changed and the version
//! was forgotten.
//!
//! What it reads is bounded: of a row of one stream, that stream; of rows that
//! streams share, the projection's categories up to a number of events.
//! `rewind verify` looks at everything.

mod shared;

use super::state::{shown, stored_form};
use crate::{
    Error,
    aws::clock,
    data_table::{
        data_store::DataStore,
        key,
        row::{self, Row},
    },
    event_table::event_store::EventStore,
    generation::lifecycle,
    history::resolve::{self, Subject},
};
use rewind::{Over, Projection, StreamName, Target};
use serde::Serialize;
use serde_json::Value;

/// How much is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The rows of each projection.
    pub rows: usize,
    /// The events that are read for the rows of one projection that streams
    /// share.
    pub events: u64,
}

/// What became of the sample of a projection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sampled {
    /// The projection.
    pub projection: String,
    /// The generation that serves.
    pub generation: u64,
    /// The projection's `VERSION` in the code of today.
    pub version: u32,
    /// How many rows were folded again.
    pub rows: u64,
    /// How many events were read for that.
    pub events: u64,
    /// Rows of the sample that others changed meanwhile: nothing is said of them.
    pub unsettled: u64,
    /// Rows that are others than the code of today makes.
    pub differing: Vec<Differing>,
    /// Why the rows were not folded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Skipped>,
}

/// A row that is another one than the code of today makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Differing {
    /// Its key.
    pub key: String,
    /// The version of its stream that it holds; only over one stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark: Option<u64>,
    /// The row as it is stored.
    pub stored: String,
    /// What the fold gives.
    pub folded: String,
}

/// Why the rows of a projection were not folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Skipped {
    /// What serves was begun with this other `VERSION`: a rebuild is due, and
    /// known to be.
    RebuildDue(u32),
    /// Its rows are shared by streams with more events than are read.
    TooManyEvents,
}

/// Rows of a sample, by key.
type Rows = Vec<(String, Row)>;

/// Folds a sample of a projection's rows again.
///
/// # Errors
///
/// When a table cannot be read, or what it holds is damaged.
pub async fn sample(
    (events, store): (&EventStore, &DataStore),
    projection: &Projection,
    bounds: Bounds,
) -> Result<Sampled, Error> {
    let known = lifecycle::of(store, projection.name).await?;
    let mut sampled = Sampled {
        projection: projection.name.to_string(),
        generation: known.serving,
        version: projection.version,
        rows: 0,
        events: 0,
        unsettled: 0,
        differing: Vec::new(),
        skipped: None,
    };
    if known.is_rebuild_due(projection.version) {
        let made_by = known.versions.get(&known.serving).copied();
        sampled.skipped = Some(Skipped::RebuildDue(made_by.unwrap_or_default()));
        return Ok(sampled);
    }
    let target = Target {
        projection: projection.name.to_string(),
        generation: known.serving,
    };
    let rows = some_rows(store, &target, bounds.rows).await?;
    if rows.is_empty() {
        return Ok(sampled);
    }
    match projection.over {
        Over::OneStream => one_stream(events, projection, rows, &mut sampled).await?,
        Over::ManyStreams => {
            let at = shared::At {
                events,
                store,
                projection,
                target: &target,
            };
            at.check(rows, bounds.events, &mut sampled).await?;
        }
    }
    Ok(sampled)
}

/// Some rows of a generation: from a place in each partition that changes from
/// call to call, so that another call finds others.
async fn some_rows(store: &DataStore, target: &Target, count: usize) -> Result<Rows, Error> {
    const FIRST: u64 = 0x21;
    const PRINTABLE: u64 = 94;
    let start = FIRST + clock::micros() % PRINTABLE;
    let start = char::from(start as u8).to_string();
    let partitions: Vec<String> = key::row_partitions(target).collect();
    let each = count.div_ceil(partitions.len().max(1)).max(1) as i32;
    let mut rows = Rows::new();
    for partition in &partitions {
        let (mut items, _) = store.list(partition, "", Some(&start), each).await?;
        if items.len() < each as usize {
            // Behind the start there are too few: the first ones as well.
            let (first, _) = store.list(partition, "", None, each).await?;
            items.extend(first);
        }
        let mut of_partition = Rows::new();
        for item in items {
            let (key, row) = row::row(item)?;
            let is_new = of_partition.iter().all(|(known, _)| *known != key.sk);
            // What its projection has deleted, and what only says why its first
            // event is refused, is no row.
            if row.state.is_some() && is_new && of_partition.len() < each as usize {
                of_partition.push((key.sk, row));
            }
        }
        rows.extend(of_partition);
    }
    rows.truncate(count);
    Ok(rows)
}

/// Folds rows of one stream each. Row and watermark are one item, so a row that
/// others write meanwhile does no harm.
async fn one_stream(
    events: &EventStore,
    projection: &Projection,
    rows: Rows,
    sampled: &mut Sampled,
) -> Result<(), Error> {
    let category = projection.categories.first().copied().unwrap_or_default();
    for (key, row) in rows {
        let Ok(stream) = StreamName::new(format!("{category}-{key}")) else {
            continue;
        };
        let subject = Subject {
            projection,
            stream: &stream,
            key: &key,
            selection: None,
        };
        let folded = resolve::fold(events, subject, row.watermark).await?;
        sampled.rows += 1;
        sampled.events += row.watermark;
        let state = folded.state.map(stored_form);
        let expected = match &folded.refused {
            None if state == row.state => continue,
            None => shown(state.as_ref()),
            Some(refused) => {
                let version = folded.watermark + 1;
                format!("version {version}, which is in the row, is refused: {refused}")
            }
        };
        sampled.differing.push(Differing {
            watermark: Some(row.watermark),
            ..Differing::new(key, row.state.as_ref(), expected)
        });
    }
    Ok(())
}

impl Differing {
    fn new(key: String, stored: Option<&Value>, folded: String) -> Self {
        Self {
            key,
            watermark: None,
            stored: shown(stored),
            folded,
        }
    }
}
