//! A small HTTP client for the gateway.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client as Hyper, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The gateway at a URL.
#[derive(Clone)]
pub struct Client {
    http: Hyper<HttpConnector, Full<Bytes>>,
    url: String,
}

/// A status and a JSON body.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; `null` where there is none.
    pub body: Value,
}

impl Client {
    /// A client of the gateway at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            http: Hyper::builder(TokioExecutor::new()).build_http(),
            url: url.into(),
        }
    }

    /// GETs a path.
    pub async fn get(&self, path: &str) -> Result<Answer, String> {
        self.send(Method::GET, path, "application/json", String::new(), None)
            .await
    }

    /// POSTs a body.
    pub async fn post(&self, path: &str, media: &str, body: String) -> Result<Answer, String> {
        self.send(Method::POST, path, media, body, None).await
    }

    /// GETs a path and expects 200. It repeats the request after a 5xx.
    pub async fn get_ok(&self, path: &str) -> Result<Value, String> {
        self.insist(Method::GET, path, "application/json", "", 200)
            .await
    }

    /// POSTs a body and expects the given status. It repeats the request after
    /// a 5xx, with the same idempotency key, so that it takes effect once.
    pub async fn post_ok(
        &self,
        path: &str,
        media: &str,
        body: &Value,
        status: u16,
    ) -> Result<Value, String> {
        self.insist(Method::POST, path, media, &body.to_string(), status)
            .await
    }

    async fn insist(
        &self,
        method: Method,
        path: &str,
        media: &str,
        body: &str,
        status: u16,
    ) -> Result<Value, String> {
        let key = rewind_aws::aws::clock::id();
        let started = Instant::now();
        loop {
            let body = body.to_string();
            let answer = self
                .send(method.clone(), path, media, body, Some(&key))
                .await?;
            if answer.status == status {
                return Ok(answer.body);
            }
            if answer.status < 500 || started.elapsed() > PATIENCE {
                let (status, body) = (answer.status, answer.body);
                return Err(format!("{method} {path} answered {status}: {body}"));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        media: &str,
        body: String,
        key: Option<&str>,
    ) -> Result<Answer, String> {
        let failed = |reason: &dyn std::fmt::Display| format!("{method} {path}: {reason}");
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("{}{path}", self.url))
            .header("content-type", media);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| failed(&error))?;
        let answering = async {
            let response = self
                .http
                .request(request)
                .await
                .map_err(|error| failed(&error))?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await;
            let body = body.map_err(|error| failed(&error))?.to_bytes();
            let body = if body.is_empty() {
                Value::Null
            } else {
                serde_json::from_slice(&body).map_err(|error| failed(&error))?
            };
            Ok(Answer { status, body })
        };
        let answer = tokio::time::timeout(PATIENCE, answering).await;
        answer.unwrap_or_else(|_| Err(failed(&"no answer within 30 s")))
    }
}
