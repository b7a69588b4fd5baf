//! A post office: pump and microservice over the embedded services, step by
//! step, with a clock that is turned by hand.
#![allow(dead_code, reason = "each test uses its own part")]

use super::{Aws, recorded};
use aws_sdk_kinesis::{
    config::{BehaviorVersion, Credentials, Region},
    types::ShardIteratorType,
};
use aws_smithy_http_client::Builder;
use rewind::{
    Batch, CloudEvent, Delivery, Receiver, RecordedEvent, Replay, Service, StreamName,
    delivery::Nothing,
};
use rewind_aws::{
    append::recorder::Recorder,
    data_table::{key::Key, stall, transaction::Write},
    gateway::live::Live,
    outside::Outside,
    process::timer::{Fired, Timer},
    react::reactor::{Reacted, Reactor},
    sequence::sequencer::{Outcome, Sequencer},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

pub struct Post {
    pub aws: Aws,
    pub service: Service,
    pub outside: Outside,
    /// Events whose identity belonged to another one.
    pub conflicts: AtomicUsize,
    pub sequencer: Sequencer,
    kinesis: aws_sdk_kinesis::Client,
    /// Where each stream is read up to.
    read: BTreeMap<String, Vec<Option<String>>>,
}

impl Post {
    pub async fn of(service: Service) -> Self {
        let aws = Aws::start().await;
        let config = aws_sdk_kinesis::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .http_client(Builder::new().build_http())
            .credentials_provider(Credentials::new("operator", "local", None, None, "local"))
            .endpoint_url(aws.system.kinesis_endpoint())
            .build();
        Self {
            service,
            outside: Outside::none(),
            conflicts: AtomicUsize::new(0),
            sequencer: Sequencer::new(aws.events()),
            kinesis: aws_sdk_kinesis::Client::from_conf(config),
            read: BTreeMap::new(),
            aws,
        }
    }

    pub fn reactor(&self) -> Reactor {
        let incoming = self.aws.stream("IncomingStream");
        let commands = self.aws.commands(self.service.clone());
        Reactor::calling(Arc::new(commands), incoming, self.live())
    }

    pub fn timer(&self) -> Timer {
        Timer::new(self.service.clone(), self.recorder())
    }

    /// What makes calls.
    pub fn live(&self) -> Live {
        Live::new(self.service.clone(), self.recorder(), self.outside.clone())
    }

    pub fn recorder(&self) -> Recorder {
        let published = self.aws.stream("EventsStream");
        Recorder::new(self.aws.events(), self.aws.data(), published)
    }

    pub async fn fire(&self, now: &str) -> Fired {
        self.timer()
            .fire(now.parse().unwrap(), || true)
            .await
            .unwrap()
    }

    /// Records events and publishes them, as pump does.
    pub async fn pump(&self, events: &[CloudEvent]) {
        let outcomes = self.sequencer.record(events).await;
        let mut runs: BTreeMap<StreamName, Vec<RecordedEvent>> = BTreeMap::new();
        for outcome in outcomes {
            match outcome {
                Outcome::Recorded { recorded, .. } => {
                    let stream = recorded.stream().clone();
                    runs.entry(stream).or_default().push(*recorded);
                }
                Outcome::Conflict => {
                    self.conflicts.fetch_add(1, Ordering::SeqCst);
                }
                other => panic!("{other:?}"),
            }
        }
        let runs = runs.iter().map(|(stream, run)| {
            rewind_aws::aws::publish::Run::new(stream.as_str(), Delivery::encode(run, None))
        });
        self.aws
            .stream("EventsStream")
            .publish(runs.collect())
            .await;
    }

    /// Lets everything that is under way come to its end. Says how many events
    /// microservice has emitted.
    pub async fn settle(&mut self) -> usize {
        let reactor = self.reactor();
        let mut emitted = 0;
        loop {
            let records = self.records("EventsStream").await;
            let deliveries = records.iter().map(|data| Delivery::decode(data).unwrap());
            let deliveries: Vec<_> = deliveries.enumerate().collect();
            for some in deliveries.chunks(500) {
                let reacted: Reacted = reactor.react(some).await.unwrap();
                assert!(reacted.failed.is_empty(), "{:?}", reacted.failed);
                emitted += reacted.emitted;
            }
            let mut incoming = Vec::new();
            for data in self.records("IncomingStream").await {
                incoming.extend(Batch::decode(&data).unwrap().events);
            }
            if deliveries.is_empty() && incoming.is_empty() {
                return emitted;
            }
            for some in incoming.chunks(500) {
                self.pump(some).await;
            }
        }
    }

    /// Forgets what was read: it comes again.
    pub fn read_again(&mut self) {
        self.read.clear();
    }

    /// Settles, with all that has ever come.
    pub async fn settle_again(&mut self) -> usize {
        self.read_again();
        self.settle().await
    }

    /// What has come on a stream since the last time.
    pub async fn records(&mut self, logical_id: &str) -> Vec<Vec<u8>> {
        let stream = self.aws.system.stream(logical_id).unwrap();
        if !self.read.contains_key(logical_id) {
            let mut iterators = Vec::new();
            let shards = self.kinesis.list_shards().stream_name(&stream);
            for shard in shards.send().await.unwrap().shards() {
                let iterator = self.kinesis.get_shard_iterator().stream_name(&stream);
                let iterator = iterator.shard_id(shard.shard_id());
                let iterator = iterator.shard_iterator_type(ShardIteratorType::TrimHorizon);
                iterators.push(iterator.send().await.unwrap().shard_iterator);
            }
            self.read.insert(logical_id.into(), iterators);
        }
        let mut records = Vec::new();
        for iterator in self.read.get_mut(logical_id).unwrap() {
            loop {
                let page = self.kinesis.get_records().limit(1000);
                let page = page.shard_iterator(iterator.take().unwrap());
                let page = page.send().await.unwrap();
                iterator.clone_from(&page.next_shard_iterator);
                let data = page
                    .records
                    .iter()
                    .map(|record| record.data.as_ref().to_vec());
                records.extend(data);
                if page.records.is_empty() {
                    break;
                }
            }
        }
        records
    }

    /// Deletes all that listeners have in the data store.
    pub async fn wipe(&self) {
        let store = self.aws.data();
        let own = ["appenders", "sweep", "stalls", "listeners"];
        let mut partitions: Vec<String> = own.map(|own| format!("rewind#{own}")).into();
        let listeners = self.service.listeners().into_iter();
        let mut owners: Vec<String> = listeners.map(|known| known.origin).collect();
        let deciders = self.service.deciders().iter();
        owners.extend(deciders.map(|known| format!("snapshot/{}", known.category)));
        for nth in 0..8 {
            partitions.push(format!("rewind#deadlines/{nth}"));
            partitions.push(format!("rewind#calls/{nth}"));
            partitions.extend(owners.iter().map(|owner| format!("{owner}~{nth}")));
        }
        for pk in partitions {
            loop {
                let (items, _) = store.list(&pk, "", None, 100).await.unwrap();
                if items.is_empty() {
                    break;
                }
                for item in items {
                    let key = Key {
                        pk: pk.clone(),
                        sk: item["sk"].as_s().unwrap().clone(),
                    };
                    store
                        .write_together(&[Write::Delete { key }])
                        .await
                        .unwrap();
                }
            }
        }
    }

    /// Replays streams to microservice, as a playback does.
    pub async fn replay(&mut self, streams: &[String]) -> usize {
        let to = Receiver::Microservice {
            microservice: Nothing {},
        };
        let replay = Replay::new("r", [to]);
        let reactor = self.reactor();
        let mut emitted = 0;
        for stream in streams {
            let events = self.recorded(stream).await;
            let delivery = Delivery {
                replay: Some(replay.clone()),
                events,
            };
            let reacted = reactor.react(&[(0, delivery)]).await.unwrap();
            assert!(reacted.failed.is_empty(), "{:?}", reacted.failed);
            emitted += reacted.emitted;
        }
        emitted + self.settle().await
    }

    pub async fn recorded(&self, stream: &str) -> Vec<RecordedEvent> {
        recorded(&self.aws.events(), stream).await
    }

    pub async fn types(&self, stream: &str) -> Vec<String> {
        let events = self.recorded(stream).await;
        events
            .iter()
            .map(|event| event.event_type().to_string())
            .collect()
    }

    pub async fn stalls(&self) -> Vec<String> {
        let (stalls, _) = stall::list(&self.aws.data(), None, None, 100)
            .await
            .unwrap();
        stalls
            .iter()
            .map(|stall| format!("{} {}@{}", stall.reader, stall.stream, stall.version))
            .collect()
    }
}
