//! Another invocation of a Lambda function, which nobody waits for.

use crate::Error;
use aws_sdk_lambda::{Client, primitives::Blob, types::InvocationType};
use serde::Serialize;

/// A Lambda function to invoke.
#[derive(Debug, Clone)]
pub struct Function {
    client: Client,
    name: String,
}

impl Function {
    /// The function of this name.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self {
            client,
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
        let request = self.client.invoke().function_name(&self.name);
        let request = request.invocation_type(InvocationType::Event);
        let answer = request.payload(Blob::new(payload)).send().await;
        answer.map(drop).map_err(Error::service("Invoke"))
    }
}
