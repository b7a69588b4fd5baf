//! Takes a `GET`, reads, and answers JSON.

use crate::{
    describe,
    live::{self, Parts},
    sources::{Sources, Unanswered},
};
use lambda_runtime::FunctionResponse;
use rewind::{Problem, Service};
use rewind_aws::{
    audit::health::PATIENCE,
    aws::{
        http::{self, Parameters, Request, Response, Route},
        producer::Stream,
    },
    data_table::data_store::DataStore,
    event_table::event_store::EventStore,
};
use std::{sync::Arc, time::Duration};

/// The routes that `template.yaml` has to lead here.
pub const ROUTES: &[Route] = &[
    Route {
        key: "GET /categories",
        takes: &["count"],
        about: "query",
    },
    Route {
        key: "GET /streams",
        takes: &["category", "prefix", "limit", "cursor"],
        about: "query",
    },
    Route {
        key: "GET /streams/{stream}",
        takes: &["from", "last", "limit"],
        about: "stream",
    },
    Route {
        key: "GET /streams/{stream}/events/{version}/trace",
        takes: &[],
        about: "version",
    },
    Route {
        key: "GET /events",
        takes: &["category", "after", "cursor", "latest", "before", "limit"],
        about: "query",
    },
    Route {
        key: "GET /events/{id}/trace",
        takes: &[],
        about: "id",
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
            "by",
            "value",
            "generation",
            "key",
            "at",
            "as_of",
            "as_at",
            "at_least",
        ],
        about: "name",
    },
    Route {
        key: "GET /projections/{name}/{key+}",
        takes: &["generation", "at", "as_of", "as_at", "at_least"],
        about: "key",
    },
    Route {
        key: "GET /comparisons/{name}",
        takes: &["a", "b", "sample", "cursor"],
        about: "name",
    },
    Route {
        key: "GET /playbacks",
        takes: &["limit", "cursor"],
        about: "query",
    },
    Route {
        key: "GET /operations",
        takes: &["limit", "cursor"],
        about: "query",
    },
    Route {
        key: "GET /incidents",
        takes: &["limit", "cursor"],
        about: "query",
    },
    Route {
        key: "GET /dead-letters",
        takes: &["limit", "cursor"],
        about: "query",
    },
    Route {
        key: "GET /waiting",
        takes: &["limit"],
        about: "query",
    },
    Route {
        key: "GET /playbacks/{id}",
        takes: &[],
        about: "id",
    },
    Route {
        key: "GET /playbacks/{id}/differences",
        takes: &["limit", "cursor"],
        about: "id",
    },
    Route {
        key: "GET /gateways/{name}/ledger",
        takes: &["limit", "cursor", "key", "compare"],
        about: "name",
    },
    Route {
        key: "GET /schemas",
        takes: &[],
        about: "query",
    },
    Route {
        key: "GET /openapi.json",
        takes: &[],
        about: "query",
    },
    Route {
        key: "GET /asyncapi.json",
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
    pub(crate) sources: Sources,
}

impl Handler {
    /// A handler that reads both tables, and looks at what waits on `incoming`.
    pub fn new(service: Service, events: EventStore, store: DataStore, incoming: Stream) -> Self {
        let sources = Sources {
            service,
            events,
            store,
            incoming,
            patience: PATIENCE,
        };
        Self { sources }
    }

    /// With another time that an event may wait for a reader before `/health`
    /// says so; a minute where nothing is said.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.sources.patience = patience;
        self
    }

    /// Answers an invocation: a request of the HTTP API at once, one that comes
    /// through the function's URL as a stream. `deadline` is in milliseconds since
    /// 1970.
    pub async fn respond(
        self: Arc<Self>,
        request: &Request,
        deadline: u64,
    ) -> FunctionResponse<Response, Parts> {
        if live::is_meant(request) {
            let answer = live::answer(self.clone(), request, deadline);
            return FunctionResponse::StreamingResponse(answer.await);
        }
        FunctionResponse::BufferedResponse(self.handle(request).await)
    }

    /// Answers a request. Every refusal is a problem, none is an error.
    pub async fn handle(&self, request: &Request) -> Response {
        let (route, parameters) = match Route::of(ROUTES, request) {
            Ok(found) => found,
            Err(problem) => return http::problem(&problem),
        };
        match self.answer(route.key, &parameters, request).await {
            Ok(response) => response,
            Err(Unanswered::Refused(problem)) => http::problem(&route.refusing(problem)),
            Err(Unanswered::Failed(error)) => {
                lambda_runtime::tracing::error!(route = route.key, %error, "not answered");
                http::problem(&http::failed(&error))
            }
        }
    }

    async fn answer(
        &self,
        route: &str,
        parameters: &Parameters,
        request: &Request,
    ) -> Result<Response, Unanswered> {
        let sources = &self.sources;
        match route {
            "GET /categories" => sources.categories(parameters).await,
            "GET /streams" => sources.streams(parameters).await,
            "GET /streams/{stream}" => sources.stream(parameters).await,
            "GET /streams/{stream}/events/{version}/trace" => sources.trace(parameters).await,
            "GET /events" => sources.tail(parameters, request).await,
            "GET /events/{id}/trace" => sources.trace_at(parameters).await,
            "GET /projections" => sources.projections().await,
            "GET /projections/{name}" => sources.rows(parameters, request).await,
            "GET /projections/{name}/{key+}" => {
                sources
                    .row(parameters, parameters.path("key"), request)
                    .await
            }
            "GET /comparisons/{name}" => sources.compare(parameters).await,
            "GET /playbacks" => sources.playbacks(parameters).await,
            "GET /operations" => sources.operations(parameters).await,
            "GET /incidents" => sources.incidents(parameters).await,
            "GET /dead-letters" => sources.dead_letters(parameters).await,
            "GET /waiting" => sources.waiting(parameters).await,
            "GET /playbacks/{id}" => sources.playback(parameters).await,
            "GET /playbacks/{id}/differences" => sources.differences(parameters).await,
            "GET /gateways/{name}/ledger" => sources.ledger(parameters).await,
            "GET /schemas" => Ok(http::json(200, &sources.service.schemas())),
            "GET /openapi.json" => Ok(http::json(200, &describe::openapi(&sources.service))),
            "GET /asyncapi.json" => Ok(http::json(200, &describe::asyncapi(&sources.service))),
            "GET /health" => sources.health().await,
            _ => Err(Problem::not_found(format!("query has no route {route}")).into()),
        }
    }
}
