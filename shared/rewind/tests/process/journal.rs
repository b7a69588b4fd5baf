//! What stands in a journal, to the letter, and what follows from it.

use crate::{
    portal::{ApplicationEvent, Plan, Plans, created, service, survey, taken},
    time,
};
use rewind::{Service, command::Command, event::identity, reserved::is_reserved_category};
use serde_json::{Value, json};

const THEN: &str = "2026-01-31T09:00:00Z";

fn written(events: &[rewind::RecordedEvent]) -> Vec<Value> {
    let texts = events.iter().map(serde_json::to_value);
    texts.collect::<Result<_, _>>().unwrap()
}

#[test]
fn the_journal_holds_the_event_and_what_was_done_about_it() {
    let mut journal = taken(&created(Plan::Free));
    journal.turn(time(THEN)).unwrap();
    let source = "/rewind/process/plans";
    let attributes = |version: u64, id: &str, event_type: &str, at: &str, data: Value| {
        let (causation, _) = id.split_once('/').unwrap_or((id, ""));
        json!({
            "specversion": "1.0", "source": source, "subject": "process:plans-1",
            "id": id, "type": event_type, "time": at, "data": data,
            "version": version, "position": version,
            "correlationid": "application-1@1", "causationid": causation, "causationdepth": 1,
        })
    };
    let taken = json!({
        "specversion": "1.0", "id": "application-1@1", "source": "/test",
        "type": "application-created", "subject": "application-1",
        "time": "2026-01-01T09:00:00Z", "version": 1, "position": 1, "data": {"plan": "Free"},
    });
    let set = json!({"name": "plan", "at": THEN});
    let reached = json!({"name": "plan", "at": THEN, "set": 2});
    let issued = json!({
        "stream": "campaign-1", "type": "start-campaign",
        "data": {"because": "a free plan for 30 days"},
    });
    let began = "2026-01-01T09:00:00Z";
    let expected = [
        attributes(1, "application-1@1", "event-taken", began, taken),
        attributes(2, "application-1@1/0", "deadline-set", began, set),
        attributes(3, "process:plans-1@2", "deadline-reached", THEN, reached),
        attributes(4, "process:plans-1@2/0", "command-issued", THEN, issued),
    ];
    assert_eq!(written(&journal.events), expected);
    journal.check();
}

#[test]
fn what_is_issued_follows_from_the_journal_alone() {
    let mut journal = taken(&created(Plan::Free));
    journal.turn(time(THEN)).unwrap();
    let issued = journal.runner.issued(&journal.events).unwrap();
    let expected = json!([{
        "specversion": "1.0", "source": "/rewind/command/received", "type": "command-received",
        "id": "process/plans/process:plans-1@4",
        "subject": "rewind:command-process_x2Fplans_x2Fprocess:plans-1_x404",
        "time": THEN, "correlationid": "application-1@1",
        "causationid": "process:plans-1@4", "causationdepth": 1,
        "data": {
            "stream": "campaign-1", "type": "start-campaign",
            "data": {"because": "a free plan for 30 days"},
        },
    }]);
    assert_eq!(serde_json::to_value(&issued).unwrap(), expected);
    let waits = rewind::RecordedEvent {
        event: issued[0].clone(),
        version: 1,
        position: 1,
    };
    let command = Command::of(&waits).unwrap().unwrap();
    assert_eq!((command.at, command.depth), (time(THEN), 1));
}

#[test]
fn what_is_emitted_follows_from_the_journal_alone() {
    let mut journal = taken(&created(Plan::Paid));
    journal.turn(time("2027-01-01T00:00:00Z")).unwrap();
    let issued = journal.runner.issued(&journal.events).unwrap();
    let expected = json!([{
        "specversion": "1.0", "source": "/rewind/process/plans", "type": "survey-asked",
        "id": "process:plans-1@4/0", "subject": "survey-1", "time": "2026-04-01T09:00:00Z",
        "correlationid": "application-1@1", "causationid": "process:plans-1@4",
        "causationdepth": 1, "data": {"about": "plan"},
    }]);
    assert_eq!(serde_json::to_value(&issued).unwrap(), expected);
    let action = survey("1", "plan").unwrap();
    assert!(matches!(action, rewind::Action::Emit(_)));
}

#[test]
fn taking_an_event_twice_is_claimed_once() {
    let given = created(Plan::Free);
    let journal = taken(&given);
    let claimed = journal.runner.taken_identity(&given.events()[0]);
    assert_eq!(claimed, journal.events[0].event.identity());
    let expected = identity("/rewind/process/plans", "application-1@1");
    assert_eq!(claimed, expected);
}

#[test]
fn an_undeclared_type_and_a_reversal_are_about_no_instance() {
    let given = created(Plan::Free)
        .stored("application-1", "painted", 1, json!({}))
        .reversed("application-1", 1);
    let service = service();
    let runner = service.runner("plans").unwrap();
    let keys = given.events().iter().map(|event| runner.key(event));
    let keys: Vec<_> = keys.map(|key| key.unwrap()).collect();
    let own = rewind::StreamName::new("process:plans-1").unwrap();
    assert_eq!(keys, [Some(own), None, None]);
}

#[test]
fn a_service_knows_its_processes_and_what_they_read() {
    let service = service();
    let runner = &service.runners()[0];
    assert_eq!((runner.name, runner.version), ("plans", 1));
    assert!(runner.reads("product") && !runner.reads("survey"));
    let categories = service.categories();
    for category in ["application", "product", "process:plans"] {
        assert!(categories.contains(category), "{category}");
    }
    assert!(is_reserved_category(&runner.category));
    assert!(service.declared().get("application").is_some());
}

#[test]
#[should_panic(expected = "two processes are named plans")]
fn two_processes_have_two_names() {
    let _ = Service::new().process::<Plans>().process::<Plans>();
}

#[test]
fn the_events_of_a_journal_do_not_name_each_other_twice() {
    let mut given = created(Plan::Free);
    for day in 10..28 {
        let changed = ApplicationEvent::PlanChanged { plan: Plan::Free };
        let at = format!("2026-01-{day}T09:00:00Z");
        given = given.and_at(&at, "1", [changed]);
    }
    let mut journal = taken(&given);
    journal.turn(time("2027-01-01T00:00:00Z")).unwrap();
    let issued = journal.runner.issued(&journal.events).unwrap();
    let own = journal.events.iter().map(|event| event.event.identity());
    let mut identities: Vec<String> = own.collect();
    identities.extend(issued.iter().map(|event| event.identity()));
    let count = identities.len();
    identities.sort();
    identities.dedup();
    assert_eq!(identities.len(), count);
    journal.check();
}
