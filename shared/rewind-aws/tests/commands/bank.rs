//! A bank that is asked over and over, by several processes.

use crate::{
    domain::{AccountCommand, service},
    subscriber::Subscriber,
    support::{Aws, recorded},
};
use rewind::{RecordedEvent, StreamName, command::Command};
use rewind_aws::{
    append::sweep::Sweep,
    command::commands::{Answer, Commands, Failure, Loaded},
    wiring::Clients,
};
use serde_json::{Value, value::to_raw_value};
use std::collections::BTreeMap;

pub struct Bank {
    pub aws: Aws,
    pub subscriber: Subscriber,
}

/// A command without a key.
pub fn unkeyed(id: &str, command: &AccountCommand) -> Command {
    let json = serde_json::to_value(command).unwrap();
    let (variant, data) = json.as_object().unwrap().iter().next().unwrap();
    Command {
        id: uuid::Uuid::now_v7().to_string(),
        is_keyed: false,
        stream: StreamName::of("account", id).unwrap(),
        command_type: variant.to_lowercase(),
        data: to_raw_value(data).unwrap(),
        at: "2026-11-29T09:00:00Z".parse().unwrap(),
        expected: None,
        correlation: None,
        causation: None,
        depth: 0,
        is_imported: false,
    }
}

/// A command with a key.
pub fn keyed(key: &str, id: &str, command: &AccountCommand) -> Command {
    Command {
        id: key.into(),
        is_keyed: true,
        ..unkeyed(id, command)
    }
}

impl Bank {
    pub async fn start() -> Self {
        let aws = Aws::start().await;
        let stream = aws.system.stream("EventsStream").unwrap();
        let subscriber = Subscriber::new(aws.system.kinesis_endpoint(), &stream).await;
        Self { aws, subscriber }
    }

    /// A process that decides.
    pub fn commands(&self) -> Commands {
        self.commands_over(&self.aws.clients)
    }

    /// A process whose requests go through other clients.
    pub fn commands_over(&self, clients: &Clients) -> Commands {
        let system = &self.aws.system;
        let events = clients.event_store(system.table("EventsTable").unwrap());
        let data = clients.data_store(system.table("DataTable").unwrap());
        let published = clients.stream_named(system.stream("EventsStream").unwrap());
        Commands::new(service(), events, data, published)
    }

    pub fn sweep(&self) -> Sweep {
        let published = self.aws.stream("EventsStream");
        Sweep::new(&service(), self.aws.events(), self.aws.data(), published)
    }

    pub async fn recorded(&self, stream: &str) -> Vec<RecordedEvent> {
        recorded(&self.aws.events(), stream).await
    }

    /// What was published since the last time, each event once, by stream.
    pub async fn published(&mut self) -> BTreeMap<String, BTreeMap<u64, RecordedEvent>> {
        let mut streams: BTreeMap<String, BTreeMap<u64, RecordedEvent>> = BTreeMap::new();
        for delivery in self.subscriber.next().await {
            for event in delivery.events {
                let stream = streams.entry(event.stream().to_string()).or_default();
                stream.insert(event.version, event);
            }
        }
        streams
    }
}

pub async fn ask(commands: &Commands, command: &Command) -> Result<Answer, Failure> {
    let service = service();
    commands
        .decide(service.decider("account").unwrap(), command)
        .await
}

/// The events of an accepted command.
pub async fn applied(commands: &Commands, command: &Command) -> Vec<RecordedEvent> {
    match ask(commands, command).await.unwrap() {
        Answer::Applied(events) => events,
        other => panic!("{other:?}"),
    }
}

/// The name of a rejected command's rejection.
pub async fn rejected(commands: &Commands, command: &Command) -> String {
    match ask(commands, command).await.unwrap() {
        Answer::Rejected(refusal) => refusal.name,
        other => panic!("{other:?}"),
    }
}

pub async fn loaded(commands: &Commands, id: &str) -> (Value, Loaded) {
    let service = service();
    let stream = StreamName::of("account", id).unwrap();
    let decider = service.decider("account").unwrap();
    let loaded = commands.load(decider, &stream).await.unwrap();
    (loaded.state.json().unwrap(), loaded)
}
