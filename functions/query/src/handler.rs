//! Takes a `GET`, reads, and answers JSON.

use rewind::{Problem, Service};
use rewind_aws::{
    Error,
    data_store::DataStore,
    event_store::EventStore,
    http::{self, Request, Response},
    playback,
    put::Stream,
};
use std::time::Duration;

/// The most bytes of items in one answer. Lambda takes 6 MB.
pub(crate) const MAX_ANSWER: usize = 4_500_000;

/// How long an event may wait for a reader.
const PATIENCE: Duration = Duration::from_secs(60);

/// The routes that `template.yaml` has to lead here.
pub const ROUTES: &[&str] = &[
    "GET /streams/{stream}",
    "GET /projections",
    "GET /projections/{name}",
    "GET /projections/{name}/compare",
    "GET /projections/{name}/{key+}",
    "GET /playbacks/{id}",
    "GET /health",
];

/// query's handler.
#[derive(Debug)]
pub struct Handler {
    pub(crate) service: Service,
    pub(crate) events: EventStore,
    pub(crate) store: DataStore,
    pub(crate) incoming: Stream,
    pub(crate) patience: Duration,
}

/// Why a question is not answered.
pub(crate) enum Unanswered {
    Refused(Problem),
    Failed(Error),
}

impl From<Problem> for Unanswered {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<Error> for Unanswered {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Handler {
    /// A handler that reads both tables, and looks at what waits on `incoming`.
    pub fn new(service: Service, events: EventStore, store: DataStore, incoming: Stream) -> Self {
        Self {
            service,
            events,
            store,
            incoming,
            patience: PATIENCE,
        }
    }

    /// With another time that an event may wait for a reader before `/health`
    /// says so; a minute where nothing is said.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Answers a request. Every refusal is a problem, none is an error.
    pub async fn handle(&self, request: &Request) -> Response {
        let route = request.route_key.as_deref().unwrap_or_default();
        let answer = match route {
            "GET /streams/{stream}" => self.stream(request).await,
            "GET /projections" => self.projections().await,
            "GET /projections/{name}" => self.rows(request).await,
            "GET /projections/{name}/compare" => self.compare(request).await,
            "GET /projections/{name}/{key+}" => self.row(request).await,
            "GET /playbacks/{id}" => self.playback(request).await,
            "GET /health" => self.health().await,
            _ => Err(Problem::not_found(format!("query has no route {route}")).into()),
        };
        match answer {
            Ok(response) => response,
            Err(Unanswered::Refused(problem)) => http::problem(&problem),
            Err(Unanswered::Failed(error)) => {
                tracing_failed(route, &error);
                http::problem(&Problem::unavailable("reading failed; try again"))
            }
        }
    }

    async fn playback(&self, request: &Request) -> Result<Response, Unanswered> {
        let id = http::path(request, "id");
        match playback::load(&self.store, id).await? {
            Some((playback, _)) => Ok(http::json(200, &playback.shown())),
            None => Err(Problem::not_found(format!("there is no playback {id:?}")).into()),
        }
    }
}

fn tracing_failed(route: &str, error: &Error) {
    lambda_runtime::tracing::error!(route, %error, "not answered");
}
