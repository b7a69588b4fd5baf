//! Rows of any JSON against the engine: each is stored and read back equal, or
//! stalls its own stream with a reason. Nothing else waits for it.
//!
//! `REWIND_ROWS=20000` tries as many, `REWIND_SEED=7` others.

mod support;

use rand::{Rng, SeedableRng, rngs::SmallRng, seq::IndexedRandom};
use rewind::{
    CloudEvent, Envelope, Event, Head, MultiStreamProjection, Rejection, Service,
    SingleStreamProjection, StreamName, Target, commit,
    event::raw,
    reversal::{Reversal, Reversals},
};
use rewind_aws::{
    audit::{
        report::{Violation, Watch},
        run::Audit,
    },
    data_table::{
        data_store::DataStore,
        key::Key,
        row::Row,
        stall::{self, Stall},
    },
    event_table::event_store::Inserted,
    project::projector::Projector,
    sequence::sequencer::{Outcome, Sequencer},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
};
use support::{Aws, delivery};

/// The violations that an audit finds.
#[derive(Default)]
struct Found(Vec<String>);
impl Watch for Found {
    fn violation(&mut self, violation: &Violation) {
        self.0.push(format!("{violation:?}"));
    }
    fn progress(&mut self, _: &'static str, _: u64, _: u64) {}
}

/// How many streams one batch has.
const BATCH: usize = 40;

/// What an event says, and what row a fold makes of it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum AnyEvent {
    Said(Said),
}

impl Event for AnyEvent {
    const CATEGORY: &'static str = "any";
}

/// The same, in a category of its own.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum NamedEvent {
    Said(Said),
}

impl Event for NamedEvent {
    const CATEGORY: &'static str = "named";
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Said {
    #[serde(default)]
    row: Value,
    #[serde(default)]
    keys: Value,
}

/// A row that is what the last event says.
struct Mirror;
impl SingleStreamProjection for Mirror {
    type Event = AnyEvent;
    type Row = Value;
    const NAME: &'static str = "mirror";
    fn apply(row: &mut Value, event: &Envelope<AnyEvent>) -> Result<(), Rejection> {
        let AnyEvent::Said(said) = &event.data;
        *row = said.row.clone();
        Ok(())
    }
}

/// The same under keys that the event names.
struct Shelf;
impl MultiStreamProjection for Shelf {
    type Event = AnyEvent;
    type Row = Value;
    const NAME: &'static str = "shelf";
    fn keys(event: &Envelope<AnyEvent>) -> Result<Vec<String>, Rejection> {
        let AnyEvent::Said(said) = &event.data;
        let keys = serde_json::from_value(said.keys.clone());
        keys.map_err(|_| Rejection::new("the keys are no texts"))
    }
    fn apply(_: &str, row: &mut Value, event: &Envelope<AnyEvent>) -> Result<(), Rejection> {
        let AnyEvent::Said(said) = &event.data;
        *row = said.row.clone();
        Ok(())
    }
}

/// A row that keeps every name that it has seen.
struct Names;
impl SingleStreamProjection for Names {
    type Event = NamedEvent;
    type Row = BTreeMap<String, u64>;
    const NAME: &'static str = "names";
    fn apply(names: &mut Self::Row, event: &Envelope<NamedEvent>) -> Result<(), Rejection> {
        let NamedEvent::Said(said) = &event.data;
        let name = said.row.as_str();
        let name = name.ok_or_else(|| Rejection::new("no name"))?;
        *names.entry(name.to_string()).or_default() += 1;
        Ok(())
    }
}

fn service() -> Service {
    Service::new()
        .single_stream::<Mirror>()
        .single_stream::<Names>()
        .multi_stream::<Shelf>()
}

/// Something that a domain may make a row of.
fn hostile(dice: &mut SmallRng, depth: usize) -> Value {
    let numbers = [
        json!(0),
        json!(-0.0),
        json!(1.0),
        json!(0.1),
        json!(-1.5e-7),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e17),
        json!(1e30),
        json!(1.7976931348623157e308),
        json!(5e-324),
        json!(1e-130),
        json!(9.9e125),
        json!(1e126),
        json!(123456789012345680.0),
    ];
    let texts = [
        "",
        "a",
        "\u{0}",
        "甲",
        "💥\u{feff}",
        "\u{ffff}",
        "NULL",
        "#",
        ":x",
        "a.b[0]",
    ];
    match dice.random_range(0..if depth < 3 { 9 } else { 6 }) {
        0 => Value::Null,
        1 => json!(dice.random_bool(0.5)),
        2 => numbers.choose(dice).unwrap().clone(),
        3 => json!(f64::from_bits(dice.random())),
        4 => json!(*texts.choose(dice).unwrap()),
        5 => json!("x".repeat(dice.random_range(0..2_000))),
        6 => {
            let count = dice.random_range(0..4);
            (0..count).map(|_| hostile(dice, depth + 1)).collect()
        }
        _ => {
            let count = dice.random_range(0..4);
            let fields = (0..count).map(|nth| {
                let name = match dice.random_range(0..12) {
                    0 => texts.choose(dice).unwrap().to_string(),
                    1 => "n".repeat(dice.random_range(60_000..70_000)),
                    _ => format!("field{nth}"),
                };
                (name, hostile(dice, depth + 1))
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}

/// Now and then one that is large, deep or empty as a whole.
fn row(dice: &mut SmallRng) -> Value {
    match dice.random_range(0..40) {
        0 => json!("x".repeat(dice.random_range(370_000..420_000))),
        1 => {
            let depth = dice.random_range(20..60);
            (0..depth).fold(json!(1), |deep, _| json!([deep]))
        }
        2 => json!(vec![0; dice.random_range(90_000..210_000)]),
        _ => hostile(dice, 0),
    }
}

fn keys(dice: &mut SmallRng) -> Vec<String> {
    let texts = [
        "k", "k/1", "/", "//x", "甲/乙", "\u{0}", "compare", "a b", "100%",
    ];
    let mut keys = vec![match dice.random_range(0..30) {
        0 => String::new(),
        1 => "k".repeat(dice.random_range(1_000..1_100)),
        2 => "é".repeat(dice.random_range(500..520)),
        _ => texts.choose(dice).unwrap().to_string(),
    }];
    // Rows of each event are its own: what is stored is then what it says.
    keys.iter_mut().for_each(|key| {
        if !key.is_empty() {
            key.push_str(&format!("#{}", dice.random::<u64>()));
        }
    });
    keys
}

fn event(nth: usize, stream: &StreamName, row: &Value, keys: &[String]) -> CloudEvent {
    CloudEvent {
        id: nth.to_string(),
        source: "/hostile".into(),
        event_type: "said".into(),
        stream: stream.clone(),
        time: "2023-04-19T09:00:00Z".into(),
        extensions: BTreeMap::new(),
        data: raw(&json!({"row": row, "keys": keys})),
    }
}

async fn stored(store: &DataStore, projection: &str, key: &str) -> Row {
    let target = Target {
        projection: projection.to_string(),
        generation: 1,
    };
    let row = store.get(&Key::row(&target, key)).await;
    row.expect("what is stored can be read").unwrap_or_default()
}

async fn stalls(store: &DataStore) -> BTreeMap<(String, String), Stall> {
    let (mut found, mut after) = (BTreeMap::new(), None::<String>);
    loop {
        let (page, next) = stall::list(store, None, after.as_deref(), 500)
            .await
            .unwrap();
        for stall in page {
            found.insert((stall.reader.clone(), stall.stream.to_string()), stall);
        }
        match next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

/// The store knows numbers without a type: 1.0 comes back as 1.
fn is_equal(found: &Value, row: &Value) -> bool {
    match (found, row) {
        (Value::Number(found), Value::Number(row)) => {
            found == row || (row.is_f64() && found.as_f64() == row.as_f64())
        }
        (Value::Array(found), Value::Array(row)) => {
            let pairs = found.iter().zip(row);
            found.len() == row.len() && pairs.into_iter().all(|(a, b)| is_equal(a, b))
        }
        (Value::Object(found), Value::Object(row)) => {
            let mut fields = row.iter();
            let is_field = |(name, value): (&String, &Value)| {
                found.get(name).is_some_and(|found| is_equal(found, value))
            };
            found.len() == row.len() && fields.all(is_field)
        }
        _ => found == row,
    }
}

/// The texts that an engine's reason must not hold up: whether a value is in it.
fn leaks(reason: &str, row: &Value) -> bool {
    matches!(row, Value::String(text) if text.len() > 8 && reason.contains(text.as_str()))
}

#[tokio::test(flavor = "multi_thread")]
async fn any_row_is_stored_as_it_is_or_stalls_its_own_stream() {
    let number = |name: &str, otherwise| env::var(name).map_or(otherwise, |n| n.parse().unwrap());
    let wanted: usize = number("REWIND_ROWS", 400);
    let mut dice = SmallRng::seed_from_u64(number("REWIND_SEED", 1) as u64);
    let aws = Aws::start().await;
    let (store, sequencer) = (aws.data(), Sequencer::new(aws.events()));
    let projector = Projector::new(service(), aws.events(), aws.data());
    let (mut kept, mut refused, mut reasons) = (0, 0, BTreeSet::new());
    for batch in 0..wanted.div_ceil(BATCH) {
        let made: Vec<(StreamName, Value, Vec<String>)> = (0..BATCH)
            .map(|nth| {
                let stream = StreamName::new(format!("any-{batch}.{nth}")).unwrap();
                (stream, row(&mut dice), keys(&mut dice))
            })
            // What no event holds cannot make a row either.
            .filter(|(_, row, _)| row.to_string().len() < 380_000)
            .collect();
        let events = made.iter().enumerate();
        let events: Vec<CloudEvent> = events
            .map(|(nth, (stream, row, keys))| event(batch * BATCH + nth, stream, row, keys))
            .collect();
        let recorded = sequencer.record(&events).await.into_iter();
        let deliveries: Vec<_> = recorded
            .map(|outcome| match outcome {
                Outcome::Recorded { recorded, .. } => delivery(&[*recorded]),
                other => panic!("{other:?}"),
            })
            .collect();
        let projected = projector.project(&deliveries).await.unwrap();
        assert!(projected.failed.is_empty(), "{projected:?}");
        let stalled = stalls(&store).await;
        for (stream, row, keys) in &made {
            for (projection, key) in [("mirror", stream.id()), ("shelf", &*keys[0])] {
                let reader = format!("{projection}@1");
                let found = match key.is_empty() {
                    true => Row::default(),
                    false if key.len() > 1024 => Row::default(),
                    false => stored(&store, projection, key).await,
                };
                match stalled.get(&(reader, stream.to_string())) {
                    None => {
                        kept += 1;
                        let found = found.state.expect("a row that is not stalled");
                        assert!(is_equal(&found, row), "{projection} {stream} {found} {row}");
                    }
                    Some(stall) => {
                        refused += 1;
                        assert_eq!(found.state, None, "{projection} {stream} {stall:?}");
                        assert!(!leaks(&stall.reason, row), "{stall:?}");
                        let shown: String = stall.reason.chars().take(90).collect();
                        reasons.insert(shown.replace(|c: char| c.is_ascii_digit(), "0"));
                    }
                }
            }
        }
    }
    println!("{kept} rows are stored, {refused} stalled");
    reasons.iter().for_each(|reason| println!("  {reason}"));
    assert!(kept > refused && refused > 0);
    // Each row that is stored is what the auditor folds.
    let mut found = Found::default();
    let audit = Audit::new(service(), aws.events(), aws.data());
    audit.run(&mut found).await.unwrap();
    assert!(found.0.is_empty(), "{:?}", found.0);
    aws.system.stop().await;
}

/// What no item holds, though `unfit` does not know it.
fn poison() -> Value {
    json!({"": 1})
}

#[tokio::test]
async fn a_stream_stalls_at_the_event_that_the_store_does_not_take() {
    let aws = Aws::start().await;
    let (store, sequencer) = (aws.data(), Sequencer::new(aws.events()));
    let stream = StreamName::new("any-sick").unwrap();
    let rows = [json!(1), json!(2), json!(3), poison(), poison(), poison()];
    let events = rows.iter().enumerate();
    let keys = ["key".to_string()];
    let events: Vec<CloudEvent> = events
        .map(|(nth, row)| event(nth, &stream, row, &keys))
        .collect();
    sequencer.record(&events).await;
    let projector = Projector::new(service(), aws.events(), aws.data());
    let project = async || {
        let events = support::recorded(&aws.events(), stream.as_str()).await;
        let last = [delivery(&events[events.len() - 1..]), delivery(&events)];
        for batch in last {
            let projected = projector.project(&[batch]).await.unwrap();
            assert!(projected.failed.is_empty(), "{projected:?}");
        }
    };
    project().await;
    // Each reader holds what comes before the poison, and says why.
    assert_eq!(stored(&store, "mirror", "sick").await.state, Some(json!(3)));
    assert_eq!(stored(&store, "shelf", "key").await.state, Some(json!(3)));
    let stalled = stalls(&store).await;
    assert_eq!(stalled.len(), 2);
    for stall in stalled.values() {
        assert_eq!(stall.version, 4);
        assert!(stall.reason.contains("store does not take"), "{stall:?}");
    }
    // Taken back one by one: the last one lets everybody go on.
    for version in [5, 4, 6] {
        let events = support::recorded(&aws.events(), stream.as_str()).await;
        let about = &events[version as usize - 1];
        let reversal = Reversal {
            version,
            source: about.event.source.clone(),
            id: about.event.id.clone(),
            reason: "a test".into(),
            by: "a test".into(),
        };
        let nth = Reversals::among(&events).times(version);
        let reversal = reversal.event(about, nth, "2026-01-01T00:00:00Z".into());
        sequencer.record(&[reversal]).await;
        project().await;
    }
    assert_eq!(stalls(&store).await, BTreeMap::new());
    let mirror = stored(&store, "mirror", "sick").await;
    assert_eq!((mirror.state, mirror.watermark), (Some(json!(3)), 9));
    assert_eq!(stored(&store, "shelf", "key").await.state, Some(json!(3)));
    aws.system.stop().await;
}

#[tokio::test]
async fn a_poison_far_before_its_reversal_holds_nobody_up() {
    let aws = Aws::start().await;
    let store = aws.events();
    let stream = StreamName::new("named-1").unwrap();
    // More commits than one write takes, the poison among the first.
    let (count, poisoned) = (2_060, 7);
    let mut head = Head::default();
    let mut append = async |event: CloudEvent| {
        let commit = commit::plan(head.clone(), &[&event], 1_000).remove(0);
        assert_eq!(store.append(&[&commit]).await, [Inserted::New]);
        head = commit.head();
    };
    for nth in 1..=count {
        let name = if nth == poisoned { "" } else { "a name" };
        append(event(nth, &stream, &json!(name), &[])).await;
    }
    let (events, _) = store.read_events(&stream, 0, 50).await.unwrap();
    let about = &events[poisoned - 1];
    let reversal = Reversal {
        version: poisoned as u64,
        source: about.event.source.clone(),
        id: about.event.id.clone(),
        reason: "a test".into(),
        by: "a test".into(),
    };
    append(reversal.event(about, 0, "2026-01-01T00:00:00Z".into())).await;
    let (last, _) = store
        .read_events(&stream, count as u64, u64::MAX)
        .await
        .unwrap();
    let projector = Projector::new(service(), aws.events(), aws.data());
    let projected = projector.project(&[delivery(&last)]).await.unwrap();
    assert!(projected.failed.is_empty(), "{projected:?}");
    assert_eq!(stalls(&aws.data()).await, BTreeMap::new());
    let row = stored(&aws.data(), "names", "1").await;
    assert_eq!(row.state, Some(json!({"a name": count - 1})));
    assert_eq!(row.watermark, count as u64 + 1);
    aws.system.stop().await;
}

#[tokio::test]
async fn an_event_that_the_table_does_not_take_leaves_the_others_alone() {
    let aws = Aws::start().await;
    let sequencer = Sequencer::new(aws.events());
    let (one, other) = ("any-one", "any-other");
    let sized = |nth: usize, stream: &str, bytes: usize| {
        let row = json!("x".repeat(bytes));
        event(nth, &StreamName::new(stream).unwrap(), &row, &[])
    };
    // Larger than any item: ingest and pump refuse it before.
    let events = [
        sized(1, one, 10),
        sized(2, one, 500_000),
        sized(3, one, 10),
        sized(4, other, 10),
    ];
    let outcomes = sequencer.record(&events).await;
    assert!(
        matches!(outcomes[1], Outcome::Refused(_)),
        "{:?}",
        outcomes[1]
    );
    let ids = async |stream: &str| {
        let events = support::recorded(&aws.events(), stream).await;
        let ids = events.into_iter().map(|event| event.event.id);
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids(one).await, ["1", "3"]);
    assert_eq!(ids(other).await, ["4"]);
    aws.system.stop().await;
}
