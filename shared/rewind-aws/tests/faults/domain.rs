//! The domain under test: the one of `support`, with reactions that emit
//! events, and with folds and reactions that refuse what they are not mended
//! for. What is decided stands in `till.rs`.

use crate::{
    support::{self, AnyNumber, CountEvent, Number},
    till::{Dun, Till, Tills},
};
use rewind::{
    Adapter, Envelope, Event, MAX_DATA, MultiStreamProjection, NewEvent, Rejection, Rule, Service,
    SingleStreamProjection, StreamName,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::{Mutex, atomic::Ordering},
};

/// The worlds whose domain is mended: worlds share this process, and a fold
/// knows nothing but its event.
static MENDED: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// A number that [`Fragile`] refuses, and one that [`Note`] refuses.
pub const FRAGILE: u64 = 7;
pub const UNNOTED: u64 = 8;

/// A number of which [`Hostile`] and [`Shelves`] make rows that no item holds.
pub const HOSTILE: u64 = 9;

/// A number from which [`Note`] emits what no event can be made of, and nothing
/// once it is mended.
pub const SPOILT: u64 = 6;

/// A number that `digits` refuses for ever.
pub const BEAST: u64 = 666;

pub fn service() -> Service {
    support::THIRTEEN_IS_FINE.store(true, Ordering::SeqCst);
    support::service()
        .single_stream::<Fragile>()
        .single_stream::<Hostile>()
        .multi_stream::<Shelves>()
        .single_stream::<Notes>()
        .adapter::<Feed>()
        .rule::<Note>()
        .rule::<Scatter>()
        .aggregate::<Till>()
        .single_stream::<Tills>()
        .process::<Dun>()
}

/// From now on nothing that can be mended is refused.
pub fn mend(world: u64) {
    MENDED.lock().unwrap().insert(world);
}

pub fn is_mended(world: u64) -> bool {
    MENDED.lock().unwrap().contains(&world)
}

fn refuse_until_mended(world: u64) -> Result<(), Rejection> {
    match is_mended(world) {
        true => Ok(()),
        false => Err(Rejection::new("not mended yet")),
    }
}

/// What notes say.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub enum NoteEvent {
    Noted(Value),
    Scattered(Value),
    Beside(Value),
}

impl Event for NoteEvent {
    const CATEGORY: &'static str = "note";
}

/// Counts a stream's events, unless one is too much for it.
pub struct Fragile;
impl SingleStreamProjection for Fragile {
    type Event = CountEvent;
    type Row = u64;
    const NAME: &'static str = "fragile";
    fn apply(count: &mut u64, event: &Envelope<CountEvent>) -> Result<(), Rejection> {
        let Number { n, world } = event.data.number();
        if *n == FRAGILE {
            refuse_until_mended(*world)?;
        }
        *count += 1;
        Ok(())
    }
}

/// How many events there were, and what the store does not take.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Kept {
    seen: u64,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    hostile: Value,
}

impl Kept {
    fn keep(&mut self, Number { n, world }: &Number) {
        self.seen += 1;
        self.hostile = match *n == HOSTILE && !is_mended(*world) {
            true => json!({"": n}),
            false => Value::Null,
        };
    }
}

/// Rows that the store refuses until the domain is mended.
pub struct Hostile;
impl SingleStreamProjection for Hostile {
    type Event = CountEvent;
    type Row = Kept;
    const NAME: &'static str = "hostile";
    fn apply(kept: &mut Kept, event: &Envelope<CountEvent>) -> Result<(), Rejection> {
        kept.keep(event.data.number());
        Ok(())
    }
}

/// The same over many streams.
pub struct Shelves;
impl MultiStreamProjection for Shelves {
    type Event = AnyNumber;
    type Row = Kept;
    const NAME: &'static str = "shelves";
    fn keys(event: &Envelope<AnyNumber>) -> Result<Vec<String>, Rejection> {
        Ok(vec![format!("shelf/{}", event.data.number().n % 3)])
    }
    fn apply(_: &str, kept: &mut Kept, event: &Envelope<AnyNumber>) -> Result<(), Rejection> {
        kept.keep(event.data.number());
        Ok(())
    }
    fn revert(_: &str, kept: &mut Kept, _: &Envelope<AnyNumber>) -> Result<(), Rejection> {
        kept.seen -= 1;
        Ok(())
    }
}

/// What a stream of notes says, in order.
pub struct Notes;
impl SingleStreamProjection for Notes {
    type Event = NoteEvent;
    type Row = Vec<Value>;
    const NAME: &'static str = "notes";
    fn apply(notes: &mut Vec<Value>, event: &Envelope<NoteEvent>) -> Result<(), Rejection> {
        notes.push(match &event.data {
            NoteEvent::Noted(data) | NoteEvent::Scattered(data) | NoteEvent::Beside(data) => {
                data.clone()
            }
        });
        Ok(())
    }
}

/// A raw input: what it stands for.
#[derive(Debug, Serialize, Deserialize)]
pub struct Input {
    pub from: String,
    pub world: u64,
    pub is_sick: bool,
    /// What is wrong with a draft that the adapter adds until it is mended.
    #[serde(default)]
    pub spoils: Option<u64>,
    /// Streams of `count` by their ids, each with a number.
    pub items: Vec<(String, u64)>,
}

pub struct Feed;
impl Adapter for Feed {
    type Input = Input;
    type Emits = NewEvent;
    const SOURCE: &'static str = "feed";
    fn partition(input: &Value) -> Option<String> {
        Some(input["from"].as_str()?.to_string())
    }
    fn map(input: &Envelope<Input>) -> Result<Vec<NewEvent>, Rejection> {
        let input = &input.data;
        if input.is_sick {
            refuse_until_mended(input.world)?;
        }
        let mut emitted = input.emitted();
        if let Some(how) = input.spoils
            && !is_mended(input.world)
        {
            emitted.push(spoilt(how));
        }
        Ok(emitted)
    }
}

/// How many ways there are to spoil a new event.
pub const SPOILS: u64 = 13;

/// A new event that cannot be recorded.
fn spoilt(how: u64) -> NewEvent {
    let draft = |data: Value| NewEvent::untyped(notes("spoilt"), "noted", data);
    let to = |stream: &str| NewEvent::untyped(StreamName::new(stream).unwrap(), "noted", json!({}));
    match how % SPOILS {
        0 => draft(json!({})).at("yesterday"),
        1 => draft(json!({})).at("2".repeat(2_000)),
        2 => NewEvent::untyped(notes("spoilt"), "", json!({})),
        3 => draft(json!("x".repeat(MAX_DATA))),
        4 => draft(json!("x".repeat(400_000))),
        5 => draft(nested(200)),
        6 => draft(nested(100_000)),
        7 => draft(json!({})).schema_version(0),
        8 => to("rewind-conflicts"),
        9 => to("input:feed-x"),
        // What the category's enum does not take.
        10 => NewEvent::untyped(notes("spoilt"), "spoilt", json!({})),
        11 => NewEvent::untyped(count("spoilt"), "counted", json!({"n": "many"})),
        _ => draft(json!({})).schema_version(2),
    }
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
}

impl Input {
    pub fn emitted(&self) -> Vec<NewEvent> {
        let world = self.world;
        let items = self.items.iter().map(|(to, n)| {
            let counted = CountEvent::Counted(Number { n: *n, world });
            NewEvent::new(to, &counted).expect("an event that can be recorded")
        });
        items.collect()
    }
}

/// Notes every fifth number on a stream of its own.
pub struct Note;
impl Rule for Note {
    type Event = CountEvent;
    type Emits = NewEvent;
    const NAME: &'static str = "note";
    fn react(event: &Envelope<CountEvent>) -> Result<Vec<NewEvent>, Rejection> {
        let counted = event.data.number();
        if counted.n == UNNOTED {
            refuse_until_mended(counted.world)?;
        }
        if counted.n == SPOILT && !is_mended(counted.world) {
            let beside = NewEvent::new("spoilt", &NoteEvent::Beside(json!({})))?;
            return Ok(vec![beside, spoilt(event.version)]);
        }
        Ok(note(event.stream().id(), event.version, counted))
    }
}

pub fn note(id: &str, version: u64, counted: &Number) -> Vec<NewEvent> {
    if !counted.n.is_multiple_of(5) {
        return Vec::new();
    }
    let data = json!({"of": version, "n": counted.n});
    vec![NewEvent::new(id, &NoteEvent::Noted(data)).expect("an event that can be recorded")]
}

/// Scatters every third number over two streams that all streams share, to and
/// fro, so that one batch sends several records under one key.
pub struct Scatter;
impl Rule for Scatter {
    type Event = CountEvent;
    type Emits = NewEvent;
    const NAME: &'static str = "scatter";
    fn react(event: &Envelope<CountEvent>) -> Result<Vec<NewEvent>, Rejection> {
        let counted = event.data.number();
        Ok(scatter(event.stream().id(), event.version, counted))
    }
}

pub fn scatter(id: &str, version: u64, counted: &Number) -> Vec<NewEvent> {
    if !counted.n.is_multiple_of(3) {
        return Vec::new();
    }
    let emitted = ["left", "right", "left", "right"].iter().enumerate();
    let emitted = emitted.map(|(nth, to)| {
        let data = json!({"from": id, "of": version, "nth": nth});
        NewEvent::new(to, &NoteEvent::Scattered(data)).expect("an event that can be recorded")
    });
    emitted.collect()
}

fn count(id: &str) -> StreamName {
    StreamName::of("count", id).unwrap()
}

fn notes(id: &str) -> StreamName {
    StreamName::of("note", id).unwrap()
}
