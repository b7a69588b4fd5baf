//! Reactions: what adapters and rules give is checked like what comes in from
//! outside, and a causal chain has an end.

use rewind::{
    Adapter, CloudEvent, MAX_DATA, NewEvent, Reaction, RecordedEvent, Rejection, Rule, Service,
    SingleStreamProjection, StreamName,
    reaction::{CAUSATION_DEPTH, MAX_CAUSATION_DEPTH},
    testing::{event, when_input},
};
use serde_json::{Value, json};

/// Gives the draft that an input asks for, behind a good one.
struct Feed;
impl Adapter for Feed {
    const SOURCE: &'static str = "feed";
    fn map(input: Value) -> Result<Vec<NewEvent>, Rejection> {
        let stream = StreamName::new(input["stream"].as_str().unwrap_or("a-1"))?;
        // What is deep enough cannot even be cloned.
        let wanted = || {
            let event_type = input["type"].as_str().unwrap_or("happened");
            let data = match &input["data"] {
                Value::Number(size) => json!("x".repeat(size.as_u64().unwrap() as usize - 2)),
                Value::Array(depth) => nested(depth[0].as_u64().unwrap()),
                _ => json!({}),
            };
            let mut draft = NewEvent::new(stream.clone(), event_type, data);
            draft.time = input["time"].as_str().map(ToString::to_string);
            let version = input["schema"].as_u64();
            draft.schema_version = version.map(|version| version as u32);
            draft
        };
        let good = NewEvent::new(StreamName::new("a-1")?, "happened", json!({}));
        Ok(vec![good, wanted(), wanted()])
    }
}

fn nested(depth: u64) -> Value {
    (0..depth).fold(Value::Null, |inner, nth| match nth % 2 {
        0 => Value::Array(vec![inner]),
        _ => Value::Object([("a".to_string(), inner)].into_iter().collect()),
    })
}

fn adapter() -> Reaction {
    Service::new().adapter::<Feed>().reactions()[0].clone()
}

fn input(input: &Value) -> RecordedEvent {
    event("input:feed-1", "input-received", input, 7)
}

#[test]
fn a_draft_passes_the_checks_of_the_door() {
    let digits = "2".repeat(2_000);
    let long = "x".repeat(1_025);
    for (wrong, field) in [
        (json!({"time": "yesterday"}), "`time`"),
        (json!({"time": ""}), "`time`"),
        (json!({"time": digits}), "`time`"),
        (json!({"type": ""}), "`type`"),
        (json!({"type": long}), "`type`"),
        (json!({"data": MAX_DATA + 1}), "`data`"),
        (json!({"data": [128]}), "`data`"),
        (json!({"data": [200]}), "`data`"),
        (json!({"data": [1_000_000]}), "`data`"),
        (json!({"schema": 0}), "`schema_version`"),
        (json!({"stream": "rewind-conflicts"}), "`stream`"),
        (json!({"stream": "rewind:own-1"}), "`stream`"),
        (json!({"stream": "input:feed-1"}), "`stream`"),
    ] {
        let refused = adapter().react(&input(&wrong)).unwrap_err().reason;
        let place = format!("draft 2 of 3: {field} ");
        assert!(refused.starts_with(&place), "{wrong}: {refused}");
        assert!(!refused.contains(&digits[..100]), "{refused}");
    }
    for right in [
        json!({}),
        json!({"time": "2023-04-19T09:00:00Z", "type": "x".repeat(1_024)}),
        json!({"data": MAX_DATA}),
        json!({"data": [127]}),
        json!({"schema": 2}),
        json!({"stream": "rewinder-1"}),
    ] {
        assert_eq!(adapter().react(&input(&right)).unwrap().len(), 3, "{right}");
    }
}

#[test]
fn the_testing_kit_checks_drafts_as_well() {
    let refused = when_input::<Feed>(json!({"time": "yesterday"})).unwrap_err();
    assert!(refused.reason.starts_with("`time` "), "{refused}");
    assert_eq!(when_input::<Feed>(json!({})).unwrap().len(), 3);
}

#[test]
fn what_the_cause_gives_was_judged_when_it_was_recorded() {
    // As older versions recorded it.
    let mut cause = input(&json!({}));
    cause.event.time = "yesterday".into();
    cause.event.id = "x".repeat(2_000);
    let drawn = &adapter().react(&cause).unwrap()[0];
    assert_eq!(drawn.time, "yesterday");
    assert_eq!(drawn.extension("correlationid"), Some(&*cause.event.id));
    // What no commit holds is refused all the same: its batch would be parked.
    cause.event.id = "x".repeat(390_000);
    let refused = adapter().react(&cause).unwrap_err().reason;
    assert!(refused.contains("at most 390000"), "{refused}");
}

/// Goes round in a circle.
struct Circle;
impl Rule for Circle {
    const NAME: &'static str = "circle";
    const CATEGORY: &'static str = "a";
    fn react(event: &RecordedEvent) -> Result<Vec<NewEvent>, Rejection> {
        let again = NewEvent::new(event.stream().clone(), "again", json!({}));
        Ok(match event.event_type() {
            "end" => Vec::new(),
            _ => vec![again],
        })
    }
}

fn circle() -> Reaction {
    Service::new().rule::<Circle>().reactions()[0].clone()
}

/// Records what a rule draws, and lets it react to that, until it is refused.
fn chain(begin: RecordedEvent) -> (Vec<CloudEvent>, String) {
    let mut drawn: Vec<CloudEvent> = Vec::new();
    let mut cause = begin;
    loop {
        assert!(drawn.len() < 1_000, "it goes on without end");
        match circle().react(&cause) {
            Ok(events) => {
                drawn.extend(events);
                cause = RecordedEvent {
                    event: drawn.last().unwrap().clone(),
                    version: cause.version + 1,
                    position: cause.position + 1,
                };
            }
            Err(refused) => return (drawn, refused.reason),
        }
    }
}

#[test]
fn a_rule_that_feeds_itself_is_cut_at_a_depth() {
    let (drawn, refused) = chain(event("a-1", "begin", &json!({}), 1));
    // The chains that are allowed work to their end.
    let depths: Vec<&Value> = drawn
        .iter()
        .map(|event| &event.extensions[CAUSATION_DEPTH])
        .collect();
    let expected: Vec<Value> = (1..=MAX_CAUSATION_DEPTH).map(Value::from).collect();
    assert_eq!(depths, expected.iter().collect::<Vec<_>>());
    assert!(refused.contains("`rule/circle`"), "{refused}");
    assert!(refused.contains("beyond 16"), "{refused}");
    // Who draws nothing is not refused, however long the chain was.
    let mut end = drawn.last().unwrap().clone();
    end.event_type = "end".into();
    let end = RecordedEvent {
        event: end,
        version: 99,
        position: 99,
    };
    assert_eq!(circle().react(&end), Ok(Vec::new()));
}

#[test]
fn nobody_outside_says_how_deep_a_chain_is() {
    let mut begin = event("a-1", "begin", &json!({}), 1);
    let extensions = &mut begin.event.extensions;
    extensions.insert(CAUSATION_DEPTH.into(), 99.into());
    assert_eq!(chain(begin).0.len(), 16);
}

struct Slashed;
impl Rule for Slashed {
    const NAME: &'static str = "a/b";
    const CATEGORY: &'static str = "a";
    fn react(_: &RecordedEvent) -> Result<Vec<NewEvent>, Rejection> {
        Ok(Vec::new())
    }
}

struct Dashed;
impl Adapter for Dashed {
    const SOURCE: &'static str = "web-shop";
    fn map(_: Value) -> Result<Vec<NewEvent>, Rejection> {
        Ok(Vec::new())
    }
}

struct Generation;
impl SingleStreamProjection for Generation {
    type State = u64;
    const NAME: &'static str = "sums@2";
    const CATEGORY: &'static str = "a";
    fn apply(_: &mut u64, _: &RecordedEvent) -> Result<(), Rejection> {
        Ok(())
    }
}

#[test]
#[should_panic(expected = "a rule is named")]
fn a_rule_with_the_name_of_a_path_is_not_registered() {
    let _ = Service::new().rule::<Slashed>();
}

#[test]
#[should_panic(expected = "an input source is named")]
fn a_source_whose_category_would_end_within_it_is_not_registered() {
    let _ = Service::new().adapter::<Dashed>();
}

#[test]
#[should_panic(expected = "a projection is named")]
fn a_projection_with_the_name_of_a_generation_is_not_registered() {
    let _ = Service::new().single_stream::<Generation>();
}
