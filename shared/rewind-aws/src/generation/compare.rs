//! Comparing two generations of a projection, row by row.
//!
//! Both are read in the order of their keys, partition by partition, so that
//! memory holds a page of each whatever there is to compare. Rows that live
//! events change meanwhile are compared as they are found: a difference that a
//! second look does not show was one of time only.

use crate::{
    Error,
    aws::http::weight,
    data_table::data_store::{self, DataStore, Key, Row},
    generation::lifecycle::Generations,
};
use rewind::{MAX_ROW_KEY, Problem, Target};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{cmp::Ordering, collections::VecDeque, fmt, ops::AddAssign};

/// Rows in one page of each side. A page also ends at 1 MB.
const PAGE: i32 = 500;

/// The most that a sample's rows may weigh, so that it fits an answer of
/// Lambda's (6 MB).
const MAX_SAMPLE_WEIGHT: usize = 4_500_000;

/// What a comparison has found so far. Those of parts add up.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// What generation `a` holds.
    pub a: Held,
    /// What generation `b` holds.
    pub b: Held,
    /// How many rows only `a` has.
    pub only_a: u64,
    /// How many rows only `b` has.
    pub only_b: u64,
    /// How many rows both have, with different states.
    pub different: u64,
    /// The first of all these, side by side.
    pub sample: Vec<Differing>,
}

/// What a generation holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Held {
    /// How many rows.
    pub rows: u64,
    /// What they come to.
    pub checksum: Checksum,
}

/// A checksum of rows, whatever their order: the XOR of the first 8 bytes of
/// the SHA-256 of each row's key, a zero byte and its state as JSON with sorted
/// fields. Two deployments with equal rows have equal checksums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checksum(u64);

/// A row that is not the same in both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Differing {
    /// Its key.
    pub key: String,
    /// The row in `a`; `null` where there is none.
    pub a: Option<Side>,
    /// The row in `b`; `null` where there is none.
    pub b: Option<Side>,
}

/// One side of a differing row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    /// Up to which version it holds its stream; only over one stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark: Option<u64>,
    /// What the projection made of the events.
    pub state: Value,
}

/// Where a comparison goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    partition: usize,
    a: RowAt,
    b: RowAt,
}

/// Up to where a partition is compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct RowAt {
    after: Option<String>,
    is_last: bool,
}

impl Cursor {
    /// Whether a comparison of these two generations can have ended here. A
    /// cursor comes back from a client, who may have made it up.
    pub fn is_of(&self, [a, b]: [&Target; 2]) -> bool {
        let partition = self.partition;
        self.a.is_in(a, partition) && self.b.is_in(b, partition)
    }
}

impl RowAt {
    fn is_in(&self, target: &Target, partition: usize) -> bool {
        let Some(pk) = data_store::row_partitions(target).nth(partition) else {
            return false;
        };
        self.after.as_ref().is_none_or(|key| {
            (1..=MAX_ROW_KEY).contains(&key.len()) && Key::row(target, key).pk == pk
        })
    }
}

/// The two generations to compare: those asked for, and without a word the one
/// that serves and the one that is being built, or else the one that served
/// before.
///
/// # Errors
///
/// A problem with status 404 when there is no such generation.
pub fn chosen(
    projection: &str,
    known: &Generations,
    a: Option<u64>,
    b: Option<u64>,
) -> Result<[Target; 2], Problem> {
    let target = |name: &str, generation: u64| {
        if !known.takes(generation) {
            let mut problem =
                Problem::not_found(format!("{projection} has no generation {generation}"));
            problem.field = Some(name.to_string());
            return Err(problem);
        }
        Ok(Target {
            projection: projection.to_string(),
            generation,
        })
    };
    let a = target("a", a.unwrap_or(known.serving))?;
    let Some(b) = b.or(known.building).or(known.previous) else {
        let why = format!("{projection} has no second generation to compare with");
        let mut problem = Problem::not_found(why);
        problem.field = Some("b".into());
        return Err(problem);
    };
    Ok([a, target("b", b)?])
}

/// Compares two generations from `from` on, and says where to go on; `None`
/// behind the last row. `has_time` is asked before each page but the first:
/// `false` ends it early. At most `sample` differing rows are shown, fewer
/// where they are large.
///
/// # Errors
///
/// When DynamoDB fails or a row is damaged.
pub async fn compare(
    store: &DataStore,
    [a, b]: [&Target; 2],
    sample: usize,
    from: Cursor,
    has_time: impl Fn() -> bool,
) -> Result<(Comparison, Option<Cursor>), Error> {
    let mut found = Comparison::default();
    let mut sampled = 0;
    let mut has_read = false;
    let partitions = data_store::row_partitions(a).zip(data_store::row_partitions(b));
    let mut places = Some((from.a, from.b));
    for (nth, (a, b)) in partitions.enumerate().skip(from.partition) {
        let (at_a, at_b) = places.take().unwrap_or_default();
        let mut a = Reader::new(store, a, at_a);
        let mut b = Reader::new(store, b, at_b);
        loop {
            if a.is_to_read() || b.is_to_read() {
                if has_read && !has_time() {
                    let cursor = Cursor {
                        partition: nth,
                        a: a.place,
                        b: b.place,
                    };
                    return Ok((found, Some(cursor)));
                }
                has_read = true;
                futures::future::try_join(a.read(), b.read()).await?;
                continue;
            }
            let order = match (a.waiting.front(), b.waiting.front()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => a.key.cmp(&b.key),
            };
            let in_a = a.take_if(order != Ordering::Greater);
            let in_b = b.take_if(order != Ordering::Less);
            let Some(differing) = found.note(in_a, in_b) else {
                continue;
            };
            if found.sample.len() < sample && sampled + differing.weight <= MAX_SAMPLE_WEIGHT {
                sampled += differing.weight;
                found.sample.push(differing.shown);
            }
        }
    }
    Ok((found, None))
}

/// A partition of a generation, read page by page.
struct Reader<'a> {
    store: &'a DataStore,
    partition: String,
    /// Up to where its rows are compared: behind what waits.
    place: RowAt,
    /// How far it is read.
    read: RowAt,
    waiting: VecDeque<Line>,
}

/// A row on its way through a comparison.
struct Line {
    key: String,
    /// The state's canonical JSON: fields are sorted.
    text: String,
    row: Row,
}

/// A differing row, and how much room it takes.
struct Weighed {
    shown: Differing,
    weight: usize,
}

impl<'a> Reader<'a> {
    fn new(store: &'a DataStore, partition: String, place: RowAt) -> Self {
        Self {
            store,
            partition,
            read: place.clone(),
            place,
            waiting: VecDeque::new(),
        }
    }

    fn is_to_read(&self) -> bool {
        self.waiting.is_empty() && !self.read.is_last
    }

    /// Reads a page, where nothing waits and there is one.
    async fn read(&mut self) -> Result<(), Error> {
        if !self.is_to_read() {
            return Ok(());
        }
        let after = self.read.after.as_deref();
        let (items, next) = self.store.list(&self.partition, "", after, PAGE).await?;
        for item in items {
            let (key, row) = data_store::row(item)?;
            // One that only says why its first event is not in it is no row.
            if let Some(state) = &row.state {
                self.waiting.push_back(Line {
                    key: key.sk,
                    text: state.to_string(),
                    row,
                });
            }
        }
        self.read.is_last = next.is_none();
        self.read.after = next.or(self.read.after.take());
        self.settle();
        Ok(())
    }

    fn take_if(&mut self, is_wanted: bool) -> Option<Line> {
        let line = self.waiting.pop_front_if(|_| is_wanted)?;
        self.place.after = Some(line.key.clone());
        self.settle();
        Some(line)
    }

    /// Where nothing waits, all that is read is compared.
    fn settle(&mut self) {
        if self.waiting.is_empty() {
            self.place = self.read.clone();
        }
    }
}

impl Line {
    fn checksum(&self) -> Checksum {
        let mut hash = Sha256::new();
        hash.update(&self.key);
        hash.update([0]);
        hash.update(&self.text);
        let hash = hash.finalize();
        let bytes = hash.iter().take(8);
        Checksum(bytes.fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn side(self) -> Option<Side> {
        Some(Side {
            watermark: Some(self.row.watermark).filter(|watermark| *watermark > 0),
            state: self.row.state?,
        })
    }
}

impl Comparison {
    /// Whether both hold the same.
    pub fn is_equal(&self) -> bool {
        self.only_a == 0 && self.only_b == 0 && self.different == 0
    }

    /// Counts a row as it is in each, and gives it back where it differs.
    fn note(&mut self, a: Option<Line>, b: Option<Line>) -> Option<Weighed> {
        for (held, line) in [(&mut self.a, &a), (&mut self.b, &b)] {
            if let Some(line) = line {
                *held += Held {
                    rows: 1,
                    checksum: line.checksum(),
                };
            }
        }
        match (&a, &b) {
            (Some(a), Some(b)) if a.text == b.text => return None,
            (Some(_), Some(_)) => self.different += 1,
            (Some(_), None) => self.only_a += 1,
            (None, Some(_)) => self.only_b += 1,
            (None, None) => return None,
        }
        let lines = [&a, &b].into_iter().flatten();
        // With room for the names around each.
        let weight = lines.map(|line| weight(&line.key) + weight(&line.text) + 200);
        let weight = weight.sum();
        let key = a.as_ref().or(b.as_ref())?.key.clone();
        let (a, b) = (a.and_then(Line::side), b.and_then(Line::side));
        let shown = Differing { key, a, b };
        Some(Weighed { shown, weight })
    }
}

impl AddAssign for Comparison {
    /// Adds what another part has found.
    fn add_assign(&mut self, other: Self) {
        self.a += other.a;
        self.b += other.b;
        self.only_a += other.only_a;
        self.only_b += other.only_b;
        self.different += other.different;
        self.sample.extend(other.sample);
    }
}

impl AddAssign for Held {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.checksum.0 ^= other.checksum.0;
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for Checksum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_cursor_is_of_two_generations_or_refused() {
        let target = |generation| Target {
            projection: "products".into(),
            generation,
        };
        let (a, b) = (target(1), target(2));
        let is_of = |partition: u64, after_a: Value, after_b: Value| {
            let place = |after| json!({"after": after, "is_last": false});
            let cursor = json!({
                "partition": partition, "a": place(after_a), "b": place(after_b),
            });
            let cursor: Cursor = serde_json::from_value(cursor).unwrap();
            cursor.is_of([&a, &b])
        };
        let key = Key::row(&a, "x");
        let mut partitions = data_store::row_partitions(&a);
        let of = partitions.position(|pk| pk == key.pk).unwrap() as u64;
        assert!(Cursor::default().is_of([&a, &b]));
        assert!(is_of(of, json!("x"), json!("x/1")));
        // What DynamoDB would refuse for good, and what would end a comparison
        // before it began.
        assert!(!is_of(8, json!(null), json!(null)));
        assert!(!is_of(u64::MAX, json!(null), json!(null)));
        assert!(!is_of(of + 1, json!("x"), json!(null)));
        assert!(!is_of(of, json!("x"), json!("")));
        assert!(!is_of(of, json!("x".repeat(1025)), json!(null)));
    }
}
