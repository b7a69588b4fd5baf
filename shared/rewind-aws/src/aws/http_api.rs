//! Requests to an HTTP API of API Gateway, signed for whoever calls.

use super::call::{Callee, Refusal, call};
use crate::Error;
use aws_config::{SdkConfig, retry::RetryConfig};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use std::error::Error as StdError;

const REQUEST: Callee = Callee {
    id: "ApiGateway",
    host: "execute-api",
    operation: "request",
};

/// An HTTP API.
#[derive(Debug, Clone)]
pub struct HttpApi {
    config: SdkConfig,
    url: String,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its method.
    pub method: String,
    /// Its path and query string, as they stand in the request line.
    pub target: String,
    /// Its headers that are to go along.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Its status.
    pub status: u16,
    /// Its media type.
    pub media: Option<String>,
    /// Its body.
    pub body: Vec<u8>,
}

impl HttpApi {
    /// The API at a URL. A request is sent once: whether another try is right is
    /// for who asks.
    pub fn new(config: &SdkConfig, url: impl Into<String>) -> Self {
        let config = config.to_builder();
        Self {
            config: config.retry_config(RetryConfig::disabled()).build(),
            url: url.into(),
        }
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends a request.
    ///
    /// # Errors
    ///
    /// When there is no answer, or there are no credentials.
    pub async fn ask(&self, asked: Asked) -> Result<Answered, Error> {
        let answer = call(
            &self.config,
            REQUEST,
            Some(&self.url),
            (request, answered),
            asked,
        );
        answer.await.map_err(Error::service("request"))
    }
}

fn request(asked: Asked) -> Result<HttpRequest, Box<dyn StdError + Send + Sync>> {
    let length = asked.body.len().to_string();
    let mut request = HttpRequest::new(SdkBody::from(asked.body));
    request.set_method(&asked.method)?;
    request.set_uri(asked.target)?;
    let headers = request.headers_mut();
    if length != "0" {
        headers.insert("content-length", length);
    }
    for (name, value) in asked.headers {
        headers.try_insert(name, value)?;
    }
    Ok(request)
}

#[expect(
    clippy::result_large_err,
    reason = "the SDK's own type of what a deserializer returns"
)]
fn answered(response: &HttpResponse) -> Result<Answered, OrchestratorError<Refusal>> {
    let media = response.headers().get("content-type");
    Ok(Answered {
        status: response.status().as_u16(),
        media: media.map(ToString::to_string),
        body: response.body().bytes().unwrap_or_default().to_vec(),
    })
}
