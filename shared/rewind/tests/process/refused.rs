//! What a process cannot do: it is refused before anything is recorded.

use crate::{Journal, id_of, json as json_of, time};
use rewind::{
    Action, Envelope, Event, NewCommand, NewEvent, Process, Reached, RecordedEvent, Rejection,
    Service, StreamName, Timestamp, Upcaster, testing::event,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum Told {
    Told { action: Value },
}

impl Event for Told {
    const CATEGORY: &'static str = "told";
}

/// Does what it is told to.
struct Obeys;

impl Process for Obeys {
    type Event = Told;
    type State = Vec<String>;
    const NAME: &'static str = "obeys";

    fn key(event: &Envelope<Told>) -> Option<String> {
        let Told::Told { action } = &event.data;
        assert!(action != "panic in key", "no key");
        match action.as_str() {
            Some("no key") => None,
            Some("empty key") => Some(String::new()),
            _ => id_of(event),
        }
    }

    fn on(done: &mut Vec<String>, event: &Envelope<Told>) -> Result<Vec<Action>, Rejection> {
        let Told::Told { action } = &event.data;
        done.push("half of it".into());
        let text = |name: &str| action[name].as_str().unwrap_or_default().to_string();
        let at = || text("at").parse::<Timestamp>().expect("a time");
        let stream = || StreamName::new(text("stream"));
        let told = match text("do").as_str() {
            "panic" => panic!("it was told to"),
            "reject" => return Err(Rejection::new("it was told to")),
            "command" => Action::Command(NewCommand {
                stream: stream()?,
                command_type: text("type"),
                data: action["data"].clone(),
            }),
            "emit" => Action::Emit(NewEvent::untyped(
                stream()?,
                text("type"),
                action["data"].clone(),
            )),
            "deep" => Action::Emit(NewEvent::untyped(stream()?, "deep", deep())),
            "deadline" => Action::deadline(text("name"), at()),
            _ => Action::cancel(text("name")),
        };
        Ok(vec![Action::cancel("other"), told])
    }

    fn reached(_: &mut Vec<String>, deadline: &Reached) -> Result<Vec<Action>, Rejection> {
        panic!("{}", deadline.name)
    }
}

/// Deeper than what can be forgotten at once.
fn deep() -> Value {
    (0..1_000_000).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
}

fn told(action: Value) -> RecordedEvent {
    event("told-1", "told", &json!({"action": action}), 1)
}

fn service() -> Service {
    crate::portal::service()
}

fn journal() -> Journal {
    let service = Service::new()
        .process::<Obeys>()
        .events::<crate::portal::SurveyEvent>()
        .aggregate::<crate::portal::Campaign>();
    Journal::new(&service, "1")
}

#[test]
fn what_cannot_be_recorded_is_refused_with_its_place() {
    let long = "x".repeat(257);
    for (action, why) in [
        (
            json!({"do": "command", "stream": "survey-1", "type": "ask", "data": {}}),
            "action 2 of 2: `stream` no aggregate decides about the category \"survey\"",
        ),
        (
            json!({"do": "command", "stream": "campaign-1", "type": "end-campaign", "data": {}}),
            "action 2 of 2: `type` the category `campaign` has no such command; it has `start-campaign`",
        ),
        (
            json!({"do": "command", "stream": "campaign-1", "type": "start-campaign", "data": {"because": 7}}),
            "action 2 of 2: `data.because` expected a string, found a whole number",
        ),
        (
            json!({"do": "emit", "stream": "campaign-1", "type": "campaign-started", "data": {}}),
            "action 2 of 2: `stream` the category \"campaign\" is decided: only its aggregate writes to it",
        ),
        (
            json!({"do": "emit", "stream": "survey-1", "type": "survey-asked", "data": {}}),
            "action 2 of 2: `data` missing field `about`",
        ),
        (
            json!({"do": "emit", "stream": "process:obeys-1", "type": "event-taken", "data": {}}),
            "action 2 of 2: `stream` the category \"process:obeys\" is Rewind's own",
        ),
        (
            json!({"do": "deep", "stream": "note-1"}),
            "action 2 of 2: `data` JSON nested more than 120 levels deep is not accepted",
        ),
        (
            json!({"do": "deadline", "name": long, "at": "2026-01-01T00:00:00Z"}),
            "action 2 of 2: the name of a deadline has 1 to 256 bytes and no control characters",
        ),
        (
            json!({"do": "cancel", "name": ""}),
            "action 2 of 2: the name of a deadline has 1 to 256 bytes and no control characters",
        ),
        (
            json!({"do": "deadline", "name": "x", "at": "-002026-01-01T00:00:00Z"}),
            "action 2 of 2: the time of `x`: expected RFC 3339, such as 2023-04-19T09:00:00Z",
        ),
        (json!({"do": "reject"}), "it was told to"),
        (json!({"do": "panic"}), "panicked: it was told to"),
    ] {
        let mut journal = journal();
        assert_eq!(journal.take(&told(action)).unwrap_err().reason, why);
        assert!(journal.events.is_empty());
        assert_eq!(
            journal.instance().state.json(),
            Ok(json_of::<Obeys>(vec![]))
        );
    }
}

#[test]
fn a_panic_when_a_deadline_is_reached_is_a_rejection() {
    let mut journal = journal();
    let deadline = json!({"do": "deadline", "name": "x", "at": "2026-01-01T00:00:00Z"});
    journal.take(&told(deadline)).unwrap();
    let refused = journal.turn(time("2026-01-01T00:00:00Z")).unwrap_err();
    assert!(refused.reason.starts_with("panicked"), "{refused}");
    // It stays open.
    assert_eq!(journal.instance().deadlines.len(), 1);
}

#[test]
fn a_key_is_none_or_names_a_journal() {
    let runner = &journal().runner;
    assert_eq!(runner.key(&told(json!("no key"))), Ok(None));
    let empty = runner.key(&told(json!("empty key"))).unwrap_err();
    assert!(empty.reason.starts_with("the stream's name"), "{empty}");
    let panicked = runner.key(&told(json!("panic in key"))).unwrap_err();
    assert_eq!(panicked.reason, "panicked: no key");
    let misfit = event("told-1", "told", &json!({}), 1);
    assert!(runner.key(&misfit).is_err());
}

/// `said {what}` is `told {action}` today.
struct Said;

impl Upcaster for Said {
    const TYPE: &'static str = "said";
    const FROM: u32 = 1;
    const TO_TYPE: &'static str = "told";
    fn lift(data: Value) -> Result<Value, Rejection> {
        Ok(json!({"action": {"do": "cancel", "name": data["what"]}}))
    }
}

#[test]
fn an_old_shape_is_taken_as_it_was_recorded_and_lifted_in_every_fold() {
    let service = Service::new().process::<Obeys>().upcaster::<Said>();
    let mut journal = Journal::new(&service, "1");
    let said = event("told-1", "said", &json!({"what": "x"}), 1);
    journal.take(&said).unwrap();
    let taken: RecordedEvent = journal.events[0].data().unwrap();
    assert_eq!(taken, said);
    assert_eq!(journal.types()[2], "deadline-cancelled");
    let half = vec!["half of it".to_string()];
    assert_eq!(journal.instance().state.json(), Ok(json_of::<Obeys>(half)));
}

#[test]
fn a_gap_in_the_journal_is_refused() {
    let mut journal = journal();
    let cancel = json!({"do": "cancel", "name": "x"});
    journal.take(&told(cancel)).unwrap();
    let mut instance = journal.runner.begin(&journal.stream);
    let evolved = journal.runner.evolve(&mut instance, &journal.events[1]);
    let refused = evolved.unwrap_err().reason;
    assert_eq!(refused, "the journal goes on with version 1, not 2");
}

#[test]
fn a_snapshot_of_something_else_is_none() {
    let journal = journal();
    assert!(journal.runner.restore(&json!({"state": []})).is_none());
    let own = journal.instance().json().unwrap();
    assert!(journal.runner.restore(&own).is_some());
    let other = service().runners()[0].clone();
    assert!(other.restore(&own).is_none());
}

struct Dashed;

impl Process for Dashed {
    type Event = Told;
    type State = ();
    const NAME: &'static str = "a-b";
    fn key(_: &Envelope<Told>) -> Option<String> {
        None
    }
    fn on(_: &mut (), _: &Envelope<Told>) -> Result<Vec<Action>, Rejection> {
        Ok(Vec::new())
    }
}

#[test]
#[should_panic(expected = "a process is named")]
fn a_process_whose_category_would_end_within_its_name_is_not_registered() {
    let _ = Service::new().process::<Dashed>();
}
