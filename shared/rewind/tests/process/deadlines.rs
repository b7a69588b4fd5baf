//! Deadlines over histories of any shape: each fires once, none early, in the
//! order of due times.

use crate::{Journal, id_of};
use proptest::{collection::vec, prelude::*};
use rewind::{
    Action, Envelope, Event, Process, RecordedEvent, Rejection, Service, Timestamp,
    jiff::SignedDuration,
    reversal::{Reversal, Reversals},
    testing::event,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum Timer {
    Set { name: String, at: String },
    Cancelled { name: String },
}

impl Event for Timer {
    const CATEGORY: &'static str = "timer";
}

/// Counts what it sees; the order counts as well.
struct Timers;

impl Process for Timers {
    type Event = Timer;
    type State = Vec<String>;
    const NAME: &'static str = "timers";

    fn key(event: &Envelope<Timer>) -> Option<String> {
        id_of(event)
    }

    fn on(seen: &mut Vec<String>, event: &Envelope<Timer>) -> Result<Vec<Action>, Rejection> {
        seen.push(format!("{:?}", event.data));
        Ok(match &event.data {
            Timer::Set { name, at } => vec![Action::deadline(name, crate::time(at))],
            Timer::Cancelled { name } => vec![Action::cancel(name)],
        })
    }

    fn reached(
        seen: &mut Vec<String>,
        deadline: &rewind::Reached,
    ) -> Result<Vec<Action>, Rejection> {
        seen.push(format!("{deadline:?}"));
        Ok(Vec::new())
    }
}

fn journal() -> Journal {
    Journal::new(&Service::new().process::<Timers>(), "1")
}

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    Set { name: u8, minutes: i64 },
    Cancel { name: u8 },
    Turn { minutes: i64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..4u8, -5..60i64).prop_map(|(name, minutes)| Step::Set { name, minutes }),
        (0..4u8).prop_map(|name| Step::Cancel { name }),
        (0..40i64).prop_map(|minutes| Step::Turn { minutes }),
    ];
    vec(step, 0..40)
}

fn begin() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn happened(version: u64, now: Timestamp, event_type: &str, data: &Value) -> RecordedEvent {
    let mut recorded = event("timer-1", event_type, data, version);
    recorded.event.time = now.to_string();
    recorded
}

/// The event of a step, if it is one.
fn event_of(step: &Step, version: u64, now: Timestamp) -> Option<RecordedEvent> {
    match step {
        Step::Set { name, minutes } => {
            let at = now + SignedDuration::from_mins(*minutes);
            let data = json!({"name": name.to_string(), "at": at});
            Some(happened(version, now, "set", &data))
        }
        Step::Cancel { name } => {
            let data = json!({"name": name.to_string()});
            Some(happened(version, now, "cancelled", &data))
        }
        Step::Turn { .. } => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_fires_once_none_early_and_in_order(steps in steps()) {
        let mut journal = journal();
        let mut now = begin();
        let mut version = 0;
        // By name: when it is due, and when it was set.
        let mut open: BTreeMap<String, (Timestamp, u64)> = BTreeMap::new();
        for step in &steps {
            if let Some(event) = event_of(step, version + 1, now) {
                version += 1;
                journal.take(&event).unwrap();
            }
            match step {
                Step::Set { name, minutes } => {
                    let at = now + SignedDuration::from_mins(*minutes);
                    open.insert(name.to_string(), (at, version));
                }
                Step::Cancel { name } => drop(open.remove(&name.to_string())),
                Step::Turn { minutes } => {
                    now += SignedDuration::from_mins(*minutes);
                    let due = open.iter().filter(|(_, (at, _))| *at <= now);
                    let mut due: Vec<_> = due.map(|(name, (at, set))| (*at, *set, name.clone())).collect();
                    due.sort();
                    open.retain(|_, (at, _)| *at > now);
                    let expected: Vec<_> = due.into_iter().map(|(at, _, name)| (name, at)).collect();
                    prop_assert_eq!(journal.turn(now).unwrap(), expected);
                }
            }
        }
        let instance = journal.instance();
        let left: BTreeMap<_, _> = instance.deadlines.iter().map(|(name, due)| (name.clone(), due.at)).collect();
        let expected: BTreeMap<_, _> = open.into_iter().map(|(name, (at, _))| (name, at)).collect();
        prop_assert_eq!(left, expected);
        journal.check();
    }

    #[test]
    fn what_was_reversed_is_as_if_it_had_not_come(
        steps in steps(),
        reversed in vec((any::<prop::sample::Index>(), 1..4usize), 0..6),
    ) {
        let mut source: Vec<RecordedEvent> = Vec::new();
        for step in &steps {
            let version = source.len() as u64 + 1;
            source.extend(event_of(step, version, begin()));
        }
        prop_assume!(!source.is_empty());
        let count = source.len();
        let mut journal = journal();
        source.iter().for_each(|event| journal.take(event).unwrap());
        // Each is reversed, or restored by the reversal of its reversal.
        let mut left_out: BTreeSet<u64> = BTreeSet::new();
        for (index, times) in &reversed {
            let root = index.index(count) as u64 + 1;
            if left_out.contains(&root) {
                continue;
            }
            let mut of = root;
            for _ in 0..*times {
                let named = source[of as usize - 1].clone();
                let version = source.len() as u64 + 1;
                let reversal = Reversal {
                    version: of,
                    source: named.event.source.clone(),
                    id: named.event.id.clone(),
                    reason: "a test".into(),
                    by: "a test".into(),
                };
                source.push(RecordedEvent {
                    event: reversal.event(&named, 0, begin().to_string()),
                    version,
                    position: version,
                });
                let effect = Reversals::among(&source).effect(version).unwrap();
                let last = source.last().unwrap();
                let follows = journal.runner.take_back(&journal.stream, &journal.events, last, effect);
                journal.record(follows.unwrap());
                of = version;
            }
            if times % 2 == 1 {
                left_out.insert(root);
            }
        }
        let mut without = self::journal();
        let counts = source[..count].iter().filter(|event| !left_out.contains(&event.version));
        counts.for_each(|event| without.take(event).unwrap());
        let (found, expected) = (journal.instance(), without.instance());
        prop_assert_eq!(found.state.json(), expected.state.json());
        let open = |instance: &rewind::Instance| -> BTreeMap<String, Timestamp> {
            let open = instance.deadlines.iter();
            open.map(|(name, due)| (name.clone(), due.at)).collect()
        };
        prop_assert_eq!(open(&found), open(&expected));
    }
}
