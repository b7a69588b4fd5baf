//! `template.yaml` and the code agree: the template declares everything that the
//! code uses, and nothing else.

use crate::support::template;
use local::{System, template::Authorization};
use rewind_aws::{
    aws::{clock, http::Route},
    history::tail::SETTLES,
};
use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
    time::Duration,
};

/// What metrics stand under. A function without it runs, and writes none.
const STACK: &str = "STACK";

/// The permissions that no test uses, and why.
const NOT_SEEN: [(&str, &str); 9] = [
    ("s3:", "Lambda itself writes what it has given up on"),
    ("logs:", "Lambda itself writes the logs"),
    ("xray:", "Lambda itself writes the traces"),
    ("kinesis:Describe", "Lambda itself reads the streams"),
    ("kinesis:Get", "Lambda itself reads the streams"),
    ("kinesis:List", "Lambda itself reads the streams"),
    (
        "lambda:InvokeFunction",
        "the gateway takes playback's own invocations",
    ),
    (
        "dynamodb:DeleteItem",
        "a mended stall's report, which takes a new deployment",
    ),
    (
        "kinesis:SubscribeToShard",
        "Lambda itself reads a stream of its own throughput",
    ),
];

/// Checks that the system has used each permission that the template grants. The
/// local system itself refuses what the template does not grant.
pub fn every_permission_is_used(system: &System) {
    let used = system.used_permissions();
    for function in &system.model().functions {
        for statement in &function.policies {
            for action in &statement.actions {
                if NOT_SEEN.iter().any(|(name, _)| action.starts_with(name)) {
                    continue;
                }
                let is_used = used.iter().any(|(by, what, on)| {
                    *by == function.name && what == action && statement.resources.contains(on)
                });
                let (name, resources) = (&function.name, &statement.resources);
                assert!(
                    is_used,
                    "{name} may {action} on {resources:?} and never does: {used:?}"
                );
            }
        }
    }
}

#[test]
fn the_routes_of_the_template_are_those_of_the_code() {
    let model = template().model("rewind").unwrap();
    let keys = |routes: &[Route]| routes.iter().map(|route| route.key).collect();
    let functions: [(&str, BTreeSet<&str>); 4] = [
        ("Ingest", ingest::ROUTES.iter().copied().collect()),
        ("Query", keys(query::ROUTES)),
        ("Playback", keys(playback::ROUTES)),
        ("Microservice", keys(microservice::ROUTES)),
    ];
    for (function, known) in &functions {
        let declared = model
            .routes
            .iter()
            .filter(|route| route.function == *function);
        let declared: BTreeSet<String> = declared
            .map(|route| format!("{} {}", route.method, route.path))
            .collect();
        let declared: BTreeSet<&str> = declared.iter().map(String::as_str).collect();
        assert_eq!(declared, *known, "{function}");
    }
    let known = functions.iter().map(|(_, known)| known.len());
    assert_eq!(model.routes.len(), known.sum::<usize>());
}

fn routes(parameters: &[(&str, &str)]) -> Vec<local::template::Route> {
    let parameters = parameters.iter();
    let parameters = parameters.map(|(name, value)| (name.to_string(), value.to_string()));
    let template = template().with_parameters(parameters).unwrap();
    template.model("rewind").unwrap().routes
}

#[test]
fn every_route_is_closed_unless_somebody_types_none() {
    for parameters in [&[][..], &[("Auth", "iam")]] {
        for route in routes(parameters) {
            assert_eq!(route.authorization, Authorization::Iam, "{}", route.path);
        }
    }
    for route in routes(&[("Auth", "none")]) {
        assert_eq!(route.authorization, Authorization::None, "{}", route.path);
    }
    let issuer = ("JwtIssuer", "https://issuer.example");
    let jwt = [("Auth", "jwt"), issuer, ("JwtAudience", "one, two")];
    for route in routes(&jwt) {
        let scope = match (route.method.as_str(), route.path.as_str()) {
            ("GET", _) => "rewind/read",
            (_, "/events" | "/inputs/{source}" | "/commands/{category}/{id}") => "rewind/write",
            _ => "rewind/operate",
        };
        let expected = Authorization::Jwt {
            issuer: issuer.1.to_string(),
            audience: vec!["one".to_string(), "two".to_string()],
            scopes: vec![scope.to_string()],
        };
        assert_eq!(route.authorization, expected, "{}", route.path);
    }
    let other = ("Auth".to_string(), "open".to_string());
    let refused = template().with_parameters([other]).unwrap_err();
    assert!(refused.to_string().contains("iam, jwt, none"), "{refused}");
}

/// The operators' routes take JSON only, so that no form of a web page calls
/// them.
#[test]
fn only_what_callers_send_may_be_of_any_media_type() {
    let any = routes(&[]).into_iter().filter(|route| route.takes_any_body);
    let any: Vec<String> = any.map(|route| route.path).collect();
    assert_eq!(any, ["/events", "/inputs/{source}"]);
}

#[test]
fn no_function_may_change_or_delete_an_event() {
    let model = template().model("rewind").unwrap();
    let events = model
        .tables
        .iter()
        .find(|table| table.logical_id == "EventsTable")
        .unwrap();
    let forbidden = [
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "BatchWriteItem",
        "PartiQLUpdate",
        "PartiQLDelete",
        "UpdateTimeToLive",
        "DeleteTable",
    ]
    .map(|name| format!("dynamodb:{name}"));
    let denied: BTreeSet<&String> = events
        .policy
        .iter()
        .filter(|s| !s.is_allow)
        .flat_map(|s| &s.actions)
        .collect();
    assert_eq!(denied, forbidden.iter().collect::<BTreeSet<_>>());
    assert!(events.is_protected, "the events table can be deleted");
    for function in &model.functions {
        for statement in function.policies.iter().filter(|s| s.is_allow) {
            if statement
                .resources
                .iter()
                .any(|arn| arn.starts_with(&events.arn) || arn == "*")
            {
                for action in &statement.actions {
                    assert!(!action.contains('*'), "{}: {action}", function.name);
                    assert!(!forbidden.contains(action), "{}: {action}", function.name);
                }
            }
        }
    }
}

/// Starts a function's process without a Lambda runtime, and returns its message
/// before it ends.
fn said(binary: &str, environment: impl IntoIterator<Item = (String, String)>) -> String {
    let mut process = Command::new(env!("CARGO_BIN_EXE_rewind"))
        .args(["function", binary])
        .env_clear()
        .envs(environment)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9")
        .env("AWS_LAMBDA_FUNCTION_NAME", binary)
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Its standard input stays open, as with a parent process.
    let input = process.stdin.take();
    let output = process.wait_with_output().unwrap();
    drop(input);
    assert!(
        !output.status.success(),
        "{binary} ran without a Lambda runtime"
    );
    String::from_utf8(output.stderr).unwrap()
}

/// Domain time is the present: nobody turns the clock of a deployment.
#[test]
fn no_deployed_function_has_a_clock_that_is_turned_by_hand() {
    let model = template().model("rewind").unwrap();
    for function in &model.functions {
        let name = &function.name;
        let variables = &function.environment;
        assert!(!variables.contains_key(clock::VARIABLE), "{name}");
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/template.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(!text.contains(clock::VARIABLE), "template.yaml names it");
}

#[test]
fn every_variable_of_the_template_is_needed_and_no_other() {
    let model = template().model("rewind").unwrap();
    for function in &model.functions {
        let all = function.environment.clone();
        let complete = said(&function.binary, all.clone());
        assert!(
            !complete.contains("environment variable"),
            "{}: {complete}",
            function.name
        );
        let needed = function.environment.keys();
        for missing in needed.filter(|name| *name != STACK) {
            let mut some = all.clone();
            some.remove(missing);
            let said = said(&function.binary, some);
            assert!(
                said.contains(missing.as_str()),
                "{} without {missing}: {said}",
                function.name
            );
        }
    }
}

#[test]
fn what_a_function_appends_settles_before_a_tail_takes_it_for_settled() {
    let model = template().model("rewind").unwrap();
    let lag = Duration::from_secs(5);
    for appends in ["pump", "microservice"] {
        let mut functions = model.functions.iter();
        let function = functions.find(|function| function.binary == appends);
        let seconds = function.unwrap().timeout_seconds;
        assert!(
            Duration::from_secs(seconds.into()) + lag <= SETTLES,
            "{appends}"
        );
    }
}
