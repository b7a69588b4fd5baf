//! A stack of CloudFormation: its state and its outputs.

mod answer;

pub use answer::Stack;

use super::clients::Clients;
use crate::{
    Error,
    aws::call::{Callee, Refusal, call},
};
pub(super) use answer::refusal_of;
use answer::{is_about_a_missing_stack, stack_of};
use aws_sdk_dynamodb::error::SdkError;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

const DESCRIBE: Callee = Callee {
    id: "CloudFormation",
    host: "cloudformation",
    operation: "DescribeStacks",
};

impl Clients {
    /// Describes the stack of this name or ARN. `None` where there is none.
    ///
    /// # Errors
    ///
    /// When CloudFormation does not answer, or refuses.
    pub async fn stack(&self, name: &str) -> Result<Option<Stack>, Error> {
        let endpoint = self.cloudformation.as_deref();
        let name = name.to_string();
        let described = call(&self.config, DESCRIBE, endpoint, (request, answered), name);
        match described.await {
            Ok(stack) => Ok(stack),
            Err(SdkError::ServiceError(answer)) if is_about_a_missing_stack(answer.err()) => {
                Ok(None)
            }
            Err(error) => Err(Error::service(DESCRIBE.operation)(error)),
        }
    }
}

fn request(name: String) -> Result<HttpRequest, Box<dyn std::error::Error + Send + Sync>> {
    let name = utf8_percent_encode(&name, NON_ALPHANUMERIC);
    let body = format!(
        "Action={}&Version=2010-05-15&StackName={name}",
        DESCRIBE.operation
    );
    let length = body.len().to_string();
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("POST")?;
    request.set_uri("/")?;
    let headers = request.headers_mut();
    headers.insert("content-type", "application/x-www-form-urlencoded");
    headers.insert("content-length", length);
    Ok(request)
}

#[expect(
    clippy::result_large_err,
    reason = "the SDK's own type of what a deserializer returns"
)]
fn answered(response: &HttpResponse) -> Result<Option<Stack>, OrchestratorError<Refusal>> {
    let body = response.body().bytes().unwrap_or_default();
    let strange = |why: String| OrchestratorError::response(why.into());
    let body = std::str::from_utf8(body).map_err(|error| strange(error.to_string()))?;
    if response.status().is_success() {
        let stack = stack_of(body).map_err(|error| strange(error.to_string()))?;
        // A stack without a state is no stack: another service has answered.
        return match stack {
            Some(stack) if stack.status.is_empty() => Err(strange("without a state".into())),
            stack => Ok(stack),
        };
    }
    let status = response.status().as_u16();
    match refusal_of(body) {
        Ok(refusal) => Err(OrchestratorError::operation(refusal)),
        Err(_) => Err(strange(format!("HTTP {status}"))),
    }
}
