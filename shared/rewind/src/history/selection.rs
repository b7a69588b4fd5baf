//! Selections: which events of history a playback or an export is about.

mod times;

use crate::{
    Problem, RecordedEvent, StreamName,
    cloudevents::{MAX_ATTRIBUTE, moment},
    reversal::Reversal,
    stream::MAX_STREAM_NAME,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
pub use times::{Times, micros, rfc3339};

/// Which events are selected. An event is selected when every member that is
/// given takes it. Without members, all events are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Selection {
    /// Only streams of these categories.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Only these streams.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<StreamName>,
    /// Only these versions of each stream: `{"to": 100}` are the first hundred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<Versions>,
    /// Only events of these types, as they were recorded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// Only what was recorded in this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Times>,
    /// Only what happened in this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred: Option<Times>,
    /// Only events of this correlation id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
    /// Of all that, only so many events, the first ones in recorded order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// What `count` came to, once a playback has counted: the last event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Last>,
}

/// A range of versions, both ends included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Versions {
    /// The first one; 1 where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// The last one; the stream's last where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
}

/// An event's place in the recorded order across streams. Two streams may have
/// events at one position; their names tell which comes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Last {
    /// Its position.
    pub position: u64,
    /// Its stream. There is none where nothing was counted: all events of all
    /// streams come later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamName>,
}

/// Some events of a stream that follow each other, without their content: what
/// the index of the events table knows.
#[derive(Debug, Clone, Copy)]
pub struct Span<'a> {
    /// The stream.
    pub stream: &'a StreamName,
    /// The version of the first event.
    pub version: u64,
    /// How many there are.
    pub length: u64,
    /// The position of the first event.
    pub position: u64,
}

impl Selection {
    /// Checks that it can select anything. `now` is in microseconds since 1970.
    ///
    /// # Errors
    ///
    /// A problem that names the field below `prefix` and says what was
    /// expected.
    pub fn check(&self, prefix: &str, now: u64) -> Result<(), Problem> {
        let field = |name: &str| format!("{prefix}.{name}");
        for (nth, category) in self.categories.iter().enumerate() {
            if let Some(why) = bad_category(category) {
                let field = field(&format!("categories[{nth}]"));
                return Err(Problem::invalid(&field, format!("the category {why}")));
            }
        }
        for (nth, event_type) in self.types.iter().enumerate() {
            if let Some(why) = bad_attribute(event_type) {
                return Err(Problem::invalid(&field(&format!("types[{nth}]")), why));
            }
        }
        if let Some(why) = self.correlation.as_deref().and_then(bad_attribute) {
            return Err(Problem::invalid(&field("correlation"), why));
        }
        if let Some(Versions { from, to }) = self.versions {
            let (from, to) = (from.unwrap_or(1), to.unwrap_or(u64::MAX));
            if from == 0 || to == 0 {
                let why = "versions begin with 1";
                return Err(Problem::invalid(&field("versions"), why));
            }
            if from > to {
                let why = format!("the range is empty: {from} lies behind {to}");
                return Err(Problem::invalid(&field("versions"), why));
            }
        }
        for (name, times) in [("recorded", self.recorded), ("occurred", self.occurred)] {
            let Some(Times { from, to }) = times else {
                continue;
            };
            if let (Some(from), Some(to)) = (from, to)
                && from >= to
            {
                let why = format!("the range is empty: {from} is not before {to}");
                return Err(Problem::invalid(&field(name), why));
            }
            if from.is_some_and(|from| micros(from) > now) {
                let why = "it begins in the future: nothing can be there yet";
                return Err(Problem::invalid(&field(&format!("{name}.from")), why));
            }
        }
        if let Some(to) = self.recorded.and_then(|recorded| recorded.to)
            && micros(to) > now
        {
            let why = "it ends in the future: leave it out to mean all until now";
            return Err(Problem::invalid(&field("recorded.to"), why));
        }
        if self.count == Some(0) {
            let why = "the range is empty: expected at least 1";
            return Err(Problem::invalid(&field("count"), why));
        }
        if let Some(stranger) = self.streams.iter().find(|stream| {
            let mut categories = self.categories.iter();
            !self.categories.is_empty() && !categories.any(|known| known == stream.category())
        }) {
            let why = format!("{stranger} is of none of the categories: nothing is both");
            return Err(Problem::invalid(&field("streams"), why));
        }
        Ok(())
    }

    /// Whether it is all of the streams that it is about: what is folded of it
    /// is then what a live system has.
    pub fn is_whole_streams(&self) -> bool {
        let Self {
            categories: _,
            streams: _,
            versions,
            types,
            recorded,
            occurred,
            correlation,
            count,
            last,
        } = self;
        versions.is_none()
            && types.is_empty()
            && recorded.is_none()
            && occurred.is_none()
            && correlation.is_none()
            && count.is_none()
            && last.is_none()
    }

    /// Whether it is all of history.
    pub fn is_everything(&self) -> bool {
        self.is_whole_streams() && self.categories.is_empty() && self.streams.is_empty()
    }

    /// Whether it takes an event. Reversals are taken whatever is said of types,
    /// of when events happened and of correlations: what they take back may be
    /// taken.
    pub fn takes(&self, event: &RecordedEvent) -> bool {
        let span = Span {
            stream: event.stream(),
            version: event.version,
            length: 1,
            position: event.position,
        };
        self.may_take(&span) && (Reversal::is_one(event) || self.names(event))
    }

    /// Whether all that is said of types, of when events happened and of
    /// correlations holds of the event itself, be it a reversal or not.
    pub fn names(&self, event: &RecordedEvent) -> bool {
        let occurred = |times: &Times| {
            let time = moment(&event.event.time);
            time.is_some_and(|time| times.hold(micros(time)))
        };
        (self.types.is_empty()
            || self
                .types
                .iter()
                .any(|event_type| event_type == event.event_type()))
            && self.occurred.as_ref().is_none_or(occurred)
            && self.correlation.as_deref().is_none_or(|wanted| {
                // An event without one began its correlation itself.
                let own = event.event.extension("correlationid");
                own.unwrap_or(&event.event.id) == wanted
            })
    }

    /// Whether it may take any of these events, as far as the index knows.
    pub fn may_take(&self, span: &Span<'_>) -> bool {
        let (first, last) = (span.version, span.version + span.length - 1);
        let (begin, end) = (span.position, span.position + span.length - 1);
        let versions = self.versions.unwrap_or_default();
        let recorded = self.recorded.unwrap_or_default();
        let is_named = self.streams.is_empty() || self.streams.contains(span.stream);
        let category = span.stream.category();
        is_named
            && (self.categories.is_empty() || self.categories.iter().any(|name| name == category))
            && versions.from.is_none_or(|from| last >= from)
            && versions.to.is_none_or(|to| first <= to)
            && recorded.from.is_none_or(|from| end >= micros(from))
            && recorded.to.is_none_or(|to| begin < micros(to))
            && self.last.as_ref().is_none_or(|last| {
                (begin, Some(span.stream)) <= (last.position, last.stream.as_ref())
            })
    }

    /// The first position that it can take.
    pub fn first_position(&self) -> u64 {
        let from = self.recorded.and_then(|recorded| recorded.from);
        from.map_or(0, micros)
    }
}

/// What is wrong with the name of a category, if anything is: it would be that
/// of no stream.
fn bad_category(name: &str) -> Option<String> {
    // A stream's name has a dash and an id as well.
    const MOST: usize = MAX_STREAM_NAME - 2;
    if !(1..=MOST).contains(&name.len()) {
        return Some(format!("has {} bytes; expected 1 to {MOST}", name.len()));
    }
    match StreamName::new(format!("{name}-1")) {
        Ok(stream) if stream.category() == name => None,
        Ok(_) => Some("has a -, which ends the category in a stream's name".into()),
        Err(bad) => Some(bad.to_string()),
    }
}

/// What is wrong with a text that an attribute of an event is to equal, if
/// anything is: no event's is like it.
fn bad_attribute(text: &str) -> Option<String> {
    let is_one = (1..=MAX_ATTRIBUTE).contains(&text.len());
    (!is_one).then(|| format!("expected 1 to {MAX_ATTRIBUTE} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::event;
    use serde_json::{Value, json};

    fn selection(text: Value) -> Selection {
        serde_json::from_value(text).unwrap()
    }

    fn vote(version: u64) -> RecordedEvent {
        event("poll-1", "vote-cast", &json!({}), version)
    }

    #[test]
    fn all_that_is_said_has_to_hold() {
        let some = json!({"categories": ["poll"], "types": ["vote-cast"], "versions": {"from": 2, "to": 3}});
        let some = selection(some);
        let taken: Vec<u64> = (1..=5)
            .filter(|version| some.takes(&vote(*version)))
            .collect();
        assert_eq!(taken, [2, 3]);
        assert!(!some.takes(&event("poll-1", "voting-stopped", &json!({}), 2)));
        assert!(!some.takes(&event("cart-1", "vote-cast", &json!({}), 2)));
    }

    #[test]
    fn times_begin_inclusive_and_end_exclusive() {
        // Test events happened at 09:00.
        let at = |from: &str, to: &str| selection(json!({"occurred": {"from": from, "to": to}}));
        let (nine, ten) = ("2023-04-19T09:00:00Z", "2023-04-19T10:00:00Z");
        assert!(at(nine, ten).takes(&vote(1)));
        assert!(!at("2023-04-19T08:00:00Z", nine).takes(&vote(1)));
    }

    #[test]
    fn an_empty_selection_is_refused_with_the_field() {
        let now = 1_700_000_000_000_000;
        for (text, field) in [
            (json!({"versions": {"from": 3, "to": 2}}), "what.versions"),
            (json!({"versions": {"from": 0}}), "what.versions"),
            (
                json!({"recorded": {"from": "2030-01-01T00:00:00Z"}}),
                "what.recorded.from",
            ),
            (
                json!({"recorded": {"to": "2030-01-01T00:00:00Z"}}),
                "what.recorded.to",
            ),
            (
                json!({"occurred": {"from": "2020-01-02T00:00:00Z", "to": "2020-01-01T00:00:00Z"}}),
                "what.occurred",
            ),
            (json!({"count": 0}), "what.count"),
            (
                json!({"streams": ["cart-1"], "categories": ["poll"]}),
                "what.streams",
            ),
            // No stream and no event is like these, and the longest of them
            // would be no key of an index either.
            (json!({"categories": ["poll", ""]}), "what.categories[1]"),
            (json!({"categories": ["po-ll"]}), "what.categories[0]"),
            (json!({"categories": ["po/ll"]}), "what.categories[0]"),
            (
                json!({"categories": ["x".repeat(3000)]}),
                "what.categories[0]",
            ),
            (json!({"types": ["t", ""]}), "what.types[1]"),
            (json!({"types": ["x".repeat(1025)]}), "what.types[0]"),
            (json!({"correlation": ""}), "what.correlation"),
            (json!({"correlation": "x".repeat(1025)}), "what.correlation"),
        ] {
            let problem = selection(text.clone()).check("what", now).unwrap_err();
            assert_eq!(problem.field.as_deref(), Some(field), "{text}");
        }
        assert_eq!(
            selection(json!({"versions": {"to": 100}})).check("what", now),
            Ok(())
        );
    }

    #[test]
    fn a_span_is_passed_over_only_where_none_of_it_is_taken() {
        let stream = StreamName::new("poll-1").unwrap();
        let span = Span {
            stream: &stream,
            version: 10,
            length: 5,
            position: 100,
        };
        assert!(selection(json!({"versions": {"from": 14}})).may_take(&span));
        assert!(!selection(json!({"versions": {"from": 15}})).may_take(&span));
        assert!(!selection(json!({"versions": {"to": 9}})).may_take(&span));
        let last = json!({"last": {"position": 100, "stream": "poll-0"}});
        assert!(
            !selection(last).may_take(&span),
            "poll-0 comes before poll-1"
        );
    }
}
