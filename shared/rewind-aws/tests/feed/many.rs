//! Many changes under faults and deaths, with a rebuild of other code in the
//! middle: who believes the feed has the table.

use crate::{
    domain::{ItemEvent, added, service, set, taken},
    scene::{Scene, target},
    support::impatient,
};
use fault_layer::{Faults, Plan};
use futures::future::join_all;
use rand::{Rng, RngCore, SeedableRng, rngs::SmallRng, seq::SliceRandom};
use rewind::{Delivery, Receiver, RecordedEvent, Replay, Service, Target};
use rewind_aws::{
    generation::lifecycle,
    project::{difference::Differences, projector::Projector},
    wiring::Clients,
};
use std::{collections::BTreeMap, time::Duration};

/// How many changes are told, where the environment does not say.
const CHANGES: usize = 2_000;

/// Processes of write at the same time.
const WORKERS: usize = 3;

/// How often a process dies at a batch, how often a delivery is lost, and how
/// often it comes twice.
const DEATHS: f64 = 0.3;
const LOSSES: f64 = 0.02;
const REPEATS: f64 = 0.1;

struct Storm<'a> {
    scene: &'a Scene,
    dice: SmallRng,
    clients: Clients,
    faults: Faults,
    /// What each item has added to which group.
    items: BTreeMap<u64, Vec<(String, i64)>>,
    heads: BTreeMap<String, RecordedEvent>,
    history: Vec<RecordedEvent>,
    told: usize,
    repeats: usize,
    deaths: usize,
}

impl Storm<'_> {
    /// A process of write, or of what tells differences, behind the faults.
    fn projector(&self, service: Service) -> Projector {
        let system = &self.scene.aws.system;
        let events = system.table("EventsTable").unwrap();
        let data = system.table("DataTable").unwrap();
        let incoming = system.stream("IncomingStream").unwrap();
        let (events, data) = (
            self.clients.event_store(events),
            self.clients.data_store(data),
        );
        Projector::new(service, events, data).telling(self.clients.stream_named(incoming))
    }

    /// What happens to an item next.
    fn next(&mut self, item: u64) -> ItemEvent {
        let groups = self.items.entry(item).or_default();
        match self.dice.random_range(0..10) {
            0..5 => set(self.dice.random_range(0..30)),
            5 => ItemEvent::Touched {},
            6 => ItemEvent::Removed {},
            7 if !groups.is_empty() => {
                let (group, n) = groups.swap_remove(0);
                taken(&group, n)
            }
            _ => {
                let (group, n) = (self.dice.random_range(0..60), self.dice.random_range(1..9));
                let group = format!("group/{group}");
                groups.push((group.clone(), n));
                added(&group, n)
            }
        }
    }

    /// Records some events, delivers them to workers that die, and lets pump
    /// take what they tell.
    async fn round(&mut self, service: impl Fn() -> Service) {
        let mut new = Vec::new();
        for _ in 0..400 {
            let item = self.dice.random_range(0..400);
            for _ in 0..self.dice.random_range(1..4) {
                let event = self.next(item);
                new.push(self.scene.event(&item.to_string(), &event));
            }
        }
        let recorded = self.scene.record_all(&new).await;
        let mut deliveries = Vec::new();
        for events in recorded.chunk_by(|a, b| a.stream() == b.stream()) {
            let last = events.last().unwrap();
            self.heads.insert(last.stream().to_string(), last.clone());
            let delivery = Delivery {
                replay: None,
                events: events.to_vec(),
            };
            if self.dice.random_bool(REPEATS) {
                deliveries.push(delivery.clone());
            }
            if !self.dice.random_bool(LOSSES) {
                deliveries.push(delivery);
            }
        }
        self.history.extend(recorded);
        deliveries.shuffle(&mut self.dice);
        self.deliver(deliveries, service).await;
        self.pump().await;
    }

    async fn deliver(&mut self, deliveries: Vec<Delivery>, service: impl Fn() -> Service) {
        let share = deliveries.len().div_ceil(WORKERS).max(1);
        let service = &service;
        let seeds: Vec<u64> = (0..WORKERS).map(|_| self.dice.next_u64()).collect();
        let workers = deliveries.chunks(share).zip(seeds).map(|(mine, seed)| {
            let storm = &*self;
            async move {
                let mut dice = SmallRng::seed_from_u64(seed);
                let (mut deaths, mut projector) = (0, storm.projector(service()));
                for batch in mine.chunks(40) {
                    let mut left: Vec<(usize, Delivery)> =
                        batch.iter().cloned().enumerate().collect();
                    while !left.is_empty() {
                        let life = match dice.random_bool(DEATHS) {
                            true => Duration::from_millis(dice.random_range(0..40)),
                            false => Duration::MAX,
                        };
                        match tokio::time::timeout(life, projector.project(&left)).await {
                            Ok(Ok(projected)) => {
                                left.retain(|(nth, _)| projected.failed.contains_key(nth));
                            }
                            Ok(Err(_)) => {}
                            Err(_) => {
                                deaths += 1;
                                projector = storm.projector(service());
                            }
                        }
                    }
                }
                deaths
            }
        });
        self.deaths += join_all(workers).await.into_iter().sum::<usize>();
    }

    async fn pump(&mut self) {
        let (came, new) = self.scene.pump().await;
        self.told += new;
        self.repeats += came - new;
    }

    /// Builds generations of the new code while events go on.
    async fn rebuild(&mut self, service: impl Fn() -> Service + Copy) -> Vec<Target> {
        let mut targets = Vec::new();
        for projection in service().projections() {
            let store = self.scene.store();
            let opened = crate::support::open(&store, projection, "p", true).await;
            targets.push(opened.unwrap());
        }
        self.round(service).await;
        let to = targets.iter().cloned().map(Receiver::Projection);
        let replay = Replay::new("p", to);
        let mut of: BTreeMap<String, Vec<RecordedEvent>> = BTreeMap::new();
        for event in &self.history {
            let stream = event.stream().to_string();
            of.entry(stream).or_default().push(event.clone());
        }
        let before = self.told;
        let replayed = of.into_values().map(|events| Delivery {
            replay: Some(replay.clone()),
            events,
        });
        self.deliver(replayed.collect(), service).await;
        self.pump().await;
        assert_eq!(self.told, before, "the rebuild has told something");
        targets
    }
}

#[tokio::test]
async fn who_believes_the_feed_has_the_table() {
    let changes = std::env::var("FEED_CHANGES").ok();
    let changes = changes.map_or(CHANGES, |changes| changes.parse().unwrap());
    let seed = std::env::var("FEED_SEED").map_or(7, |seed| seed.parse().unwrap());
    let scene = Scene::start().await;
    let faults = Faults::new(Plan::new(seed, 0.02));
    let system = &scene.aws.system;
    let clients = Clients::at(system.dynamodb_endpoint(), system.kinesis_endpoint()).await;
    let clients = clients.map_config(|config| faults.around(impatient(config, 3)));
    let mut storm = Storm {
        scene: &scene,
        dice: SmallRng::seed_from_u64(seed),
        clients,
        faults,
        items: BTreeMap::new(),
        heads: BTreeMap::new(),
        history: Vec::new(),
        told: 0,
        repeats: 0,
        deaths: 0,
    };
    while storm.told < changes / 2 {
        storm.round(service::<1>).await;
    }
    let targets = storm.rebuild(service::<2>).await;
    for target in &targets {
        let activated = lifecycle::activate_telling(&scene.store(), target).await;
        activated.unwrap();
    }
    // Differences are told while events go on, and by one that dies as well.
    storm.round(service::<2>).await;
    let incoming = scene.aws.system.stream("IncomingStream").unwrap();
    let differences = || {
        let data = scene.aws.system.table("DataTable").unwrap();
        let data = storm.clients.data_store(data);
        let incoming = storm.clients.stream_named(&incoming);
        Differences::new(service::<2>(), scene.aws.events(), data, incoming)
    };
    let mut life = 1;
    while !matches!(
        tokio::time::timeout(Duration::from_millis(life), differences().tell(|| true)).await,
        Ok(Ok(true))
    ) {
        life *= 2;
    }
    while storm.told < changes {
        storm.round(service::<2>).await;
    }
    // Whatever was lost is behind the last event of its stream.
    storm.faults.stop();
    storm.faults.settled().await;
    let heads = storm.heads.values().cloned().map(|event| Delivery {
        replay: None,
        events: vec![event],
    });
    storm.deliver(heads.collect(), service::<2>).await;
    storm.pump().await;
    let services = service::<2>();
    for target in &targets {
        let projection = services.projection(&target.projection).unwrap();
        let rows = scene.rows(target).await;
        let believed = scene.believed(projection, rows.keys().cloned()).await;
        let rows = rows.into_iter();
        let rows = rows.filter_map(|(key, row)| Some((key, row.state?)));
        assert_eq!(believed, rows.collect(), "{target}");
    }
    assert_eq!(scene.audit(service::<2>()).await, []);
    let first = scene.rows(&target("items", 1)).await;
    assert!(first.values().any(|row| row.state.is_some()));
    println!(
        "{} changes of {} events, {} repeats dropped, {} deaths, {} faults",
        storm.told,
        storm.history.len(),
        storm.repeats,
        storm.deaths,
        storm.faults.counts().values().sum::<u64>(),
    );
    scene.aws.system.stop().await;
}
