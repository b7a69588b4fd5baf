//! Starts a system, in an order that loses nothing: unfinished records are put again before anybody can put more.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::running::System;
use super::streams;
use crate::activity::Activity;
use crate::dynamodb::{self, DynamoDb};
use crate::error::StartError;
use crate::gateway::{self, Backend, Queue, Routes};
use crate::http::{Callers, Server};
use crate::kinesis::{self, Kinesis};
use crate::net;
use crate::notifications::Notifications;
use crate::options::Options;
use crate::permissions::Guard;
use crate::runtime::{Endpoints, Launch, Runtime};
use crate::schedules::Rule;
use crate::sdk::Clients;
use crate::shutdown::stopped;
use crate::state::disk::Disk;
use crate::state::folder::{Folder, not_writable};
use crate::template::{Function, Mapping, Model};
use crate::triggers::{self, Checkpoints, DeadLetters, Source, Trigger};

/// How often records that are older than their retention are removed.
const EXPIRE_EVERY: Duration = Duration::from_secs(600);

impl System {
    /// Starts everything, and returns when the gateway answers and all functions are up.
    ///
    /// The system runs on the Tokio runtime of the caller.
    ///
    /// # Errors
    ///
    /// As [`StartError`] lists them. Nothing of the system is left running.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        start(options).await
    }
}

async fn start(options: Options) -> Result<System, StartError> {
    let model = options.template.model(&options.stack)?;
    // The port is taken first and served last. A call in between waits, and is not refused.
    let listener = net::gateway_listener(options.port)?;
    let url = net::url(&listener).map_err(part("HTTP gateway"))?;
    let folder = Folder::open(&options.state)?;
    let (closing, is_closing) = watch::channel(false);
    let (shutdown, is_shut_down) = watch::channel(false);
    let guard = Arc::new(Guard::new(&model));
    let activity = Activity::default();
    let server = Server {
        callers: Callers::new(&options.allowed_hosts)?,
        patience: options.patience,
    };
    let disk = if folder.is_ephemeral() {
        Disk::none()
    } else {
        Disk::of(folder.path(), is_shut_down.clone())?
    };

    let embedded = match &options.endpoint {
        Some(_) => None,
        None => Some(Embedded::start(
            &folder,
            &guard,
            &disk,
            &server,
            &is_shut_down,
        )?),
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
        worker: options.worker,
        endpoints: Endpoints {
            dynamodb: dynamodb_endpoint.clone(),
            kinesis: kinesis_endpoint.clone(),
            lambda: url.clone(),
            are_embedded: embedded.is_some(),
        },
        extra_env: options.extra_env,
        logs: folder.kept("logs")?,
        observer: options.observer,
        disk: disk.clone(),
        server: server.clone(),
        shutdown: is_shut_down.clone(),
    };
    let clients = Clients::new(&dynamodb_endpoint, &kinesis_endpoint);
    // The functions' processes take longest. Tables and streams are made at the same time.
    let (runtime, (), ()) = tokio::try_join!(
        Runtime::start(&model.functions, launch, &activity),
        dynamodb::create_tables(&clients.dynamodb, &dynamodb_endpoint, &model.tables),
        async {
            match &embedded {
                Some(embedded) => {
                    streams::restore(&embedded.kinesis, &model, &folder, &activity).await
                }
                None => streams::create(&clients.kinesis, &kinesis_endpoint, &model.streams).await,
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
    let queue = Arc::new(Queue::new(
        runtime.clone(),
        activity.clone(),
        folder.kept("events")?,
        disk.clone(),
        is_closing.clone(),
    ));
    queue
        .resume()
        .map_err(|error| not_writable(&folder.path().join("events"), error))?;
    let notifications = Notifications {
        all: model.notifications.clone(),
        queue: queue.clone(),
    };
    let letters = folder.path().join("dead-letters");
    let dead_letters = Arc::new(DeadLetters::new(
        letters.clone(),
        guard.clone(),
        disk.clone(),
        is_closing.clone(),
        Box::new(move |object| notifications.created(object)),
    ));
    dead_letters
        .resume()
        .map_err(|error| not_writable(&letters, error))?;
    let enabled = enabled_triggers(&model, &runtime, |mapping, function| Trigger {
        mapping,
        function,
        source: source.clone(),
        runtime: runtime.clone(),
        dead_letters: dead_letters.clone(),
        disk: disk.clone(),
        closing: is_closing.clone(),
    });
    let mut invokers: Vec<JoinHandle<()>> = enabled.into_iter().map(triggers::start).collect();
    let schedules = model.schedules.iter();
    let rules = schedules
        .filter(|schedule| schedule.is_enabled)
        .map(|schedule| Rule {
            schedule: schedule.clone(),
            unit: options.schedule_unit,
            queue: queue.clone(),
            closing: is_closing.clone(),
        });
    invokers.extend(rules.map(Rule::start));
    let backend = Backend {
        runtime: runtime.clone(),
        routes: Arc::new(Routes::new(&model.routes)),
        streaming: Arc::new(model.streaming.clone()),
        queue,
        guard: guard.clone(),
        disk,
        enforces_auth: options.enforces_auth,
    };
    let app = gateway::app(backend, options.pages);
    let gateway = tokio::spawn(async move { server.serve(listener, app, is_closing).await });
    let (kinesis, dynamodb) = embedded
        .map(|embedded| (embedded.kinesis, embedded.dynamodb))
        .unzip();
    if let Some(kinesis) = &kinesis {
        tokio::spawn(expire(kinesis.clone(), model.clone(), is_shut_down));
    }
    Ok(System {
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
        invokers,
        gateway,
        folder,
    })
}

/// The triggers of the enabled mappings whose functions run.
fn enabled_triggers(
    model: &Model,
    runtime: &Runtime,
    trigger: impl Fn(Mapping, Function) -> Trigger,
) -> Vec<Trigger> {
    let mappings = model.mappings.iter().filter(|mapping| mapping.is_enabled);
    mappings
        .filter_map(|mapping| {
            let function = runtime.function(&mapping.function)?;
            Some(trigger(mapping.clone(), function.clone()))
        })
        .collect()
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
        disk: &Disk,
        server: &Server,
        shutdown: &watch::Receiver<bool>,
    ) -> Result<Self, StartError> {
        let dynamodb = DynamoDb::start(folder, guard.clone(), disk, server, shutdown)?;
        let listener = net::listen(0).map_err(part("Kinesis endpoint"))?;
        let kinesis_endpoint = net::url(&listener).map_err(part("Kinesis endpoint"))?;
        let kinesis = Arc::new(Kinesis::new(disk.clone()));
        let app = kinesis::app(kinesis.clone(), guard.clone());
        let (server, shutdown) = (server.clone(), shutdown.clone());
        tokio::spawn(async move { server.serve(listener, app, shutdown).await });
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

async fn expire(kinesis: Arc<Kinesis>, model: Model, shutdown: watch::Receiver<bool>) {
    while tokio::time::timeout(EXPIRE_EVERY, stopped(shutdown.clone()))
        .await
        .is_err()
    {
        kinesis.expire(&model.streams).await;
    }
}
