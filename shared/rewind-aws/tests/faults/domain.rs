//! The domain under test: the one of `support`, with reactions that draw
//! events, and with folds and reactions that refuse what they are not mended
//! for.

use crate::support;
use rewind::{
    Adapter, MAX_DATA, MultiStreamProjection, NewEvent, RecordedEvent, Rejection, Rule, Service,
    SingleStreamProjection, StreamName, reversal::REVERSED,
};
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

/// A number from which [`Note`] draws what no event can be made of, and nothing
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

/// The payload of the categories `count` and `spread`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Counted {
    pub n: u64,
    pub world: u64,
}

/// Counts a stream's events, unless one is too much for it.
pub struct Fragile;
impl SingleStreamProjection for Fragile {
    type State = u64;
    const NAME: &'static str = "fragile";
    const CATEGORY: &'static str = "count";
    fn apply(count: &mut u64, event: &RecordedEvent) -> Result<(), Rejection> {
        let Counted { n, world } = event.data()?;
        if n == FRAGILE {
            refuse_until_mended(world)?;
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
    fn keep(&mut self, event: &RecordedEvent) -> Result<(), Rejection> {
        let Counted { n, world } = event.data()?;
        self.seen += 1;
        self.hostile = match n == HOSTILE && !is_mended(world) {
            true => json!({"": n}),
            false => Value::Null,
        };
        Ok(())
    }
}

/// Rows that the store refuses until the domain is mended.
pub struct Hostile;
impl SingleStreamProjection for Hostile {
    type State = Kept;
    const NAME: &'static str = "hostile";
    const CATEGORY: &'static str = "count";
    fn apply(kept: &mut Kept, event: &RecordedEvent) -> Result<(), Rejection> {
        kept.keep(event)
    }
}

/// The same over many streams.
pub struct Shelves;
impl MultiStreamProjection for Shelves {
    type Row = Kept;
    const NAME: &'static str = "shelves";
    const CATEGORIES: &'static [&'static str] = &["count", "spread"];
    fn keys(event: &RecordedEvent) -> Result<Vec<String>, Rejection> {
        let Counted { n, .. } = event.data()?;
        Ok(vec![format!("shelf/{}", n % 3)])
    }
    fn apply(_: &str, kept: &mut Kept, event: &RecordedEvent) -> Result<(), Rejection> {
        kept.keep(event)
    }
    fn revert(_: &str, kept: &mut Kept, _: &RecordedEvent) -> Result<(), Rejection> {
        kept.seen -= 1;
        Ok(())
    }
}

/// What a stream of notes says, in order.
pub struct Notes;
impl SingleStreamProjection for Notes {
    type State = Vec<Value>;
    const NAME: &'static str = "notes";
    const CATEGORY: &'static str = "note";
    fn apply(notes: &mut Vec<Value>, event: &RecordedEvent) -> Result<(), Rejection> {
        notes.push(event.data()?);
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
    const SOURCE: &'static str = "feed";
    fn partition(input: &Value) -> Option<String> {
        Some(input["from"].as_str()?.to_string())
    }
    fn map(input: Value) -> Result<Vec<NewEvent>, Rejection> {
        let input: Input =
            serde_json::from_value(input).map_err(|error| Rejection::new(error.to_string()))?;
        if input.is_sick {
            refuse_until_mended(input.world)?;
        }
        let mut drafts = input.emitted();
        if let Some(how) = input.spoils
            && !is_mended(input.world)
        {
            drafts.push(spoilt(how));
        }
        Ok(drafts)
    }
}

/// How many ways there are to spoil a draft.
pub const SPOILS: u64 = 10;

/// A draft that no event may be made of.
fn spoilt(how: u64) -> NewEvent {
    let draft = |data: Value| NewEvent::new(notes("spoilt"), "spoilt", data);
    let to = |stream: &str| NewEvent::new(StreamName::new(stream).unwrap(), "spoilt", json!({}));
    match how % SPOILS {
        0 => draft(json!({})).at("yesterday"),
        1 => draft(json!({})).at("2".repeat(2_000)),
        2 => NewEvent::new(notes("spoilt"), "", json!({})),
        3 => draft(json!("x".repeat(MAX_DATA))),
        4 => draft(json!("x".repeat(400_000))),
        5 => draft(nested(200)),
        6 => draft(nested(100_000)),
        7 => draft(json!({})).schema_version(0),
        8 => to("rewind-conflicts"),
        _ => to("input:feed-x"),
    }
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
}

impl Input {
    pub fn emitted(&self) -> Vec<NewEvent> {
        let world = self.world;
        let drafts = self.items.iter().map(|(to, n)| {
            let data = json!(Counted { n: *n, world });
            NewEvent::new(count(to), "counted", data)
        });
        drafts.collect()
    }
}

/// Notes every fifth number on a stream of its own.
pub struct Note;
impl Rule for Note {
    const NAME: &'static str = "note";
    const CATEGORY: &'static str = "count";
    fn react(event: &RecordedEvent) -> Result<Vec<NewEvent>, Rejection> {
        if event.event_type() == REVERSED {
            return Ok(Vec::new());
        }
        let counted: Counted = event.data()?;
        if counted.n == UNNOTED {
            refuse_until_mended(counted.world)?;
        }
        if counted.n == SPOILT && !is_mended(counted.world) {
            let beside = NewEvent::new(notes("spoilt"), "beside", json!({}));
            return Ok(vec![beside, spoilt(event.version)]);
        }
        Ok(note(event.stream().id(), event.version, &counted))
    }
}

pub fn note(id: &str, version: u64, counted: &Counted) -> Vec<NewEvent> {
    if !counted.n.is_multiple_of(5) {
        return Vec::new();
    }
    let data = json!({"of": version, "n": counted.n});
    vec![NewEvent::new(notes(id), "noted", data)]
}

/// Scatters every third number over two streams that all streams share, to and
/// fro, so that one batch sends several records under one key.
pub struct Scatter;
impl Rule for Scatter {
    const NAME: &'static str = "scatter";
    const CATEGORY: &'static str = "count";
    fn react(event: &RecordedEvent) -> Result<Vec<NewEvent>, Rejection> {
        if event.event_type() == REVERSED {
            return Ok(Vec::new());
        }
        let counted: Counted = event.data()?;
        Ok(scatter(event.stream().id(), event.version, &counted))
    }
}

pub fn scatter(id: &str, version: u64, counted: &Counted) -> Vec<NewEvent> {
    if !counted.n.is_multiple_of(3) {
        return Vec::new();
    }
    let drafts = ["left", "right", "left", "right"].iter().enumerate();
    let drafts = drafts.map(|(nth, to)| {
        let data = json!({"from": id, "of": version, "nth": nth});
        NewEvent::new(notes(to), "scattered", data)
    });
    drafts.collect()
}

fn count(id: &str) -> StreamName {
    StreamName::of("count", id).unwrap()
}

fn notes(id: &str) -> StreamName {
    StreamName::of("note", id).unwrap()
}
