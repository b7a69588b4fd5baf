//! Renumbering: the version that each event gets in a new stream, and the
//! references to versions, which change with it.
//!
//! A part of history may lack events. The events behind a gap then get lower
//! versions. Two things refer to a version: a reversal names the version that
//! it takes back, and the id of an event that Rewind itself recorded (a
//! reversal, or an event that a reaction emitted) contains the version of its
//! cause, so that it is recorded once. Both are rewritten.

use super::line::{Bad, Line};
use rewind::{
    CloudEvent, RecordedEvent, StreamName,
    event::raw,
    reserved::is_reserved,
    reversal::{self, Reversal},
};
use serde_json::json;
use std::collections::HashMap;

/// The extension attribute that names the cause of an event, such as
/// `cart-456@7`.
const CAUSATION: &str = "causationid";

/// The new versions of the events of all lines so far.
#[derive(Debug, Default)]
pub struct NewVersions {
    streams: HashMap<StreamName, OfStream>,
}

/// The versions of one stream's lines. Its size grows with the number of
/// ranges without a gap, which is mostly one.
#[derive(Debug, Default)]
struct OfStream {
    /// The number of lines.
    count: u64,
    /// The old version of the last line.
    last: u64,
    /// The old and the new version of the first event of each range without a
    /// gap.
    ranges: Vec<(u64, u64)>,
}

/// An event as it is sent.
#[derive(Debug)]
pub struct Renumbered {
    pub event: CloudEvent,
    /// For a reversal: what it takes back.
    pub reversal: Option<Reversal>,
}

impl NewVersions {
    /// Renumbers the event of the next line.
    ///
    /// # Errors
    ///
    /// When it is out of order, or takes back an event that no line before it
    /// holds.
    pub fn renumber(&mut self, line: Line) -> Result<Renumbered, Bad> {
        let Line { event, version } = line;
        let of_stream = self.streams.entry(event.stream.clone()).or_default();
        let version = of_stream.add(version)?;
        let recorded = RecordedEvent {
            event,
            version,
            position: 0,
        };
        let reversal = Reversal::of(&recorded).map_err(|why| Bad::field("data", why.reason))?;
        let mut event = recorded.event;
        let reversal = match reversal {
            Some(reversal) => Some(self.rewritten(reversal, &mut event)?),
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
        Ok(Renumbered { event, reversal })
    }

    /// Rewrites a reversal and its event.
    fn rewritten(&self, reversal: Reversal, event: &mut CloudEvent) -> Result<Reversal, Bad> {
        let stream = &event.stream;
        let version = self.find(stream, reversal.version).ok_or_else(|| {
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
        if version == reversal.version && renamed.is_none() {
            return Ok(reversal);
        }
        let rewritten = Reversal {
            version,
            id: renamed.unwrap_or(reversal.id),
            ..reversal
        };
        event.data = raw(&json!(rewritten));
        Ok(rewritten)
    }

    /// Returns the new cause and the new id of an event that Rewind recorded:
    /// `cart-456@7` and `cart-456@7/0`. `None` where both stay as they are.
    fn renamed(&self, id: &str) -> Option<(String, String)> {
        let (cause, nth) = id.rsplit_once('/')?;
        let (stream, version) = cause.rsplit_once('@')?;
        let (stream, version) = (StreamName::new(stream).ok()?, version.parse().ok()?);
        let new = self.find(&stream, version)?;
        let cause = reversal::place(&stream, new);
        let id = format!("{cause}/{nth}");
        (new != version).then_some((cause, id))
    }

    fn find(&self, stream: &StreamName, version: u64) -> Option<u64> {
        self.streams.get(stream)?.find(version)
    }
}

impl OfStream {
    /// Adds the next line, and returns its old version. A line without one
    /// follows directly on the line before.
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
        if self.ranges.is_empty() || version > self.last + 1 {
            self.ranges.push((version, self.count));
        }
        self.last = version;
        Ok(version)
    }

    fn find(&self, version: u64) -> Option<u64> {
        let behind = self.ranges.partition_point(|(first, _)| *first <= version);
        let (first, new) = *self.ranges.get(behind.checked_sub(1)?)?;
        let new = new + (version - first);
        let end = self
            .ranges
            .get(behind)
            .map_or(self.count, |(_, next)| next - 1);
        (new <= end).then_some(new)
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
    fn events_behind_a_gap_get_lower_versions() {
        let mut versions = OfStream::default();
        for version in [3, 4, 5, 9, 10, 20] {
            assert_eq!(versions.add(Some(version)), Ok(version));
        }
        let found = [
            (2, None),
            (3, Some(1)),
            (5, Some(3)),
            (6, None),
            (9, Some(4)),
        ];
        let more = [(10, Some(5)), (19, None), (20, Some(6)), (21, None)];
        for (version, new) in found.into_iter().chain(more) {
            assert_eq!(versions.find(version), new, "{version}");
        }
        assert_eq!(versions.add(None), Ok(21));
        assert_eq!(versions.find(21), Some(7));
        let bad = versions.add(Some(21)).unwrap_err();
        assert_eq!(bad.field.as_deref(), Some("version"));
    }

    #[test]
    fn a_whole_stream_stays_as_it_is() {
        let mut versions = NewVersions::default();
        versions.renumber(line("a-1", 1, &json!({}))).unwrap();
        let was = reversal(2, 1, "/test", "1").event;
        let renumbered = versions.renumber(reversal(2, 1, "/test", "1")).unwrap();
        assert_eq!(renumbered.event, was);
        assert_eq!(renumbered.reversal.unwrap().version, 1);
    }

    #[test]
    fn a_reversal_names_the_new_version_of_its_event() {
        let mut versions = NewVersions::default();
        versions.renumber(line("a-1", 7, &json!({}))).unwrap();
        let renumbered = versions.renumber(reversal(9, 7, "/test", "7")).unwrap();
        let event = renumbered.event;
        assert_eq!(event.id, "a-1@1/0");
        assert_eq!(event.extension("causationid"), Some("a-1@1"));
        assert_eq!(event.data::<Value>().unwrap()["version"], 1);
        assert_eq!(renumbered.reversal.unwrap().id, "7");
        // Its reversal restores the event: both references are rewritten.
        let again = reversal(12, 9, "/rewind/reversal", "a-1@7/0");
        let again = versions.renumber(again).unwrap().reversal.unwrap();
        assert_eq!((again.version, &*again.id), (2, "a-1@1/0"));
        let bad = versions
            .renumber(reversal(13, 8, "/test", "8"))
            .unwrap_err();
        assert_eq!(bad.field.as_deref(), Some("data.version"));
        assert!(bad.detail.contains("a-1@8"), "{bad}");
    }

    #[test]
    fn the_id_of_an_emitted_event_contains_the_new_version_of_its_cause() {
        let mut versions = NewVersions::default();
        versions
            .renumber(line("input:shop-1", 4, &json!({})))
            .unwrap();
        let emitted = json!({
            "id": "input:shop-1@4/0", "source": "/rewind/adapter/shop",
            "causationid": "input:shop-1@4",
        });
        let renumbered = versions.renumber(line("a-1", 3, &emitted)).unwrap().event;
        assert_eq!(renumbered.id, "input:shop-1@1/0");
        assert_eq!(renumbered.extension("causationid"), Some("input:shop-1@1"));
        // From outside, such an id is plain text.
        let foreign = json!({"id": "input:shop-1@4/0"});
        let renumbered = versions.renumber(line("a-1", 4, &foreign)).unwrap().event;
        assert_eq!(renumbered.id, "input:shop-1@4/0");
    }
}
