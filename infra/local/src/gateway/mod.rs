//! The HTTP gateway: the template's HTTP API, and Lambda's Invoke.

mod invoke;
mod problem;
mod queue;
mod request;
mod response;
mod routes;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::post;
use http_body_util::{BodyExt, Limited};
use tokio::net::TcpListener;

use crate::permissions::Guard;
use crate::runtime::{MAXIMUM_PAYLOAD, Outcome, Runtime};

use problem::Problem;
pub(crate) use queue::Queue;
use routes::Match;
pub(crate) use routes::Routes;

/// The most of a request's body. Source: HTTP API quotas, 10 MB.
const MAXIMUM_BODY: usize = 10 * 1024 * 1024;
/// How long an integration may take. Source: HTTP API quotas, 30 seconds.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What the gateway answers with.
#[derive(Debug, Clone)]
pub(crate) struct Gateway {
    pub runtime: Arc<Runtime>,
    pub routes: Arc<Routes>,
    pub queue: Arc<Queue>,
    pub guard: Arc<Guard>,
}

/// Serves the gateway until `shutdown` resolves and the requests under way have ended.
pub(crate) async fn serve(
    listener: TcpListener,
    gateway: Gateway,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    let app = Router::new()
        .route(
            "/2015-03-31/functions/{name}/invocations",
            post(invoke::invoke),
        )
        .fallback(call)
        .with_state(gateway);
    if let Err(error) = axum::serve(listener, app)
        .with_graceful_shutdown(shutdown)
        .await
    {
        tracing::error!(%error, "the HTTP gateway ended");
    }
}

async fn call(State(gateway): State<Gateway>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    match route(&gateway, &parts, body).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(&path),
    }
}

async fn route(gateway: &Gateway, parts: &Parts, body: Body) -> Result<Response, Problem> {
    let (route, parameters) = match gateway.routes.find(parts.method.as_str(), parts.uri.path()) {
        Match::Found(route, parameters) => (route, parameters),
        Match::OtherMethods(methods) => {
            return Err(Problem::method_not_allowed(&parts.method, &methods));
        }
        Match::Nothing => {
            return Err(Problem::no_route(
                &parts.method,
                parts.uri.path(),
                &gateway.routes.names(),
            ));
        }
    };
    let body = read(body).await?;
    let payload = request::payload(parts, &body, route, &parameters);
    if payload.len() > MAXIMUM_PAYLOAD {
        return Err(Problem::payload_too_large(payload.len()));
    }
    let invocation = gateway.runtime.invoke(&route.function, payload.into());
    match tokio::time::timeout(TIMEOUT, invocation).await {
        Ok(Outcome::Success(answer)) => response::of(&answer).map_err(Problem::bad_answer),
        Ok(Outcome::Failure(failure)) => Err(Problem::function_error(&failure)),
        Err(_) => Err(Problem::timed_out()),
    }
}

async fn read(body: Body) -> Result<Bytes, Problem> {
    match Limited::new(body, MAXIMUM_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Problem::body_too_large())
        }
        Err(error) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "Incomplete request",
            error.to_string(),
        )),
    }
}
