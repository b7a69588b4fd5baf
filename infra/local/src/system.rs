//! The whole local system: started in order, stopped in the opposite one.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::activity::Activity;
use crate::dynamodb::{self, DynamoDb};
use crate::error::StartError;
use crate::folder::Folder;
use crate::gateway::{self, Gateway, Queue, Routes};
use crate::kinesis::{self, Kinesis};
use crate::net;
use crate::options::Options;
use crate::permissions::Guard;
use crate::runtime::{Endpoints, Launch, Runtime};
use crate::sdk::Clients;
use crate::shutdown::stopped;
use crate::streams;
use crate::template::Model;
use crate::triggers::{Checkpoints, DeadLetters, Source, Trigger};

/// How long batches and requests under way may take to end.
const CLOSING_TIME: Duration = Duration::from_secs(5);
/// How often records that are over their retention are removed.
const EXPIRE_EVERY: Duration = Duration::from_secs(600);

/// A running local system.
#[derive(Debug)]
pub struct System {
    url: String,
    dynamodb_endpoint: String,
    kinesis_endpoint: String,
    model: Model,
    guard: Arc<Guard>,
    activity: Activity,
    runtime: Arc<Runtime>,
    kinesis: Option<Arc<Kinesis>>,
    checkpoints: Option<Arc<Checkpoints>>,
    dynamodb: Option<DynamoDb>,
    // No new work begins after the first; nothing answers any more after the second.
    closing: watch::Sender<bool>,
    shutdown: watch::Sender<bool>,
    consumers: Vec<JoinHandle<()>>,
    gateway: JoinHandle<()>,
    // Dropped last: the folder is unlocked when all that writes to it has ended.
    folder: Folder,
}

impl System {
    /// Starts everything, and returns when the gateway answers and all functions are up.
    ///
    /// It runs on the Tokio runtime that it is started on.
    ///
    /// # Errors
    ///
    /// As [`StartError`] lists them. Nothing of the system is left running.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let model = options.template.model(&options.stack)?;
        // The port is taken first and served last: who calls in between waits instead of being refused.
        let listener = gateway_listener(options.port)?;
        let url = net::url(&listener).map_err(part("HTTP gateway"))?;
        let folder = Folder::open(&options.state)?;
        let (closing, is_closing) = watch::channel(false);
        let (shutdown, is_shut_down) = watch::channel(false);
        let guard = Arc::new(Guard::new(&model));
        let activity = Activity::default();

        let embedded = match &options.endpoint {
            Some(_) => None,
            None => Some(Embedded::start(&folder, &guard, &is_shut_down)?),
        };
        let (dynamodb_endpoint, kinesis_endpoint) = match (&options.endpoint, &embedded) {
            (_, Some(embedded)) => (
                embedded.dynamodb.endpoint().to_owned(),
                embedded.kinesis_endpoint.clone(),
            ),
            (endpoint, None) => (
                endpoint.clone().unwrap_or_default(),
                endpoint.clone().unwrap_or_default(),
            ),
        };
        let launch = Launch {
            program: options.worker,
            endpoints: Endpoints {
                dynamodb: dynamodb_endpoint.clone(),
                kinesis: kinesis_endpoint.clone(),
                lambda: url.clone(),
                are_embedded: embedded.is_some(),
            },
            extra_env: options.extra_env,
            logs: if folder.is_ephemeral() {
                None
            } else {
                Some(folder.within("logs")?)
            },
            shutdown: is_shut_down.clone(),
        };
        let clients = Clients::new(&dynamodb_endpoint, &kinesis_endpoint);
        // The functions' processes take longest: tables and streams are made meanwhile.
        let (runtime, (), ()) = tokio::try_join!(
            Runtime::start(&model.functions, launch, &activity),
            dynamodb::create_tables(&clients.dynamodb, &dynamodb_endpoint, &model.tables),
            async {
                match &embedded {
                    Some(embedded) => {
                        streams::restore(&embedded.kinesis, &model, &folder, &activity).await
                    }
                    None => {
                        streams::create(&clients.kinesis, &kinesis_endpoint, &model.streams).await
                    }
                }
            },
        )?;
        let runtime = Arc::new(runtime);

        let mut checkpoints = None;
        let source = match &embedded {
            Some(embedded) => Source::Embedded(embedded.kinesis.clone()),
            None => {
                let loaded = Arc::new(Checkpoints::load(folder.path().to_owned()));
                checkpoints = Some(loaded.clone());
                Source::Remote(clients.kinesis.clone(), loaded)
            }
        };
        let dead_letters = Arc::new(DeadLetters::new(
            folder.path().join("dead-letters"),
            guard.clone(),
        ));
        let mut consumers = Vec::new();
        for mapping in model.mappings.iter().filter(|mapping| mapping.is_enabled) {
            let Some(function) = runtime.function(&mapping.function) else {
                continue;
            };
            let trigger = Trigger {
                mapping: mapping.clone(),
                function: function.clone(),
                source: source.clone(),
                runtime: runtime.clone(),
                dead_letters: dead_letters.clone(),
                closing: is_closing.clone(),
            };
            consumers.push(trigger.start());
        }
        let events = if folder.is_ephemeral() {
            None
        } else {
            Some(folder.within("events")?)
        };
        let queue = Arc::new(Queue::new(
            runtime.clone(),
            activity.clone(),
            events,
            is_closing.clone(),
        ));
        queue
            .resume()
            .map_err(|error| crate::folder::not_writable(&folder.path().join("events"), error))?;
        let answering = Gateway {
            runtime: runtime.clone(),
            routes: Arc::new(Routes::new(&model.routes)),
            queue,
            guard: guard.clone(),
        };
        let gateway = tokio::spawn(gateway::serve(
            listener,
            answering,
            stopped(is_closing.clone()),
        ));
        let (kinesis, dynamodb) = embedded
            .map(|embedded| (embedded.kinesis, embedded.dynamodb))
            .unzip();
        if let Some(kinesis) = &kinesis {
            tokio::spawn(expire(kinesis.clone(), model.clone(), is_shut_down));
        }
        Ok(Self {
            url,
            dynamodb_endpoint,
            kinesis_endpoint,
            model,
            guard,
            activity,
            runtime,
            kinesis,
            checkpoints,
            dynamodb,
            closing,
            shutdown,
            consumers,
            gateway,
            folder,
        })
    }

    /// The gateway's URL, such as `http://127.0.0.1:8080`.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The URL of DynamoDB.
    pub fn dynamodb_endpoint(&self) -> &str {
        &self.dynamodb_endpoint
    }

    /// The URL of Kinesis.
    pub fn kinesis_endpoint(&self) -> &str {
        &self.kinesis_endpoint
    }

    /// The physical name of a table.
    pub fn table(&self, logical_id: &str) -> Option<String> {
        self.model
            .tables
            .iter()
            .find(|table| table.logical_id == logical_id)
            .map(|table| table.name.clone())
    }

    /// The physical name of a stream.
    pub fn stream(&self, logical_id: &str) -> Option<String> {
        self.model
            .streams
            .iter()
            .find(|stream| stream.logical_id == logical_id)
            .map(|stream| stream.name.clone())
    }

    /// The process ids of the functions, with the functions' names.
    pub fn function_pids(&self) -> Vec<(String, u32)> {
        self.runtime.pids()
    }

    /// What the template declares, with the names that this system uses.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Every (function name, action, resource) that the functions used so far, all of them allowed by their policies.
    ///
    /// Only calls to the embedded services and the gateway are seen.
    pub fn used_permissions(&self) -> Vec<(String, String, String)> {
        self.guard.used()
    }

    /// The state folder: a temporary one for an ephemeral system.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Resolves when no record is unfinished, no invocation under way and no event queued.
    ///
    /// On embedded Kinesis this is exact: a record counts from its put until all consumers have finished it. Behind an
    /// endpoint only invocations are seen.
    pub async fn idle(&self) {
        self.activity.idle().await;
    }

    /// Stops cleanly: what is under way ends, within five seconds, then processes are killed and the database closed.
    pub async fn stop(self) {
        self.closing.send_replace(true);
        let under_way = async {
            for consumer in self.consumers {
                let _ = consumer.await;
            }
            let _ = self.gateway.await;
        };
        if tokio::time::timeout(CLOSING_TIME, under_way).await.is_err() {
            tracing::warn!(
                "not all that was under way has ended; it is repeated at the next start"
            );
        }
        self.runtime.stop().await;
        if let Some(kinesis) = &self.kinesis {
            kinesis.save().await;
        }
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.save();
        }
        self.shutdown.send_replace(true);
        if let Some(dynamodb) = self.dynamodb {
            // A client that never ends its request must not keep the system from stopping.
            let _ = tokio::time::timeout(CLOSING_TIME, dynamodb.stop()).await;
        }
        drop(self.folder);
    }
}

/// The embedded services.
struct Embedded {
    dynamodb: DynamoDb,
    kinesis: Arc<Kinesis>,
    kinesis_endpoint: String,
}

impl Embedded {
    fn start(
        folder: &Folder,
        guard: &Arc<Guard>,
        shutdown: &watch::Receiver<bool>,
    ) -> Result<Self, StartError> {
        let dynamodb = DynamoDb::start(folder, guard.clone(), shutdown)?;
        let listener = net::listen(0).map_err(part("Kinesis endpoint"))?;
        let kinesis_endpoint = net::url(&listener).map_err(part("Kinesis endpoint"))?;
        let kinesis = Arc::new(Kinesis::new());
        tokio::spawn(kinesis::serve(
            listener,
            kinesis.clone(),
            guard.clone(),
            stopped(shutdown.clone()),
        ));
        Ok(Self {
            dynamodb,
            kinesis,
            kinesis_endpoint,
        })
    }
}

fn part(part: &'static str) -> impl Fn(std::io::Error) -> StartError {
    move |error| StartError::Part {
        part,
        reason: error.to_string(),
    }
}

fn gateway_listener(port: u16) -> Result<TcpListener, StartError> {
    net::listen(port).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => StartError::PortInUse { port },
        _ => StartError::Port {
            port,
            reason: error.to_string(),
        },
    })
}

async fn expire(kinesis: Arc<Kinesis>, model: Model, shutdown: watch::Receiver<bool>) {
    while tokio::time::timeout(EXPIRE_EVERY, stopped(shutdown.clone()))
        .await
        .is_err()
    {
        kinesis.expire(&model.streams).await;
    }
}
