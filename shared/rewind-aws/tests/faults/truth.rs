//! What the tables and streams hold, read from outside, item by item and
//! without any of Rewind's own reading.

use crate::{
    fact::{Fact, Identity},
    trigger::{Reader, Record},
    world::{SHARDS, World},
};
use aws_sdk_dynamodb::types::AttributeValue;
use rewind::{
    Delivery,
    reserved::{COMMAND_ID, COMMAND_RECEIVED, PROCESS_CATEGORY},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A record of `incoming`: the facts that it holds, if it is readable.
pub type Incoming = (Record, Option<Vec<Fact>>);

/// An event in the table.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub fact: Fact,
    pub version: u64,
    pub position: u64,
    /// The command that it was decided for.
    pub command: Option<String>,
    /// What it follows from, `stream@version`.
    pub cause: Option<String>,
}

impl Recorded {
    /// Whether it is appended outside of pump: decided, or of a journal.
    pub fn is_appended(&self) -> bool {
        let is_decided = self.command.is_some() && self.fact.kind != COMMAND_RECEIVED;
        is_decided || self.fact.stream.starts_with(PROCESS_CATEGORY)
    }

    pub fn place(&self) -> String {
        format!("{}@{}", self.fact.stream, self.version)
    }
}

/// The events table.
#[derive(Debug, Default)]
pub struct Table {
    pub streams: BTreeMap<String, Vec<Recorded>>,
    /// How many claims of identity there are.
    pub claims: usize,
    /// What is wrong with the items themselves.
    pub violations: Vec<String>,
}

/// An item of the data store.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub state: Value,
    pub watermark: u64,
    pub stalled: Option<String>,
}

/// The data store by partition, without its slice, and key: rows lie at
/// `sums@1#` and checkpoints at `digits@1~`.
pub type Rows = BTreeMap<(String, String), Row>;

/// `incoming`, shard by shard. Records of one stream lie in one shard.
pub async fn incoming(world: &World) -> Vec<Vec<Incoming>> {
    let mut shards = Vec::new();
    for nth in 0..SHARDS {
        let mut reader = Reader::new(&world.kinesis, world.incoming(), nth);
        let records = reader.read().await.into_iter().map(|record| {
            let read: Option<Value> = serde_json::from_slice(&record.data).ok();
            let facts = read.map(|batch| {
                let events = batch["events"].as_array().unwrap();
                events.iter().map(|event| Fact::read(event, None)).collect()
            });
            (record, facts)
        });
        shards.push(records.collect());
    }
    shards
}

/// What was ever published, as `stream@version`.
pub async fn published(world: &World) -> BTreeSet<String> {
    let mut published = BTreeSet::new();
    for nth in 0..SHARDS {
        let mut reader = Reader::new(&world.kinesis, world.events(), nth);
        for record in reader.read().await {
            let delivery = Delivery::decode(&record.data).unwrap();
            let events = delivery.events.iter();
            published.extend(events.map(|event| format!("{}@{}", event.stream(), event.version)));
        }
    }
    published
}

/// A commit as stored: version, length, position and events.
type CommitItem = (u64, u64, u64, Vec<Value>);

/// The events table, with what no table of Rewind's may hold.
pub async fn table(world: &World) -> Table {
    let mut table = Table::default();
    let mut commits: BTreeMap<String, Vec<CommitItem>> = BTreeMap::new();
    for item in scan(world, &world.events_table()).await {
        let stream = item["stream"].as_str().unwrap().to_string();
        if stream.starts_with('#') {
            table.claims += 1;
            continue;
        }
        let number = |name: &str| item[name].as_u64().unwrap();
        let events = serde_json::from_str(item["events"].as_str().unwrap()).unwrap();
        let commit = (
            number("version"),
            number("length"),
            number("position"),
            events,
        );
        commits.entry(stream).or_default().push(commit);
    }
    let mut places: BTreeMap<Identity, String> = BTreeMap::new();
    for (stream, mut commits) in commits {
        commits.sort_by_key(|commit| commit.0);
        let mut recorded: Vec<Recorded> = Vec::new();
        for (version, length, position, events) in commits {
            let next = recorded.len() as u64 + 1;
            let reached = recorded.last().map_or(0, |last| last.position);
            let mut violate = |what: String| table.violations.push(format!("{stream}: {what}"));
            if version != next {
                violate(format!(
                    "a commit is at {version}, the next version is {next}"
                ));
            }
            if position <= reached {
                violate(format!("positions go back from {reached} to {position}"));
            }
            if length != events.len() as u64 {
                violate(format!("a commit says {length} and holds {}", events.len()));
            }
            for (nth, event) in (0..).zip(&events) {
                let fact = Fact::read(event, Some(&stream));
                let text = |name: &str| event[name].as_str().map(ToString::to_string);
                let place = format!("{stream}@{}", version + nth);
                if let Some(first) = places.insert(fact.identity(), place.clone()) {
                    violate(format!(
                        "{:?} is at {first} and at {place}",
                        fact.identity()
                    ));
                }
                recorded.push(Recorded {
                    fact,
                    version: version + nth,
                    position: position + nth,
                    command: text(COMMAND_ID),
                    cause: text("causationid"),
                });
            }
        }
        table.streams.insert(stream, recorded);
    }
    table
}

/// All rows and checkpoints.
pub async fn rows(world: &World) -> Rows {
    let items = scan(world, &world.data_table()).await.into_iter();
    let rows = items.map(|item| {
        let pk = item["pk"].as_str().unwrap();
        // The slice is how it is stored, not what it is.
        let owner = pk
            .trim_end_matches(|c: char| c.is_ascii_digit())
            .to_string();
        let row = Row {
            state: item["state"].clone(),
            watermark: item["watermark"].as_u64().unwrap_or_default(),
            stalled: item["stalled"].as_str().map(ToString::to_string),
        };
        ((owner, item["sk"].as_str().unwrap().to_string()), row)
    });
    rows.collect()
}

async fn scan(world: &World, table: &str) -> Vec<Value> {
    let mut items: Vec<Value> = Vec::new();
    let mut start: Option<HashMap<String, AttributeValue>> = None;
    loop {
        let page = world.dynamodb.scan().table_name(table).limit(1000);
        let page = page.consistent_read(true).set_exclusive_start_key(start);
        let page = page.send().await.unwrap();
        for item in page.items() {
            items.push(serde_dynamo::from_item(item.clone()).unwrap());
        }
        start = page.last_evaluated_key;
        if start.is_none() {
            return items;
        }
    }
}
