//! Takes a request, by hand or over HTTP, or goes on with a playback.

use lambda_runtime::{Diagnostic, Error};
use rewind::{Problem, Target};
use rewind_aws::{
    given::{id, now},
    http::{self, Response},
    invoke::Function,
    playback::{Ended, PlayError, Player, Request},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long before Lambda's deadline a playback stops and asks for another
/// invocation: a page under way has to end.
const RESERVE: Duration = Duration::from_secs(20);

/// The routes that `template.yaml` has to lead here.
pub const ROUTES: &[&str] = &["POST /playbacks", "POST /projections/{name}/activate"];

/// playback's handler.
#[derive(Debug)]
pub struct Handler {
    player: Player,
    itself: Function,
}

/// What `POST /projections/{name}/activate` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Activate {
    generation: u64,
}

/// The payload with which a playback goes on.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resume {
    resume: String,
}

impl Handler {
    /// A handler that plays through `player` and asks `itself` for another
    /// invocation.
    pub fn new(player: Player, itself: Function) -> Self {
        Self { player, itself }
    }

    /// Answers a request over HTTP, a request by hand, or a payload
    /// `{"resume": id}`. `deadline` is in milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// By hand, a refused request is a function error that says why.
    pub async fn handle(&self, payload: Value, deadline: u64) -> Result<Value, Diagnostic> {
        if payload.get("routeKey").is_some() {
            let request: http::Request = serde_json::from_value(payload).map_err(failed)?;
            let route = request.route_key.as_deref().unwrap_or_default();
            let response = match route {
                "POST /playbacks" => self.start(&request).await,
                "POST /projections/{name}/activate" => self.activate(&request).await,
                _ => Err(Problem::not_found(format!("playback has no route {route}")).into()),
            };
            let response = response.unwrap_or_else(|error| match error {
                PlayError::Refused(problem) => http::problem(&problem),
                PlayError::Service(error) => {
                    tracing::warn!(route, %error, "not done");
                    http::problem(&Problem::unavailable("nothing is lost by trying again"))
                }
            });
            return serde_json::to_value(response).map_err(failed);
        }
        let deadline = instant(deadline);
        let id = if payload.get("resume").is_some() {
            let resume: Resume = serde_json::from_value(payload).map_err(failed)?;
            resume.resume
        } else {
            let request = request(&payload.to_string()).map_err(refused)?;
            let playback = self.player.create(&id(), &request).await;
            playback.map_err(diagnosed)?.id
        };
        let playback = match self.player.resume(&id, deadline).await.map_err(diagnosed)? {
            Ended::Over(playback) => playback,
            Ended::Unfinished(playback) => {
                let resume = Resume { resume: id };
                self.itself.invoke_later(&resume).await.map_err(failed)?;
                playback
            }
        };
        tracing::info!(
            id = playback.id,
            state = ?playback.state,
            events = playback.events,
            records = playback.records,
            "played"
        );
        serde_json::to_value(playback).map_err(failed)
    }

    /// Creates a playback and leaves the work to another invocation.
    async fn start(&self, http_request: &http::Request) -> Result<Response, PlayError> {
        let request = request(&http::body(http_request)?)?;
        let id = match http::header(http_request, "idempotency-key") {
            Some(key) => idempotency_key(key)?,
            None => id(),
        };
        let playback = self.player.create(&id, &request).await?;
        let resume = Resume {
            resume: playback.id.clone(),
        };
        self.itself.invoke_later(&resume).await?;
        Ok(http::json(202, &playback))
    }

    /// Lets readers see another generation.
    async fn activate(&self, request: &http::Request) -> Result<Response, PlayError> {
        let body = http::body(request)?;
        let wanted: Activate = read(&body, "{\"generation\": 2}")?;
        let target = Target {
            projection: http::path(request, "name").to_string(),
            generation: wanted.generation,
        };
        Ok(http::json(200, &self.player.activate(&target).await?))
    }
}

/// A client's own name for its playback: asking twice is asking once.
fn idempotency_key(key: &str) -> Result<String, Problem> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=128).contains(&key.len()) && key.chars().all(allowed) {
        return Ok(key.to_string());
    }
    let expected = "expected 1 to 128 of A-Z a-z 0-9 - _ .";
    Err(Problem::invalid("Idempotency-Key", expected))
}

/// A playback's request.
fn request(body: &str) -> Result<Request, Problem> {
    read(body, "{\"to\": [{\"projection\": \"name\"}]}")
}

/// A JSON body, or a problem that shows what was expected.
fn read<T: DeserializeOwned>(body: &str, expected: &str) -> Result<T, Problem> {
    serde_json::from_str(body).map_err(|error| match error.is_data() {
        true => Problem::invalid("", format!("{error}; expected {expected}")),
        false => rewind::cloudevents::not_json(&error),
    })
}

/// When to stop. Where Lambda gives less than twice the reserve, half of what
/// is left is kept.
fn instant(deadline: u64) -> Instant {
    let left = i128::from(deadline) - i128::from(now().as_millisecond());
    let left = Duration::from_millis(left.clamp(0, 900_000) as u64);
    Instant::now() + left.saturating_sub(RESERVE.min(left / 2))
}

fn diagnosed(error: PlayError) -> Diagnostic {
    match error {
        PlayError::Refused(problem) => refused(problem),
        PlayError::Service(error) => failed(error),
    }
}

/// A refused request: told apart from a failure by its type.
fn refused(problem: Problem) -> Diagnostic {
    let field = problem
        .field
        .map_or(String::new(), |field| format!("{field}: "));
    Diagnostic {
        error_type: problem.kind,
        error_message: format!("{field}{}", problem.detail),
    }
}

fn failed(error: impl Into<Error>) -> Diagnostic {
    Diagnostic {
        error_type: "Failed".into(),
        error_message: error.into().to_string(),
    }
}
