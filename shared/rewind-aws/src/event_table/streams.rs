//! Streams: where they stand, and their commits and events, strongly
//! consistent.

use super::{
    item::{commit, key, numbers, reversal, stream_of, text},
    table::EventStore,
};
use crate::{
    Error,
    aws::item::{batch_get, number},
};
use aws_sdk_dynamodb::types::AttributeValue;
use rewind::{Commit, Head, RecordedEvent, StreamName, numbers::Numbers};
use std::collections::HashMap;

/// Commits in one page of a stream. A page also ends at 1 MB.
const PAGE: i32 = 50;

/// Some commits of a stream, in order.
#[derive(Debug, Clone)]
pub struct Page {
    /// The commits.
    pub commits: Vec<Commit>,
    /// Whether there may be more behind the last one.
    pub has_more: bool,
}

impl EventStore {
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
            .projection_expression("#s, #v, #l, #p, #r, #n")
            .expression_attribute_names("#s", "stream")
            .expression_attribute_names("#v", "version")
            .expression_attribute_names("#l", "length")
            .expression_attribute_names("#p", "position")
            .expression_attribute_names("#r", "reversal")
            .expression_attribute_names("#n", "numbers")
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
            reversal: reversal(item)?,
            numbers: numbers(item)?,
        })
    }

    /// Which of these streams have events, strongly consistent, and how far their
    /// sources had counted at the end of their first commit: one request for a
    /// hundred of them, where their heads take a hundred.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or an item is damaged.
    pub async fn begun(
        &self,
        streams: &[&StreamName],
    ) -> Result<HashMap<StreamName, Numbers>, Error> {
        // A stream that has any event has its first.
        let keys = streams.iter().map(|stream| key(stream.as_str(), 1));
        let only = ["stream", "version", "numbers"];
        let items = batch_get(&self.client, &self.table, keys.collect(), &only).await?;
        let begun = items.iter();
        let begun = begun.map(|item| Ok((stream_of(item, "stream")?, numbers(item)?)));
        begun.collect()
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

    /// The commits behind the end of one, strongly consistent: one page of
    /// them, in one request.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or an item is damaged.
    pub(crate) async fn behind(&self, stream: &StreamName, head: u64) -> Result<Page, Error> {
        self.query(stream, ">", head, true, PAGE).await
    }

    /// The last commit of a stream, strongly consistent.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or the item is damaged.
    pub(crate) async fn last_commit(&self, stream: &StreamName) -> Result<Option<Commit>, Error> {
        let commits = self.last_commits(stream, u64::MAX, 1).await?;
        Ok(commits.into_iter().next())
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
        let span = (after, through);
        let Some(cache) = &self.cache else {
            let page = self.read(stream, after).await?;
            let events = events_above(&page.commits, after)?;
            return up_to(events, stream, span, page.has_more);
        };
        // One reader of the stream at a time: the others find what it reads.
        let _turn = cache.turn(stream).await;
        if let Some(events) = cache.find(stream, after) {
            return up_to(events, stream, span, true);
        }
        let page = self.read(stream, after).await?;
        let events = events_above(&page.commits, after)?;
        cache.keep(stream, after, &events);
        up_to(events, stream, span, page.has_more)
    }

    /// One event of a stream, if it is there.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or the commit is damaged.
    pub async fn event(
        &self,
        stream: &StreamName,
        version: u64,
    ) -> Result<Option<RecordedEvent>, Error> {
        let Some(before) = version.checked_sub(1) else {
            return Ok(None);
        };
        let Some(cache) = &self.cache else {
            let events = self.commit_of(stream, version).await?;
            return Ok(events.into_iter().find(|event| event.version == version));
        };
        let _turn = cache.turn(stream).await;
        if let Some(found) = cache.find(stream, before) {
            return Ok(found.into_iter().next());
        }
        let events = self.commit_of(stream, version).await?;
        if let Some(first) = events.first() {
            cache.keep(stream, first.version - 1, &events);
        }
        Ok(events.into_iter().find(|event| event.version == version))
    }

    /// The events of the last commit that begins at or below a version.
    async fn commit_of(
        &self,
        stream: &StreamName,
        version: u64,
    ) -> Result<Vec<RecordedEvent>, Error> {
        let commits = self.last_commits(stream, version, 1).await?;
        events_above(&commits, 0)
    }

    /// The last commits of a stream that begin at or below a version, the last
    /// one first.
    pub(crate) async fn last_commits(
        &self,
        stream: &StreamName,
        version: u64,
        limit: i32,
    ) -> Result<Vec<Commit>, Error> {
        Ok(self
            .query(stream, "<=", version, false, limit)
            .await?
            .commits)
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

    /// The commits that begin at these places, those that there are, strongly
    /// consistent.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or a commit is damaged.
    pub(crate) async fn standing(
        &self,
        places: &[(&StreamName, u64)],
    ) -> Result<Vec<Commit>, Error> {
        let wanted = places
            .iter()
            .map(|(stream, version)| key(stream.as_str(), *version));
        let items = batch_get(&self.client, &self.table, wanted.collect(), &[]).await?;
        items.iter().map(commit).collect()
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
}

/// The events of commits above `after`.
fn events_above(commits: &[Commit], after: u64) -> Result<Vec<RecordedEvent>, Error> {
    let mut events = Vec::new();
    for commit in commits {
        events.extend(commit.events()?);
    }
    events.retain(|event| event.version > after);
    Ok(events)
}

/// The events up to `through`, and whether there may be more. They have to
/// follow `after` without a gap.
fn up_to(
    mut events: Vec<RecordedEvent>,
    stream: &StreamName,
    (after, through): (u64, u64),
    has_more: bool,
) -> Result<(Vec<RecordedEvent>, bool), Error> {
    events.retain(|event| event.version <= through);
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
    Ok((events, has_more && last < through))
}
