//! Why a call of the SDK has failed, read from the SDK's message. The message
//! ends with a dump of its structs, which no operator needs.

/// The cause of a failed call, with the words for it.
#[derive(Debug, PartialEq, Eq)]
pub enum Cause<'a> {
    /// The service does not answer.
    Unreachable(&'a str),
    /// The service shows a certificate that is not trusted.
    Untrusted(&'a str),
    /// Nothing gives credentials.
    NoCredentials(&'a str),
    /// The resource does not exist.
    Missing(&'a str),
    /// The caller may not do it, with this message.
    Denied(&'a str, &'a str),
    /// The credentials have expired.
    Expired(&'a str),
    /// The credentials are not known, or not signed with.
    Unknown(&'a str, &'a str),
    /// The clocks of the caller and of the service differ.
    Skewed(&'a str),
    /// There are too many calls.
    Throttled(&'a str),
    /// The service refuses the call, with this code and message.
    Refused(&'a str, &'a str),
    /// The answer is not one that this service gives.
    Strange(&'a str),
}

/// Splits a message into the words before the failed call, its operation, and
/// the reason. `None` if the message is not about a call.
pub fn call(text: &str) -> Option<(&str, &str, &str)> {
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

/// Reads the cause from the reason of a failed call.
pub fn cause(reason: &str) -> Cause<'_> {
    let text = without_dump(reason);
    let (error, rest) = text.split_once(": ").unwrap_or((text, ""));
    let last = rest.rsplit(": ").next().unwrap_or(rest);
    let last = last.split(" (os error").next().unwrap_or(last);
    match error {
        _ if text.contains("loading credentials") || text.contains("provided credentials") => {
            Cause::NoCredentials(rest)
        }
        "dispatch failure" if rest.contains("invalid peer certificate") => {
            let why = rest.split_once("invalid peer certificate: ");
            Cause::Untrusted(why.map_or(last, |(_, why)| why))
        }
        "dispatch failure" if !rest.is_empty() => Cause::Unreachable(last),
        "dispatch failure" | "request has timed out" => Cause::Unreachable("no answer in time"),
        "service error" => of_service(rest),
        // The error of one record, such as of a throttled shard.
        code if code.ends_with("Exception") => of_service(text),
        _ => Cause::Strange(text),
    }
}

/// Cuts off the SDK's dump: ` (DispatchFailure(…))` or the like.
pub fn without_dump(text: &str) -> &str {
    let dump = text.match_indices(" (").find(|(at, _)| {
        let name = &text[at + 2..];
        let end = name.find(|c: char| !c.is_ascii_alphanumeric());
        let is_name = name.starts_with(|c: char| c.is_ascii_uppercase());
        is_name
            && end.is_some_and(|end| name[end..].starts_with('(') || name[end..].starts_with(" {"))
    });
    dump.map_or(text, |(at, _)| &text[..at])
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

/// The codes of AWS, with and without `Exception` at their end: services that
/// speak JSON have it, those that speak XML do not.
fn known<'a>(code: &'a str, message: &'a str) -> Cause<'a> {
    match code.strip_suffix("Exception").unwrap_or(code) {
        "ResourceNotFound" | "NoSuchBucket" => Cause::Missing(message),
        "AccessDenied" | "UnauthorizedOperation" => Cause::Denied(code, message),
        "ExpiredToken" => Cause::Expired(code),
        "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture" => Cause::Skewed(message),
        "InvalidSignature" | "SignatureDoesNotMatch" if is_about_time(message) => {
            Cause::Skewed(message)
        }
        "AuthFailure"
        | "IncompleteSignature"
        | "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "InvalidSignature"
        | "MissingAuthenticationToken"
        | "OptInRequired"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClient" => Cause::Unknown(code, message),
        "ProvisionedThroughputExceeded"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "Throttled"
        | "Throttling"
        | "TooManyRequests" => Cause::Throttled(code),
        _ => Cause::Refused(code, message),
    }
}

/// `Signature expired: T1 is now earlier than T2`, `Signature not yet current`.
fn is_about_time(message: &str) -> bool {
    message.contains("Signature expired") || message.contains("Signature not yet current")
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
                r#"dispatch failure: io error: client error (Connect): dns error: failed to lookup address information: Name or service not known (DispatchFailure(DispatchFailure {}))"#,
                Cause::Unreachable("Name or service not known"),
            ),
            (
                r#"dispatch failure: io error: client error (Connect): invalid peer certificate: UnknownIssuer (DispatchFailure(DispatchFailure {}))"#,
                Cause::Untrusted("UnknownIssuer"),
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
                Cause::Denied("AccessDeniedException", "User: ann is not allowed"),
            ),
            (
                r#"service error: unhandled error (ExpiredTokenException): Error { code: "ExpiredTokenException", message: "The security token included in the request is expired" } (ServiceError(ServiceError {}))"#,
                Cause::Expired("ExpiredTokenException"),
            ),
            (
                r#"service error: unhandled error (InvalidSignatureException): Error { code: "InvalidSignatureException", message: "Signature expired: 20261128T000000Z is now earlier than 20261128T010000Z" } (ServiceError(ServiceError {}))"#,
                Cause::Skewed(
                    "Signature expired: 20261128T000000Z is now earlier than 20261128T010000Z",
                ),
            ),
            (
                r#"service error: InvalidClientTokenId: The security token included in the request is invalid. (ServiceError(ServiceError {}))"#,
                Cause::Unknown(
                    "InvalidClientTokenId",
                    "The security token included in the request is invalid.",
                ),
            ),
            (
                r#"service error: ThrottlingException: too fast: ThrottlingException: too fast (ServiceError(ServiceError {}))"#,
                Cause::Throttled("ThrottlingException"),
            ),
            (
                "service error: Throttling: Rate exceeded (ServiceError(ServiceError {}))",
                Cause::Throttled("Throttling"),
            ),
            (
                r#"service error: unhandled error: Error (ServiceError(ServiceError {}))"#,
                Cause::Strange("without an error of its own"),
            ),
            (
                "ProvisionedThroughputExceededException: slow down",
                Cause::Throttled("ProvisionedThroughputExceededException"),
            ),
            (
                "service error: KMSDisabledException: the key is off (ServiceError(ServiceError {}))",
                Cause::Refused("KMSDisabledException", "the key is off"),
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
