//! Reactions: what adapters and rules give is checked like what comes in from
//! outside, and a causal chain has an end.

use rewind::{
    Adapter, CloudEvent, Envelope, Event, MAX_DATA, NewEvent, Reaction, RecordedEvent, Rejection,
    Rule, Service, SingleStreamProjection, StreamName,
    reserved::{CAUSATION_DEPTH, MAX_CAUSATION_DEPTH},
    reversal::{REVERSED, Reversal},
    testing::{event, when_input},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Emits the event that an input asks for, behind a good one.
struct Feed;
impl Adapter for Feed {
    type Input = Value;
    type Emits = NewEvent;
    const SOURCE: &'static str = "feed";
    fn map(input: &Envelope<Value>) -> Result<Vec<NewEvent>, Rejection> {
        let input = &input.data;
        let stream = StreamName::new(input["stream"].as_str().unwrap_or("a-1"))?;
        // What is deep enough cannot even be cloned.
        let wanted = || {
            let event_type = input["type"].as_str().unwrap_or("happened");
            let data = match &input["data"] {
                Value::Number(size) => json!("x".repeat(size.as_u64().unwrap() as usize - 2)),
                Value::Array(depth) => nested(depth[0].as_u64().unwrap()),
                _ => json!({}),
            };
            let mut new = NewEvent::untyped(stream.clone(), event_type, data);
            new.time = input["time"].as_str().map(ToString::to_string);
            let version = input["schema"].as_u64();
            new.schema_version = version.map(|version| version as u32);
            new
        };
        let good = NewEvent::untyped(StreamName::new("a-1")?, "happened", json!({}));
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
fn an_emitted_event_passes_the_checks_of_the_door_and_is_named_event_n_of_m() {
    let digits = "2".repeat(2_000);
    let long = "x".repeat(1_025);
    for (wrong, field) in [
        (json!({"time": "yesterday"}), "`time`"),
        (json!({"time": ""}), "`time`"),
        (json!({"time": digits}), "`time`"),
        (json!({"type": ""}), "`type`"),
        (json!({"type": long}), "`type`"),
        (json!({"data": MAX_DATA + 1}), "`data`"),
        (json!({"data": [121]}), "`data`"),
        (json!({"data": [200]}), "`data`"),
        (json!({"data": [1_000_000]}), "`data`"),
        (json!({"schema": 0}), "`schema_version`"),
        (json!({"stream": "rewind-conflicts"}), "`stream`"),
        (json!({"stream": "rewind:own-1"}), "`stream`"),
        (json!({"stream": "input:feed-1"}), "`stream`"),
    ] {
        let refused = adapter().react(&input(&wrong)).unwrap_err().reason;
        let place = format!("event 2 of 3: {field} ");
        assert!(refused.starts_with(&place), "{wrong}: {refused}");
        assert!(!refused.contains(&digits[..100]), "{refused}");
    }
    for right in [
        json!({}),
        json!({"time": "2023-04-19T09:00:00Z", "type": "x".repeat(1_024)}),
        json!({"data": MAX_DATA}),
        json!({"data": [120]}),
        json!({"schema": 2}),
        json!({"stream": "rewinder-1"}),
    ] {
        assert_eq!(adapter().react(&input(&right)).unwrap().len(), 3, "{right}");
    }
}

#[test]
fn the_testing_kit_checks_new_events_as_well() {
    let refused = when_input::<Feed>(&json!({"time": "yesterday"})).unwrap_err();
    assert!(refused.reason.starts_with("`time` "), "{refused}");
    assert_eq!(when_input::<Feed>(&json!({})).unwrap().len(), 3);
}

#[test]
fn what_the_cause_gives_was_judged_when_it_was_recorded() {
    // As older versions recorded it.
    let mut cause = input(&json!({}));
    cause.event.time = "yesterday".into();
    cause.event.id = "x".repeat(2_000);
    let emitted = &adapter().react(&cause).unwrap()[0];
    assert_eq!(emitted.time, "yesterday");
    assert_eq!(emitted.extension("correlationid"), Some(&*cause.event.id));
    // What no commit holds is refused all the same: its batch would be parked.
    cause.event.id = "x".repeat(390_000);
    let refused = adapter().react(&cause).unwrap_err().reason;
    assert!(refused.contains("at most 390000"), "{refused}");
}

/// What happens on a round.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
enum Round {
    Begin,
    Again,
    End,
    Counted { laps: u64 },
}

impl Event for Round {
    const CATEGORY: &'static str = "a";
}

/// Goes round in a circle.
struct Circle;
impl Rule for Circle {
    type Event = Round;
    type Emits = NewEvent;
    const NAME: &'static str = "circle";
    fn react(event: &Envelope<Round>) -> Result<Vec<NewEvent>, Rejection> {
        match event.data {
            Round::End | Round::Counted { .. } => Ok(Vec::new()),
            Round::Begin | Round::Again => {
                Ok(vec![NewEvent::new(event.stream().id(), &Round::Again)?])
            }
        }
    }
}

fn circle() -> Reaction {
    Service::new().rule::<Circle>().reactions()[0].clone()
}

/// Records what a rule emits, and lets it react to that, until it is refused.
fn chain(begin: RecordedEvent) -> (Vec<CloudEvent>, String) {
    let mut emitted: Vec<CloudEvent> = Vec::new();
    let mut cause = begin;
    loop {
        assert!(emitted.len() < 1_000, "it goes on without end");
        match circle().react(&cause) {
            Ok(events) => {
                emitted.extend(events);
                cause = RecordedEvent {
                    event: emitted.last().unwrap().clone(),
                    version: cause.version + 1,
                    position: cause.position + 1,
                };
            }
            Err(refused) => return (emitted, refused.reason),
        }
    }
}

#[test]
fn a_rule_that_feeds_itself_is_cut_at_a_depth() {
    let (emitted, refused) = chain(event("a-1", "begin", &json!({}), 1));
    // The chains that are allowed work to their end.
    let depths: Vec<&Value> = emitted
        .iter()
        .map(|event| &event.extensions[CAUSATION_DEPTH])
        .collect();
    let expected: Vec<Value> = (1..=MAX_CAUSATION_DEPTH).map(Value::from).collect();
    assert_eq!(depths, expected.iter().collect::<Vec<_>>());
    assert!(refused.contains("`rule/circle`"), "{refused}");
    assert!(refused.contains("beyond 16"), "{refused}");
    // Who emits nothing is not refused, however long the chain was.
    let mut end = emitted.last().unwrap().clone();
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

#[test]
fn rules_and_adapters_see_no_reversals() {
    for (reaction, of) in [
        (circle(), event("a-1", "begin", &json!({}), 1)),
        (adapter(), input(&json!({}))),
    ] {
        assert!(!reaction.react(&of).unwrap().is_empty());
        let reversal = Reversal {
            version: of.version,
            source: of.event.source.clone(),
            id: of.event.id.clone(),
            reason: "a test".into(),
            by: "a test".into(),
        };
        let reversal = RecordedEvent {
            event: reversal.event(&of, 0, of.event.time.clone()),
            version: of.version + 1,
            position: of.position + 1,
        };
        assert_eq!(reaction.react(&reversal), Ok(Vec::new()));
    }
}

#[test]
fn what_only_calls_itself_a_reversal_is_an_event_like_any_other() {
    // The source is not Rewind's: for the adapter, it is an input.
    let named = event("input:feed-1", REVERSED, &json!({}), 7);
    assert_eq!(adapter().react(&named).unwrap().len(), 3);
    // For the rule, its type is not declared.
    let named = event("a-1", REVERSED, &json!({}), 7);
    assert_eq!(circle().react(&named), Ok(Vec::new()));
}

#[test]
fn a_rule_passes_over_an_undeclared_type() {
    let strange = event("a-1", "painted", &json!({"colour": "red"}), 1);
    assert_eq!(circle().react(&strange), Ok(Vec::new()));
}

#[test]
fn a_declared_type_that_does_not_fit_stalls_the_rule() {
    let damaged = event("a-1", "counted", &json!({"laps": "many"}), 1);
    let reason = circle().react(&damaged).unwrap_err().reason;
    assert_eq!(reason, "`counted`: data.laps: expected u64, found a text");
}

/// Emits what it is told to, without the enum of the category.
struct Tells;
impl Adapter for Tells {
    type Input = Value;
    type Emits = NewEvent;
    const SOURCE: &'static str = "tells";
    fn map(input: &Envelope<Value>) -> Result<Vec<NewEvent>, Rejection> {
        let stream = StreamName::new("a-1")?;
        let event_type = input.data["type"].as_str().unwrap_or_default();
        let told = NewEvent::untyped(stream, event_type, input.data["data"].clone());
        Ok(vec![NewEvent::new("1", &Round::Begin)?, told])
    }
}

#[test]
fn an_emitted_event_of_a_declared_category_has_to_fit_its_enum() {
    let of = |service: &Service| service.input("tells").unwrap().clone();
    let tells = |service: Service| of(&service.adapter::<Tells>());
    let input = |event_type: &str, data: Value| {
        let told = json!({"type": event_type, "data": data});
        event("input:tells-1", "input-received", &told, 1)
    };
    let misfit = input("counted", json!({"laps": "many"}));
    let undeclared = input("painted", json!({}));
    let right = input("counted", json!({"laps": 3}));
    for declared in [
        tells(Service::new().events::<Round>()),
        tells(Service::new().rule::<Circle>()),
        // Also where the category is declared behind it.
        of(&Service::new().adapter::<Tells>().rule::<Circle>()),
    ] {
        assert_eq!(
            declared.react(&misfit).unwrap_err().reason,
            "event 2 of 2: `data.laps` expected u64, found a text"
        );
        let reason = declared.react(&undeclared).unwrap_err().reason;
        assert!(reason.starts_with("event 2 of 2: `type` "), "{reason}");
        assert!(
            reason.contains("`again`, `begin`, `counted`, `end`"),
            "{reason}"
        );
        assert_eq!(declared.react(&right).unwrap().len(), 2);
    }
    // A category that nobody declares takes everything.
    for event in [&misfit, &undeclared, &right] {
        assert_eq!(tells(Service::new()).react(event).unwrap().len(), 2);
    }
}

struct Slashed;
impl Rule for Slashed {
    type Event = Round;
    type Emits = NewEvent;
    const NAME: &'static str = "a/b";
    fn react(_: &Envelope<Round>) -> Result<Vec<NewEvent>, Rejection> {
        Ok(Vec::new())
    }
}

struct Dashed;
impl Adapter for Dashed {
    type Input = Value;
    type Emits = NewEvent;
    const SOURCE: &'static str = "web-shop";
    fn map(_: &Envelope<Value>) -> Result<Vec<NewEvent>, Rejection> {
        Ok(Vec::new())
    }
}

struct Generation;
impl SingleStreamProjection for Generation {
    type Event = Round;
    type Row = u64;
    const NAME: &'static str = "sums@2";
    fn apply(_: &mut u64, _: &Envelope<Round>) -> Result<(), Rejection> {
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
