//! A world: tables and streams of its own in the embedded services, the fault
//! layer around the SDK, and the functions' processes.

use crate::{
    domain,
    settings::Settings,
    support::{
        Aws,
        engines::{active, config},
        impatient,
    },
};
use aws_sdk_dynamodb::types::{AttributeValue, BillingMode, GlobalSecondaryIndex};
use fault_layer::{Faults, Plan};
use rewind::{Timestamp, jiff::SignedDuration};
use rewind_aws::aws::trigger::KinesisEvent;
use rewind_aws::{
    append::{recorder::Recorder, sweep::Sweep},
    audit::run::Audit,
    aws::{
        batch::BatchAnswer,
        clock,
        http::{Request, Response},
    },
    command::commands::Commands,
    process::timer::Timer,
    project::projector::Projector,
    reverse::reversal::Reverser,
    sequence::sequencer::Sequencer,
    wiring::Clients,
};
use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// How many shards each stream has.
pub const SHARDS: i32 = 2;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// The embedded services, as one thread reaches them.
pub struct Services<'a> {
    aws: &'a Aws,
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub kinesis: aws_sdk_kinesis::Client,
}

/// Where one simulation takes place.
pub struct World {
    pub id: u64,
    /// What the names of its tables and streams begin with.
    own: String,
    pub settings: Settings,
    pub faults: Faults,
    /// The SDK without faults, to look on from outside.
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub kinesis: aws_sdk_kinesis::Client,
    clients: Clients,
    /// The same without faults.
    quiet: Clients,
    /// What the clock of deadlines was turned to, and when, in microseconds.
    turned: Mutex<Vec<(u64, Timestamp)>>,
}

/// A function that a stream triggers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    Pump,
    Write,
    Microservice,
}

/// A process of a function, with what it remembers.
pub enum Process {
    Pump(Box<pump::Handler>),
    Write(Box<write::Handler>),
    Microservice(Box<microservice::Handler>),
}

impl<'a> Services<'a> {
    /// Connects to the services: a client belongs to the runtime that it was
    /// first used on.
    pub fn connect(aws: &'a Aws) -> Self {
        Self {
            aws,
            dynamodb: aws_sdk_dynamodb::Client::new(&config(aws.system.dynamodb_endpoint())),
            kinesis: aws_sdk_kinesis::Client::new(&config(aws.system.kinesis_endpoint())),
        }
    }

    /// Makes a table of another name like one of the template's.
    async fn make_table(&self, name: &str, like: &str) {
        let like = self.aws.system.table(like).unwrap();
        let like = self.dynamodb.describe_table().table_name(like).send().await;
        let like = like.unwrap().table.unwrap();
        let indexes = like.global_secondary_indexes().iter().map(|index| {
            GlobalSecondaryIndex::builder()
                .set_index_name(index.index_name.clone())
                .set_key_schema(index.key_schema.clone())
                .set_projection(index.projection.clone())
                .build()
                .unwrap()
        });
        let indexes: Vec<_> = indexes.collect();
        let made = self.dynamodb.create_table().table_name(name);
        made.set_key_schema(like.key_schema)
            .set_attribute_definitions(like.attribute_definitions)
            .set_global_secondary_indexes(Some(indexes).filter(|indexes| !indexes.is_empty()))
            .billing_mode(BillingMode::PayPerRequest)
            .send()
            .await
            .unwrap();
    }

    /// Makes a world.
    pub async fn world(&self, settings: &Settings) -> World {
        let plan = Plan {
            seed: settings.seed ^ 0xfa17,
            rate: settings.rate,
            kinds: settings.kinds.clone(),
        };
        let faults = Faults::new(plan);
        let system = &self.aws.system;
        let clients = Clients::at(system.dynamodb_endpoint(), system.kinesis_endpoint()).await;
        let quiet = clients.clone();
        let clients =
            clients.map_config(|config| faults.around(impatient(config, settings.attempts)));
        let world = World {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            own: system.own().to_string(),
            settings: settings.clone(),
            faults,
            dynamodb: self.dynamodb.clone(),
            kinesis: self.kinesis.clone(),
            clients,
            quiet,
            turned: Mutex::new(vec![(0, clock::now())]),
        };
        self.make_table(&world.events_table(), "EventsTable").await;
        self.make_table(&world.data_table(), "DataTable").await;
        for stream in [world.incoming(), world.events()] {
            let made = self.kinesis.create_stream().stream_name(&stream);
            made.shard_count(SHARDS).send().await.unwrap();
            active(&self.kinesis, &stream).await;
        }
        world
    }

    /// Takes a world's tables and streams away.
    pub async fn unmake(&self, world: &World) {
        for table in [world.events_table(), world.data_table()] {
            let unmade = self.dynamodb.delete_table().table_name(table);
            unmade.send().await.unwrap();
        }
        for stream in [world.incoming(), world.events()] {
            let unmade = self.kinesis.delete_stream().stream_name(stream);
            unmade.send().await.unwrap();
        }
    }
}

impl World {
    pub fn events_table(&self) -> String {
        format!("{}events-{}", self.own, self.id)
    }

    pub fn data_table(&self) -> String {
        format!("{}data-{}", self.own, self.id)
    }

    pub fn incoming(&self) -> String {
        format!("{}incoming-{}", self.own, self.id)
    }

    pub fn events(&self) -> String {
        format!("{}events-{}", self.own, self.id)
    }

    /// What triggers a function.
    pub fn trigger(&self, function: Function) -> String {
        match function {
            Function::Pump => self.incoming(),
            Function::Write | Function::Microservice => self.events(),
        }
    }

    pub fn ingest(&self) -> ingest::Handler {
        let incoming = self.clients.stream_named(self.incoming());
        ingest::Handler::new(domain::service(), incoming)
    }

    /// The answer of `GET /health`, which has no patience here.
    pub async fn health(&self) -> Response {
        let clients = &self.quiet;
        let (events, data) = (
            clients.event_store(self.events_table()),
            clients.data_store(self.data_table()),
        );
        let incoming = clients.stream_named(self.incoming());
        let query = query::Handler::new(domain::service(), events, data, incoming);
        let mut request = Request::default();
        request.route_key = Some("GET /health".into());
        query.with_patience(Duration::ZERO).handle(&request).await
    }

    /// Microseconds since 1970.
    pub fn micros(&self) -> u64 {
        clock::micros()
    }

    /// Turns the clock of deadlines on. Returns what it then tells.
    pub fn turn(&self, by: SignedDuration) -> Timestamp {
        let mut turned = self.turned.lock().unwrap();
        let now = turned.last().unwrap().1 + by;
        turned.push((clock::micros(), now));
        now
    }

    /// What the clock of deadlines told at a time.
    pub fn told_at(&self, micros: u64) -> Timestamp {
        let turned = self.turned.lock().unwrap();
        let before = turned.iter().rev().find(|(at, _)| *at <= micros);
        before.unwrap().1
    }

    /// What answers requests and takes batches.
    pub fn microservice(&self) -> microservice::Handler {
        self.microservice_of(&self.clients)
    }

    pub fn quiet_microservice(&self) -> microservice::Handler {
        self.microservice_of(&self.quiet)
    }

    fn microservice_of(&self, clients: &Clients) -> microservice::Handler {
        let (events, data) = (
            clients.event_store(self.events_table()),
            clients.data_store(self.data_table()),
        );
        let incoming = clients.stream_named(self.incoming());
        let published = clients.stream_named(self.events());
        let commands = Commands::new(domain::service(), events, data, published);
        microservice::Handler::new(commands, incoming)
    }

    pub fn timer(&self) -> Timer {
        Timer::new(domain::service(), self.recorder(&self.clients))
    }

    pub fn sweep(&self) -> Sweep {
        self.recorder(&self.clients).sweep(&domain::service())
    }

    pub fn quiet_sweep(&self) -> Sweep {
        self.recorder(&self.quiet).sweep(&domain::service())
    }

    fn recorder(&self, clients: &Clients) -> Recorder {
        let (events, data) = (
            clients.event_store(self.events_table()),
            clients.data_store(self.data_table()),
        );
        Recorder::new(events, data, clients.stream_named(self.events()))
    }

    /// Takes away what the sweeps know of those before.
    pub async fn forget_sweeps(&self) {
        let text = |text: &str| AttributeValue::S(text.into());
        let forgot = self.dynamodb.delete_item().table_name(self.data_table());
        let forgot = forgot.key("pk", text("rewind#sweep"));
        forgot.key("sk", text("began")).send().await.unwrap();
    }

    /// Both tables from the outside, as `rewind verify` sees them.
    pub fn audit(&self) -> Audit {
        let clients = &self.quiet;
        let (events, data) = (
            clients.event_store(self.events_table()),
            clients.data_store(self.data_table()),
        );
        Audit::new(domain::service(), events, data)
    }

    pub fn reverser(&self) -> Reverser {
        let clients = &self.clients;
        let (events, data) = (
            clients.event_store(self.events_table()),
            clients.data_store(self.data_table()),
        );
        let incoming = clients.stream_named(self.incoming());
        Reverser::new(domain::service(), events, data, incoming)
    }

    /// A new process, which remembers nothing.
    pub fn process(&self, function: Function) -> Process {
        let clients = &self.clients;
        let (events, data) = (
            clients.event_store(self.events_table()),
            clients.data_store(self.data_table()),
        );
        match function {
            Function::Pump => {
                let published = clients.stream_named(self.events());
                Process::Pump(Box::new(pump::Handler::new(
                    Sequencer::new(events),
                    published,
                    data,
                )))
            }
            Function::Write => {
                let projector = Projector::new(domain::service(), events, data.clone());
                Process::Write(Box::new(write::Handler::new(
                    projector,
                    domain::service(),
                    data,
                )))
            }
            Function::Microservice => Process::Microservice(Box::new(self.microservice())),
        }
    }
}

impl Process {
    /// What the runtime calls. `None` where the function fails as a whole.
    pub async fn handle(&self, event: KinesisEvent) -> Option<BatchAnswer> {
        match self {
            Self::Pump(handler) => Some(handler.handle(event).await),
            Self::Write(handler) => handler.handle(event).await.ok(),
            Self::Microservice(handler) => handler.handle(event).await.ok(),
        }
    }
}
