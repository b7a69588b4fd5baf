//! What the tests stand on: the template's tables and streams in an embedded
//! DynamoDB and Kinesis, and a domain that shows every slip. The engines can be
//! those of another maker: see [`engines`].
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod engines;
pub mod post;

use aws_config::{SdkConfig, retry::RetryConfig};
use engines::Engines;
use local::{Options, State, Template, Worker};
use playback::{Handler, Watch};
use rewind::{
    CloudEvent, Delivery, Envelope, Event, MultiStreamProjection, Projection, RecordedEvent,
    Rejection, Service, SingleStreamProjection, StreamName, Target, event::raw,
};
use rewind_aws::{
    aws::producer::Stream,
    command::commands::Commands,
    data_table::{data_store::DataStore, row::Written},
    event_table::event_store::EventStore,
    generation::lifecycle::{self, ChangeError},
    playback::player::Player,
    reverse::reversal::Reverser,
    wiring::Clients,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// The same configuration with so many attempts at each request, and short
/// waits between them: a test has no time for the second that the SDK begins
/// with.
pub fn impatient(config: SdkConfig, attempts: u32) -> SdkConfig {
    let retries = RetryConfig::standard()
        .with_max_attempts(attempts)
        .with_initial_backoff(Duration::from_millis(2));
    config.into_builder().retry_config(retries).build()
}

/// Embedded services, or those of another engine, without functions.
pub struct Aws {
    pub system: Engines,
    pub clients: Clients,
}

impl Aws {
    pub async fn start() -> Self {
        let text = include_str!("../../../../template.yaml");
        let mut template: serde_yaml_ng::Value = serde_yaml_ng::from_str(text).unwrap();
        let resources = template["Resources"].as_mapping_mut().unwrap();
        let kept = ["AWS::Kinesis::Stream", "AWS::DynamoDB::Table"];
        resources.retain(|_, resource| kept.contains(&resource["Type"].as_str().unwrap()));
        template.as_mapping_mut().unwrap().remove("Outputs");
        let text = serde_yaml_ng::to_string(&template).unwrap();
        let nobody = Worker {
            program: "/nonexistent".into(),
            args: Vec::new(),
        };
        let shards = [("StreamMode".to_string(), "ON_DEMAND".to_string())];
        let template = Template::parse(&text).unwrap().with_parameters(shards);
        let mut options = Options::new(template.unwrap(), nobody);
        options.port = 0;
        options.state = State::Ephemeral;
        let system = Engines::start(options).await;
        let dynamodb = system.dynamodb_endpoint().to_string();
        let kinesis = system.kinesis_endpoint().to_string();
        let clients = Clients::at(&dynamodb, &kinesis).await;
        Self { system, clients }
    }

    pub fn events(&self) -> EventStore {
        self.clients
            .event_store(self.system.table("EventsTable").unwrap())
    }

    pub fn data(&self) -> DataStore {
        self.clients
            .data_store(self.system.table("DataTable").unwrap())
    }

    /// What decides, and publishes on the stream `events`.
    pub fn commands(&self, service: Service) -> Commands {
        let published = self.stream("EventsStream");
        Commands::new(service, self.events(), self.data(), published)
    }

    pub fn stream(&self, logical_id: &str) -> Stream {
        self.clients
            .stream_named(self.system.stream(logical_id).unwrap())
    }
}

/// playback's handler, of the test domain.
pub fn handler(aws: &Aws) -> Handler {
    let (events, data) = (aws.events(), aws.data());
    let incoming = aws.stream("IncomingStream");
    let watch = Watch::new(service(), events.clone(), data.clone(), incoming.clone());
    let reverser = Reverser::new(service(), events.clone(), data.clone(), incoming);
    let player = Player::new(service(), events, data, aws.stream("ReplayStream"));
    Handler::new(player, reverser, watch, aws.clients.function("nobody"))
}

/// An event of the test domain: its `n` is what the folds add up.
pub fn event(stream: &str, id: &str, n: u64) -> CloudEvent {
    CloudEvent {
        id: id.into(),
        source: "/test".into(),
        event_type: "counted".into(),
        stream: StreamName::new(stream).unwrap(),
        time: "2023-04-19T09:00:00Z".into(),
        extensions: BTreeMap::new(),
        data: raw(&json!({ "n": n })),
    }
}

/// A live delivery.
pub fn delivery(events: &[RecordedEvent]) -> (usize, Delivery) {
    let delivery = Delivery {
        replay: None,
        events: events.to_vec(),
    };
    (0, delivery)
}

/// Opens a generation that a playback builds, or builds already. `is_over`:
/// whether another one that builds has come to an end.
pub async fn open(
    store: &DataStore,
    projection: &Projection,
    playback: &str,
    is_over: bool,
) -> Result<Target, ChangeError> {
    let over = async |_: &str| Ok(is_over);
    let opening = lifecycle::open(store, projection, playback, over).await?;
    let writes: Vec<_> = opening.write.into_iter().collect();
    if !writes.is_empty() {
        let written = store.write_together(&writes).await?;
        assert_eq!(written, Written::Done);
    }
    Ok(opening.target)
}

/// All events of a stream, checked to be dense.
pub async fn recorded(store: &EventStore, stream: &str) -> Vec<RecordedEvent> {
    let stream = StreamName::new(stream).unwrap();
    let mut events: Vec<RecordedEvent> = Vec::new();
    loop {
        let after = events.len() as u64;
        let (page, has_more) = store.read_events(&stream, after, u64::MAX).await.unwrap();
        events.extend(page);
        if !has_more {
            break;
        }
    }
    let versions = events.iter().map(|event| event.version);
    assert!(
        versions.eq(1..=events.len() as u64),
        "{stream} is not dense"
    );
    let positions: Vec<u64> = events.iter().map(|event| event.position).collect();
    assert!(
        positions.is_sorted_by(|a, b| a < b),
        "{stream}'s positions go back"
    );
    events
}

/// A number, and the world of the fault harness that it belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Number {
    pub n: u64,
    #[serde(default)]
    pub world: u64,
}

/// What is counted, stream by stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum CountEvent {
    Counted(Number),
    Tripled(Number),
}

impl Event for CountEvent {
    const CATEGORY: &'static str = "count";
}

impl CountEvent {
    pub fn number(&self) -> &Number {
        match self {
            Self::Counted(number) | Self::Tripled(number) => number,
        }
    }
}

/// What is spread over many rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum SpreadEvent {
    Counted(Number),
}

impl Event for SpreadEvent {
    const CATEGORY: &'static str = "spread";
}

/// What is kept in large rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum HoardEvent {
    Counted(Number),
}

impl Event for HoardEvent {
    const CATEGORY: &'static str = "hoard";
}

rewind::events! {
    /// All numbers that rows of many streams hold.
    #[derive(Debug)]
    pub enum AnyNumber {
        Count(CountEvent),
        Spread(SpreadEvent),
    }
}

impl AnyNumber {
    pub fn number(&self) -> &Number {
        match self {
            Self::Count(event) => event.number(),
            Self::Spread(SpreadEvent::Counted(number)) => number,
        }
    }
}

/// The sum of a stream's numbers, and in which order they came.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sum {
    pub sum: u64,
    pub seen: Vec<u64>,
}

/// Whether [`Sums`] refuses the number 13: until it is mended.
pub static THIRTEEN_IS_FINE: AtomicBool = AtomicBool::new(false);

pub struct Sums;
impl SingleStreamProjection for Sums {
    type Event = CountEvent;
    type Row = Sum;
    const NAME: &'static str = "sums";
    fn apply(sum: &mut Sum, event: &Envelope<CountEvent>) -> Result<(), Rejection> {
        let n = event.data.number().n;
        if n == 13 && !THIRTEEN_IS_FINE.load(Ordering::SeqCst) {
            panic!("thirteen");
        }
        sum.sum += n;
        sum.seen.push(n);
        Ok(())
    }
}

/// A projection that keeps as many bytes as it is told to.
pub struct Hoards;
impl SingleStreamProjection for Hoards {
    type Event = HoardEvent;
    type Row = String;
    const NAME: &'static str = "hoards";
    fn apply(hoard: &mut String, event: &Envelope<HoardEvent>) -> Result<(), Rejection> {
        let HoardEvent::Counted(Number { n, .. }) = event.data;
        hoard.push_str(&"x".repeat(n as usize));
        Ok(())
    }
}

/// How many numbers end in each digit, over all streams; a number below 1000
/// is spread over as many rows as it says.
pub struct Digits;
impl MultiStreamProjection for Digits {
    type Event = AnyNumber;
    type Row = u64;
    const NAME: &'static str = "digits";
    fn keys(event: &Envelope<AnyNumber>) -> Result<Vec<String>, Rejection> {
        Ok(match &event.data {
            AnyNumber::Count(counted) => vec![format!("digit/{}", counted.number().n % 10)],
            AnyNumber::Spread(SpreadEvent::Counted(Number { n, .. })) => {
                (0..*n).map(|row| format!("spread/{row}")).collect()
            }
        })
    }
    fn apply(_: &str, row: &mut u64, event: &Envelope<AnyNumber>) -> Result<(), Rejection> {
        if event.data.number().n == 666 {
            return Err(Rejection::new("the number of the beast"));
        }
        *row += 1;
        Ok(())
    }
    fn revert(_: &str, row: &mut u64, _: &Envelope<AnyNumber>) -> Result<(), Rejection> {
        *row -= 1;
        Ok(())
    }
}

pub fn service() -> Service {
    Service::new()
        .single_stream::<Sums>()
        .single_stream::<Hoards>()
        .multi_stream::<Digits>()
}
