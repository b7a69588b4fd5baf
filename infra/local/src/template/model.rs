//! The model: what a template declares, with every name resolved. Plain data.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Notification;

/// Everything in a template that the local system runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The Kinesis streams.
    pub streams: Vec<Stream>,
    /// The DynamoDB tables.
    pub tables: Vec<Table>,
    /// The Lambda functions.
    pub functions: Vec<Function>,
    /// The routes of the HTTP API.
    pub routes: Vec<Route>,
    /// The functions, by logical id, that have a URL of their own which streams answers.
    pub streaming: BTreeSet<String>,
    /// The event source mappings: which function reads which stream, and how.
    pub mappings: Vec<Mapping>,
    /// The schedules: which function is invoked periodically, and how often.
    pub schedules: Vec<Schedule>,
    /// The notifications: which function is invoked when objects in a bucket change.
    pub notifications: Vec<Notification>,
}

/// A Kinesis stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Its name in the template.
    pub logical_id: String,
    /// Its physical name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its shards at the start. An on-demand stream has 4, as on AWS.
    pub shards: u32,
    /// Whether AWS chooses the number of shards.
    pub is_on_demand: bool,
    /// How long it keeps a record.
    pub retention_hours: u32,
}

/// A DynamoDB table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name in the template.
    pub logical_id: String,
    /// Its physical name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The attributes of keys.
    pub attributes: Vec<Attribute>,
    /// Its primary key.
    pub key: Key,
    /// Its global secondary indexes.
    pub indexes: Vec<Index>,
    /// Whether it is protected against deletion.
    pub is_protected: bool,
    /// The statements of its resource policy for every principal.
    pub policy: Vec<Statement>,
}

/// An attribute of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// `S`, `N` or `B`.
    pub attribute_type: String,
}

/// A key: of a table or of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The partition key's attribute.
    pub partition: String,
    /// The sort key's attribute.
    pub sort: Option<String>,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.sort {
            Some(sort) => write!(f, "({}, {sort})", self.partition),
            None => write!(f, "({})", self.partition),
        }
    }
}

/// A global secondary index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: Key,
    /// The attributes that it holds in addition to the keys.
    pub projection: Projection,
}

/// The attributes that an index holds in addition to the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Projection {
    /// The whole item.
    All,
    /// Nothing.
    KeysOnly,
    /// These attributes.
    Include(Vec<String>),
}

/// A Lambda function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name in the template.
    pub logical_id: String,
    /// Its physical name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The name of its binary, which is the last argument of the worker program.
    pub binary: String,
    /// Its environment variables, those of `Globals` included.
    pub environment: BTreeMap<String, String>,
    /// How long an invocation may take.
    pub timeout_seconds: u32,
    /// Its memory.
    pub memory_mb: u32,
    /// What its role may do.
    pub policies: Vec<Statement>,
}

/// A statement of an IAM policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Whether it allows; otherwise it denies.
    pub is_allow: bool,
    /// Action patterns, such as `dynamodb:*`.
    pub actions: Vec<String>,
    /// Resource patterns: ARNs that may hold `*` and `?`.
    pub resources: Vec<String>,
    /// Patterns of partition keys, where only items under these are meant: `dynamodb:LeadingKeys`.
    pub leading_keys: Option<Vec<String>>,
}

/// A route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The method, or `ANY`.
    pub method: String,
    /// The path. It may hold `{name}`, and `{name+}` at its end.
    pub path: String,
    /// The logical id of the function that answers.
    pub function: String,
    /// Who may call it.
    pub authorization: Authorization,
    /// Whether its body may be of any media type, or only JSON.
    pub takes_any_body: bool,
}

/// Who may call a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorization {
    /// Everybody.
    None,
    /// Whoever has signed the request, and may invoke the API.
    Iam,
    /// Whoever has a token.
    Jwt {
        /// The token's `iss`.
        issuer: String,
        /// One of them is in the token's `aud`, or is its `client_id`.
        audience: Vec<String>,
        /// One of them is in the token's `scope`; without any, no scope is needed.
        scopes: Vec<String>,
    },
}

/// An event source mapping: a stream that invokes a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The function's logical id and the event's name: `WriteReplay`.
    pub id: String,
    /// The function's logical id.
    pub function: String,
    /// The stream's physical name.
    pub stream: String,
    /// The stream's ARN.
    pub stream_arn: String,
    /// Whether it is enabled.
    pub is_enabled: bool,
    /// The most records of a batch.
    pub batch_size: u32,
    /// How long to gather a batch, in seconds.
    pub window_seconds: u32,
    /// How many batches of one shard are under way at once. Records of one partition key are never in two of them.
    pub parallelization_factor: u32,
    /// Where a shard is first read from.
    pub starting_position: StartingPosition,
    /// Whether a failed batch is halved before it is tried again.
    pub bisects_on_error: bool,
    /// How often a failed batch is tried again; without a limit when absent.
    pub maximum_retries: Option<u32>,
    /// How old a record may be; any age when absent.
    pub maximum_age_seconds: Option<u32>,
    /// Whether the function's answer names the records that failed.
    pub reports_item_failures: bool,
    /// The ARN of the destination of a batch that is given up on.
    pub on_failure: Option<String>,
}

/// Where a mapping first reads a shard from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartingPosition {
    /// The oldest record.
    TrimHorizon,
    /// The first record after the mapping was created.
    Latest,
    /// The first record at or after this time, in seconds since 1970.
    AtTimestamp(i64),
}

/// A schedule that invokes a function periodically.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The function's logical id and the event's name: `MicroserviceTend`.
    pub id: String,
    /// The function's logical id.
    pub function: String,
    /// The period.
    pub every: Duration,
    /// The payload, as JSON text; EventBridge's own event when absent.
    pub input: Option<String>,
    /// Whether it is enabled.
    pub is_enabled: bool,
}
