//! Places: which version each line's event gets in a stream that is new, and
//! what names versions made to name those.
//!
//! A part of history may leave out events before others, which then move up. A
//! reversal names the version that it takes back; and what Rewind itself
//! recorded, reversals and what reactions drew, bears the version of its cause
//! in its id, so that it happens once. All of these move along.

use super::line::{Bad, Line};
use rewind::{
    CloudEvent, RecordedEvent, StreamName,
    event::raw,
    reserved::is_reserved,
    reversal::{self, Reversal},
};
use serde_json::json;
use std::collections::HashMap;

/// What an event has that came of another: the place of its cause.
const CAUSATION: &str = "causationid";

/// Where the events of all lines so far go.
#[derive(Debug, Default)]
pub struct Positions {
    streams: HashMap<StreamName, Moved>,
}

/// The versions of one stream's lines. It takes room for each run of versions
/// without a gap: mostly that is one.
#[derive(Debug, Default)]
struct Moved {
    /// How many lines there were.
    count: u64,
    /// The version that the last of them had.
    last: u64,
    /// Of the first event of each run: the version that it had, and the one
    /// that it gets.
    runs: Vec<(u64, u64)>,
}

/// An event as it is sent.
#[derive(Debug)]
pub struct Placed {
    pub event: CloudEvent,
    /// What it takes back, where it is a reversal.
    pub reversal: Option<Reversal>,
}

impl Positions {
    /// Gives the event of the next line its place.
    pub fn place(&mut self, line: Line) -> Result<Placed, Bad> {
        let Line { event, version } = line;
        let moved = self.streams.entry(event.stream.clone()).or_default();
        let version = moved.add(version)?;
        let recorded = RecordedEvent {
            event,
            version,
            position: 0,
        };
        let reversal = Reversal::of(&recorded).map_err(|why| Bad::field("data", why.reason))?;
        let mut event = recorded.event;
        let reversal = match reversal {
            Some(reversal) => Some(self.moved(reversal, &mut event)?),
            None => None,
        };
        if is_reserved(&event.source)
            && let Some((cause, id)) = self.renamed(&event.id)
        {
            let was = event.id.rsplit_once('/').map(|(cause, _)| cause);
            if event.extension(CAUSATION) == was {
                event.extensions.insert(CAUSATION.into(), cause.into());
            }
            event.id = id;
        }
        Ok(Placed { event, reversal })
    }

    /// A reversal, and its event made to say the same.
    fn moved(&self, reversal: Reversal, event: &mut CloudEvent) -> Result<Reversal, Bad> {
        let stream = &event.stream;
        let place = self.find(stream, reversal.version).ok_or_else(|| {
            let named = reversal::place(stream, reversal.version);
            let why = format!(
                "names {named}, which is not among the lines before it: import that event as well, or leave its reversal out"
            );
            Bad::field("data.version", why)
        })?;
        let renamed = match is_reserved(&reversal.source) {
            true => self.renamed(&reversal.id).map(|(_, id)| id),
            false => None,
        };
        if place == reversal.version && renamed.is_none() {
            return Ok(reversal);
        }
        let moved = Reversal {
            version: place,
            id: renamed.unwrap_or(reversal.id),
            ..reversal
        };
        event.data = raw(&json!(moved));
        Ok(moved)
    }

    /// The cause and the id of what came of an event that has moved:
    /// `cart-456@7` and `cart-456@7/0`. `None` where nothing has moved.
    fn renamed(&self, id: &str) -> Option<(String, String)> {
        let (cause, nth) = id.rsplit_once('/')?;
        let (stream, version) = cause.rsplit_once('@')?;
        let (stream, version) = (StreamName::new(stream).ok()?, version.parse().ok()?);
        let place = self.find(&stream, version)?;
        let cause = reversal::place(&stream, place);
        let id = format!("{cause}/{nth}");
        (place != version).then_some((cause, id))
    }

    fn find(&self, stream: &StreamName, version: u64) -> Option<u64> {
        self.streams.get(stream)?.find(version)
    }
}

impl Moved {
    /// Takes the next line, and says which version it had; without a word, the
    /// one behind the line before.
    fn add(&mut self, version: Option<u64>) -> Result<u64, Bad> {
        let version = version.unwrap_or(self.last + 1);
        if version <= self.last {
            let last = self.last;
            let why = format!(
                "is {version}, behind {last} on an earlier line: expected the events of a stream in their order"
            );
            return Err(Bad::field("version", why));
        }
        self.count += 1;
        if self.runs.is_empty() || version > self.last + 1 {
            self.runs.push((version, self.count));
        }
        self.last = version;
        Ok(version)
    }

    fn find(&self, version: u64) -> Option<u64> {
        let behind = self.runs.partition_point(|(first, _)| *first <= version);
        let (first, place) = *self.runs.get(behind.checked_sub(1)?)?;
        let place = place + (version - first);
        let end = self
            .runs
            .get(behind)
            .map_or(self.count, |(_, next)| next - 1);
        (place <= end).then_some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn line(stream: &str, version: u64, fields: &Value) -> Line {
        let mut event = json!({
            "id": version.to_string(), "source": "/test", "type": "t", "subject": stream,
            "time": "2023-04-19T09:00:00Z", "version": version, "position": 1,
        });
        let fields = fields.as_object().unwrap().clone();
        event.as_object_mut().unwrap().extend(fields);
        Line::read(event.to_string().as_bytes()).unwrap()
    }

    fn reversal(version: u64, of: u64, source: &str, id: &str) -> Line {
        let cause = format!("a-1@{of}");
        let fields = json!({
            "id": format!("{cause}/0"), "source": "/rewind/reversal", "type": "reversed",
            "causationid": cause,
            "data": {"version": of, "source": source, "id": id, "reason": "r", "by": "me"},
        });
        line("a-1", version, &fields)
    }

    #[test]
    fn events_move_up_to_where_others_were_left_out() {
        let mut moved = Moved::default();
        for version in [3, 4, 5, 9, 10, 20] {
            assert_eq!(moved.add(Some(version)), Ok(version));
        }
        let places = [
            (2, None),
            (3, Some(1)),
            (5, Some(3)),
            (6, None),
            (9, Some(4)),
        ];
        let more = [(10, Some(5)), (19, None), (20, Some(6)), (21, None)];
        for (version, place) in places.into_iter().chain(more) {
            assert_eq!(moved.find(version), place, "{version}");
        }
        assert_eq!(moved.add(None), Ok(21));
        assert_eq!(moved.find(21), Some(7));
        let bad = moved.add(Some(21)).unwrap_err();
        assert_eq!(bad.field.as_deref(), Some("version"));
    }

    #[test]
    fn a_whole_stream_stays_as_it_is() {
        let mut places = Positions::default();
        places.place(line("a-1", 1, &json!({}))).unwrap();
        let was = reversal(2, 1, "/test", "1").event;
        let placed = places.place(reversal(2, 1, "/test", "1")).unwrap();
        assert_eq!(placed.event, was);
        assert_eq!(placed.reversal.unwrap().version, 1);
    }

    #[test]
    fn a_reversal_names_the_place_that_its_event_gets() {
        let mut places = Positions::default();
        places.place(line("a-1", 7, &json!({}))).unwrap();
        let placed = places.place(reversal(9, 7, "/test", "7")).unwrap();
        let event = placed.event;
        assert_eq!(event.id, "a-1@1/0");
        assert_eq!(event.extension("causationid"), Some("a-1@1"));
        assert_eq!(event.data::<Value>().unwrap()["version"], 1);
        assert_eq!(placed.reversal.unwrap().id, "7");
        // Its reversal restores: both names move along.
        let again = reversal(12, 9, "/rewind/reversal", "a-1@7/0");
        let again = places.place(again).unwrap().reversal.unwrap();
        assert_eq!((again.version, &*again.id), (2, "a-1@1/0"));
        let bad = places.place(reversal(13, 8, "/test", "8")).unwrap_err();
        assert_eq!(bad.field.as_deref(), Some("data.version"));
        assert!(bad.detail.contains("a-1@8"), "{bad}");
    }

    #[test]
    fn what_a_reaction_drew_bears_the_place_that_its_cause_gets() {
        let mut places = Positions::default();
        places.place(line("input:shop-1", 4, &json!({}))).unwrap();
        let drawn = json!({
            "id": "input:shop-1@4/0", "source": "/rewind/adapter/shop",
            "causationid": "input:shop-1@4",
        });
        let placed = places.place(line("a-1", 3, &drawn)).unwrap().event;
        assert_eq!(placed.id, "input:shop-1@1/0");
        assert_eq!(placed.extension("causationid"), Some("input:shop-1@1"));
        // From outside, it is only a text.
        let foreign = json!({"id": "input:shop-1@4/0"});
        let placed = places.place(line("a-1", 4, &foreign)).unwrap().event;
        assert_eq!(placed.id, "input:shop-1@4/0");
    }
}
