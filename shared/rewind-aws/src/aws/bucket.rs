//! Reading an object of a bucket of S3.

use super::call::{Callee, Refusal, call};
use crate::Error;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::error::SdkError;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::error::Error as StdError;

const GET: Callee = Callee {
    id: "S3",
    host: "s3",
    operation: "GetObject",
};

/// What a path may not hold as it is. A key's slashes stay (AWS documentation).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// A bucket of S3.
#[derive(Debug, Clone)]
pub struct Bucket {
    config: SdkConfig,
    endpoint: Option<String>,
    name: String,
}

impl Bucket {
    /// The bucket of this name, at `endpoint` where that is given.
    pub fn new(config: SdkConfig, endpoint: Option<String>, name: impl Into<String>) -> Self {
        Self {
            config,
            endpoint,
            name: name.into(),
        }
    }

    /// Reads an object. `None` where there is none of this key.
    ///
    /// # Errors
    ///
    /// When S3 does not answer, or refuses.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        // The bucket in the path, not in the host: endpoints of other makers
        // have no hosts for buckets, and AWS takes both.
        let path = format!("{}/{key}", self.name);
        let path = utf8_percent_encode(&path, RESERVED).to_string();
        let endpoint = self.endpoint.as_deref();
        let got = call(&self.config, GET, endpoint, (request, answered), path);
        match got.await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(SdkError::ServiceError(answer)) if answer.err().code == "NoSuchKey" => Ok(None),
            Err(error) => Err(Error::service(GET.operation)(error)),
        }
    }
}

fn request(path: String) -> Result<HttpRequest, Box<dyn StdError + Send + Sync>> {
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_method("GET")?;
    request.set_uri(format!("/{path}"))?;
    Ok(request)
}

#[expect(
    clippy::result_large_err,
    reason = "the SDK's own type of what a deserializer returns"
)]
fn answered(response: &HttpResponse) -> Result<Vec<u8>, OrchestratorError<Refusal>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return Ok(body.to_vec());
    }
    let text = String::from_utf8_lossy(body);
    let part = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0.to_string())
    };
    let Some(code) = part("Code") else {
        let status = response.status().as_u16();
        return Err(OrchestratorError::response(format!("HTTP {status}").into()));
    };
    let message = part("Message").unwrap_or_default();
    Err(OrchestratorError::operation(Refusal::new(code, message)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_runtime_api::http::StatusCode;

    fn answer(status: u16, body: &str) -> HttpResponse {
        let status = StatusCode::try_from(status).unwrap();
        HttpResponse::new(status, SdkBody::from(body))
    }

    #[test]
    fn an_object_and_a_refusal_are_told_apart() {
        assert_eq!(answered(&answer(200, "{}")).unwrap(), b"{}");
        let missing = "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>The key</Message></Error>";
        let refused = answered(&answer(404, missing)).unwrap_err();
        assert!(format!("{refused:?}").contains("NoSuchKey"));
        assert!(answered(&answer(404, "not found")).is_err());
        let path = request("b/a%20b/c".into()).unwrap();
        assert_eq!(path.uri(), "/b/a%20b/c");
    }
}
