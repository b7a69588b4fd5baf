//! Takes a `GET`, reads, and answers JSON.

use rewind::{Problem, Service};
use rewind_aws::{
    Error,
    aws::{
        http::{self, Parameters, Request, Response, Route},
        producer::Stream,
    },
    data_table::data_store::DataStore,
    event_table::event_store::EventStore,
    playback::{create::check_id, player},
};
use std::time::Duration;

/// The most that the items of one answer may weigh. Lambda returns 6 MB.
pub(crate) const MAX_ANSWER: usize = 4_500_000;

/// How long an event may wait for a reader.
const PATIENCE: Duration = Duration::from_secs(60);

/// The routes that `template.yaml` has to lead here.
pub const ROUTES: &[Route] = &[
    Route {
        key: "GET /streams/{stream}",
        takes: &["from", "limit"],
        about: "stream",
    },
    Route {
        key: "GET /projections",
        takes: &[],
        about: "query",
    },
    Route {
        key: "GET /projections/{name}",
        takes: &[
            "limit",
            "cursor",
            "prefix",
            "generation",
            "key",
            "at",
            "as_of",
        ],
        about: "name",
    },
    Route {
        key: "GET /projections/{name}/{key+}",
        takes: &["generation", "at", "as_of"],
        about: "key",
    },
    Route {
        key: "GET /comparisons/{name}",
        takes: &["a", "b", "sample", "cursor"],
        about: "name",
    },
    Route {
        key: "GET /playbacks/{id}",
        takes: &[],
        about: "id",
    },
    Route {
        key: "GET /schemas",
        takes: &[],
        about: "query",
    },
    Route {
        key: "GET /health",
        takes: &[],
        about: "query",
    },
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
        let (route, parameters) = match Route::of(ROUTES, request) {
            Ok(found) => found,
            Err(problem) => return http::problem(&problem),
        };
        match self.answer(route.key, &parameters).await {
            Ok(response) => response,
            Err(Unanswered::Refused(problem)) => http::problem(&route.refusing(problem)),
            Err(Unanswered::Failed(error)) => {
                lambda_runtime::tracing::error!(route = route.key, %error, "not answered");
                http::problem(&http::failed(&error))
            }
        }
    }

    async fn answer(&self, route: &str, parameters: &Parameters) -> Result<Response, Unanswered> {
        match route {
            "GET /streams/{stream}" => self.stream(parameters).await,
            "GET /projections" => self.projections().await,
            "GET /projections/{name}" => self.rows(parameters).await,
            "GET /projections/{name}/{key+}" => self.row(parameters, parameters.path("key")).await,
            "GET /comparisons/{name}" => self.compare(parameters).await,
            "GET /playbacks/{id}" => self.playback(parameters).await,
            "GET /schemas" => Ok(http::json(200, &self.service.schemas())),
            "GET /health" => self.health().await,
            _ => Err(Problem::not_found(format!("query has no route {route}")).into()),
        }
    }

    async fn playback(&self, parameters: &Parameters) -> Result<Response, Unanswered> {
        let id = parameters.path("id");
        check_id(id)?;
        match player::load(&self.store, id).await? {
            Some((playback, _)) => Ok(http::json(200, &playback.shown())),
            None => Err(Problem::not_found(format!("there is no playback {id}")).into()),
        }
    }
}
