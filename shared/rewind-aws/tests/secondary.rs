//! Rows by a secondary key: it follows what the row holds, generation by
//! generation, and what no index holds stalls one stream alone.

mod support;

use rewind::{
    CloudEvent, Envelope, MAX_SECONDARY_KEY, MultiStreamProjection, RecordedEvent, Rejection,
    SecondaryKey, Service, SingleStreamProjection, Target,
};
use rewind_aws::{
    audit::{
        report::{Kind, Violation, Watch},
        run::Audit,
    },
    data_table::key::Key,
    project::projector::Projector,
    sequence::sequencer::{Outcome, Sequencer},
};
use std::collections::BTreeSet;
use support::{Aws, CountEvent, delivery, event, open};

/// The last number of each stream, found by itself. 0 has no value, 7 deletes the
/// row, and 9 has a value that no index holds.
struct Latest;

/// What a row is found by.
fn value(n: u64) -> Option<String> {
    match n {
        0 => None,
        9 => Some("9".repeat(MAX_SECONDARY_KEY + 1)),
        n => Some(n.to_string()),
    }
}

impl SingleStreamProjection for Latest {
    type Event = CountEvent;
    type Row = u64;
    const NAME: &'static str = "latest";
    fn secondary_key() -> Option<SecondaryKey<u64>> {
        Some(SecondaryKey::named("number", |n: &u64| value(*n)))
    }
    fn apply(row: &mut u64, event: &Envelope<CountEvent>) -> Result<(), Rejection> {
        *row = event.data.number().n;
        Ok(())
    }
    fn is_deleted(row: &u64) -> bool {
        *row == 7
    }
}

/// How often each number came, found by whether that is even.
struct Often;
impl MultiStreamProjection for Often {
    type Event = CountEvent;
    type Row = u64;
    const NAME: &'static str = "often";
    fn secondary_key() -> Option<SecondaryKey<u64>> {
        let parity =
            |row: &u64| Some(if row.is_multiple_of(2) { "even" } else { "odd" }.to_string());
        Some(SecondaryKey::named("parity", parity))
    }
    fn keys(event: &Envelope<CountEvent>) -> Result<Vec<String>, Rejection> {
        Ok(vec![event.data.number().n.to_string()])
    }
    fn apply(_: &str, row: &mut u64, _: &Envelope<CountEvent>) -> Result<(), Rejection> {
        *row += 1;
        Ok(())
    }
}

fn domain() -> Service {
    Service::new()
        .single_stream::<Latest>()
        .multi_stream::<Often>()
}

fn target(projection: &str, generation: u64) -> Target {
    Target {
        projection: projection.into(),
        generation,
    }
}

struct Scene {
    aws: Aws,
    nth: u64,
}

#[derive(Default)]
struct Seen(Vec<Violation>);

impl Watch for Seen {
    fn violation(&mut self, violation: &Violation) {
        self.0.push(violation.clone());
    }
    fn progress(&mut self, _: &'static str, _: u64, _: u64) {}
}

impl Scene {
    async fn start() -> Self {
        let aws = Aws::start().await;
        Self { aws, nth: 0 }
    }

    /// Records the numbers of a stream and folds them.
    async fn happen(&mut self, stream: &str, numbers: &[u64]) {
        let mut events: Vec<CloudEvent> = Vec::new();
        for n in numbers {
            self.nth += 1;
            events.push(event(stream, &self.nth.to_string(), *n));
        }
        let outcomes = Sequencer::new(self.aws.events()).record(&events).await;
        let recorded: Vec<RecordedEvent> = outcomes
            .into_iter()
            .map(|outcome| match outcome {
                Outcome::Recorded { recorded, .. } => *recorded,
                other => panic!("{other:?}"),
            })
            .collect();
        let projector = Projector::new(domain(), self.aws.events(), self.aws.data());
        let projected = projector.project(&[delivery(&recorded)]).await.unwrap();
        assert!(projected.failed.is_empty());
    }

    /// The keys of the rows with this value, page by page.
    async fn found(&self, target: &Target, value: &str, prefix: &str) -> Vec<String> {
        let (mut found, mut after): (Vec<String>, Option<String>) = (Vec::new(), None);
        loop {
            let store = self.aws.data();
            let page = store.list_by(target, value, prefix, after.as_deref(), 2);
            let (keys, next) = page.await.unwrap();
            for key in keys {
                assert_eq!(key, Key::row(target, &key.sk));
                found.push(key.sk);
            }
            after = next;
            if after.is_none() {
                return found;
            }
        }
    }

    async fn violations(&self) -> Vec<(Kind, String)> {
        let audit = Audit::new(domain(), self.aws.events(), self.aws.data());
        let mut seen = Seen::default();
        audit.run(&mut seen).await.unwrap();
        let found = seen.0.into_iter();
        found.map(|found| (found.kind, found.place)).collect()
    }
}

#[tokio::test]
async fn rows_are_found_by_what_they_hold_now() {
    let mut scene = Scene::start().await;
    let (latest, often) = (&target("latest", 1), &target("often", 1));
    for stream in ["count-a1", "count-a2", "count-b1", "count-b2", "count-b3"] {
        scene.happen(stream, &[1]).await;
    }
    assert_eq!(
        scene.found(latest, "1", "").await,
        ["a1", "a2", "b1", "b2", "b3"]
    );
    assert_eq!(scene.found(latest, "1", "b").await, ["b1", "b2", "b3"]);
    assert_eq!(scene.found(often, "odd", "").await, ["1"]);
    // Another value, none, and no row any more; then a row again.
    scene.happen("count-a1", &[2]).await;
    scene.happen("count-a2", &[0]).await;
    scene.happen("count-b1", &[7]).await;
    assert_eq!(scene.found(latest, "1", "").await, ["b2", "b3"]);
    assert_eq!(scene.found(latest, "2", "").await, ["a1"]);
    let odd = BTreeSet::from(["0", "1", "2", "7"].map(String::from));
    let found = scene.found(often, "odd", "").await;
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), odd);
    scene.happen("count-b1", &[2, 1]).await;
    assert_eq!(scene.found(latest, "1", "").await, ["b1", "b2", "b3"]);
    assert_eq!(scene.found(often, "even", "").await, ["1", "2"]);
    assert_eq!(scene.violations().await, []);
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_value_that_no_index_holds_stalls_its_stream_alone() {
    let mut scene = Scene::start().await;
    scene.happen("count-1", &[1]).await;
    scene.happen("count-1", &[9]).await;
    scene.happen("count-2", &[1]).await;
    let latest = &target("latest", 1);
    assert_eq!(scene.found(latest, "1", "").await, ["1", "2"]);
    let row = scene.aws.data().get(&Key::row(latest, "1")).await.unwrap();
    let row = row.unwrap();
    assert_eq!(row.watermark, 1);
    let why = row.stalled.unwrap();
    assert!(why.contains("secondary key `number`"), "{why}");
    assert_eq!(scene.violations().await, []);
    // It goes on with an event that makes the row fit.
    scene.happen("count-1", &[3]).await;
    assert_eq!(scene.found(latest, "1", "").await, ["2"]);
    assert_eq!(scene.found(latest, "3", "").await, ["1"]);
    assert_eq!(scene.violations().await, []);
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn generations_have_their_own() {
    let mut scene = Scene::start().await;
    scene.happen("count-1", &[1]).await;
    let service = domain();
    let projection = service.projection("latest").unwrap();
    let second = open(&scene.aws.data(), projection, "playback", false).await;
    let second = second.unwrap();
    scene.happen("count-2", &[1]).await;
    assert_eq!(scene.found(&target("latest", 1), "1", "").await, ["1", "2"]);
    assert_eq!(scene.found(&second, "1", "").await, ["2"]);
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn the_audit_sees_a_row_that_is_found_by_something_else() {
    let mut scene = Scene::start().await;
    scene.happen("count-1", &[1]).await;
    scene.happen("count-2", &[2]).await;
    let store = scene.aws.data();
    for (key, value) in [
        (Key::row(&target("latest", 1), "1"), Some("2".to_string())),
        (Key::row(&target("latest", 1), "2"), None),
        (Key::row(&target("often", 1), "2"), Some("even".into())),
    ] {
        let mut row = store.get(&key).await.unwrap().unwrap();
        row.secondary = value;
        store.replace(&key, &row).await.unwrap();
    }
    let mut found = scene.violations().await;
    found.sort_unstable();
    let places = ["latest@1/1", "latest@1/2", "often@1/2"];
    assert_eq!(found, places.map(|at| (Kind::RowDiffers, at.to_string())));
    scene.aws.system.stop().await;
}
