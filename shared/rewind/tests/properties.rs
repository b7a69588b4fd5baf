//! Properties of the pure parts, over histories and deliveries of any shape.

use proptest::{collection::vec, prelude::*};
use rewind::{
    Batch, Change, CloudEvent, Delivery, Envelope, Event, Folded, Head, Receiver, RecordedEvent,
    Rejection, Replay, Service, SingleStreamProjection, StreamName, Target,
    commit::{self, MAX_COMMIT_BYTES, MAX_COMMIT_EVENTS},
    event::raw,
    watermark::{Arrival, arrival},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What happens on a walk, with data of any shape.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum WalkEvent {
    Walked(Value),
    Rested(Value),
}

impl Event for WalkEvent {
    const CATEGORY: &'static str = "walk";
}

/// A fold that every event of a declared type, its place and its order change.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Trail {
    steps: Vec<(u64, String, Value)>,
    sum: i64,
}

struct Trails;
impl SingleStreamProjection for Trails {
    type Event = WalkEvent;
    type Row = Trail;
    const NAME: &'static str = "trails";
    fn apply(trail: &mut Trail, event: &Envelope<WalkEvent>) -> Result<(), Rejection> {
        let (WalkEvent::Walked(data) | WalkEvent::Rested(data)) = &event.data;
        let event_type = event.event_type().to_string();
        trail.sum = trail.sum.wrapping_mul(31) ^ event.version as i64;
        trail.steps.push((event.version, event_type, data.clone()));
        Ok(())
    }
}

/// Folds events into a row, as they are.
fn trails() -> impl Fn(&str, Option<&Value>, &[&RecordedEvent]) -> Folded {
    fold_of(Service::new().single_stream::<Trails>())
}

fn fold_of(service: Service) -> impl Fn(&str, Option<&Value>, &[&RecordedEvent]) -> Folded {
    move |key, row, events| {
        let changes: Vec<Change<'_>> = events.iter().map(|event| Change::Apply(event)).collect();
        service.projections()[0].fold(key, row, &changes)
    }
}

/// JSON of any shape that survives as text.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("\\PC{0,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn event() -> impl Strategy<Value = CloudEvent> {
    let attributes = ("\\PC{1,20}", "\\PC{1,20}", "[a-z-]{1,12}");
    let extensions = proptest::collection::btree_map("x[a-z0-9]{1,8}", "\\PC{0,8}", 0..3);
    (attributes, extensions, json_value()).prop_map(
        |((id, source, event_type), extensions, data)| CloudEvent {
            id,
            source,
            event_type,
            stream: StreamName::new("walk-1").unwrap(),
            time: "2023-04-19T09:00:00Z".into(),
            extensions: extensions
                .into_iter()
                .map(|(name, text)| (name, Value::from(text)))
                .collect::<BTreeMap<_, _>>(),
            data: raw(&data),
        },
    )
}

/// An event of a walk, mostly of a declared type.
fn step() -> impl Strategy<Value = CloudEvent> {
    let event_type = prop_oneof![
        4 => Just("walked"),
        2 => Just("rested"),
        1 => Just("photo-taken"),
    ];
    (event(), event_type).prop_map(|(event, event_type)| CloudEvent {
        event_type: event_type.into(),
        ..event
    })
}

fn history(events: Vec<CloudEvent>) -> Vec<RecordedEvent> {
    let events = events.into_iter().zip(1..);
    events
        .map(|(event, version)| RecordedEvent {
            event,
            version,
            position: 1_000 + version,
        })
        .collect()
}

/// Ids as outside systems have them: other scripts, what looks like an escape
/// or like the hash of a long id, and what is too long for a name.
fn id() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-zA-Z0-9_.:-]{1,6}",
        "[ _x0-9A-F甲乙é/%]{1,6}",
        "\\PC{1,4}",
        Just("_x".to_string()),
        Just("_xFF".to_string()),
        Just("_x5F".to_string()),
        "[ab]".prop_map(|part| part.repeat(200)),
    ];
    vec(part, 1..5).prop_map(|parts| parts.concat())
}

/// Two ids that are easily taken for one another.
fn ids() -> impl Strategy<Value = (String, String)> {
    let alike = id().prop_flat_map(|id| {
        let name = StreamName::of("cart", &id).unwrap().id().to_string();
        let lossy: String = id
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        let like = prop_oneof![
            Just(name.clone()),
            Just(lossy),
            Just(format!("{id}_")),
            Just(format!("{id}{id}")),
            Just(StreamName::of("cart", &name).unwrap().id().to_string()),
        ];
        (Just(id), like)
    });
    prop_oneof![(id(), id()), alike]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn two_ids_never_have_one_name((a, b) in ids()) {
        let name = |id: &str| StreamName::of("cart", id).unwrap();
        prop_assert_eq!(name(&a) == name(&b), a == b, "{} {}", name(&a), name(&b));
        prop_assert!(StreamName::new(name(&a).as_str()).is_ok());
        match name(&a).original_id() {
            Some(original) => prop_assert_eq!(original, a),
            None => prop_assert!(a.len() > 60, "{} is not long", a),
        }
    }

    #[test]
    fn an_id_that_is_a_name_already_keeps_it(id in "[a-zA-Z0-9.:-][a-zA-Z0-9_.:-]{0,200}") {
        prop_assume!(!id.contains("_x"));
        let name = format!("cart-{id}");
        prop_assert_eq!(StreamName::of("cart", &id).unwrap().to_string(), name);
    }
}

proptest! {
    #[test]
    fn a_fold_over_any_split_of_a_history_equals_one_fold(
        events in vec(step(), 0..30),
        cuts in vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let events = history(events);
        let all: Vec<&RecordedEvent> = events.iter().collect();
        let whole = trails()("1", None, &all);
        prop_assert_eq!((whole.applied, &whole.rejection), (all.len(), &None));
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(events.len() + 1)).collect();
        cuts.extend([0, events.len()]);
        cuts.sort_unstable();
        let mut row = None;
        for cut in cuts.windows(2) {
            row = trails()("1", row.as_ref(), &all[cut[0]..cut[1]]).row;
        }
        prop_assert_eq!(&row, &whole.row);
        // The row is what the declared types come to, and no more.
        let steps = events.iter().filter(|event| event.event_type() != "photo-taken");
        let steps: Vec<Value> = steps
            .map(|event| json!([event.version, event.event_type(), event.data::<Value>().unwrap()]))
            .collect();
        prop_assert_eq!(row.is_some(), !steps.is_empty());
        prop_assert_eq!(row.map_or(json!([]), |row| row["steps"].clone()), json!(steps));
    }

    #[test]
    fn any_interleaving_of_live_and_replayed_deliveries_gives_the_same_row(
        events in vec(step(), 1..20),
        deliveries in vec(vec(any::<prop::sample::Index>(), 1..6), 0..20),
    ) {
        let events = history(events);
        let all: Vec<&RecordedEvent> = events.iter().collect();
        let (mut row, mut watermark) = (None, 0);
        // Whatever came before, the last delivery names the head.
        let mut deliveries: Vec<Vec<usize>> = deliveries
            .iter()
            .map(|delivery| delivery.iter().map(|nth| nth.index(events.len())).collect())
            .collect();
        deliveries.push(vec![events.len() - 1]);
        for delivery in deliveries {
            let delivered = delivery.iter().map(|nth| &events[*nth]);
            let run: Vec<&RecordedEvent> = match arrival(watermark, None, delivered) {
                Arrival::Skip => Vec::new(),
                Arrival::Apply(run) => run,
                // What the events table answers.
                Arrival::Read { through } => all
                    .iter()
                    .copied()
                    .filter(|event| event.version > watermark && event.version <= through)
                    .collect(),
            };
            let folded = trails()("1", row.as_ref(), &run);
            prop_assert_eq!(folded.applied, run.len());
            watermark += run.len() as u64;
            row = folded.row;
        }
        prop_assert_eq!(row, trails()("1", None, &all).row);
        prop_assert_eq!(watermark, events.len() as u64);
    }

    #[test]
    fn planning_never_leaves_a_gap(
        events in vec(event(), 0..40),
        sizes in vec(0usize..150_000, 0..8),
        head in (0u64..1000, 0u64..1000),
        now in 0u64..2000,
    ) {
        let mut events = events;
        let stream = StreamName::new("walk-1").unwrap();
        for size in sizes {
            let mut large = rewind::testing::event("walk-1", "grew", &json!("x".repeat(size)), 1).event;
            large.stream = stream.clone();
            events.push(large);
        }
        let head = Head { version: head.0, position: head.1, ..Head::default() };
        let commits = commit::plan(head.clone(), &events.iter().collect::<Vec<_>>(), now);
        let mut planned = Vec::new();
        let mut before = head.clone();
        for commit in &commits {
            prop_assert_eq!(commit.version, before.version + 1);
            prop_assert!(commit.position > before.position);
            prop_assert!(commit.position >= now);
            prop_assert!(commit.length as usize <= MAX_COMMIT_EVENTS);
            prop_assert!(commit.events.len() <= MAX_COMMIT_BYTES + 2);
            before = commit.head();
            planned.extend(commit.events().unwrap());
        }
        let read: Vec<&CloudEvent> = planned.iter().map(|recorded| &recorded.event).collect();
        prop_assert_eq!(read, events.iter().collect::<Vec<_>>());
        let versions = planned.iter().map(|recorded| recorded.version);
        prop_assert!(versions.eq(head.version + 1..=head.version + events.len() as u64));
    }

    #[test]
    fn every_envelope_survives_its_encoding(events in vec(event(), 1..20), is_replay: bool) {
        let read: Vec<CloudEvent> = Batch::encode(&events)
            .iter()
            .flat_map(|packed| Batch::decode(packed.text.as_bytes()).unwrap().events)
            .collect();
        prop_assert_eq!(&read, &events);
        let target = Target { projection: "trails".into(), generation: 2 };
        let replay = is_replay.then(|| Replay::new("a\"b", [Receiver::Projection(target)]));
        let recorded = history(events);
        let mut read = Vec::new();
        for packed in Delivery::encode(&recorded, replay.as_ref()) {
            let delivery = Delivery::decode(packed.text.as_bytes()).unwrap();
            prop_assert_eq!(&delivery.replay, &replay);
            prop_assert_eq!(delivery.events.len(), packed.events);
            read.extend(delivery.events);
        }
        prop_assert_eq!(read, recorded);
    }

    #[test]
    fn the_fingerprint_is_that_of_the_content(event in event(), other in event()) {
        let mut again = event.clone();
        again.time = "2024-01-01T00:00:00Z".into();
        let spaced = event.data.get().replace(',', " , ");
        // A comma within a text is content; then the data stays as it is.
        if serde_json::from_str::<Value>(&spaced).ok() == serde_json::from_str(event.data.get()).ok() {
            again.data = serde_json::value::RawValue::from_string(spaced).unwrap();
        }
        prop_assert_eq!(event.fingerprint(), again.fingerprint());
        let content = |e: &CloudEvent| (e.event_type.clone(), serde_json::from_str::<Value>(e.data.get()).unwrap());
        prop_assert_eq!(
            event.fingerprint() == other.fingerprint(),
            content(&event) == content(&other)
        );
    }
}

#[test]
fn versions_and_data_do_not_run_into_each_other_in_a_fingerprint() {
    let event = |version: Option<u32>, data: Value| {
        let mut event = rewind::testing::event("walk-1", "went", &data, 1).event;
        let version = version.map(|version| ("schemaversion".to_string(), version.into()));
        event.extensions.extend(version);
        event.fingerprint()
    };
    let fingerprints = [
        event(None, json!(123)),
        event(Some(1), json!(23)),
        event(Some(12), json!(3)),
    ];
    assert_ne!(fingerprints[0], fingerprints[1]);
    assert_ne!(fingerprints[0], fingerprints[2]);
    assert_ne!(fingerprints[1], fingerprints[2]);
    // It is part of the stored format.
    assert_eq!(event(None, json!({"n": 1})), "JHJ17yueDuayIbUEgkpQCg");
    assert_eq!(event(Some(2), json!({"n": 1})), "Al-FdIfJC1hA8guYKYQeqA");
}

#[test]
fn deliveries_and_batches_are_cut_before_the_limit_of_a_record() {
    let large = rewind::testing::event("walk-1", "grew", &json!("x".repeat(250_000)), 1).event;
    let events = vec![large; 9];
    let packed = Batch::encode(&events);
    assert!(packed.iter().all(|record| record.text.len() <= 1_000_000));
    assert_eq!(packed.iter().map(|record| record.events).sum::<usize>(), 9);
    assert_eq!(packed.len(), 3);
}

/// What a shard takes in a second (AWS documentation).
const SHARD_RECORDS: usize = 1_000;
const SHARD_BYTES: usize = 1024 * 1024;

#[test]
fn packing_makes_the_bytes_of_a_shard_its_limit_and_not_its_records() {
    let target = Target {
        projection: "basic-sum".into(),
        generation: 2,
    };
    let id = "01a1fdbf-7607-73ba-972a-aeecdc82ecf9";
    let replay = Replay::new(id, [Receiver::Projection(target)]);
    // 300 bytes each, as they stand in a delivery; ten of each stream.
    let mut streams = Vec::new();
    for nth in 0..500 {
        let name = format!("walk-{nth:06}");
        let events = (1..=10).map(|version| {
            let bare = rewind::testing::event(&name, "walked", &json!(""), version);
            let missing = 300 - serde_json::to_string(&bare).unwrap().len();
            rewind::testing::event(&name, "walked", &json!("x".repeat(missing)), version)
        });
        let events: Vec<RecordedEvent> = events.collect();
        assert!(
            events
                .iter()
                .all(|event| serde_json::to_string(event).unwrap().len() == 300)
        );
        streams.push((StreamName::new(name).unwrap(), events));
    }
    let runs = streams
        .iter()
        .map(|(stream, events)| (stream, events.as_slice()));
    let records = Delivery::aggregate(runs, Some(&replay));
    let bytes: usize = records.iter().map(Vec::len).sum();
    let per_second = |events: usize, records: usize, bytes: usize| {
        let seconds =
            (records as f64 / SHARD_RECORDS as f64).max(bytes as f64 / SHARD_BYTES as f64);
        events as f64 / seconds
    };
    let packed = per_second(5_000, records.len(), bytes);
    let bare = per_second(5_000, 5_000, 5_000 * 300);
    println!("{:.2} times the events a shard-second", packed / bare);
    assert!(packed / bare >= 3.1, "{}", packed / bare);

    let mut read: BTreeMap<StreamName, Vec<RecordedEvent>> = BTreeMap::new();
    for record in &records {
        assert!(record.len() <= SHARD_BYTES);
        for user_record in rewind::kpl::user_records(record) {
            let delivery = Delivery::decode(&user_record).unwrap();
            assert_eq!(delivery.replay.as_ref(), Some(&replay));
            let stream = delivery.events[0].stream().clone();
            read.entry(stream).or_default().extend(delivery.events);
        }
    }
    assert_eq!(read, streams.into_iter().collect());
}

#[test]
fn a_panicking_or_refusing_event_leaves_the_row_as_it_was_before_it() {
    #[derive(Serialize, Deserialize, JsonSchema)]
    enum Fragility {
        Walked,
        Panics,
        Refuses,
        Misfits { steps: u64 },
    }
    impl Event for Fragility {
        const CATEGORY: &'static str = "walk";
    }
    #[derive(Default, Serialize, Deserialize)]
    struct Count(u64);
    struct Fragile;
    impl SingleStreamProjection for Fragile {
        type Event = Fragility;
        type Row = Count;
        const NAME: &'static str = "fragile";
        fn apply(count: &mut Count, event: &Envelope<Fragility>) -> Result<(), Rejection> {
            count.0 += 1;
            match event.data {
                Fragility::Panics => panic!("on {}", event.version),
                Fragility::Refuses => Err(Rejection::new("never")),
                Fragility::Walked => Ok(()),
                Fragility::Misfits { steps } => panic!("{steps} were read from an empty object"),
            }
        }
    }
    let fold = fold_of(Service::new().single_stream::<Fragile>());
    for (event_type, reason) in [
        ("panics", "panicked at "),
        ("refuses", "never"),
        ("misfits", "`misfits`: data: missing field `steps`"),
    ] {
        let types = ["walked", "walked", event_type, "walked"];
        let events = types.iter().zip(1..);
        let events = events
            .map(|(event_type, v)| rewind::testing::event("walk-1", event_type, &json!({}), v));
        let events: Vec<RecordedEvent> = events.collect();
        let folded = fold("1", None, &events.iter().collect::<Vec<_>>());
        assert_eq!(folded.row, Some(json!(2)));
        assert_eq!(folded.applied, 2);
        let told = folded.rejection.unwrap().reason;
        assert!(told.starts_with(reason), "{told}");
    }
}
