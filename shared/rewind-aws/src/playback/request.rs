//! What an operator asks for: what is played back, where to, and how.

use rewind::{Problem, Selection, Target};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most streams that a playback can name: each has an item that keeps its
/// progress.
pub const MAX_STREAMS: usize = 100;

/// The most categories that a playback can name: each has an item for each of
/// its partitions.
pub const MAX_CATEGORIES: usize = 50;

/// The most destinations of a playback: each stands in every record that it
/// sends.
pub const MAX_DESTINATIONS: usize = 100;

/// The most bytes of JSON that `what` may take: it stands in the playback's
/// record, in that of the generation that it builds, and in every record that
/// it sends.
pub const MAX_WHAT: usize = 32 * 1024;

/// The longest name of a subscriber, in bytes.
pub const MAX_SUBSCRIBER: usize = 128;

/// The most events that a playback can count off: it counts them before it
/// sends the first, within one invocation.
pub const MAX_COUNT: u64 = 1_000_000;

/// A playback to be made: the same by hand, over HTTP and on the command line.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PlaybackRequest")]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Which events; all, where nothing is said.
    #[serde(default, skip_serializing_if = "Selection::is_everything")]
    pub what: Selection,
    /// Whom they are for.
    pub to: Vec<Destination>,
    /// Who lets readers see what is rebuilt.
    #[serde(default)]
    pub activate: Activation,
    /// Whether the rows of what is rebuilt are compared with those that served,
    /// and each difference is told as a change, where the projection has a feed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub changes: bool,
    /// How many events a second at most; as many as Kinesis takes, where
    /// nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    /// Whether nothing is sent, only counted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub dry_run: bool,
}

/// Who lets readers see what a playback has built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// The playback, as soon as it has caught up.
    #[default]
    WhenCaughtUp,
    /// The operator, who may look at it first. Live events keep it up to date.
    ByHand,
}

/// Whom a playback is for: one of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// A projection: rebuilt into a new generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projection: Option<String>,
    /// With `projection`: into this generation instead, which is there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// A subscriber to the replay stream outside of Rewind, by a name that it
    /// knows itself by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscriber: Option<String>,
    /// The adapters, rules and processes, as `{}`, or with a policy for each
    /// gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microservice: Option<ToMicroservice>,
}

/// What a playback to microservice wants of the gateways.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToMicroservice {
    /// By the gateway's name. One that is not named is silent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gateways: BTreeMap<String, Policy>,
}

/// What a playback does about a gateway's calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Nothing: a replay leaves the outside alone.
    #[default]
    Silence,
    /// It compares what the code of today would ask for with what was sent, and
    /// lists what would correct it.
    Difference,
    /// As well as calls that were never made.
    DifferenceAndNew,
}

impl Destination {
    /// A projection, to be rebuilt.
    pub fn projection(name: impl Into<String>) -> Self {
        Self {
            projection: Some(name.into()),
            ..Self::default()
        }
    }
}

impl Request {
    /// A rebuild of a projection.
    pub fn rebuild(projection: impl Into<String>) -> Self {
        Self {
            to: vec![Destination::projection(projection)],
            ..Self::default()
        }
    }

    /// The gateways that it compares, with their policies; `None` where it
    /// compares nothing, and sends.
    pub fn policies(&self) -> Option<&BTreeMap<String, Policy>> {
        let to = self.to.iter().filter_map(|to| to.microservice.as_ref());
        let mut to = to.map(|to| &to.gateways);
        to.find(|gateways| gateways.values().any(|policy| *policy != Policy::Silence))
    }

    /// Whether anybody outside of Rewind receives it.
    pub(super) fn is_for_subscribers(&self) -> bool {
        self.to.iter().any(|to| to.subscriber.is_some())
    }

    /// Whether it names this generation, so that it was there before.
    pub(super) fn is_aimed_at(&self, target: &Target) -> bool {
        self.to.iter().any(|to| {
            to.projection.as_ref() == Some(&target.projection)
                && to.generation == Some(target.generation)
        })
    }

    /// Checks what needs no look at the tables. `now` is in microseconds since
    /// 1970.
    ///
    /// # Errors
    ///
    /// A problem that names the member.
    pub(super) fn check(&self, now: u64) -> Result<(), Problem> {
        self.check_what(now)?;
        if self.to.is_empty() {
            let why = "expected at least one of {\"projection\": name}, {\"subscriber\": name}, {\"microservice\": {}}";
            return Err(Problem::invalid("to", why));
        }
        at_most(MAX_DESTINATIONS, self.to.len(), "to", "destinations")?;
        if self.changes && self.activate == Activation::ByHand {
            let why = "goes with the activation, which is by hand: say it there";
            return Err(Problem::invalid("changes", why));
        }
        if self.rate == Some(0) {
            let why = "expected at least 1 event a second";
            return Err(Problem::invalid("rate", why));
        }
        for (nth, to) in self.to.iter().enumerate() {
            let field = format!("to[{nth}]");
            to.check(&field)?;
            if to.microservice.is_some() && !self.what.is_whole_streams() {
                let why = "adapters and rules react to whole streams: narrow it by categories or streams only";
                return Err(Problem::invalid("what", why));
            }
            if to.microservice.is_some() && self.policies().is_some() {
                self.check_comparison(&field)?;
            }
            if self.to[..nth].contains(to) {
                return Err(Problem::invalid(&field, "it is named twice"));
            }
        }
        Ok(())
    }

    /// A comparison sends nothing, so it goes nowhere else.
    fn check_comparison(&self, field: &str) -> Result<(), Problem> {
        if self.to.len() > 1 {
            let why = "a comparison of gateways has no other destination";
            return Err(Problem::invalid("to", why));
        }
        if !self.dry_run {
            let why = "a comparison is a dry run: it lists what would be sent, and POST /playbacks/{id}/approve sends that list and nothing else";
            return Err(
                Problem::invalid(&format!("{field}.microservice.gateways"), why).of("dry_run"),
            );
        }
        Ok(())
    }

    fn check_what(&self, now: u64) -> Result<(), Problem> {
        let what = &self.what;
        // What is compared with each other below is few.
        at_most(MAX_STREAMS, what.streams.len(), "what.streams", "streams")?;
        at_most(
            MAX_CATEGORIES,
            what.categories.len(),
            "what.categories",
            "categories",
        )?;
        what.check("what", now)?;
        if what.count.is_some_and(|count| count > MAX_COUNT) {
            let why = format!("at most {MAX_COUNT} events can be counted off");
            return Err(Problem::invalid("what.count", why));
        }
        if what.last.is_some() {
            let why = "`count` says how many; the playback finds the last one itself";
            return Err(Problem::invalid("what.last", why));
        }
        let bytes = serde_json::to_string(what).map_or(0, |text| text.len());
        if bytes > MAX_WHAT {
            let why = format!("at most {MAX_WHAT} bytes of JSON fit, not {bytes}");
            return Err(Problem::invalid("what", why));
        }
        Ok(())
    }
}

impl Destination {
    fn check(&self, field: &str) -> Result<(), Problem> {
        let Self {
            projection,
            generation,
            subscriber,
            microservice,
        } = self;
        let said = [
            projection.is_some(),
            subscriber.is_some(),
            microservice.is_some(),
        ];
        if said.iter().filter(|is_said| **is_said).count() != 1 {
            let why = "expected one of `projection`, `subscriber` and `microservice`";
            return Err(Problem::invalid(field, why));
        }
        if generation.is_some() && projection.is_none() {
            let field = format!("{field}.generation");
            return Err(Problem::invalid(&field, "only a `projection` has any"));
        }
        let is_name = |name: &String| {
            (1..=MAX_SUBSCRIBER).contains(&name.len()) && !name.contains(char::is_control)
        };
        if !subscriber.as_ref().is_none_or(is_name) {
            let why = format!("expected 1 to {MAX_SUBSCRIBER} bytes without control characters");
            let field = format!("{field}.subscriber");
            return Err(Problem::invalid(&field, why));
        }
        Ok(())
    }
}

fn at_most(most: usize, count: usize, field: &str, things: &str) -> Result<(), Problem> {
    match count <= most {
        true => Ok(()),
        false => {
            let why = format!("at most {most} {things} can be named, not {count}");
            Err(Problem::invalid(field, why))
        }
    }
}

fn is_false(value: &bool) -> bool {
    !value
}
