//! The watermark rule: what of a delivery is new to a row.
//!
//! At the watermark + 1: apply. At or below: skip. Above: the missing events
//! have to be read from the events table first. A reader that is stalled was told
//! before of events that it has not taken: once it goes on, it reads them too.

use crate::RecordedEvent;

/// What a delivery holds for a reader that stands at a watermark.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrival<'a> {
    /// Nothing new.
    Skip,
    /// The next events, without a gap, right behind the watermark.
    Apply(Vec<&'a RecordedEvent>),
    /// Some are missing before the first new one: read the stream from the
    /// watermark + 1 up to this version.
    Read {
        /// The highest version that the delivery names.
        through: u64,
    },
}

/// Applies the rule. `events` are of one stream, in any order, with repeats.
/// `head` is the last version of the stream where the reader is stalled: up to
/// there it may have been told of events, whose deliveries do not come again.
pub fn arrival<'a>(
    watermark: u64,
    head: Option<u64>,
    events: impl IntoIterator<Item = &'a RecordedEvent>,
) -> Arrival<'a> {
    let events = events.into_iter();
    let mut new: Vec<&RecordedEvent> = events.filter(|event| event.version > watermark).collect();
    new.sort_by_key(|event| event.version);
    new.dedup_by_key(|event| event.version);
    let last = new.last().map_or(0, |event| event.version);
    let through = last.max(head.unwrap_or_default());
    if through <= watermark {
        return Arrival::Skip;
    }
    // Without repeats, the run is dense exactly if its ends say so.
    if through == watermark + new.len() as u64 {
        Arrival::Apply(new)
    } else {
        Arrival::Read { through }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::event;
    use serde_json::Value;

    fn events(versions: &[u64]) -> Vec<RecordedEvent> {
        let event = |version: &u64| event("cart-1", "seen", &Value::Null, *version);
        versions.iter().map(event).collect()
    }

    fn versions(watermark: u64, delivered: &[u64]) -> Result<Vec<u64>, Option<u64>> {
        stalled(watermark, None, delivered)
    }

    fn stalled(
        watermark: u64,
        head: Option<u64>,
        delivered: &[u64],
    ) -> Result<Vec<u64>, Option<u64>> {
        match arrival(watermark, head, &events(delivered)) {
            Arrival::Skip => Err(None),
            Arrival::Apply(run) => Ok(run.iter().map(|event| event.version).collect()),
            Arrival::Read { through } => Err(Some(through)),
        }
    }

    #[test]
    fn what_follows_the_watermark_is_applied() {
        assert_eq!(versions(2, &[3, 4]), Ok(vec![3, 4]));
    }

    #[test]
    fn what_is_at_or_below_the_watermark_is_skipped() {
        assert_eq!(versions(4, &[3, 4]), Err(None));
        assert_eq!(versions(3, &[2, 3, 4]), Ok(vec![4]));
    }

    #[test]
    fn repeats_and_reorderings_make_no_difference() {
        assert_eq!(versions(0, &[3, 1, 2, 1, 3]), Ok(vec![1, 2, 3]));
    }

    #[test]
    fn a_gap_asks_for_the_table() {
        assert_eq!(versions(1, &[3]), Err(Some(3)));
        assert_eq!(versions(0, &[1, 2, 4, 4]), Err(Some(4)));
    }

    #[test]
    fn a_stalled_reader_reads_on_to_the_end_of_its_stream() {
        assert_eq!(stalled(0, Some(3), &[1]), Err(Some(3)));
        assert_eq!(stalled(0, Some(2), &[1, 2]), Ok(vec![1, 2]));
        assert_eq!(stalled(2, Some(4), &[1]), Err(Some(4)));
        assert_eq!(stalled(2, Some(2), &[1]), Err(None));
    }
}
