//! Explains a failed call of the SDK in one sentence that names the address,
//! the resource and the option. The SDK's own message ends with a dump of its
//! structs, which no operator needs.

use super::{
    location::{FILE, Location},
    names::{Names, Part},
};
use crate::end::End;
use std::time::Duration;

/// Error codes that are about the caller's credentials.
const ABOUT_CREDENTIALS: [&str; 8] = [
    "AccessDenied",
    "UnrecognizedClient",
    "ExpiredToken",
    "InvalidClientTokenId",
    "InvalidSignature",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "OptInRequired",
];

/// The cause of a failed call, with the SDK's message.
#[derive(Debug, PartialEq, Eq)]
enum Cause<'a> {
    /// The service does not answer.
    Unreachable(&'a str),
    /// The environment has no credentials.
    NoCredentials(&'a str),
    /// The resource does not exist.
    Missing(&'a str),
    /// The service refuses the call, with this code and message.
    Refused(&'a str, &'a str),
    /// The answer is not one that this service gives.
    Strange(&'a str),
}

/// A deployment, as far as its errors name it.
pub struct Explainer<'a> {
    pub location: &'a Location,
    pub names: &'a Names,
    /// On AWS: the region, once it is known.
    pub region: Option<&'a str>,
}

/// The message for missing credentials.
pub fn no_credentials(why: &str) -> String {
    let why = without_dump(why).trim_end_matches('.');
    format!(
        "no AWS credentials were found ({why}): set AWS_PROFILE to a profile that has some, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )
}

/// The message for a deployment that has not answered within this time, in the
/// form of the SDK's messages.
pub fn no_answer(patience: Duration) -> String {
    let seconds = patience.as_secs();
    format!("Query failed: dispatch failure: no answer within {seconds} s")
}

impl Explainer<'_> {
    /// Explains a failed call: `text` is its message, and `before` stands
    /// before the explanation. `part` is the part that was called, where the
    /// caller knows it.
    pub fn explained(&self, part: Option<Part>, before: &str, text: &str) -> End {
        let Some((words, operation, reason)) = call(text) else {
            return End::Failed(format!("{before}{text}"));
        };
        let before = format!("{before}{words}");
        let part = part.or(match operation {
            "Invoke" => Some(Part::PlaybackFunction),
            _ => None,
        });
        let service = match operation {
            "PutRecords" => "Kinesis",
            "Invoke" => "Lambda",
            _ => "DynamoDB",
        };
        let address = self.address(service);
        match cause(reason) {
            Cause::Unreachable(why) => {
                let hint = match self.location {
                    Location::Folder(dir) => {
                        let file = dir.join(FILE);
                        format!(", which {} names: is `cargo run` running?", file.display())
                    }
                    Location::Endpoints(_) => ": is the endpoint right, and does it run?".into(),
                    Location::Aws => ": is the region right, and is there a network?".into(),
                };
                End::Failed(format!(
                    "{before}{service} cannot be reached {address} ({why}){hint}"
                ))
            }
            Cause::NoCredentials(why) => End::Failed(format!("{before}{}", no_credentials(why))),
            Cause::Missing(words) => {
                let what = match part.or_else(|| self.names.part_in(words)) {
                    Some(part) => {
                        let (what, option, name) = self.names.part(part);
                        format!("there is no {what} {name} {address}: {option} names it")
                    }
                    None => {
                        format!(
                            "{operation} needs something that does not exist {address}: {words}"
                        )
                    }
                };
                End::Wrong(format!("{before}{what}"))
            }
            Cause::Refused(code, why)
                if ABOUT_CREDENTIALS
                    .iter()
                    .any(|known| code.starts_with(known)) =>
            {
                End::Failed(format!(
                    "{before}{service} {address} refuses the credentials ({code}): {why}"
                ))
            }
            Cause::Refused(code, why) => End::Failed(format!(
                "{before}{service} {address} refuses {operation} ({code}): {why}"
            )),
            Cause::Strange(why) => End::Failed(format!(
                "{before}the answer {address} to {operation} is not one of {service} ({why})"
            )),
        }
    }

    /// Returns the address of a service: `at http://…`, `on AWS (region …)`.
    fn address(&self, service: &str) -> String {
        let endpoints = self.location.endpoints();
        let endpoints = endpoints.ok().flatten();
        let url = endpoints.and_then(|endpoints| match service {
            "Kinesis" => endpoints.kinesis,
            "Lambda" => endpoints.lambda,
            _ => endpoints.dynamodb,
        });
        let variable = |name: String| std::env::var(name).ok();
        // With `--aws`, the SDK reads these variables.
        let url = url.or_else(|| variable(format!("AWS_ENDPOINT_URL_{}", service.to_uppercase())));
        let url = url.or_else(|| variable("AWS_ENDPOINT_URL".into()));
        match (url, self.region) {
            (Some(url), _) => format!("at {url}"),
            (None, Some(region)) => format!("on AWS (region {region})"),
            (None, None) => "on AWS".into(),
        }
    }
}

/// Splits a message into the words before the failed call, its operation, and
/// the reason. `None` if the message is not about a call.
fn call(text: &str) -> Option<(&str, &str, &str)> {
    let (before, mut reason) = text.split_once(" failed: ")?;
    let start = before.rfind(' ').map_or(0, |space| space + 1);
    let (words, operation) = before.split_at(start);
    // A caller may have added the operation a second time.
    while let Some(again) = reason
        .strip_prefix(operation)
        .and_then(|rest| rest.strip_prefix(" failed: "))
    {
        reason = again;
    }
    let is_operation = operation.starts_with(|c: char| c.is_ascii_uppercase());
    is_operation.then_some((words, operation, reason))
}

fn cause(reason: &str) -> Cause<'_> {
    let text = without_dump(reason);
    let (error, rest) = text.split_once(": ").unwrap_or((text, ""));
    let last = rest.rsplit(": ").next().unwrap_or(rest);
    let last = last.split(" (os error").next().unwrap_or(last);
    match error {
        _ if text.contains("loading credentials") || text.contains("provided credentials") => {
            Cause::NoCredentials(rest)
        }
        "dispatch failure" if !rest.is_empty() => Cause::Unreachable(last),
        "dispatch failure" | "request has timed out" => Cause::Unreachable("no answer in time"),
        "service error" => of_service(rest),
        // The error of one record, such as of a throttled shard.
        code if code.ends_with("Exception") => of_service(text),
        _ => Cause::Strange(text),
    }
}

/// `Code: message: Code: message`, or `unhandled error (Code): Error { … }`.
fn of_service(text: &str) -> Cause<'_> {
    if let Some(rest) = text.strip_prefix("unhandled error") {
        let code = rest
            .strip_prefix(" (")
            .and_then(|rest| rest.split_once(')'));
        let Some((code, rest)) = code else {
            return Cause::Strange("without an error of its own");
        };
        let message = rest.split_once("message: \"");
        let message = message.and_then(|(_, rest)| rest.split_once('"'));
        let message = message.map_or("no reason is given", |(message, _)| message);
        return known(code, message);
    }
    let (code, rest) = text
        .split_once(": ")
        .unwrap_or((text, "no reason is given"));
    let again = format!(": {code}");
    known(code, rest.split(again.as_str()).next().unwrap_or(rest))
}

fn known<'a>(code: &'a str, message: &'a str) -> Cause<'a> {
    match code {
        "ResourceNotFoundException" => Cause::Missing(message),
        _ => Cause::Refused(code, message),
    }
}

/// Cuts off the SDK's dump: ` (DispatchFailure(…))` or the like.
fn without_dump(text: &str) -> &str {
    let dump = text.match_indices(" (").find(|(at, _)| {
        let name = &text[at + 2..];
        let end = name.find(|c: char| !c.is_ascii_alphanumeric());
        let is_name = name.starts_with(|c: char| c.is_ascii_uppercase());
        is_name
            && end.is_some_and(|end| name[end..].starts_with('(') || name[end..].starts_with(" {"))
    });
    dump.map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sdk_says_is_read_without_its_dump() {
        for (said, expected) in [
            (
                r#"dispatch failure: io error: client error (Connect): tcp connect error: Connection refused (os error 111) (DispatchFailure(DispatchFailure { source: ConnectorError { kind: Io } }))"#,
                Cause::Unreachable("Connection refused"),
            ),
            (
                r#"dispatch failure: other: an error occurred while loading credentials: no providers (DispatchFailure(DispatchFailure {}))"#,
                Cause::NoCredentials(
                    "other: an error occurred while loading credentials: no providers",
                ),
            ),
            (
                r#"service error: ResourceNotFoundException: Stream nope: it is not found.: ResourceNotFoundException: Stream nope: it is not found. (ServiceError(ServiceError { source: 1 }))"#,
                Cause::Missing("Stream nope: it is not found."),
            ),
            (
                r#"service error: unhandled error (AccessDeniedException): Error { code: "AccessDeniedException", message: "User: ann is not allowed" } (ServiceError(ServiceError { source: Unhandled(Unhandled {}) }))"#,
                Cause::Refused("AccessDeniedException", "User: ann is not allowed"),
            ),
            (
                r#"service error: ThrottlingException: too fast: ThrottlingException: too fast (ServiceError(ServiceError {}))"#,
                Cause::Refused("ThrottlingException", "too fast"),
            ),
            (
                r#"service error: unhandled error: Error (ServiceError(ServiceError {}))"#,
                Cause::Strange("without an error of its own"),
            ),
            (
                "ProvisionedThroughputExceededException: slow down",
                Cause::Refused("ProvisionedThroughputExceededException", "slow down"),
            ),
        ] {
            assert_eq!(cause(said), expected, "{said}");
        }
    }

    #[test]
    fn a_call_is_named_once_and_what_stands_before_it_is_kept() {
        let said = "a delivery could not be put: PutRecords failed: PutRecords failed: dispatch failure: x";
        let expected = (
            "a delivery could not be put: ",
            "PutRecords",
            "dispatch failure: x",
        );
        assert_eq!(call(said), Some(expected));
        assert_eq!(call("poll-1@3 is damaged: the check failed: 1"), None);
    }
}
