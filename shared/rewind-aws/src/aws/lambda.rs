//! Another invocation of a Lambda function, which nobody waits for.

use super::call::{Callee, Refusal, call};
use crate::Error;
use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use std::error::Error as StdError;

const INVOKE: Callee = Callee {
    id: "Lambda",
    host: "lambda",
    operation: "Invoke",
};

/// What a path may not hold as it is. Source: RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A Lambda function to invoke.
#[derive(Debug, Clone)]
pub struct Function {
    config: SdkConfig,
    endpoint: Option<String>,
    name: String,
}

/// The body of a refusal. Lambda writes either member.
#[derive(Debug, Default, Deserialize)]
struct Told {
    #[serde(alias = "Message", default)]
    message: String,
}

impl Function {
    /// The function of this name, at `endpoint` where that is given.
    pub fn new(config: SdkConfig, endpoint: Option<String>, name: impl Into<String>) -> Self {
        Self {
            config,
            endpoint,
            name: name.into(),
        }
    }

    /// Invokes it asynchronously: Lambda holds the payload when this returns,
    /// and tries a failing invocation again.
    ///
    /// # Errors
    ///
    /// When Lambda does not take it.
    pub async fn invoke_later(&self, payload: &impl Serialize) -> Result<(), Error> {
        let payload = serde_json::to_vec(payload);
        let payload = payload.map_err(|error| Error::damaged("a payload", error))?;
        let name = utf8_percent_encode(&self.name, RESERVED).to_string();
        let endpoint = self.endpoint.as_deref();
        let invoked = call(
            &self.config,
            INVOKE,
            endpoint,
            (request, answered),
            (name, payload),
        );
        invoked.await.map_err(Error::service(INVOKE.operation))
    }
}

fn request(
    (name, payload): (String, Vec<u8>),
) -> Result<HttpRequest, Box<dyn StdError + Send + Sync>> {
    let length = payload.len().to_string();
    let mut request = HttpRequest::new(SdkBody::from(payload));
    request.set_method("POST")?;
    request.set_uri(format!("/2015-03-31/functions/{name}/invocations"))?;
    let headers = request.headers_mut();
    headers.insert("content-type", "application/json");
    headers.insert("content-length", length);
    headers.insert("x-amz-invocation-type", "Event");
    Ok(request)
}

#[expect(
    clippy::result_large_err,
    reason = "the SDK's own type of what a deserializer returns"
)]
fn answered(response: &HttpResponse) -> Result<(), OrchestratorError<Refusal>> {
    if response.status().is_success() {
        return Ok(());
    }
    let status = response.status().as_u16();
    let Some(code) = response.headers().get("x-amzn-errortype") else {
        return Err(OrchestratorError::response(format!("HTTP {status}").into()));
    };
    // `ResourceNotFoundException:http://…`
    let code = code.split(':').next().unwrap_or(code).to_string();
    let body = response.body().bytes().unwrap_or_default();
    // A refusal without words is one all the same.
    let told: Told = serde_json::from_slice(body).unwrap_or_default();
    Err(OrchestratorError::operation(Refusal::new(
        code,
        told.message,
    )))
}
