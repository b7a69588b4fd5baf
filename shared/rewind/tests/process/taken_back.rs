//! Events that a process has taken and that are reversed.

use crate::{
    Journal, chain,
    portal::{ApplicationEvent, Plan, Plans, PortalEvent, campaign, created, service, taken},
    time,
};
use rewind::{
    RecordedEvent,
    reversal::{Effect, Reversals},
    testing::{Given, given},
};

const THEN: &str = "2026-01-31T09:00:00Z";
const LATER: &str = "2026-04-15T09:00:00Z";

/// Free, then paid.
fn changed() -> Given<PortalEvent> {
    let changed = ApplicationEvent::PlanChanged { plan: Plan::Paid };
    created(Plan::Free).and_at("2026-01-15T09:00:00Z", "1", [changed])
}

/// The journal follows the last event, which is a reversal.
fn follow(journal: &mut Journal, events: &[RecordedEvent]) -> Option<Effect> {
    let reversal = events.last().unwrap();
    let effect = Reversals::among(events).effect(reversal.version).unwrap();
    let runner = journal.runner.clone();
    let follows = runner.take_back(&journal.stream, &journal.events, reversal, effect);
    let follows = follows.unwrap()?;
    journal.record([follows]);
    Some(effect)
}

#[test]
fn reversing_the_event_takes_its_deadline_back() {
    let reversed = created(Plan::Free).reversed("application-1", 1);
    reversed
        .process::<Plans>()
        .then_no_deadline("plan")
        .then_state(None)
        .at(THEN)
        .then([]);
}

#[test]
fn the_deadline_that_it_had_replaced_is_open_again() {
    let reversed = changed().reversed("application-1", 2);
    reversed
        .process::<Plans>()
        .then_deadline("plan", THEN)
        .then_state(Some(Plan::Free))
        .at(THEN)
        .then([campaign("1").unwrap()]);
}

#[test]
fn reversing_the_reversal_restores() {
    let restored = changed().reversed("application-1", 2);
    let restored = restored.reversed("application-1", 3);
    restored
        .process::<Plans>()
        .then_deadline("plan", LATER)
        .then_state(Some(Plan::Paid));
}

#[test]
fn what_was_given_stays_given_and_what_followed_is_left_out() {
    let mut journal = taken(&created(Plan::Free));
    journal.turn(time(THEN)).unwrap();
    let before = journal.runner.issued(&journal.events).unwrap();
    let reversed = created(Plan::Free).reversed("application-1", 1);
    let effect = follow(&mut journal, reversed.events());
    assert_eq!(effect, Some(Effect::TakenBack(1)));
    let instance = journal.instance();
    let begun = journal.runner.begin(&journal.stream);
    assert_eq!(instance.state.json(), begun.state.json());
    assert_eq!((instance.version, instance.deadlines.len()), (5, 0));
    assert_eq!(journal.runner.issued(&journal.events).unwrap(), before);
    // It stands at its old place again, and does not fire again.
    let restored = reversed.reversed("application-1", 2);
    let effect = follow(&mut journal, restored.events());
    assert_eq!(effect, Some(Effect::Restored(1)));
    assert!(journal.instance().deadlines.is_empty());
    assert_eq!(journal.turn(time("2036-01-01T00:00:00Z")), Ok(vec![]));
    assert_eq!(journal.runner.issued(&journal.events).unwrap(), before);
}

#[test]
fn following_twice_changes_nothing_and_has_one_identity() {
    let mut journal = taken(&created(Plan::Free));
    let reversed = created(Plan::Free).reversed("application-1", 1);
    assert!(follow(&mut journal, reversed.events()).is_some());
    assert_eq!(follow(&mut journal, reversed.events()), None);
    let event = &journal.events.last().unwrap().event;
    assert_eq!(
        (&*event.event_type, &*event.id),
        ("event-taken-back", "application-1@2")
    );
}

#[test]
fn an_event_that_was_not_taken_is_not_taken_back() {
    let mut journal = Journal::new(&service(), "1");
    let reversed = created(Plan::Free).reversed("application-1", 1);
    assert_eq!(follow(&mut journal, reversed.events()), None);
}

#[test]
fn a_tail_that_takes_back_needs_the_whole_journal() {
    let mut journal = taken(&created(Plan::Free));
    let mut instance = journal.instance();
    let reversed = created(Plan::Free).reversed("application-1", 1);
    follow(&mut journal, reversed.events());
    let last = journal.events.last().unwrap();
    assert!(journal.runner.needs_whole(last));
    let refused = journal.runner.evolve(&mut instance, last).unwrap_err();
    assert!(refused.reason.contains("from its beginning"), "{refused}");
    journal.check();
}

#[test]
fn what_a_deadline_has_set_is_taken_back_with_it() {
    let hourly = given([chain::Turn::Waits { minutes: 60 }]);
    let mut journal = chain::journal();
    journal.take(&hourly.events()[0]).unwrap();
    let fired = journal.turn(time("2023-04-19T15:00:00Z")).unwrap();
    assert_eq!(fired.len(), 6);
    assert_eq!(journal.instance().deadlines.len(), 1);
    let reversed = hourly.reversed("turn-1", 1);
    follow(&mut journal, reversed.events());
    assert!(journal.instance().deadlines.is_empty());
    assert_eq!(journal.turn(time("2036-01-01T00:00:00Z")), Ok(vec![]));
    // And goes on where it was.
    follow(&mut journal, reversed.reversed("turn-1", 2).events());
    let fired = journal.turn(time("2023-04-19T16:00:00Z")).unwrap();
    assert_eq!(fired, [("again".into(), time("2023-04-19T16:00:00Z"))]);
}

#[test]
fn a_deadline_that_fired_does_not_close_the_one_that_is_restored() {
    let given = changed();
    let mut journal = taken(&given);
    let reversed = given.reversed("application-1", 2);
    follow(&mut journal, reversed.events());
    let fired = journal.turn(time(THEN)).unwrap();
    assert_eq!(fired, [("plan".into(), time(THEN))]);
    follow(&mut journal, reversed.reversed("application-1", 3).events());
    let fired = journal.turn(time(LATER)).unwrap();
    assert_eq!(fired, [("plan".into(), time(LATER))]);
}
