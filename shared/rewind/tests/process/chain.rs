//! Causal chains: they have an end, and time begins a new one.

use crate::{Journal, id_of, time};
use rewind::{
    Action, Envelope, Event, Process, Reached, RecordedEvent, Rejection, Service,
    jiff::SignedDuration,
    reserved::{CAUSATION_DEPTH, MAX_CAUSATION_DEPTH},
    testing::event,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub enum Turn {
    Emits {},
    Waits { minutes: i64 },
}

impl Event for Turn {
    const CATEGORY: &'static str = "turn";
}

/// Goes round in a circle: by its own events, or by its own deadlines.
pub struct Circle;

impl Process for Circle {
    type Event = Turn;
    type State = i64;
    const NAME: &'static str = "circle";

    fn key(event: &Envelope<Turn>) -> Option<String> {
        id_of(event)
    }

    fn on(minutes: &mut i64, event: &Envelope<Turn>) -> Result<Vec<Action>, Rejection> {
        Ok(match event.data {
            Turn::Emits {} => vec![Action::emit("1", &Turn::Emits {})?],
            Turn::Waits { minutes: between } => {
                *minutes = between;
                let at = event.timestamp()? + SignedDuration::from_mins(between);
                vec![Action::deadline("again", at)]
            }
        })
    }

    fn reached(minutes: &mut i64, deadline: &Reached) -> Result<Vec<Action>, Rejection> {
        let at = deadline.at + SignedDuration::from_mins(*minutes);
        Ok(vec![Action::deadline("again", at)])
    }
}

pub fn journal() -> Journal {
    Journal::new(&Service::new().process::<Circle>(), "1")
}

#[test]
fn a_process_that_feeds_itself_is_cut_at_a_depth() {
    let mut cause = event("turn-1", "emits", &json!({}), 1);
    let mut journal = journal();
    let mut depths = Vec::new();
    let refused = loop {
        assert!(depths.len() < 1_000, "it goes on without end");
        let before = journal.events.len();
        if let Err(refused) = journal.take(&cause) {
            break refused.reason;
        }
        let issued = journal.runner.issued(&journal.events[before..]).unwrap();
        depths.push(issued[0].causation_depth());
        cause = RecordedEvent {
            event: issued[0].clone(),
            version: cause.version + 1,
            position: cause.position + 1,
        };
    };
    assert_eq!(depths, (1..=MAX_CAUSATION_DEPTH).collect::<Vec<_>>());
    assert!(
        refused.contains("`process/circle` feed itself"),
        "{refused}"
    );
    assert!(refused.starts_with("action 1 of 1: "), "{refused}");
}

#[test]
fn a_deadline_that_is_due_at_once_goes_on_with_the_chain() {
    let mut journal = journal();
    let waits = event("turn-1", "waits", &json!({"minutes": 0}), 1);
    journal.take(&waits).unwrap();
    let refused = journal.turn(time("2023-04-19T09:00:00Z")).unwrap_err();
    assert!(refused.reason.contains("chain of 16"), "{refused}");
    assert_eq!(journal.events.len(), 2 + 2 * 15);
}

#[test]
fn a_process_that_does_something_each_hour_goes_on_for_ever() {
    let mut journal = journal();
    let waits = event("turn-1", "waits", &json!({"minutes": 60}), 1);
    journal.take(&waits).unwrap();
    let fired = journal.turn(time("2023-04-21T09:00:00Z")).unwrap();
    assert_eq!(fired.len(), 48);
    let depth = |event: &RecordedEvent| event.event.extensions[CAUSATION_DEPTH].clone();
    assert!(journal.events.iter().all(|event| depth(event) == 1));
    journal.check();
}

#[test]
fn who_gives_nothing_is_not_refused_however_long_the_chain() {
    let mut waits = event("turn-1", "waits", &json!({"minutes": 5}), 1);
    waits.event.source = "/rewind/process/circle".into();
    let extensions = &mut waits.event.extensions;
    extensions.insert(CAUSATION_DEPTH.into(), 99.into());
    let mut journal = journal();
    assert_eq!(journal.take(&waits), Ok(()));
    assert_eq!(journal.instance().deadlines["again"].depth, 0);
}
