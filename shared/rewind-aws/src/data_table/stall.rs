//! Stalls: a (reader, stream) whose next event is refused. The stream waits,
//! everything else goes on, and the next delivery of the stream tries again.

use crate::{
    Error,
    data_table::{data_store::DataStore, record::Records, transaction::Write},
};
use rewind::{Rejection, StreamName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The reports of stalls, by reader and stream.
pub(crate) static REPORTS: Records<Stall> = Records::new("rewind#stalls");

/// A stream that a reader cannot go on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stall {
    /// The reader: a projection's generation such as `carts@1`, or a reaction
    /// such as `adapter/shop`.
    pub reader: String,
    /// The stream.
    pub stream: StreamName,
    /// The version of the event that is refused.
    pub version: u64,
    /// Why.
    pub reason: String,
}

impl Stall {
    /// A stall at the event behind `watermark`.
    pub fn new(reader: &str, stream: &StreamName, watermark: u64, reason: &str) -> Self {
        Self {
            reader: reader.to_string(),
            stream: stream.clone(),
            version: watermark + 1,
            reason: reason.to_string(),
        }
    }
}

/// The most bytes of a reason that are kept: it stands beside the row in its
/// item, and a panic may say anything.
const MAX_REASON: usize = 2_000;

/// Why a reader is stalled, as rows, checkpoints and reports keep it.
pub(crate) fn reason(refused: &Rejection) -> String {
    let text = &refused.reason;
    if text.len() <= MAX_REASON {
        return text.clone();
    }
    format!("{}…", &text[..text.floor_char_boundary(MAX_REASON)])
}

/// What changes in the reports when a row or checkpoint that was stalled for the
/// reason `was` is written with `now`: to be written in one transaction with
/// it, so that a report stands exactly where a reader is stalled.
///
/// # Errors
///
/// When the report has no JSON.
pub(crate) fn change(
    was: Option<&str>,
    now: Option<&Stall>,
    reader: &str,
    stream: &StreamName,
) -> Result<Option<Write>, Error> {
    match now {
        Some(stall) => report(stall).map(Some),
        None if was.is_some() => {
            tracing::info!(reader, %stream, "no longer stalled");
            let key = REPORTS.key(&id(reader, stream));
            Ok(Some(Write::Delete { key }))
        }
        None => Ok(None),
    }
}

/// The report of a stall, where `/health` finds it.
///
/// # Errors
///
/// When it has no JSON.
pub fn report(stall: &Stall) -> Result<Write, Error> {
    tracing::error!(
        reader = stall.reader,
        stream = %stall.stream,
        version = stall.version,
        reason = stall.reason,
        "stalled"
    );
    REPORTS.replace(&id(&stall.reader, &stall.stream), stall)
}

/// Takes back the report of a reader that nobody keeps any more.
///
/// # Errors
///
/// When DynamoDB fails.
pub async fn clear(store: &DataStore, reader: &str, stream: &StreamName) -> Result<(), Error> {
    store.delete(&REPORTS.key(&id(reader, stream))).await
}

/// Takes back all reports of a reader that nobody keeps any more.
///
/// # Errors
///
/// When DynamoDB fails.
pub(crate) async fn clear_all(store: &DataStore, reader: &str) -> Result<(), Error> {
    store
        .delete_partition(REPORTS.partition(), &format!("{reader} "))
        .await
}

/// One page of stalls, of one reader or of all, and where the next one begins.
///
/// # Errors
///
/// When DynamoDB fails or a report is damaged.
pub async fn list(
    store: &DataStore,
    reader: Option<&str>,
    after: Option<&str>,
    limit: i32,
) -> Result<(Vec<Stall>, Option<String>), Error> {
    let prefix = reader.map_or(String::new(), |reader| format!("{reader} "));
    let (reports, next) = REPORTS.page(store, &prefix, after, limit).await?;
    let reports = reports.into_iter();
    Ok((reports.map(|(_, report)| report.value).collect(), next))
}

fn id(reader: &str, stream: &StreamName) -> String {
    format!("{reader} {stream}")
}
