//! Commands that rules and adapters give: checked like those of a client, and
//! waiting to be decided.

use rewind::{
    Adapter, Aggregate, Command, Decision, Emit, Envelope, Event, NewCommand, NewEvent, Reaction,
    RecordedEvent, Rejection, Rule, Service, Timestamp,
    command::Command as Waiting,
    reserved::{CAUSATION_DEPTH, MAX_CAUSATION_DEPTH},
    testing::{event, given, when_input},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum LoanEvent {
    BookLost { by: String },
}

impl Event for LoanEvent {
    const CATEGORY: &'static str = "loan";
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum NoteEvent {
    Noted {},
}

impl Event for NoteEvent {
    const CATEGORY: &'static str = "note";
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Member {}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum MemberCommand {
    Suspend { because: String },
}

impl Command for MemberCommand {
    type Aggregate = Member;
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum MemberEvent {
    Suspended {},
}

impl Event for MemberEvent {
    const CATEGORY: &'static str = "member";
}

#[derive(Debug, Serialize, thiserror::Error)]
#[error("no")]
struct No {}

impl Aggregate for Member {
    type Command = MemberCommand;
    type Event = MemberEvent;
    type Rejection = No;

    fn decide(&self, _: MemberCommand, _: Timestamp) -> Result<Decision<Self>, No> {
        Ok([MemberEvent::Suspended {}].into())
    }

    fn evolve(&mut self, _: &Envelope<MemberEvent>) {}
}

fn suspend(member: &str) -> NewCommand {
    let because = "a book is lost".into();
    NewCommand::new(member, &MemberCommand::Suspend { because }).unwrap()
}

/// Gives commands, and nothing else.
struct Suspends;

impl Rule for Suspends {
    type Event = LoanEvent;
    type Emits = NewCommand;
    const NAME: &'static str = "suspends";

    fn react(event: &Envelope<LoanEvent>) -> Result<Vec<NewCommand>, Rejection> {
        let LoanEvent::BookLost { by } = &event.data;
        Ok(vec![suspend(by)])
    }
}

/// Does what it is told, events and commands.
struct Desk;

impl Adapter for Desk {
    type Input = Value;
    type Emits = Emit;
    const SOURCE: &'static str = "desk";

    fn map(input: &Envelope<Value>) -> Result<Vec<Emit>, Rejection> {
        let told = &input.data;
        let mut command = suspend("ann");
        if let Some(stream) = told["stream"].as_str() {
            command.stream = rewind::StreamName::new(stream)?;
        }
        if let Some(data) = told.get("data") {
            command.data = data.clone();
        }
        Ok(vec![
            Emit::event("1", &NoteEvent::Noted {})?,
            command.into(),
            NewEvent::new("2", &NoteEvent::Noted {})?.into(),
        ])
    }
}

fn service() -> Service {
    let service = Service::new().rule::<Suspends>().adapter::<Desk>();
    service.aggregate::<Member>().events::<NoteEvent>()
}

fn reaction(nth: usize) -> Reaction {
    service().reactions()[nth].clone()
}

fn lost(version: u64) -> RecordedEvent {
    event("loan-7", "book-lost", &json!({"by": "ann"}), version)
}

#[test]
fn a_rule_gives_a_command_that_waits_to_be_decided() {
    let given = reaction(0).react(&lost(3)).unwrap();
    let expected = json!([{
        "specversion": "1.0", "source": "/rewind/command/received", "type": "command-received",
        "id": "rule/suspends/loan-7@3/0",
        "subject": "rewind:command-rule_x2Fsuspends_x2Floan-7_x403_x2F0",
        "time": "2023-04-19T09:00:00Z", "correlationid": "loan-7@3", "causationid": "loan-7@3",
        "causationdepth": 1,
        "data": {"stream": "member-ann", "type": "suspend", "data": {"because": "a book is lost"}},
    }]);
    assert_eq!(serde_json::to_value(&given).unwrap(), expected);
    let waits = RecordedEvent {
        event: given[0].clone(),
        version: 1,
        position: 1,
    };
    let waiting = Waiting::of(&waits).unwrap().unwrap();
    assert_eq!(
        (waiting.id.as_str(), waiting.stream.as_str(), waiting.depth),
        ("rule/suspends/loan-7@3/0", "member-ann", 1)
    );
}

#[test]
fn the_testing_kit_knows_commands() {
    let by = "ann".to_string();
    given([LoanEvent::BookLost { by }]).then_emits::<Suspends>(&[suspend("ann")]);
    let emitted = when_input::<Desk>(&json!({})).unwrap();
    assert_eq!(emitted[1], Emit::Command(suspend("ann")));
}

#[test]
fn events_and_commands_keep_their_order() {
    let input = event("input:desk-1", "input-received", &json!({}), 1);
    let given = reaction(1).react(&input).unwrap();
    let ids: Vec<&str> = given.iter().map(|event| event.id.as_str()).collect();
    let expected = [
        "input:desk-1@1/0",
        "adapter/desk/input:desk-1@1/1",
        "input:desk-1@1/2",
    ];
    assert_eq!(ids, expected);
}

#[test]
fn a_command_that_no_aggregate_would_understand_is_refused_with_its_place() {
    let large = "x".repeat(rewind::MAX_DATA);
    for (told, why) in [
        (
            json!({"stream": "note-1"}),
            "command 2 of 3: `stream` no aggregate decides about the category \"note\"",
        ),
        (
            json!({"data": {"because": 7}}),
            "command 2 of 3: `data.because` expected a string, found a whole number",
        ),
        (
            json!({"data": {"because": large}}),
            "command 2 of 3: `data` the data has 262158 bytes; at most 262144 are accepted",
        ),
    ] {
        let input = event("input:desk-1", "input-received", &told, 1);
        let refused = reaction(1).react(&input).unwrap_err().reason;
        assert_eq!(refused, why);
    }
}

#[test]
fn a_chain_of_commands_has_an_end() {
    let mut deep = lost(1);
    deep.event.source = "/rewind/command".into();
    for (depth, is_taken) in [
        (MAX_CAUSATION_DEPTH - 1, true),
        (MAX_CAUSATION_DEPTH, false),
    ] {
        let extensions = &mut deep.event.extensions;
        extensions.insert(CAUSATION_DEPTH.into(), depth.into());
        assert_eq!(reaction(0).react(&deep).is_ok(), is_taken);
    }
}

#[test]
fn the_name_of_a_long_cause_makes_no_command_impossible() {
    let stream = format!("loan-{}", "x".repeat(251));
    let cause = event(&stream, "book-lost", &json!({"by": "ann"}), 1);
    let own = |given: &[rewind::CloudEvent]| given[0].stream.clone();
    let first = own(&reaction(0).react(&cause).unwrap());
    assert_eq!(first.as_str().len(), 256);
    let cause = event(&stream, "book-lost", &json!({"by": "ann"}), 2);
    assert_ne!(first, own(&reaction(0).react(&cause).unwrap()));
}

#[test]
fn a_time_that_nothing_can_be_reckoned_from_gives_no_command() {
    let mut cause = lost(1);
    cause.event.time = "yesterday".into();
    let refused = reaction(0).react(&cause).unwrap_err().reason;
    assert!(refused.starts_with("command 1 of 1: `time` "), "{refused}");
}
