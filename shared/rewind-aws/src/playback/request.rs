//! What an operator asks for: what is played back, where to, and how.

use rewind::{Problem, Selection, Target, envelope::Nothing};
use serde::{Deserialize, Serialize};

/// The most streams that a playback can name: each keeps a place in its record.
pub const MAX_STREAMS: usize = 100;

/// The most events that a playback can count off: it counts them before it
/// sends the first, within one invocation.
pub const MAX_COUNT: u64 = 1_000_000;

/// A playback to be made: the same by hand, over HTTP and on the command line.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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
    /// How many events a second at most; as many as Kinesis takes, where
    /// nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    /// Whether nothing is sent, only counted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub dry_run: bool,
    /// The gateways to outside systems that may act on it; none by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<String>,
}

/// Who lets readers see what a playback has built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// The playback, as soon as it has caught up.
    #[default]
    WhenCaughtUp,
    /// The operator, who may look at it first. Live events keep it up to date.
    ByHand,
}

/// Whom a playback is for: one of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The adapters and rules, as `{}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microservice: Option<Nothing>,
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

    /// Whether it names this generation, so that it was there before.
    pub(super) fn is_aimed_at(&self, target: &Target) -> bool {
        self.to.iter().any(|to| {
            to.projection.as_ref() == Some(&target.projection)
                && to.generation == Some(target.generation)
        })
    }

    /// Checks what needs no look at the tables. `now` is in microseconds since
    /// 1970.
    pub(super) fn check(&self, now: u64) -> Result<(), Problem> {
        self.what.check("what", now)?;
        if self.what.streams.len() > MAX_STREAMS {
            let count = self.what.streams.len();
            let why = format!("at most {MAX_STREAMS} streams can be named, not {count}");
            return Err(Problem::invalid("what.streams", why));
        }
        if self.what.count.is_some_and(|count| count > MAX_COUNT) {
            let why = format!("at most {MAX_COUNT} events can be counted off");
            return Err(Problem::invalid("what.count", why));
        }
        if self.what.last.is_some() {
            let why = "`count` says how many; the playback finds the last one itself";
            return Err(Problem::invalid("what.last", why));
        }
        if self.to.is_empty() {
            let why = "expected at least one of {\"projection\": name}, {\"subscriber\": name}, {\"microservice\": {}}";
            return Err(Problem::invalid("to", why));
        }
        if self.rate == Some(0) {
            return Err(Problem::invalid(
                "rate",
                "expected at least 1 event a second",
            ));
        }
        if let Some(name) = self.gateways.first() {
            let why = format!("no gateway is named {name:?}: this service has none");
            return Err(Problem::invalid("gateways", why));
        }
        for (nth, to) in self.to.iter().enumerate() {
            let Destination {
                projection,
                generation,
                subscriber,
                microservice,
            } = to;
            let said = [
                projection.is_some(),
                subscriber.is_some(),
                microservice.is_some(),
            ];
            if said.iter().filter(|is_said| **is_said).count() != 1 {
                let why = "expected one of `projection`, `subscriber` and `microservice`";
                return Err(Problem::invalid(&format!("to[{nth}]"), why));
            }
            if microservice.is_some() && !self.what.is_whole_streams() {
                let why = "adapters and rules draw from whole streams: narrow it by categories or streams only";
                return Err(Problem::invalid("what", why));
            }
            if generation.is_some() && projection.is_none() {
                let field = format!("to[{nth}].generation");
                return Err(Problem::invalid(&field, "only a `projection` has any"));
            }
            if let Some(name) = subscriber
                && (name.is_empty() || name.len() > 128)
            {
                let field = format!("to[{nth}].subscriber");
                return Err(Problem::invalid(&field, "expected 1 to 128 bytes"));
            }
            if self.to[..nth].contains(to) {
                let why = "it is named twice";
                return Err(Problem::invalid(&format!("to[{nth}]"), why));
            }
        }
        Ok(())
    }
}

fn is_false(value: &bool) -> bool {
    !value
}
