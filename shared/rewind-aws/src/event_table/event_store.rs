//! The events table: append-only. Claims of identity, commits, and reading.
//!
//! Nothing here changes or deletes: inserts are PartiQL `INSERT`, which fails
//! on an existing key.

use crate::{
    Error,
    aws::item::{Item, batch_get, number, string},
    history::partition::Cursor,
};
use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeValue, BatchStatementError, BatchStatementErrorCodeEnum as Code,
        BatchStatementRequest,
    },
};
use futures::{StreamExt, stream};
use rewind::{Commit, Head, RecordedEvent, StreamName, selection::Span};
use std::collections::{BTreeSet, HashMap, HashSet};

/// The index of commits by recorded order.
pub const INDEX: &str = "by-position";

/// Statements in one BatchExecuteStatement call (AWS documentation).
const MAX_STATEMENTS: usize = 25;

/// The most bytes of items that one call inserts.
const MAX_CALL_BYTES: usize = 4_000_000;

/// Calls under way at once.
const CONCURRENCY: usize = 8;

/// Commits in one page of a stream. A page also ends at 1 MB.
const PAGE: i32 = 50;

/// The events table.
#[derive(Debug, Clone)]
pub struct EventStore {
    pub(super) client: Client,
    pub(super) table: String,
}

/// A claim of an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The hash of source and id: see [`rewind::Event::identity`].
    pub identity: String,
    /// See [`rewind::Event::fingerprint`].
    pub fingerprint: String,
    /// Where the event is to be recorded.
    pub stream: StreamName,
    /// No commit before this version holds the event.
    pub from: u64,
}

/// What became of an insert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inserted {
    /// It is in the table now.
    New,
    /// The key was taken already, perhaps by this very insert, its answer lost.
    Taken,
    /// The table does not take what it holds, now or later.
    Refused(String),
    /// Unknown, worth another try: throttled, or a failure of the service.
    Failed(String),
}

/// Some commits of a stream, in order.
#[derive(Debug, Clone)]
pub struct Page {
    /// The commits.
    pub commits: Vec<Commit>,
    /// Whether there may be more behind the last one.
    pub has_more: bool,
}

/// Some entries of the index, in order.
#[derive(Debug, Clone)]
pub struct IndexPage {
    /// The commits' places.
    pub entries: Vec<Entry>,
    /// Whether there may be more behind the last one.
    pub has_more: bool,
}

/// Where a page of the index starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// At the first entry at or above this position.
    Position(u64),
    /// Behind this commit.
    Commit(Cursor),
}

/// Where a commit stands in its category's recorded order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its stream.
    pub stream: StreamName,
    /// Its first version.
    pub version: u64,
    /// Its number of events.
    pub length: u64,
    /// Its first position.
    pub position: u64,
}

impl Entry {
    /// What it says of the commit's events.
    pub fn span(&self) -> Span<'_> {
        Span {
            stream: &self.stream,
            version: self.version,
            length: self.length,
            position: self.position,
        }
    }

    /// The version of the last event.
    pub fn last_version(&self) -> u64 {
        self.version + self.length - 1
    }
}

impl EventStore {
    /// The events table of this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    /// Where a stream stands, strongly consistent.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or the item is damaged.
    pub async fn head(&self, stream: &StreamName) -> Result<Head, Error> {
        let answer = self.client.query();
        let answer = answer
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#s = :s")
            .projection_expression("#s, #v, #l, #p")
            .expression_attribute_names("#s", "stream")
            .expression_attribute_names("#v", "version")
            .expression_attribute_names("#l", "length")
            .expression_attribute_names("#p", "position")
            .expression_attribute_values(":s", text(stream.as_str()))
            .scan_index_forward(false)
            .limit(1)
            .send()
            .await
            .map_err(Error::call("Query"))?;
        let Some(item) = answer.items().first() else {
            return Ok(Head::default());
        };
        let (version, length) = (number(item, "version")?, number(item, "length")?);
        Ok(Head {
            version: version + length - 1,
            position: number(item, "position")? + length - 1,
        })
    }

    /// Which of these streams have no events, strongly consistent: one request
    /// for a hundred of them, where their heads take a hundred.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails.
    pub async fn new_streams<'a>(
        &self,
        streams: &[&'a StreamName],
    ) -> Result<HashSet<&'a StreamName>, Error> {
        // A stream that has any event has its first.
        let keys = streams.iter().map(|stream| key(stream.as_str(), 1));
        let only = ["stream", "version"];
        let items = batch_get(&self.client, &self.table, keys.collect(), &only).await?;
        let mut new: HashSet<&StreamName> = streams.iter().copied().collect();
        for item in &items {
            new.remove(&stream_of(item, "stream")?);
        }
        Ok(new)
    }

    /// The commits that hold events above `after`, strongly consistent: one
    /// page of them. The first commit may begin at or below `after`.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or an item is damaged.
    pub async fn read(&self, stream: &StreamName, after: u64) -> Result<Page, Error> {
        let mut page = self.query(stream, ">", after, true, PAGE).await?;
        let starts_at = page.commits.first().map(|commit| commit.version);
        if starts_at != Some(after + 1) && after > 0 {
            // A commit may begin at or below `after` and end above it.
            let before = self.query(stream, "<=", after, false, 1).await?;
            let across = before.commits.into_iter().next();
            let across = across.filter(|commit| commit.last_version() > after);
            page.commits.splice(0..0, across);
        }
        Ok(page)
    }

    /// The events above `after` and up to `through` of one page of a stream,
    /// without a gap, and whether there may be more.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails, or a commit is damaged or missing.
    pub async fn read_events(
        &self,
        stream: &StreamName,
        after: u64,
        through: u64,
    ) -> Result<(Vec<RecordedEvent>, bool), Error> {
        let page = self.read(stream, after).await?;
        let mut events = Vec::new();
        for commit in &page.commits {
            events.extend(commit.events()?);
        }
        events.retain(|event| event.version > after && event.version <= through);
        let expected = after + 1..;
        if let Some((event, version)) = events
            .iter()
            .zip(expected)
            .find(|(event, version)| event.version != *version)
        {
            return Err(Error::damaged(
                format!("stream {stream}"),
                format!("version {version} is missing before {}", event.version),
            ));
        }
        let last = events.last().map_or(after, |event| event.version);
        Ok((events, page.has_more && last < through))
    }

    async fn query(
        &self,
        stream: &StreamName,
        comparison: &str,
        version: u64,
        forward: bool,
        limit: i32,
    ) -> Result<Page, Error> {
        let answer = self.client.query();
        let answer = answer
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression(format!("#s = :s AND #v {comparison} :v"))
            .expression_attribute_names("#s", "stream")
            .expression_attribute_names("#v", "version")
            .expression_attribute_values(":s", text(stream.as_str()))
            .expression_attribute_values(":v", AttributeValue::N(version.to_string()))
            .scan_index_forward(forward)
            .limit(limit)
            .send()
            .await
            .map_err(Error::call("Query"))?;
        let commits = answer.items().iter().map(commit);
        Ok(Page {
            commits: commits.collect::<Result<_, _>>()?,
            has_more: answer.last_evaluated_key().is_some(),
        })
    }

    /// One page of a partition of a category's index, in recorded order. The index
    /// is eventually consistent: it may lag behind the table.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or an entry is damaged.
    pub async fn read_index(
        &self,
        partition: &str,
        after: &After,
        limit: i32,
    ) -> Result<IndexPage, Error> {
        let (from, start) = match after {
            After::Position(position) => (*position, None),
            After::Commit(place) => {
                let mut start = key(place.stream.as_str(), place.version);
                let position = AttributeValue::N(place.position.to_string());
                start.insert("slice".to_string(), text(partition));
                start.insert("position".to_string(), position);
                (place.position, Some(start))
            }
        };
        let answer = self.client.query();
        let answer = answer
            .table_name(&self.table)
            .index_name(INDEX)
            .key_condition_expression("#c = :c AND #p >= :p")
            .expression_attribute_names("#c", "slice")
            .expression_attribute_names("#p", "position")
            .expression_attribute_values(":c", text(partition))
            .expression_attribute_values(":p", AttributeValue::N(from.to_string()))
            .set_exclusive_start_key(start)
            .limit(limit)
            .send()
            .await
            .map_err(Error::call("Query"))?;
        let entries = answer.items().iter().map(entry);
        Ok(IndexPage {
            entries: entries.collect::<Result<_, Error>>()?,
            has_more: answer.last_evaluated_key().is_some(),
        })
    }

    /// The last entry of a partition below a position.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or the entry is damaged.
    pub async fn last_entry(&self, partition: &str, until: u64) -> Result<Option<Entry>, Error> {
        Ok(self.last_entries(partition, until, 1).await?.pop())
    }

    /// The last entries of a partition below a position, the last one first.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or an entry is damaged.
    pub async fn last_entries(
        &self,
        partition: &str,
        until: u64,
        limit: i32,
    ) -> Result<Vec<Entry>, Error> {
        let answer = self.client.query();
        let answer = answer
            .table_name(&self.table)
            .index_name(INDEX)
            .key_condition_expression("#c = :c AND #p < :p")
            .expression_attribute_names("#c", "slice")
            .expression_attribute_names("#p", "position")
            .expression_attribute_values(":c", text(partition))
            .expression_attribute_values(":p", AttributeValue::N(until.to_string()))
            .scan_index_forward(false)
            .limit(limit)
            .send()
            .await
            .map_err(Error::call("Query"))?;
        answer.items().iter().map(entry).collect()
    }

    /// The commits at these keys, in the order asked, strongly consistent.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails, or a commit is damaged or not there.
    pub async fn get(&self, keys: &[(&StreamName, u64)]) -> Result<Vec<Commit>, Error> {
        let wanted = keys
            .iter()
            .map(|(stream, version)| key(stream.as_str(), *version));
        let items = batch_get(&self.client, &self.table, wanted.collect(), &[]).await?;
        let mut found = HashMap::new();
        for item in &items {
            let commit = commit(item)?;
            found.insert((commit.stream.clone(), commit.version), commit);
        }
        let commits = keys.iter().map(|(stream, version)| {
            let commit = found.remove(&((*stream).clone(), *version));
            commit.ok_or_else(|| {
                let what = format!("commit {stream}@{version}");
                Error::damaged(what, "the index names it, the table does not hold it")
            })
        });
        commits.collect()
    }

    /// The claims that stand for these identities, strongly consistent.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or a claim is damaged.
    pub async fn claims(&self, identities: &[&str]) -> Result<HashMap<String, Claim>, Error> {
        // Whoever asks for a key twice in one request is refused.
        let wanted: BTreeSet<&&str> = identities.iter().collect();
        let wanted = wanted
            .into_iter()
            .map(|identity| key(&format!("#{identity}"), 0));
        let items = batch_get(&self.client, &self.table, wanted.collect(), &[]).await?;
        let claims = items.iter().map(|item| {
            let identity = string(item, "stream")?.trim_start_matches('#').to_string();
            let claim = Claim {
                fingerprint: string(item, "fingerprint")?.to_string(),
                stream: stream_of(item, "target")?,
                from: number(item, "from")?,
                identity: identity.clone(),
            };
            Ok((identity, claim))
        });
        claims.collect()
    }

    /// Claims identities, at single capacity: each at most once for ever.
    pub async fn claim(&self, claims: &[Claim]) -> Vec<Inserted> {
        let statement = format!(
            "INSERT INTO \"{}\" VALUE {{'stream': ?, 'version': ?, 'target': ?, 'from': ?, 'fingerprint': ?}}",
            self.table
        );
        let rows = claims.iter().map(|claim| {
            let parameters = vec![
                text(&format!("#{}", claim.identity)),
                AttributeValue::N("0".into()),
                text(claim.stream.as_str()),
                AttributeValue::N(claim.from.to_string()),
                text(&claim.fingerprint),
            ];
            (parameters, 256)
        });
        self.insert(&statement, rows.collect()).await
    }

    /// Inserts commits of different streams, at single capacity. A commit that
    /// is `Taken` follows a head that has moved on.
    pub async fn append(&self, commits: &[&Commit]) -> Vec<Inserted> {
        let statement = format!(
            "INSERT INTO \"{}\" VALUE {{'stream': ?, 'version': ?, 'length': ?, 'slice': ?, 'position': ?, 'events': ?}}",
            self.table
        );
        let rows = commits.iter().map(|commit| {
            let parameters = vec![
                text(commit.stream.as_str()),
                AttributeValue::N(commit.version.to_string()),
                AttributeValue::N(commit.length.to_string()),
                text(&commit.stream.partition()),
                AttributeValue::N(commit.position.to_string()),
                text(&commit.events),
            ];
            (parameters, commit.events.len())
        });
        self.insert(&statement, rows.collect()).await
    }

    async fn insert(
        &self,
        statement: &str,
        rows: Vec<(Vec<AttributeValue>, usize)>,
    ) -> Vec<Inserted> {
        let mut calls: Vec<Vec<Vec<AttributeValue>>> = Vec::new();
        let mut bytes = usize::MAX;
        for (parameters, size) in rows {
            match calls.last_mut() {
                Some(call) if call.len() < MAX_STATEMENTS && bytes + size <= MAX_CALL_BYTES => {
                    bytes += size;
                    call.push(parameters);
                }
                _ => {
                    bytes = size;
                    calls.push(vec![parameters]);
                }
            }
        }
        let answers = stream::iter(calls)
            .map(|call| self.execute(statement, call))
            .buffered(CONCURRENCY);
        answers.collect::<Vec<_>>().await.concat()
    }

    /// Executes a call. One that is refused as a whole is cut in halves until
    /// the statement is found for which it is.
    async fn execute(&self, statement: &str, call: Vec<Vec<AttributeValue>>) -> Vec<Inserted> {
        let mut answers = Vec::with_capacity(call.len());
        let mut calls = vec![call.as_slice()];
        while let Some(call) = calls.pop() {
            match self.try_execute(statement, call).await {
                Ok(answered) => answers.extend(answered),
                Err(Error::Rejected { .. }) if call.len() > 1 => {
                    let (first, second) = call.split_at(call.len() / 2);
                    calls.extend([second, first]);
                }
                Err(error) if error.is_rejected() => {
                    answers.push(Inserted::Refused(error.to_string()));
                }
                Err(error) => {
                    let failed = Inserted::Failed(error.to_string());
                    answers.extend(call.iter().map(|_| failed.clone()));
                }
            }
        }
        answers
    }

    async fn try_execute(
        &self,
        statement: &str,
        call: &[Vec<AttributeValue>],
    ) -> Result<Vec<Inserted>, Error> {
        let operation = "BatchExecuteStatement";
        let statements = call.iter().map(|parameters| {
            BatchStatementRequest::builder()
                .statement(statement)
                .set_parameters(Some(parameters.clone()))
                .build()
                .map_err(Error::service(operation))
        });
        let statements = statements.collect::<Result<Vec<_>, _>>()?;
        let request = self.client.batch_execute_statement();
        let answer = request.set_statements(Some(statements)).send().await;
        let answer = answer.map_err(Error::call(operation))?;
        let (answers, wanted) = (answer.responses(), call.len());
        if answers.len() != wanted {
            let reason = format!("{} of {wanted} statements were answered", answers.len());
            return Err(Error::Service { operation, reason });
        }
        let inserted = answers.iter().map(|answer| match answer.error() {
            None => Inserted::New,
            Some(error) => inserted(error),
        });
        Ok(inserted.collect())
    }
}

/// What the error of one statement says of its insert.
fn inserted(error: &BatchStatementError) -> Inserted {
    let reason = || {
        let code = error.code().map_or("unknown", Code::as_str);
        format!("{code}: {}", error.message().unwrap_or_default())
    };
    match error.code() {
        Some(Code::DuplicateItem) => Inserted::Taken,
        Some(Code::ValidationError | Code::ItemCollectionSizeLimitExceeded) => {
            Inserted::Refused(reason())
        }
        _ => Inserted::Failed(reason()),
    }
}

pub(super) fn key(stream: &str, version: u64) -> Item {
    HashMap::from([
        ("stream".to_string(), text(stream)),
        (
            "version".to_string(),
            AttributeValue::N(version.to_string()),
        ),
    ])
}

fn entry(item: &Item) -> Result<Entry, Error> {
    Ok(Entry {
        stream: stream_of(item, "stream")?,
        version: number(item, "version")?,
        length: number(item, "length")?,
        position: number(item, "position")?,
    })
}

pub(super) fn commit(item: &Item) -> Result<Commit, Error> {
    Ok(Commit {
        stream: stream_of(item, "stream")?,
        version: number(item, "version")?,
        length: number(item, "length")?,
        position: number(item, "position")?,
        events: string(item, "events")?.to_string(),
    })
}

pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_string())
}

fn stream_of(item: &Item, name: &str) -> Result<StreamName, Error> {
    let text = string(item, name)?;
    StreamName::new(text).map_err(|bad| Error::damaged(format!("stream name {text:?}"), bad))
}
