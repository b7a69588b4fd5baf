//! A domain whose rows come, change and go, each in a row of its own and in rows
//! that streams share. `FACTOR` is what differs between two versions of its
//! code.

use rewind::{Envelope, Event, MultiStreamProjection, Rejection, Service, SingleStreamProjection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum ItemEvent {
    /// The item has this number.
    Set { n: i64 },
    /// Nothing changes.
    Touched {},
    /// The item is gone.
    Removed {},
    /// It counts in a group.
    Added { group: String, n: i64 },
    /// And no longer.
    Taken { group: String, n: i64 },
    /// It is long.
    Grown { bytes: usize },
}

impl Event for ItemEvent {
    const CATEGORY: &'static str = "item";
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Item {
    pub n: Option<i64>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub long: String,
}

/// A number that only the first version of the code keeps.
pub const ONLY_FIRST: i64 = 8;

/// A number that only later versions keep.
pub const ONLY_LATER: i64 = 9;

/// Each item.
pub struct Items<const FACTOR: i64>;
impl<const FACTOR: i64> SingleStreamProjection for Items<FACTOR> {
    type Event = ItemEvent;
    type Row = Item;
    const NAME: &'static str = "items";
    const VERSION: u32 = FACTOR as u32;
    const FEED: Option<&'static str> = Some("item");
    fn apply(item: &mut Item, event: &Envelope<ItemEvent>) -> Result<(), Rejection> {
        match &event.data {
            // What is small is the same in both versions. These two only one of
            // them has.
            ItemEvent::Set { n } if *n == ONLY_FIRST => item.n = Some(*n).filter(|_| FACTOR == 1),
            ItemEvent::Set { n } if *n == ONLY_LATER => item.n = Some(*n).filter(|_| FACTOR > 1),
            ItemEvent::Set { n } if *n < 10 => item.n = Some(*n),
            ItemEvent::Set { n } => item.n = Some(n * FACTOR),
            ItemEvent::Grown { bytes } => item.long = "x".repeat(*bytes),
            ItemEvent::Removed {} => *item = Item::default(),
            ItemEvent::Touched {} | ItemEvent::Added { .. } | ItemEvent::Taken { .. } => {}
        }
        Ok(())
    }
    fn is_deleted(item: &Item) -> bool {
        *item == Item::default()
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub count: i64,
    pub sum: i64,
}

/// What counts in each group; without any item, there is none.
pub struct Groups<const FACTOR: i64>;
impl<const FACTOR: i64> Groups<FACTOR> {
    fn add(group: &mut Group, event: &ItemEvent, sign: i64) {
        let (sign, n) = match event {
            ItemEvent::Added { n, .. } => (sign, *n),
            ItemEvent::Taken { n, .. } => (-sign, *n),
            _ => return,
        };
        group.count += sign;
        group.sum += sign * n * FACTOR;
    }
}
impl<const FACTOR: i64> MultiStreamProjection for Groups<FACTOR> {
    type Event = ItemEvent;
    type Row = Group;
    const NAME: &'static str = "groups";
    const VERSION: u32 = FACTOR as u32;
    const FEED: Option<&'static str> = Some("group");
    fn keys(event: &Envelope<ItemEvent>) -> Result<Vec<String>, Rejection> {
        Ok(match &event.data {
            ItemEvent::Added { group, .. } | ItemEvent::Taken { group, .. } => vec![group.clone()],
            _ => Vec::new(),
        })
    }
    fn apply(_: &str, group: &mut Group, event: &Envelope<ItemEvent>) -> Result<(), Rejection> {
        Self::add(group, &event.data, 1);
        Ok(())
    }
    fn revert(_: &str, group: &mut Group, event: &Envelope<ItemEvent>) -> Result<(), Rejection> {
        Self::add(group, &event.data, -1);
        Ok(())
    }
    fn is_deleted(group: &Group) -> bool {
        *group == Group::default()
    }
}

pub fn service<const FACTOR: i64>() -> Service {
    Service::new()
        .single_stream::<Items<FACTOR>>()
        .multi_stream::<Groups<FACTOR>>()
}

pub fn set(n: i64) -> ItemEvent {
    ItemEvent::Set { n }
}

pub fn added(group: &str, n: i64) -> ItemEvent {
    let group = group.into();
    ItemEvent::Added { group, n }
}

pub fn taken(group: &str, n: i64) -> ItemEvent {
    let group = group.into();
    ItemEvent::Taken { group, n }
}
