//! The HTTP gateway: API Gateway's HTTP API, and Lambda's Invoke.
//!
//! The room knows routes, the payload format of an HTTP API, and asynchronous invocations. It does not know what a route
//! is for, nor how a function runs. `http` decides before it who may call at all.

mod authorize;
mod backend;
mod function_url;
mod http_api;
mod invoke;
mod queue;
mod request;
mod response;
mod routes;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;

pub(crate) use backend::Backend;
pub(crate) use queue::Queue;
pub(crate) use routes::Routes;

/// The gateway's application, and pages that are served beside it.
pub(crate) fn app(backend: Backend, pages: Option<Router>) -> Router {
    let gateway = Router::new().fallback(answer).with_state(backend);
    match pages {
        Some(pages) => gateway.merge(pages),
        None => gateway,
    }
}

async fn answer(State(backend): State<Backend>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    if let Some(function) = invoke::function_of(path) {
        return invoke::answer(&backend, &function, &parts, body).await;
    }
    match http_api::answer(&backend, &parts, body).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(path),
    }
}
