//! microservice's routes, what they take and what they answer.

use crate::aws::http::Route;
use rewind::{Problem, RecordedEvent, StreamName, command::Refusal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The routes that `template.yaml` has to lead to microservice.
pub const ROUTES: &[Route] = &[
    Route {
        key: "POST /commands/{category}/{id}",
        takes: &[],
        about: "type",
    },
    Route {
        key: "GET /commands/{id}",
        takes: &[],
        about: "id",
    },
    Route {
        key: "GET /aggregates/{category}/{id}",
        takes: &["type", "data"],
        about: "id",
    },
    Route {
        key: "POST /gateways/{name}/retry",
        takes: &[],
        about: "name",
    },
];

/// What `POST /commands/{category}/{id}` takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Command")]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// The command's type, such as `add-product`.
    #[serde(rename = "type")]
    pub command_type: String,
    /// Its data.
    #[serde(default = "no_data")]
    pub data: Value,
    /// Its key, if `Idempotency-Key` does not say it: one outcome, for ever.
    pub id: Option<String>,
}

fn no_data() -> Value {
    Value::Object(Map::new())
}

/// What `POST /gateways/{name}/retry` takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "RetryRequest")]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// The key of the calls, as the gateway gives it.
    pub key: String,
    /// One call, by its idempotency key; all of them, where nothing is said.
    pub call: Option<String>,
}

/// Which calls are tried again.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Retried<'a> {
    /// The gateway.
    pub gateway: &'a str,
    /// The idempotency keys of the calls.
    pub retried: Vec<String>,
}

/// A command that is accepted.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Applied<'a> {
    /// The command's id.
    pub id: &'a str,
    /// Always `applied`.
    #[schemars(extend("const" = "applied"))]
    pub outcome: &'static str,
    /// The stream of the aggregate, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<&'a StreamName>,
    /// The version of the stream behind the events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// What was recorded.
    pub events: &'a [RecordedEvent],
}

/// A command that nobody has decided about yet.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Pending<'a> {
    /// The command's id.
    pub id: &'a str,
    /// Always `pending`.
    #[schemars(extend("const" = "pending"))]
    pub outcome: &'static str,
}

/// The outcome of a command that was refused.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Rejected<'a> {
    /// The command's id.
    pub id: &'a str,
    /// Always `rejected`.
    #[schemars(extend("const" = "rejected"))]
    pub outcome: &'static str,
    /// Why.
    pub rejection: &'a Refusal,
}

/// What the problem of a refused command has beside a problem's members.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RejectedMembers<'a> {
    /// The command's id.
    pub id: &'a str,
    /// Always `rejected`.
    #[schemars(extend("const" = "rejected"))]
    pub outcome: &'static str,
    /// The aggregate's rejection.
    pub rejection: Named<'a>,
}

/// A rejection by its name; the problem's detail says it in words.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "NamedRejection")]
pub struct Named<'a> {
    /// Its name, such as `same-plan`.
    pub name: &'a str,
    /// Its fields.
    pub data: &'a Value,
}

/// The problem of a refused command.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "a shape; `http::problem_with` makes the answer")]
pub struct RejectedProblem {
    #[serde(flatten)]
    problem: Problem,
    #[serde(flatten)]
    members: RejectedMembers<'static>,
}

/// What the problem of a version that is not there has beside a problem's
/// members.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MismatchMembers<'a> {
    /// The stream.
    pub stream: &'a StreamName,
    /// The version that `If-Match` expects.
    pub expected: u64,
    /// The version that it has.
    pub actual: u64,
}

/// The problem of a version that is not there.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "a shape; `http::problem_with` makes the answer")]
pub struct MismatchProblem {
    #[serde(flatten)]
    problem: Problem,
    #[serde(flatten)]
    members: MismatchMembers<'static>,
}

/// An aggregate as it stands.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Aggregate<'a> {
    /// Its stream.
    pub stream: &'a StreamName,
    /// The stream's version; 0 without events.
    pub version: u64,
    /// Its state.
    pub state: Value,
    /// Which commands it would take now.
    pub commands: Vec<Taken>,
}

/// Whether an aggregate would take a command now.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CommandTaken")]
pub struct Taken {
    /// The command's type.
    #[serde(rename = "type")]
    pub command_type: String,
    /// Whether it is taken; `null` where it depends on the command's data.
    pub takes: Option<bool>,
    /// The types of the events that would follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// Why it would be refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection: Option<Refusal>,
    /// Why nothing could be decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fails: Option<String>,
}
