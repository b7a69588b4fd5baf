//! What an API has answered.

use super::retry_after::retry_after;
use crate::{
    aws::clock,
    outside::{circuit::Contact, sent::Sent},
};
use reqwest::{Error, Response, StatusCode};
use rewind::Answer;
use serde_json::Value;

/// So much of an answer's body is read. An answer is recorded as an event.
pub const MAX_ANSWER: usize = 64 * 1024;

/// What stands behind a body that was cut. Such a body is a text, also where the
/// whole would have been JSON.
pub const CUT: &str = "… [cut after 64 KiB]";

/// Statuses of an API that has not decided, or does not now. All others are
/// answers, a redirection too: it is not followed, because it could lead
/// anywhere.
const LATER: [StatusCode; 7] = [
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::TOO_EARLY,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::BAD_GATEWAY,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];

/// Whether an API has refused the credentials.
pub(super) fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// Takes an answer as what came of a request.
///
/// # Errors
///
/// When its body ends too early, or comes too late.
pub(super) async fn taken(response: Response) -> Result<(Sent, Contact), Error> {
    let status = response.status();
    let contact = match status.is_server_error() {
        true => Contact::Failing,
        false => Contact::Well,
    };
    if is_refusal(status) {
        let why = format!("the outside refuses the credentials with {status}");
        return Ok((Sent::unsent(why), contact));
    }
    if LATER.contains(&status) {
        let later = Sent::Later {
            reason: format!("the outside has answered {status}"),
            after: retry_after(response.headers(), clock::now()),
            may_have_acted: true,
        };
        return Ok((later, contact));
    }
    let answer = Answer {
        status: status.as_u16(),
        body: body(response).await?,
    };
    Ok((Sent::Answered(answer), contact))
}

async fn body(mut response: Response) -> Result<Value, Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_ANSWER {
            bytes.truncate(MAX_ANSWER);
            let text = String::from_utf8_lossy(&bytes);
            return Ok(Value::from(format!("{text}{CUT}")));
        }
    }
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let json = serde_json::from_slice(&bytes);
    Ok(json.unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes))))
}
