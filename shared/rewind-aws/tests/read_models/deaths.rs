//! Writers that die anywhere, a server that is killed in the middle, rivals,
//! repeats and reorderings, by seed: the rows of the poll and of the portal are
//! those of the data store.

use crate::scene::Scene;
use rand::{Rng, SeedableRng, rngs::SmallRng, seq::SliceRandom};
use rewind::{Delivery, RecordedEvent, Service, Target};
use rewind_aws::elsewhere::read_models::ReadModels;
use service::{
    poll::PollEvent,
    portal::{
        application::{ApplicationEvent, Plan},
        campaigns::{CampaignEvent, Reason},
    },
};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

const STREAMS: usize = 12;
const ROUNDS: usize = 4;

const OWNERS: [&str; 3] = ["ann", "bob", "cid"];
const PRODUCTS: [&str; 4] = ["maps", "mail", "pay", "it's"];

fn poll(random: &mut SmallRng) -> PollEvent {
    match random.random_range(0..12) {
        0 => PollEvent::VotingStopped,
        nth => PollEvent::VoteCast {
            user: format!("user {nth}"),
            choice: ["chips", "steak", "gravel"][nth % 3].into(),
        },
    }
}

fn application(random: &mut SmallRng) -> ApplicationEvent {
    let owner: String = OWNERS[random.random_range(0..3)].into();
    let product: String = PRODUCTS[random.random_range(0..4)].into();
    match random.random_range(0..6) {
        0 => ApplicationEvent::ApplicationCreated {
            name: format!("an app of {owner}"),
            owner,
            plan: Plan::Free,
        },
        1 => ApplicationEvent::ApiProductRemoved { product },
        2 => ApplicationEvent::PlanChanged { plan: Plan::Paid },
        3 => ApplicationEvent::OwnerChanged {
            owner,
            from: OWNERS[random.random_range(0..3)].into(),
        },
        _ => ApplicationEvent::ApiProductAdded { product },
    }
}

fn campaign(random: &mut SmallRng) -> CampaignEvent {
    let owner = OWNERS[random.random_range(0..3)].into();
    let reason = Reason::LongFree;
    match random.random_range(0..3) {
        0 => CampaignEvent::CampaignStarted { owner, reason },
        1 => CampaignEvent::SurveyStarted { owner, reason },
        _ => CampaignEvent::OfferMade { owner, reason },
    }
}

/// More events of all streams, some of them taken back.
async fn record(scene: &Scene, random: &mut SmallRng) -> Vec<RecordedEvent> {
    let mut events = Vec::new();
    for stream in 0..STREAMS {
        let id = stream.to_string();
        let count = random.random_range(1..6);
        let more: Vec<_> = (0..count).map(|_| poll(random)).collect();
        events.extend(scene.record(&id, &more).await);
        let more: Vec<_> = (0..count).map(|_| application(random)).collect();
        events.extend(scene.record(&id, &more).await);
        let more: Vec<_> = (0..count).map(|_| campaign(random)).collect();
        events.extend(scene.record(&id, &more).await);
        if random.random_bool(0.3) {
            let category = ["poll", "application", "campaign"][random.random_range(0..3)];
            events.extend(scene.reverse(&format!("{category}-{id}"), 1).await);
        }
    }
    events
}

/// Deliveries of short runs, in any order, some of them twice.
fn shuffled(events: &[RecordedEvent], random: &mut SmallRng) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    let mut rest = events;
    while let Some(first) = rest.first() {
        let same = rest.iter().take(random.random_range(1..4));
        let run = same
            .take_while(|event| event.stream() == first.stream())
            .count();
        let delivery = Delivery {
            replay: None,
            events: rest[..run].to_vec(),
        };
        for _ in 0..random.random_range(1..3) {
            deliveries.push(delivery.clone());
        }
        rest = &rest[run..];
    }
    deliveries.shuffle(random);
    deliveries
}

/// What a trigger does: it gives a batch again until it is done, whoever dies.
async fn deliver(
    scene: &Scene,
    service: &Service,
    deliveries: &[Delivery],
    seed: u64,
    deaths: &AtomicUsize,
) {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut models = scene.models(service);
    for batch in deliveries.chunks(9) {
        let batch: Vec<_> = batch.iter().cloned().enumerate().collect();
        loop {
            let micros = match random.random_bool(0.5) {
                true => random.random_range(0..60_000),
                false => 20_000_000,
            };
            let life = Duration::from_micros(micros);
            let written = tokio::time::timeout(life, write(scene, service, &models, &batch));
            match written.await {
                Ok(true) => break,
                Ok(false) => {}
                Err(_) => {
                    deaths.fetch_add(1, Ordering::SeqCst);
                    if random.random_bool(0.5) {
                        models = scene.models(service);
                    }
                }
            }
        }
    }
}

async fn write(
    scene: &Scene,
    service: &Service,
    models: &ReadModels,
    batch: &[(usize, Delivery)],
) -> bool {
    let kept = models.fold(batch).await;
    let projected = scene.projector(service.clone()).project(batch).await;
    kept.is_ok() && projected.is_ok_and(|projected| projected.failed.is_empty())
}

/// Kills the server twice, while others work.
async fn kills(scene: &Scene) {
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        scene.server.kill();
        tokio::time::sleep(Duration::from_millis(200)).await;
        scene.server.begin();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_those_of_the_data_store_whatever_dies() {
    let scene = Scene::start().await;
    let service = service::service();
    let deaths = AtomicUsize::new(0);
    let seed = std::env::var("REWIND_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    println!("REWIND_SEED={seed}");
    let mut random = SmallRng::seed_from_u64(seed);
    let (mut behind, mut history) = (0, Vec::new());
    for round in 0..ROUNDS {
        let events = record(&scene, &mut random).await;
        let rivals = (0..2)
            .map(|_| shuffled(&events, &mut random))
            .collect::<Vec<_>>();
        let rivals = rivals.iter().map(|mine| {
            let seed = random.random();
            deliver(&scene, &service, mine, seed, &deaths)
        });
        let rivals: Vec<_> = rivals.collect();
        futures::future::join(futures::future::join_all(rivals), kills(&scene)).await;
        let tended = scene.tend(&scene.models(&service)).await;
        behind += tended.caught_up;
        scene.assert_same(&service).await;
        println!("round {round}: {} events, {tended:?}", events.len());
        history.extend(events);
    }
    // All of it is rebuilt, and the server dies in the middle of that as well.
    let models = scene.models(&service);
    let tabled = service.projections().iter();
    let tabled: Vec<_> = tabled.filter(|known| known.table.is_some()).collect();
    let rebuild = async {
        for projection in &tabled {
            let built = scene.rebuild((&service, &models), projection, &history);
            let built = built.await;
            scene.activate(&built).await;
        }
    };
    futures::future::join(rebuild, kills(&scene)).await;
    let tended = scene.tend(&models).await;
    println!("rebuilt: {tended:?}");
    scene.assert_same(&service).await;
    let client = scene.server.client().await;
    for projection in tabled {
        let view = projection.table.as_ref().unwrap().name;
        let sql = "SELECT generation FROM rewind.views WHERE name = $1";
        let shown = client.query_one(sql, &[&view]).await.unwrap();
        assert_eq!(shown.get::<_, i64>(0), 2, "{view}");
        let target = Target {
            projection: projection.name.into(),
            generation: 2,
        };
        let count = format!("SELECT count(*) FROM {view}");
        let count = client.query_one(&count, &[]).await.unwrap();
        let rows = scene.rows(&target).await;
        assert_eq!(count.get::<_, i64>(0), rows.len() as i64, "{view}");
    }
    let deaths = deaths.load(Ordering::SeqCst);
    println!("{deaths} deaths of writers, {behind} streams caught up from the list");
    assert!(deaths > 10);
    scene.aws.system.stop().await;
}
