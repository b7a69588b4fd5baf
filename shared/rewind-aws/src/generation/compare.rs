//! Comparing two generations of a projection, row by row.
//!
//! Both are read in the order of their keys, partition by partition, so that
//! memory holds a page of each whatever there is to compare. Rows that live
//! events change meanwhile are compared as they are found: a difference that a
//! second look does not show was one of time only.

use super::{comparison::Comparison, cursor::Cursor, generations::Generations, reader::Reader};
use crate::{
    Error,
    data_table::{data_store::DataStore, key},
};
use rewind::{Problem, Target};
use std::cmp::Ordering;

/// The most that a sample's rows may weigh, so that it fits an answer of
/// Lambda's (6 MB).
const MAX_SAMPLE_WEIGHT: usize = 4_500_000;

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
    let partitions = key::row_partitions(a).zip(key::row_partitions(b));
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
