//! Takes a request, by hand or over HTTP, or goes on with a playback.

use crate::{caller, watch::Watch};
use lambda_runtime::{Diagnostic, Error};
use rewind::{Problem, StreamName, Target, delivery::Nothing};
pub use rewind_aws::api::playback::ROUTES;
use rewind_aws::{
    api::playback::{Activate, Approve, Handled, OffTheList, Previewed, Reverse, Wanted},
    aws::{
        clock::{id, now},
        http::{self, Parameters, Response, Route},
        lambda::Function,
    },
    metrics::{
        Line, Metrics,
        catalog::{REPLAY_RATE, REPLAYED},
    },
    playback::{
        create::check_id,
        operations::What,
        player::{Ended, PlayError, Player},
        record::Approval,
        request::Request,
        sending::Sending,
    },
    project::difference::Differences,
    reverse::reversal::{Named, ReverseError, Reverser},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// What a request for a playback looks like.
const REQUEST: &str = "{\"to\": [{\"projection\": \"name\"}]}";

/// What tasks look like.
const TASKS: &str =
    "{\"resume\": \"id\"}, {\"recover\": {}} or {\"handled\": {\"deadLetter\": \"key\"}}";

/// The version of a function that is not published.
const LATEST: &str = "$LATEST";

/// How long before Lambda's deadline a playback stops and asks for another
/// invocation: a page under way has to end.
const RESERVE: Duration = Duration::from_secs(20);

/// playback's handler.
#[derive(Debug)]
pub struct Handler {
    player: Player,
    reverser: Reverser,
    watch: Watch,
    itself: Function,
    metrics: Metrics,
    differences: Option<Differences>,
    /// The version that runs here, until it is noted.
    version: Mutex<Option<String>>,
}

/// A payload by hand that is no request for a playback.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// The playback of this id goes on.
    Resume(String),
    /// Orphaned playbacks go on, differences are told that activations have
    /// brought, and what ended playbacks and dropped generations have left is
    /// deleted: what the schedule asks for. It also
    /// writes how the system is, as metrics.
    Recover(Nothing),
    /// An operator has dealt with a dead letter: `/health` names it no more.
    Handled(Handled),
}

impl Handler {
    /// A handler that plays through `player`, reverses through `reverser`, looks
    /// after the system through `watch`, and asks `itself` for another
    /// invocation.
    pub fn new(player: Player, reverser: Reverser, watch: Watch, itself: Function) -> Self {
        Self {
            player,
            reverser,
            watch,
            itself,
            metrics: Metrics::none(),
            differences: None,
            version: Mutex::default(),
        }
    }

    /// With the version that Lambda gives the function: the first invocation notes
    /// it as a deployment. `$LATEST` names none.
    #[must_use]
    pub fn of_version(mut self, version: &str) -> Self {
        let is_one = !version.is_empty() && version != LATEST;
        self.version = Mutex::new(is_one.then(|| version.to_string()));
        self
    }

    /// With what tells the differences that an activation has brought. A handler
    /// that nobody gives any leaves them to another one.
    #[must_use]
    pub fn telling(mut self, differences: Differences) -> Self {
        self.differences = Some(differences);
        self
    }

    /// With metrics. A handler that nobody gives any writes none.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Answers a request over HTTP, a request by hand, a [`Task`], or what S3
    /// tells of dead letters.
    /// `deadline` is in milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// By hand, a refused request is a function error that says why.
    pub async fn handle(&self, payload: Value, deadline: u64) -> Result<Value, Diagnostic> {
        let version = self.version.lock();
        let version = version.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(version) = version {
            self.player.note_deployment(&version).await;
        }
        if payload.get("routeKey").is_some() {
            let request: http::Request = serde_json::from_value(payload).map_err(failed)?;
            let response = self.answer(&request).await;
            return serde_json::to_value(response).map_err(failed);
        }
        if payload.get("Records").is_some() {
            let kept = self.watch.keep(payload).await.map_err(failed)?;
            return Ok(json!({ "deadLetters": kept }));
        }
        let deadline = instant(deadline);
        let id = match by_hand(&payload).map_err(|problem| refused(&problem))? {
            ByHand::Task(Task::Resume(id)) => id,
            ByHand::Task(Task::Recover(_)) => return self.recover(deadline).await,
            ByHand::Task(Task::Handled(handled)) => {
                let done = self.off_the_list(handled, None).await;
                let done = done.map_err(|error| diagnosed(of_task(error)))?;
                return serde_json::to_value(done).map_err(failed);
            }
            ByHand::Request(request) => {
                let playback = self.player.create(&id(), &request).await;
                let id = playback.map_err(diagnosed)?.id;
                self.player.note(What::PlaybackStarted, &id, None).await;
                id
            }
        };
        let sending = Sending::default();
        let played = self.player.play_counted(&id, deadline, &sending).await;
        self.metrics.write(&line(&sending));
        let playback = match played.map_err(diagnosed)? {
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

    /// Lets orphaned playbacks go on, and sweeps.
    async fn recover(&self, deadline: Instant) -> Result<Value, Diagnostic> {
        let orphaned = self.player.orphaned().await.map_err(failed)?;
        for id in &orphaned {
            tracing::warn!(id, "its invocation has died: another one plays it");
            self.later(&Task::Resume(id.clone()))
                .await
                .map_err(failed)?;
        }
        // Before the sweep, which may take minutes.
        for line in self.watch.lines().await {
            self.metrics.write(&line);
        }
        self.sweep(deadline).await?;
        Ok(json!({ "resumed": orphaned }))
    }

    /// Takes a dead letter off the list. `by` is who has dealt with it, where that
    /// is known.
    async fn off_the_list(
        &self,
        handled: Handled,
        by: Option<String>,
    ) -> Result<OffTheList, PlayError> {
        let key = handled.dead_letter;
        if !self.watch.handled(&key).await? {
            return Err(Problem::not_found(format!("there is no dead letter {key:?}")).into());
        }
        tracing::info!(key, "a dead letter is handled");
        self.player.note(What::Handled, &*key, by).await;
        Ok(OffTheList { handled: key })
    }

    /// Tells the differences that activations have brought, and deletes what
    /// dropped generations have left, in another invocation where it takes
    /// longer.
    async fn sweep(&self, deadline: Instant) -> Result<(), Diagnostic> {
        if let Some(differences) = &self.differences {
            let told = differences.tell(|| Instant::now() < deadline);
            if !told.await.map_err(failed)? {
                return self.later(&recover()).await.map_err(failed);
            }
        }
        match self.player.sweep(deadline).await.map_err(failed)? {
            true => Ok(()),
            false => self.later(&recover()).await.map_err(failed),
        }
    }

    async fn later(&self, task: &Task) -> Result<(), rewind_aws::Error> {
        self.itself.invoke_later(task).await
    }

    /// Answers over HTTP.
    async fn answer(&self, request: &http::Request) -> Response {
        let (route, parameters) = match Route::of(ROUTES, request) {
            Ok(found) => found,
            Err(problem) => return http::problem(&problem),
        };
        let asked = Asked {
            parameters,
            request,
        };
        let response = match route.key {
            "POST /playbacks" => self.start(&asked).await,
            "POST /playbacks/{id}/pause" => self.pause(&asked).await,
            "POST /playbacks/{id}/resume" => self.resume(&asked).await,
            "POST /playbacks/{id}/cancel" => self.cancel(&asked).await,
            "POST /playbacks/{id}/approve" => self.approve(&asked).await,
            "POST /projections/{name}/activate" => self.activate(&asked).await,
            "POST /projections/{name}/drop" => self.drop(&asked).await,
            "POST /streams/{stream}/events/{version}/reversal" => self.reverse(&asked).await,
            "POST /dead-letters/handled" => self.handled(&asked).await,
            other => Err(Problem::not_found(format!("playback has no route {other}")).into()),
        };
        response.unwrap_or_else(|error| match error {
            PlayError::Refused(problem) => http::problem(&route.refusing(problem)),
            PlayError::Service(error) => {
                tracing::warn!(route = route.key, %error, "not done");
                http::problem(&http::failed(&error))
            }
        })
    }

    /// Creates a playback and leaves the work to another invocation.
    async fn start(&self, asked: &Asked<'_>) -> Result<Response, PlayError> {
        let request: Request = asked.body(REQUEST)?;
        let key = http::header_text(asked.request, "idempotency-key")?;
        let id = match key {
            Some(key) => {
                check_id(key).map_err(of_key)?;
                key.to_string()
            }
            None => id(),
        };
        let playback = self.player.create(&id, &request).await;
        let playback = playback.map_err(|error| match error {
            PlayError::Refused(problem) if problem.problem_type.ends_with("id-taken") => {
                PlayError::Refused(of_key(problem))
            }
            other => other,
        })?;
        self.later(&Task::Resume(playback.id.clone())).await?;
        self.note(What::PlaybackStarted, &playback.id, asked).await;
        Ok(http::json(202, &playback.shown()))
    }

    async fn pause(&self, asked: &Asked<'_>) -> Result<Response, PlayError> {
        let playback = self.player.pause(asked.playback()?).await?;
        self.note(What::PlaybackPaused, &playback.id, asked).await;
        Ok(http::json(200, &playback.shown()))
    }

    async fn resume(&self, asked: &Asked<'_>) -> Result<Response, PlayError> {
        let playback = self.player.resume(asked.playback()?).await?;
        self.later(&Task::Resume(playback.id.clone())).await?;
        self.note(What::PlaybackResumed, &playback.id, asked).await;
        Ok(http::json(202, &playback.shown()))
    }

    /// Approves what a comparison has found. Another invocation records it.
    async fn approve(&self, asked: &Asked<'_>) -> Result<Response, PlayError> {
        let body = http::json_body(asked.request)?;
        let Approve { record, by } = match body.is_empty() {
            true => Approve::default(),
            false => http::read(&body, "{\"record\": false}")?,
        };
        let by = by.or_else(|| caller::of(asked.request)).unwrap_or_default();
        let id = asked.parameters.path("id");
        check_id(id)?;
        let playback = self.player.approve(id, &Approval { by, record }).await?;
        self.later(&Task::Resume(playback.id.clone())).await?;
        self.note(What::Approved, &playback.id, asked).await;
        Ok(http::json(202, &playback.shown()))
    }

    async fn cancel(&self, asked: &Asked<'_>) -> Result<Response, PlayError> {
        let playback = self.player.cancel(asked.playback()?).await?;
        self.later(&recover()).await?;
        self.note(What::PlaybackCancelled, &playback.id, asked)
            .await;
        Ok(http::json(200, &playback.shown()))
    }

    /// Lets readers see another generation.
    async fn activate(&self, asked: &Asked<'_>) -> Result<Response, PlayError> {
        let (target, changes) = asked.activation()?;
        let generations = match changes {
            true => self.player.activate_telling(&target).await,
            false => self.player.activate(&target).await,
        };
        let generations = generations.map_err(of_projection)?;
        if !generations.dropped.is_empty() || generations.telling {
            self.later(&recover()).await?;
        }
        self.note(What::Activated, &target.to_string(), asked).await;
        Ok(http::json(200, &generations))
    }

    /// Drops a generation.
    async fn drop(&self, asked: &Asked<'_>) -> Result<Response, PlayError> {
        let target = asked.target()?;
        let generations = self.player.drop_generation(&target).await;
        let generations = generations.map_err(of_projection)?;
        self.later(&recover()).await?;
        self.note(What::Dropped, &target.to_string(), asked).await;
        Ok(http::json(202, &generations))
    }

    /// Takes an event back, or shows what that would change.
    async fn reverse(&self, asked: &Asked<'_>) -> Result<Response, PlayError> {
        let wanted: Reverse = asked.body("{\"reason\": \"why\", \"by\": \"whom\"}")?;
        let stream = StreamName::new(asked.parameters.path("stream"))
            .map_err(|bad| Problem::invalid("stream", format!("the stream's name {bad}")))?;
        let version = asked.parameters.path_number("version")?;
        let named = Named { stream, version };
        if wanted.dry_run {
            let preview = self.reverser.preview(&named).await.map_err(reversing)?;
            let effects = self.player.effects(&named.stream, version).await?;
            return Ok(http::json(200, &Previewed { preview, effects }));
        }
        let effects = match wanted.undo {
            true => self.player.revocable(&named.stream, version).await?,
            false => Vec::new(),
        };
        let by = wanted.by.or_else(|| caller::of(asked.request));
        let by = by.unwrap_or_default();
        let accepted = self.reverser.reverse(&named, &wanted.reason, &by).await;
        let accepted = accepted.map_err(reversing)?;
        // Behind the reversal: what is taken back is that of an event that is.
        self.player.undo(effects).await?;
        let place = format!("{}@{version}", named.stream);
        self.player.note(What::Reversed, place, Some(by)).await;
        Ok(http::json(202, &accepted))
    }

    /// Takes a dead letter off the list that an operator has dealt with.
    async fn handled(&self, asked: &Asked<'_>) -> Result<Response, PlayError> {
        let handled: Handled = asked.body("{\"deadLetter\": \"key\"}")?;
        let by = caller::of(asked.request);
        Ok(http::json(200, &self.off_the_list(handled, by).await?))
    }

    async fn note(&self, what: What, about: &str, asked: &Asked<'_>) {
        self.player
            .note(what, about, caller::of(asked.request))
            .await;
    }
}

/// A request over HTTP that has a route.
struct Asked<'a> {
    parameters: Parameters,
    request: &'a http::Request,
}

impl Asked<'_> {
    /// The JSON body.
    fn body<T: DeserializeOwned>(&self, example: &str) -> Result<T, Problem> {
        http::read(&http::json_body(self.request)?, example)
    }

    /// The playback that is meant, by a request that says nothing else.
    fn playback(&self) -> Result<&str, Problem> {
        let body = http::json_body(self.request)?;
        if !body.is_empty() {
            let Nothing {} = http::read(&body, "no body, or {}")?;
        }
        let id = self.parameters.path("id");
        check_id(id)?;
        Ok(id)
    }

    /// The generation that is to serve, and whether the rows that differ are
    /// told as changes.
    fn activation(&self) -> Result<(Target, bool), Problem> {
        let Activate {
            generation,
            changes,
        } = self.body("{\"generation\": 2}")?;
        let target = Target {
            projection: self.parameters.path("name").to_string(),
            generation,
        };
        Ok((target, changes))
    }

    /// The generation that is meant.
    fn target(&self) -> Result<Target, Problem> {
        let Wanted { generation } = self.body("{\"generation\": 2}")?;
        Ok(Target {
            projection: self.parameters.path("name").to_string(),
            generation,
        })
    }
}

/// What a payload by hand says.
enum ByHand {
    Task(Task),
    Request(Box<Request>),
}

fn by_hand(payload: &Value) -> Result<ByHand, Problem> {
    let text = payload.to_string();
    let tasks = ["resume", "recover", "handled"];
    let is_task = tasks.iter().any(|task| payload.get(task).is_some());
    if !is_task {
        let request = http::read(&text, REQUEST)?;
        return Ok(ByHand::Request(Box::new(request)));
    }
    let task = http::read(&text, TASKS)?;
    if let Task::Resume(id) = &task {
        check_id(id)?;
    }
    Ok(ByHand::Task(task))
}

/// What an invocation has sent. One that had nothing to send has no rate.
fn line(sending: &Sending) -> Line {
    let line = Line::new().with(REPLAYED, sending.events());
    match sending.rate() {
        Some(rate) => line.measured(REPLAY_RATE, rate),
        None => line,
    }
}

fn recover() -> Task {
    Task::Recover(Nothing {})
}

fn reversing(error: ReverseError) -> PlayError {
    match error {
        ReverseError::Refused(problem) => problem.into(),
        ReverseError::Service(error) => error.into(),
    }
}

/// What is not there is the projection; a conflict is the generation's.
fn of_projection(error: PlayError) -> PlayError {
    match error {
        PlayError::Refused(mut problem) if problem.status == 404 => {
            problem.field.get_or_insert_with(|| "name".into());
            PlayError::Refused(problem)
        }
        other => other,
    }
}

/// What is not there is the dead letter that the task `handled` names.
fn of_task(error: PlayError) -> PlayError {
    match error {
        PlayError::Refused(problem) => PlayError::Refused(problem.of("handled.deadLetter")),
        other => other,
    }
}

/// A problem of the name that `Idempotency-Key` gives to a playback.
fn of_key(mut problem: Problem) -> Problem {
    problem.field = Some("idempotency-key".into());
    problem
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
        PlayError::Refused(problem) => refused(&problem),
        PlayError::Service(error) => failed(error),
    }
}

/// A refused request: told apart from a failure by its type.
fn refused(problem: &Problem) -> Diagnostic {
    let problem = http::clipped(problem);
    let field = problem
        .field
        .map_or(String::new(), |field| format!("{field}: "));
    Diagnostic {
        error_type: problem.problem_type,
        error_message: format!("{field}{}", problem.detail),
    }
}

fn failed(error: impl Into<Error>) -> Diagnostic {
    Diagnostic {
        error_type: "Failed".into(),
        error_message: error.into().to_string(),
    }
}
