//! Appends events with dynamo-es, and reads them all back. Works when a line comes
//! on standard input, `COUNT STREAMS PREFIX`, and answers with microseconds of CPU
//! of an append, events a second of appends, and microseconds of CPU of a read.

use aws_sdk_dynamodb::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
    types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType},
};
use cqrs_es::{
    Aggregate, DomainEvent,
    event_sink::EventSink,
    persist::{PersistedEventRepository, SerializedEvent},
};
use dynamo_es::DynamoEventRepository;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{error::Error, io::stdin, time::Instant};

const TABLE: &str = "dynamo-es";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Added {
    product_id: String,
}

impl DomainEvent for Added {
    fn event_type(&self) -> String {
        "product-added-to-cart".into()
    }
    fn event_version(&self) -> String {
        "1".into()
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Cart;

impl Aggregate for Cart {
    const TYPE: &'static str = "cart";
    type Command = ();
    type Event = Added;
    type Error = std::fmt::Error;
    type Services = ();
    async fn handle(&mut self, (): (), (): &(), _: &EventSink<Self>) -> Result<(), Self::Error> {
        Ok(())
    }
    fn apply(&mut self, _: Added) {}
}

/// Microseconds of CPU so far.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let endpoint = std::env::args().nth(1).ok_or("an endpoint of DynamoDB")?;
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("operator", "local", None, None, "local"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint)
        .build();
    let client = Client::from_conf(config);
    create(&client).await?;
    let repository = DynamoEventRepository::new(client).with_tables(TABLE, "dynamo-es-snapshots");
    for line in stdin().lines() {
        let line = line?;
        let mut words = line.split_whitespace();
        let mut number = || words.next().and_then(|word| word.parse::<usize>().ok());
        let count = number().ok_or("a count")?;
        let streams = number().ok_or("a number of streams")?;
        let prefix = words.next().ok_or("a prefix")?;
        let (since, before) = (Instant::now(), cpu());
        for nth in 0..count {
            let event = SerializedEvent::new(
                format!("{prefix}{}", nth % streams),
                nth / streams + 1,
                "cart".into(),
                "product-added-to-cart".into(),
                "1".into(),
                json!({
                    "user_id": format!("user-{}", nth % 977),
                    "product_id": format!("product-{}", nth % 89),
                    "quantity": nth % 7 + 1,
                    "cents": 1999 + nth % 500,
                    "note": "left at the door, please ring twice",
                }),
                json!({"time": "2026-11-30T09:00:00.123456Z", "correlationid": format!("visit-{nth}"),
                       "source": "/shop/web"}),
            );
            repository.persist::<Cart>(&[event], None).await?;
        }
        let append = (cpu() - before) / count as f64;
        let rate = count as f64 / since.elapsed().as_secs_f64();
        let before = cpu();
        let mut read = 0;
        for stream in 0..streams.min(count) {
            read += repository.get_events::<Cart>(&format!("{prefix}{stream}")).await?.len();
        }
        let read = (cpu() - before) / read.max(1) as f64;
        println!("{append} {rate} {read}");
    }
    Ok(())
}

async fn create(client: &Client) -> Result<(), Box<dyn Error>> {
    let attribute = |name: &str, kind| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build()
    };
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    client
        .create_table()
        .table_name(TABLE)
        .attribute_definitions(attribute("AggregateTypeAndId", ScalarAttributeType::S)?)
        .attribute_definitions(attribute("AggregateIdSequence", ScalarAttributeType::N)?)
        .key_schema(key("AggregateTypeAndId", KeyType::Hash)?)
        .key_schema(key("AggregateIdSequence", KeyType::Range)?)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await?;
    Ok(())
}
