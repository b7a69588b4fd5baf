//! Changes of rows are events that the rest of a service reads.

use rewind::{
    Envelope, Event, MultiStreamProjection, NewEvent, Rejection, Rule, Service,
    SingleStreamProjection, StreamName,
    testing::{self, given},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
enum DeskEvent {
    Taken { by: String },
    Cleaned {},
    Freed {},
}

impl Event for DeskEvent {
    const CATEGORY: &'static str = "desk";
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Desk {
    by: Option<String>,
}

struct Desks;
impl SingleStreamProjection for Desks {
    type Event = DeskEvent;
    type Row = Desk;
    const NAME: &'static str = "desks";
    const FEED: Option<&'static str> = Some("desk");
    fn apply(desk: &mut Desk, event: &Envelope<DeskEvent>) -> Result<(), Rejection> {
        match &event.data {
            DeskEvent::Taken { by } => desk.by = Some(by.clone()),
            DeskEvent::Cleaned {} => {}
            DeskEvent::Freed {} => desk.by = None,
        }
        Ok(())
    }
    fn is_deleted(desk: &Desk) -> bool {
        desk.by.is_none()
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(
    clippy::enum_variant_names,
    reason = "the names of event types begin with the entity"
)]
enum DeskChange {
    DeskInsert { key: String, new: Desk },
    DeskUpdate { key: String, old: Desk, new: Desk },
    DeskDelete { key: String, old: Desk },
}

impl Event for DeskChange {
    const CATEGORY: &'static str = "changes:desk";
}

/// How many desks each has, by the changes of their rows.
struct Owned;
impl Owned {
    fn sides(change: &DeskChange) -> [Option<&String>; 2] {
        match change {
            DeskChange::DeskInsert { new, .. } => [None, new.by.as_ref()],
            DeskChange::DeskUpdate { old, new, .. } => [old.by.as_ref(), new.by.as_ref()],
            DeskChange::DeskDelete { old, .. } => [old.by.as_ref(), None],
        }
    }
}
impl MultiStreamProjection for Owned {
    type Event = DeskChange;
    type Row = i64;
    const NAME: &'static str = "owned";
    const FEED: Option<&'static str> = Some("owner");
    fn keys(event: &Envelope<DeskChange>) -> Result<Vec<String>, Rejection> {
        let sides = Self::sides(&event.data).into_iter().flatten();
        Ok(sides.cloned().collect())
    }
    fn apply(key: &str, count: &mut i64, event: &Envelope<DeskChange>) -> Result<(), Rejection> {
        let [old, new] = Self::sides(&event.data);
        *count -= i64::from(old.is_some_and(|by| by == key));
        *count += i64::from(new.is_some_and(|by| by == key));
        Ok(())
    }
    fn is_deleted(count: &i64) -> bool {
        *count == 0
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
enum MailEvent {
    Greeted { at: String },
}

impl Event for MailEvent {
    const CATEGORY: &'static str = "mail";
}

/// Whoever gets a desk is greeted.
struct Greets;
impl Rule for Greets {
    type Event = DeskChange;
    type Emits = NewEvent;
    const NAME: &'static str = "greets";
    fn react(event: &Envelope<DeskChange>) -> Result<Vec<NewEvent>, Rejection> {
        let new = match &event.data {
            DeskChange::DeskInsert { key, new } | DeskChange::DeskUpdate { key, new, .. } => {
                (key, new)
            }
            DeskChange::DeskDelete { .. } => return Ok(Vec::new()),
        };
        let (key, by) = (new.0.clone(), new.1.by.clone().unwrap_or_default());
        Ok(vec![NewEvent::new(&by, &MailEvent::Greeted { at: key })?])
    }
}

fn taken(by: &str) -> DeskEvent {
    DeskEvent::Taken { by: by.into() }
}

fn desk(by: &str) -> Desk {
    let by = Some(by.into());
    Desk { by }
}

fn service() -> Service {
    Service::new()
        .single_stream::<Desks>()
        .multi_stream::<Owned>()
        .rule::<Greets>()
        .events::<MailEvent>()
}

#[test]
fn a_change_is_an_insert_an_update_or_a_delete_and_nothing_where_nothing_changes() {
    let (key, ann, bea) = ("1".to_string(), desk("ann"), desk("bea"));
    let mut system = testing::system(service());
    system.given("1", [taken("ann"), DeskEvent::Cleaned {}, taken("bea")]);
    system.given("1", [DeskEvent::Freed {}, DeskEvent::Cleaned {}]);
    let changes = [
        DeskChange::DeskInsert {
            key: key.clone(),
            new: ann.clone(),
        },
        DeskChange::DeskUpdate {
            key: key.clone(),
            old: ann,
            new: bea.clone(),
        },
        DeskChange::DeskDelete { key, old: bea },
    ];
    system.then_events("1", changes);
    system
        .then_rows::<Owned>(&[])
        .then_no_row::<Desks>("1")
        .then_events("bea", [MailEvent::Greeted { at: "1".into() }])
        .rebuild();
}

#[test]
fn a_reversal_of_what_deleted_a_row_inserts_it_again() {
    let (key, ann) = ("1".to_string(), desk("ann"));
    let mut system = testing::system(service());
    system.given("1", [taken("ann"), DeskEvent::Freed {}]);
    system.reverse("desk-1", 2);
    let insert = DeskChange::DeskInsert {
        key: key.clone(),
        new: ann.clone(),
    };
    let delete = DeskChange::DeskDelete { key, old: ann };
    system
        .then_events("1", [insert.clone(), delete, insert])
        .then_shared_row::<Owned>("ann", 1)
        .rebuild();
}

#[test]
fn a_change_says_what_it_follows_from() {
    let service = service();
    let projection = service.projection("desks").unwrap();
    let history = given([taken("ann")]);
    let cause = rewind::Cause::of(&history.events()[0]);
    let new = json!({"by": "ann"});
    let changed = |id| rewind::Changed {
        id,
        key: "1",
        old: None,
        new: Some(&new),
        cause: &cause,
    };
    let event = projection.change(&changed("a")).unwrap().unwrap();
    assert_eq!(event.source, "/rewind/feed/desks");
    assert_eq!(event.event_type, "desk-insert");
    assert_eq!(event.stream.as_str(), "changes:desk-1");
    assert_eq!(event.extension("causationid"), Some("desk-1@1"));
    assert_eq!(event.causation_depth(), 1);
    assert_eq!(event.time, history.events()[0].event.time);
    assert_eq!(
        event.data.get(),
        json!({"key": "1", "new": new}).to_string()
    );
    assert_eq!(event.claimed(), rewind::claimed::Claimed::ByItself);
}

#[test]
fn images_that_no_event_holds_are_refused_with_what_to_do() {
    let service = service();
    let projection = service.projection("desks").unwrap();
    let history = given([taken("ann")]);
    let cause = rewind::Cause::of(&history.events()[0]);
    let (old, new) = (
        json!("o".repeat(rewind::MAX_DATA / 2)),
        json!("n".repeat(rewind::MAX_DATA / 2)),
    );
    let change = projection.change(&rewind::Changed {
        id: "a",
        key: "1",
        old: Some(&old),
        new: Some(&new),
        cause: &cause,
    });
    assert!(change.unwrap_err().reason.contains("keep less in a row"));
}

#[test]
fn rows_of_any_key_have_a_stream_of_their_own() {
    let service = service();
    let of = |projection: &str, key: &str| {
        let projection = service.projection(projection).unwrap();
        projection.changes_of(key).unwrap().unwrap()
    };
    // The id of a stream is escaped already.
    let id = StreamName::of("desk", "a b").unwrap().id().to_string();
    assert_eq!(of("desks", &id).as_str(), format!("changes:desk-{id}"));
    assert_eq!(of("owned", "a b").as_str(), "changes:owner-a_x20b");
    assert_ne!(of("owned", "a_x20b"), of("owned", "a b"));
    let long = "x".repeat(1024);
    assert_ne!(of("owned", &long), of("owned", &long[1..]));
    assert!(service.categories().contains("changes:desk"));
}

/// What only Rewind writes, nobody emits.
#[test]
fn nobody_emits_a_change() {
    let change = DeskChange::DeskDelete {
        key: "1".into(),
        old: desk("ann"),
    };
    let new = NewEvent::new("1", &change).unwrap();
    assert!(new.check().unwrap_err().reason.contains("Rewind's own"));
    let mut system = testing::system(service());
    let event = json!({
        "specversion": "1.0", "id": "1", "source": "/me", "type": "desk-delete",
        "subject": "changes:desk-1", "data": {"key": "1", "old": {"by": "ann"}},
    });
    let refused = system.post(&event).unwrap_err();
    assert!(refused.detail.contains("Rewind's own"), "{refused:?}");
}

macro_rules! projection {
    ($name:ident, $called:literal, $event:ty, $feed:expr) => {
        struct $name;
        impl SingleStreamProjection for $name {
            type Event = $event;
            type Row = u64;
            const NAME: &'static str = $called;
            const FEED: Option<&'static str> = $feed;
            fn apply(row: &mut u64, _: &Envelope<$event>) -> Result<(), Rejection> {
                *row += 1;
                Ok(())
            }
        }
    };
}

projection!(Other, "other", DeskEvent, Some("desk"));
projection!(Nameless, "nameless", DeskEvent, Some("a-b"));
projection!(Circle, "circle", DeskChange, Some("desk"));

#[test]
#[should_panic(expected = "two projections tell of desk")]
fn two_projections_do_not_tell_of_one_entity() {
    let _ = service().single_stream::<Other>();
}

#[test]
#[should_panic(expected = "an entity is named with")]
fn an_entity_has_a_name() {
    let _ = service().single_stream::<Nameless>();
}

#[test]
#[should_panic(expected = "the rows of circle are made of their own changes")]
fn rows_are_not_made_of_their_own_changes() {
    let _ = Service::new().single_stream::<Circle>();
}
