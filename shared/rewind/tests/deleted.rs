//! Rows that their projection deletes: none for readers, and begun anew by the
//! next event. What took them away can be taken back.

use rewind::{
    Change, Envelope, Event, MultiStreamProjection, Projection, RecordedEvent, Rejection, Reverted,
    Service, SingleStreamProjection,
    testing::{self, given},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
enum RoomEvent {
    Entered { guest: String },
    Left { guest: String },
    Closed {},
}

impl Event for RoomEvent {
    const CATEGORY: &'static str = "room";
}

/// Who is in a room.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Room {
    guests: Vec<String>,
    is_closed: bool,
}

fn enter(room: &mut Room, event: &RoomEvent) {
    match event {
        RoomEvent::Entered { guest } => room.guests.push(guest.clone()),
        RoomEvent::Left { guest } => room.guests.retain(|known| known != guest),
        RoomEvent::Closed {} => room.is_closed = true,
    }
}

/// A row that goes when its room is closed.
struct Rooms;
impl SingleStreamProjection for Rooms {
    type Event = RoomEvent;
    type Row = Room;
    const NAME: &'static str = "rooms";
    fn apply(room: &mut Room, event: &Envelope<RoomEvent>) -> Result<(), Rejection> {
        enter(room, &event.data);
        Ok(())
    }
    fn is_deleted(room: &Room) -> bool {
        room.is_closed
    }
}

/// The same, with a `revert` of what it can take back itself.
struct Reverting;
impl SingleStreamProjection for Reverting {
    type Event = RoomEvent;
    type Row = Room;
    const NAME: &'static str = "reverting";
    fn apply(room: &mut Room, event: &Envelope<RoomEvent>) -> Result<(), Rejection> {
        Rooms::apply(room, event)
    }
    fn is_deleted(room: &Room) -> bool {
        room.is_closed
    }
    fn revert(room: &mut Room, event: &Envelope<RoomEvent>) -> Result<Reverted, Rejection> {
        match &event.data {
            RoomEvent::Entered { guest } if room.guests.contains(guest) => {
                room.guests.retain(|known| known != guest);
                Ok(Reverted::Done)
            }
            _ => Ok(Reverted::FoldAgain),
        }
    }
}

/// In how many rooms each guest is; in none, there is no row.
struct Guests;
impl Guests {
    fn add(count: &mut i64, event: &RoomEvent, sign: i64) {
        match event {
            RoomEvent::Entered { .. } => *count += sign,
            RoomEvent::Left { .. } => *count -= sign,
            RoomEvent::Closed {} => {}
        }
    }
}
impl MultiStreamProjection for Guests {
    type Event = RoomEvent;
    type Row = i64;
    const NAME: &'static str = "guests";
    fn keys(event: &Envelope<RoomEvent>) -> Result<Vec<String>, Rejection> {
        Ok(match &event.data {
            RoomEvent::Entered { guest } | RoomEvent::Left { guest } => vec![guest.clone()],
            RoomEvent::Closed {} => vec![],
        })
    }
    fn apply(_: &str, count: &mut i64, event: &Envelope<RoomEvent>) -> Result<(), Rejection> {
        Self::add(count, &event.data, 1);
        Ok(())
    }
    fn revert(_: &str, count: &mut i64, event: &Envelope<RoomEvent>) -> Result<(), Rejection> {
        Self::add(count, &event.data, -1);
        Ok(())
    }
    fn is_deleted(count: &i64) -> bool {
        *count == 0
    }
}

fn entered(guest: &str) -> RoomEvent {
    let guest = guest.into();
    RoomEvent::Entered { guest }
}

fn left(guest: &str) -> RoomEvent {
    let guest = guest.into();
    RoomEvent::Left { guest }
}

fn room(guests: &[&str]) -> Room {
    let guests = guests.iter().map(ToString::to_string).collect();
    Room {
        guests,
        is_closed: false,
    }
}

#[test]
fn a_row_that_is_deleted_is_none_and_the_next_event_begins_a_new_one() {
    let closed = given([entered("ann"), RoomEvent::Closed {}]);
    closed.then_no_row::<Rooms>();
    closed
        .clone()
        .and("1", [entered("bea")])
        .then_row::<Rooms>(room(&["bea"]));
    closed.reversed("room-1", 1).then_no_row::<Rooms>();
}

#[test]
fn what_deleted_a_row_taken_back_brings_it_again() {
    let again = given([entered("ann"), RoomEvent::Closed {}]).reversed("room-1", 2);
    again.then_row::<Rooms>(room(&["ann"]));
    again.then_row::<Reverting>(room(&["ann"]));
    // And behind a new row as well.
    let later = given([entered("ann"), RoomEvent::Closed {}, entered("bea")]);
    let later = later.reversed("room-1", 2);
    later.then_row::<Rooms>(room(&["ann", "bea"]));
    later.then_row::<Reverting>(room(&["ann", "bea"]));
    let restored = again.reversed("room-1", 3);
    restored.then_no_row::<Rooms>();
    restored.then_no_row::<Reverting>();
}

#[test]
#[should_panic(expected = "the row is deleted")]
fn a_deleted_row_is_no_empty_one() {
    let closed = Room {
        is_closed: true,
        ..Room::default()
    };
    given([RoomEvent::Closed {}]).then_row::<Rooms>(closed);
}

#[test]
fn shared_rows_go_and_come_in_any_interleaving() {
    testing::history::<RoomEvent>()
        .and("1", [entered("ann"), entered("bea")])
        .and("2", [entered("ann"), left("ann")])
        .and("1", [left("bea")])
        .then_rows::<Guests>(&[("ann", 1)]);
    testing::history::<RoomEvent>()
        .and("1", [entered("ann"), left("ann")])
        .reversed("room-1", 2)
        .then_rows::<Guests>(&[("ann", 1)]);
}

/// However a run of changes is cut into batches, it comes to the same row.
#[test]
fn batches_do_not_count() {
    let service = Service::new()
        .single_stream::<Rooms>()
        .multi_stream::<Guests>();
    let history = given([
        entered("ann"),
        RoomEvent::Closed {},
        entered("ann"),
        left("ann"),
        entered("ann"),
    ]);
    let changes: Vec<Change<'_>> = history.events().iter().map(Change::Apply).collect();
    for projection in service.projections() {
        let whole = projection.fold("ann", None, &changes).row;
        for cut in 0..=changes.len() {
            let (first, second) = changes.split_at(cut);
            let half = projection.fold("ann", None, first).row;
            let both = projection.fold("ann", half.as_ref(), second).row;
            assert_eq!(both, whole, "{} cut at {cut}", projection.name);
        }
    }
}

/// A panic in `is_deleted` is the event's, as one in `apply` is.
#[test]
fn a_panic_is_a_rejection() {
    struct Panics;
    impl SingleStreamProjection for Panics {
        type Event = RoomEvent;
        type Row = Room;
        const NAME: &'static str = "panics";
        fn apply(room: &mut Room, event: &Envelope<RoomEvent>) -> Result<(), Rejection> {
            Rooms::apply(room, event)
        }
        fn is_deleted(room: &Room) -> bool {
            assert!(room.guests.len() < 2, "two is a crowd");
            false
        }
    }
    let refused = given([entered("ann"), entered("bea")]).then_rejected::<Panics>();
    assert!(refused.reason.contains("two is a crowd"), "{refused}");
}

#[test]
fn the_whole_service_kit_has_no_row_either() {
    let service = Service::new()
        .single_stream::<Rooms>()
        .multi_stream::<Guests>();
    let mut system = testing::system(service);
    system
        .given("1", [entered("ann"), RoomEvent::Closed {}])
        .then_no_row::<Rooms>("1")
        .then_rows::<Guests>(&[("ann", 1)])
        .rebuild();
    system
        .reverse("room-1", 2)
        .then_row::<Rooms>("1", room(&["ann"]));
    system
        .reverse("room-1", 1)
        .then_row::<Rooms>("1", room(&[]))
        .then_rows::<Guests>(&[])
        .rebuild();
}

/// A row of one stream that is deleted cannot take an event back by itself.
#[test]
fn a_deleted_row_of_one_stream_is_folded_again() {
    let service = Service::new().single_stream::<Reverting>();
    let projection: &Projection = service.projection("reverting").unwrap();
    let history = given([entered("ann")]);
    let event: &RecordedEvent = &history.events()[0];
    let folded = projection.fold("1", None, &[Change::Revert(event)]);
    assert!(folded.fold_again, "{folded:?}");
    let row = json!({"guests": ["ann"], "is_closed": false});
    let folded = projection.fold("1", Some(&row), &[Change::Revert(event)]);
    assert!(!folded.fold_again, "{folded:?}");
}
