//! A stack of CloudFormation: its state and its outputs.

mod answer;

pub use answer::Stack;

use super::clients::Clients;
use crate::{
    Error,
    aws::{
        call::{Callee, Refusal, call},
        query_protocol,
    },
};
use answer::{is_about_a_missing_stack, stack_of};
use aws_sdk_dynamodb::error::SdkError;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use std::error::Error as StdError;

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

fn request(name: String) -> Result<HttpRequest, Box<dyn StdError + Send + Sync>> {
    let parameters = [("StackName".to_string(), name)];
    query_protocol::request(DESCRIBE.operation, "2010-05-15", &parameters)
}

#[expect(
    clippy::result_large_err,
    reason = "the SDK's own type of what a deserializer returns"
)]
fn answered(response: &HttpResponse) -> Result<Option<Stack>, OrchestratorError<Refusal>> {
    match query_protocol::answered(response, stack_of)? {
        // A stack without a state is no stack: another service has answered.
        Some(stack) if stack.status.is_empty() => {
            Err(OrchestratorError::response("without a state".into()))
        }
        stack => Ok(stack),
    }
}
