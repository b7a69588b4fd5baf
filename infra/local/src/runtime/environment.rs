//! The environment of a function process: what Lambda sets, and the template's variables. Nothing else is in it.

use std::env;
use std::ffi::OsString;

use crate::template::{Function, REGION};

/// The variables that a function process inherits from the local system.
const INHERITED: [&str; 5] = ["PATH", "HOME", "TMPDIR", "RUST_LOG", "RUST_BACKTRACE"];
/// Credentials that an external endpoint may require.
const CREDENTIALS: [&str; 3] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

/// The endpoints that the functions call.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    pub dynamodb: String,
    pub kinesis: String,
    pub lambda: String,
    /// Whether DynamoDB and Kinesis are the embedded ones, which check who calls.
    pub are_embedded: bool,
}

/// The environment of a process of a function.
pub(super) fn of(
    function: &Function,
    runtime_api: &str,
    version: &str,
    endpoints: &Endpoints,
    extra: &[(String, String)],
) -> Vec<(String, OsString)> {
    let mut variables: Vec<(String, OsString)> = Vec::new();
    let inherited = |name: &str| env::var_os(name).map(|value| (name.to_owned(), value));
    variables.extend(INHERITED.into_iter().filter_map(inherited));
    let mut set = |name: &str, value: &str| variables.push((name.to_owned(), value.into()));
    for (name, value) in &function.environment {
        set(name, value);
    }
    set("AWS_LAMBDA_RUNTIME_API", runtime_api);
    set("AWS_LAMBDA_FUNCTION_NAME", &function.name);
    set(
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        &function.memory_mb.to_string(),
    );
    set("AWS_LAMBDA_FUNCTION_VERSION", version);
    set("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
    set(
        "AWS_LAMBDA_LOG_GROUP_NAME",
        &format!("/aws/lambda/{}", function.name),
    );
    set("AWS_LAMBDA_LOG_STREAM_NAME", "local");
    set("AWS_LAMBDA_LOG_FORMAT", "JSON");
    set("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023");
    set("AWS_REGION", REGION);
    set("AWS_DEFAULT_REGION", REGION);
    set("AWS_EC2_METADATA_DISABLED", "true");
    set("AWS_ENDPOINT_URL_DYNAMODB", &endpoints.dynamodb);
    set("AWS_ENDPOINT_URL_KINESIS", &endpoints.kinesis);
    set("AWS_ENDPOINT_URL_LAMBDA", &endpoints.lambda);
    // The access key tells the embedded endpoints which function calls.
    set("AWS_ACCESS_KEY_ID", &function.name);
    set("AWS_SECRET_ACCESS_KEY", "local");
    set("_HANDLER", "bootstrap");
    set("TZ", ":UTC");
    for (name, value) in extra {
        set(name, value);
    }
    if !endpoints.are_embedded {
        variables.extend(CREDENTIALS.into_iter().filter_map(inherited));
    }
    variables
}
