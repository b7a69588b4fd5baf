//! What is served below `/console`.

use super::{
    files::{self, PAGE},
    proxy::problem,
};
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY},
    },
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{pin::Pin, sync::Arc};

/// Nothing but the page's own files, and requests to where it comes from.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The system that a console shows.
#[derive(Debug, Clone, Serialize)]
pub struct System {
    /// For people: `local`, or the stack with its account and region.
    pub name: String,
    /// Whether it runs on this machine.
    pub local: bool,
    pub version: &'static str,
}

/// Figures of the last minutes.
pub type Figured = Pin<Box<dyn Future<Output = Result<Value, String>> + Send>>;

type Measure = Arc<dyn Fn(u64) -> Figured + Send + Sync>;

#[derive(Clone)]
struct Shown {
    system: System,
    measure: Measure,
}

#[derive(Deserialize)]
struct Minutes {
    minutes: Option<u64>,
}

/// The page, its files and its figures. `measure` gives the figures of so many
/// minutes.
pub fn pages(system: System, measure: impl Fn(u64) -> Figured + Send + Sync + 'static) -> Router {
    let shown = Shown {
        system,
        measure: Arc::new(measure),
    };
    Router::new()
        .route("/", get(async || Redirect::to("/console")))
        .route("/console", get(page))
        .route("/console/", get(page))
        .route("/console/system", get(name))
        .route("/console/metrics", get(metrics))
        .route("/console/{*path}", get(file))
        .with_state(shown)
}

async fn page() -> Response {
    served(PAGE)
}

async fn file(Path(path): Path<String>) -> Response {
    served(&path)
}

async fn name(State(shown): State<Shown>) -> Response {
    Json(shown.system).into_response()
}

async fn metrics(State(shown): State<Shown>, Query(minutes): Query<Minutes>) -> Response {
    let minutes = minutes.minutes.unwrap_or(15).clamp(1, 180);
    match (shown.measure)(minutes).await {
        Ok(figures) => Json(figures).into_response(),
        Err(why) => problem(StatusCode::BAD_GATEWAY, "no-figures", &why),
    }
}

fn served(path: &str) -> Response {
    let Some((bytes, media)) = files::file(path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(media)),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (
            HeaderName::from_static("x-content-type-options"),
            HeaderValue::from_static("nosniff"),
        ),
        // Another program may be behind the port tomorrow.
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, bytes).into_response()
}
