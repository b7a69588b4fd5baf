//! Takes a request, by hand or over HTTP, or goes on with a playback.

use lambda_runtime::{Diagnostic, Error};
use rewind::{Problem, StreamName, Target, envelope::Nothing};
use rewind_aws::{
    given::{id, now},
    http::{self, Response},
    invoke::Function,
    playback::{Ended, PlayError, Player, Request},
    reversal::{Named, ReverseError, Reverser},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long before Lambda's deadline a playback stops and asks for another
/// invocation: a page under way has to end.
const RESERVE: Duration = Duration::from_secs(20);

/// The routes that `template.yaml` has to lead here.
pub const ROUTES: &[&str] = &[
    "POST /playbacks",
    "POST /playbacks/{id}/pause",
    "POST /playbacks/{id}/resume",
    "POST /playbacks/{id}/cancel",
    "POST /projections/{name}/activate",
    "POST /projections/{name}/drop",
    "POST /streams/{stream}/events/{version}/reversal",
];

/// playback's handler.
#[derive(Debug)]
pub struct Handler {
    player: Player,
    reverser: Reverser,
    itself: Function,
}

/// What `POST /projections/{name}/activate` and `/drop` take.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    generation: u64,
}

/// What a reversal takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reverse {
    reason: String,
    /// Who wants it; where nothing is said, who has signed the request.
    by: Option<String>,
    /// Whether it is only to be shown what would change.
    #[serde(default)]
    dry_run: bool,
}

/// A payload by hand that is no request for a playback.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// The playback of this id goes on.
    Resume(String),
    /// Playbacks that nobody has heard of go on, and what dropped generations
    /// have left is deleted: what the schedule asks for.
    Tend(Nothing),
}

impl Handler {
    /// A handler that plays through `player`, reverses through `reverser`, and
    /// asks `itself` for another invocation.
    pub fn new(player: Player, reverser: Reverser, itself: Function) -> Self {
        Self {
            player,
            reverser,
            itself,
        }
    }

    /// Answers a request over HTTP, a request by hand, or a [`Task`].
    /// `deadline` is in milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// By hand, a refused request is a function error that says why.
    pub async fn handle(&self, payload: Value, deadline: u64) -> Result<Value, Diagnostic> {
        if payload.get("routeKey").is_some() {
            let request: http::Request = serde_json::from_value(payload).map_err(failed)?;
            let response = self.answer(&request).await;
            return serde_json::to_value(response).map_err(failed);
        }
        let deadline = instant(deadline);
        let id = match serde_json::from_value(payload.clone()) {
            Ok(Task::Resume(id)) => id,
            Ok(Task::Tend(_)) => return self.tend(deadline).await,
            Err(_) => {
                let request = request(&payload.to_string()).map_err(refused)?;
                let playback = self.player.create(&id(), &request).await;
                playback.map_err(diagnosed)?.id
            }
        };
        let playback = match self.player.resume(&id, deadline).await.map_err(diagnosed)? {
            Ended::Over(playback) => {
                self.sweep(deadline).await?;
                playback
            }
            Ended::Unfinished(playback) => {
                self.later(&Task::Resume(id)).await.map_err(failed)?;
                playback
            }
        };
        tracing::info!(
            id = playback.id,
            state = %playback.state,
            events = playback.sent().events,
            records = playback.sent().records,
            "played"
        );
        serde_json::to_value(playback.shown()).map_err(failed)
    }

    /// Lets forsaken playbacks go on, and sweeps.
    async fn tend(&self, deadline: Instant) -> Result<Value, Diagnostic> {
        let forsaken = self.player.forsaken().await.map_err(failed)?;
        for id in &forsaken {
            tracing::warn!(id, "nobody has heard of it: it goes on");
            self.later(&Task::Resume(id.clone()))
                .await
                .map_err(failed)?;
        }
        self.sweep(deadline).await?;
        Ok(json!({ "resumed": forsaken }))
    }

    /// Deletes what dropped generations have left, in another invocation where
    /// it takes longer.
    async fn sweep(&self, deadline: Instant) -> Result<(), Diagnostic> {
        match self.player.sweep(deadline).await.map_err(failed)? {
            true => Ok(()),
            false => self.later(&tend()).await.map_err(failed),
        }
    }

    async fn later(&self, task: &Task) -> Result<(), rewind_aws::Error> {
        self.itself.invoke_later(task).await
    }

    /// Answers over HTTP.
    async fn answer(&self, request: &http::Request) -> Response {
        let route = request.route_key.as_deref().unwrap_or_default();
        let response = match route {
            "POST /playbacks" => self.start(request).await,
            "POST /playbacks/{id}/pause" => self.pause(request).await,
            "POST /playbacks/{id}/resume" => self.go_on(request).await,
            "POST /playbacks/{id}/cancel" => self.cancel(request).await,
            "POST /projections/{name}/activate" => self.activate(request).await,
            "POST /projections/{name}/drop" => self.drop(request).await,
            "POST /streams/{stream}/events/{version}/reversal" => self.reverse(request).await,
            _ => Err(Problem::not_found(format!("playback has no route {route}")).into()),
        };
        response.unwrap_or_else(|error| match error {
            PlayError::Refused(problem) => http::problem(&problem),
            PlayError::Service(error) => {
                tracing::warn!(route, %error, "not done");
                http::problem(&Problem::unavailable("nothing is lost by trying again"))
            }
        })
    }

    /// Creates a playback and leaves the work to another invocation.
    async fn start(&self, http_request: &http::Request) -> Result<Response, PlayError> {
        let request = request(&http::body(http_request)?)?;
        let id = match http::header(http_request, "idempotency-key") {
            Some(key) => key.to_string(),
            None => id(),
        };
        let playback = self.player.create(&id, &request).await?;
        self.later(&Task::Resume(playback.id.clone())).await?;
        Ok(http::json(202, &playback.shown()))
    }

    async fn pause(&self, request: &http::Request) -> Result<Response, PlayError> {
        let playback = self.player.pause(http::path(request, "id")).await?;
        Ok(http::json(200, &playback.shown()))
    }

    async fn go_on(&self, request: &http::Request) -> Result<Response, PlayError> {
        let playback = self.player.go_on(http::path(request, "id")).await?;
        self.later(&Task::Resume(playback.id.clone())).await?;
        Ok(http::json(202, &playback.shown()))
    }

    async fn cancel(&self, request: &http::Request) -> Result<Response, PlayError> {
        let playback = self.player.cancel(http::path(request, "id")).await?;
        self.later(&tend()).await?;
        Ok(http::json(200, &playback.shown()))
    }

    /// Lets readers see another generation.
    async fn activate(&self, request: &http::Request) -> Result<Response, PlayError> {
        let generations = self.player.activate(&wanted(request)?).await?;
        if !generations.dropped.is_empty() {
            self.later(&tend()).await?;
        }
        Ok(http::json(200, &generations))
    }

    /// Drops a generation.
    async fn drop(&self, request: &http::Request) -> Result<Response, PlayError> {
        let generations = self.player.drop_generation(&wanted(request)?).await?;
        self.later(&tend()).await?;
        Ok(http::json(202, &generations))
    }

    /// Takes an event back, or shows what that would change.
    async fn reverse(&self, request: &http::Request) -> Result<Response, PlayError> {
        let asked: Reverse = read(
            &http::body(request)?,
            "{\"reason\": \"why\", \"by\": \"whom\"}",
        )?;
        let stream = StreamName::new(http::path(request, "stream"))
            .map_err(|bad| Problem::invalid("stream", format!("the stream's name {bad}")))?;
        let version = http::path(request, "version").parse();
        let version = version
            .map_err(|_| Problem::invalid("version", "expected a whole number from 1 on"))?;
        let named = Named { stream, version };
        if asked.dry_run {
            let preview = self.reverser.preview(&named).await.map_err(reversing)?;
            return Ok(http::json(200, &preview));
        }
        let by = asked.by.or_else(|| signer(request)).unwrap_or_default();
        let accepted = self.reverser.reverse(&named, &asked.reason, &by).await;
        Ok(http::json(202, &accepted.map_err(reversing)?))
    }
}

fn tend() -> Task {
    Task::Tend(Nothing {})
}

/// The generation that a request is about.
fn wanted(request: &http::Request) -> Result<Target, Problem> {
    let wanted: Wanted = read(&http::body(request)?, "{\"generation\": 2}")?;
    Ok(Target {
        projection: http::path(request, "name").to_string(),
        generation: wanted.generation,
    })
}

/// Who has signed a request: the ARN that IAM gives.
fn signer(request: &http::Request) -> Option<String> {
    let authorizer = request.request_context.authorizer.as_ref()?;
    authorizer.iam.as_ref()?.user_arn.clone()
}

fn reversing(error: ReverseError) -> PlayError {
    match error {
        ReverseError::Refused(problem) => problem.into(),
        ReverseError::Service(error) => error.into(),
    }
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
