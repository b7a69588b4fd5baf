//! The five functions on an event's way, over the embedded services.

use crate::{
    Result,
    domain::service,
    function::{Function, Parts, Work},
    support::{
        Aws,
        engines::{self, Engines},
    },
};
use local::template::Model;
use playback::Watch;
use rewind::Target;
use rewind_aws::aws::trigger::KinesisEvent;
use rewind_aws::{
    aws::{batch::BatchAnswer, producer::Stream},
    command::commands::Commands,
    data_table::{data_store::DataStore, key::Key, row::Row, transaction::Write},
    event_table::event_store::EventStore,
    playback::player::Player,
    project::projector::Projector,
    reverse::reversal::Reverser,
    sequence::sequencer::Sequencer,
};
use std::time::Duration;

/// How long playback waits for the index. On AWS it is two seconds for each
/// playback, which is nothing beside a million events.
const INDEX_LAG: Duration = Duration::from_millis(20);

/// What DynamoDB adds to each item that it stores, in bytes (AWS documentation).
const ITEM_OVERHEAD: i64 = 100;

/// The functions, and what they work with.
pub struct System {
    pub aws: Aws,
    pub ingest: Function<ingest::Handler>,
    pub pump: Function<pump::Handler>,
    pub write: Function<write::Handler>,
    pub microservice: Function<microservice::Handler>,
    pub playback: Function<playback::Handler>,
}

/// What the tables hold, in bytes, as AWS charges for them.
pub struct Stored {
    /// The events, their identities and the index.
    pub events: f64,
    /// Rows and checkpoints.
    pub data: f64,
}

impl System {
    /// Starts the embedded services, and makes the handlers.
    pub async fn start(model: &Model) -> Self {
        let aws = Aws::start().await;
        let on = &aws.system;
        Self {
            ingest: Function::new("ingest", &aws, model, |parts| {
                let incoming = stream(on, &parts, "IncomingStream");
                ingest::Handler::new(service(), incoming).with_metrics(parts.metrics)
            }),
            pump: Function::new("pump", &aws, model, |parts| {
                let (events, data) = tables(on, &parts);
                let published = stream(on, &parts, "EventsStream");
                let pump = pump::Handler::new(Sequencer::new(events), published, data);
                pump.with_metrics(parts.metrics)
            }),
            write: Function::new("write", &aws, model, |parts| {
                let (events, data) = tables(on, &parts);
                let projector = Projector::new(service(), events, data.clone());
                write::Handler::new(projector, service(), data).with_metrics(parts.metrics)
            }),
            microservice: Function::new("microservice", &aws, model, |parts| {
                let (events, data) = tables(on, &parts);
                let incoming = stream(on, &parts, "IncomingStream");
                let published = stream(on, &parts, "EventsStream");
                let commands = Commands::new(service(), events, data, published);
                microservice::Handler::new(commands, incoming).with_metrics(parts.metrics)
            }),
            playback: Function::new("playback", &aws, model, |parts| {
                let (events, data) = tables(on, &parts);
                let incoming = stream(on, &parts, "IncomingStream");
                let replay = stream(on, &parts, "ReplayStream");
                let watch = (events.clone(), data.clone(), incoming.clone());
                let watch = Watch::new(service(), watch.0, watch.1, watch.2);
                let reverser = Reverser::new(service(), events.clone(), data.clone(), incoming);
                let player = Player::new(service(), events, data, replay);
                let player = player.with_index_lag(INDEX_LAG);
                let itself = parts.clients.function("nobody");
                playback::Handler::new(player, reverser, watch, itself).with_metrics(parts.metrics)
            }),
            aws,
        }
    }

    /// Hands a batch of `incoming` to pump.
    pub async fn pump(&mut self, batch: KinesisEvent) -> Result<()> {
        let pump = async |pump: &pump::Handler| Box::pin(pump.handle(batch)).await;
        done(&self.pump.invoke(pump).await)
    }

    /// What all have done since the last call.
    pub fn take(&mut self) -> Vec<Work> {
        let work = [
            self.ingest.take(),
            self.pump.take(),
            self.playback.take(),
            self.write.take(),
            self.microservice.take(),
        ];
        let work = work.into_iter();
        work.filter(|work| work.invocations > 0).collect()
    }

    /// What the tables hold.
    pub async fn stored(&self) -> Result<Stored> {
        Ok(Stored {
            events: self.size("EventsTable").await?,
            data: self.size("DataTable").await?,
        })
    }

    async fn size(&self, logical_id: &str) -> Result<f64> {
        let on = &self.aws.system;
        let client = aws_sdk_dynamodb::Client::new(&engines::config(on.dynamodb_endpoint()));
        let table = on.table(logical_id).ok_or("no such table")?;
        let table = client.describe_table().table_name(table).send().await?;
        let table = table.table.ok_or("no such table")?;
        let size = |bytes: Option<i64>, items: Option<i64>| {
            bytes.unwrap_or_default() + items.unwrap_or_default() * ITEM_OVERHEAD
        };
        let indexes = table.global_secondary_indexes().iter();
        let indexes = indexes.map(|index| size(index.index_size_bytes, index.item_count));
        let bytes = size(table.table_size_bytes, table.item_count) + indexes.sum::<i64>();
        Ok(bytes as f64)
    }
}

/// How many units DynamoDB reports for a small item that is written in a
/// transaction. AWS charges two.
pub async fn units_of_a_transaction(model: &Model) -> Result<f64> {
    let aws = Aws::start().await;
    let mut store = Function::new("write", &aws, model, |parts| tables(&aws.system, &parts).1);
    let target = Target {
        projection: "sums".into(),
        generation: 1,
    };
    let write = Write::Put {
        key: Key::row(&target, "1"),
        row: Row::default(),
        seen: 0,
    };
    let written = store.invoke(async |store| store.write_together(&[write]).await);
    written.await?;
    let units = store.take().reading.write_units;
    aws.system.stop().await;
    match units == 2.0 {
        true => Ok(units),
        false => Err(format!("a write in a transaction is told as {units} units, not 2").into()),
    }
}

/// Hands a batch of `events` or `replay` to both of its readers.
pub async fn deliver(
    batch: KinesisEvent,
    write: &mut Function<write::Handler>,
    microservice: &mut Function<microservice::Handler>,
) -> Result<()> {
    let same = batch.clone();
    let folded = async |write: &write::Handler| Box::pin(write.handle(batch)).await;
    done(&write.invoke(folded).await?)?;
    let reacted = async |to: &microservice::Handler| Box::pin(to.handle(same)).await;
    done(&microservice.invoke(reacted).await?)
}

fn done(answer: &BatchAnswer) -> Result<()> {
    match answer.batch_item_failures.is_empty() {
        true => Ok(()),
        false => Err(format!("records have to come again: {answer:?}").into()),
    }
}

fn tables(on: &Engines, parts: &Parts) -> (EventStore, DataStore) {
    let table = |name: &str| on.table(name).expect("the template has both tables");
    let events = parts.clients.event_store(table("EventsTable"));
    (events, parts.clients.data_store(table("DataTable")))
}

fn stream(on: &Engines, parts: &Parts, name: &str) -> Stream {
    let name = on.stream(name).expect("the template has all streams");
    parts.clients.stream_named(name)
}
