//! Secrets of Secrets Manager and of Parameter Store.

use super::{cache::Cache, secret::Secret};
use crate::aws::call::{Callee, Refusal, call};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::error::SdkError;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{error::Error as StdError, time::Instant};

const SECRET: Callee = Callee {
    id: "Secrets Manager",
    host: "secretsmanager",
    operation: "GetSecretValue",
};

const PARAMETER: Callee = Callee {
    id: "SSM",
    host: "ssm",
    operation: "GetParameter",
};

/// What the name of a secret in Parameter Store begins with.
const OF_PARAMETER_STORE: &str = "ssm:";

/// Both stores, and what was read of them.
#[derive(Debug)]
pub(super) struct Stores {
    config: SdkConfig,
    secrets_manager: Option<String>,
    parameter_store: Option<String>,
    cache: Cache,
}

/// A call in the protocol `awsJson1_1`.
#[derive(Debug)]
struct Call {
    target: &'static str,
    input: Value,
}

/// An answer of either store.
#[derive(Deserialize)]
struct Told {
    #[serde(rename = "SecretString")]
    secret: Option<String>,
    #[serde(rename = "Parameter")]
    parameter: Option<Parameter>,
}

#[derive(Deserialize)]
struct Parameter {
    #[serde(rename = "Value")]
    value: Option<String>,
}

/// The body of a refusal. Services write either member.
#[derive(Default, Deserialize)]
struct Refused {
    #[serde(rename = "__type", default)]
    code: String,
    #[serde(alias = "Message", default)]
    message: String,
}

impl Stores {
    pub fn new(
        config: SdkConfig,
        secrets_manager: Option<String>,
        parameter_store: Option<String>,
    ) -> Self {
        Self {
            config,
            secrets_manager,
            parameter_store,
            cache: Cache::default(),
        }
    }

    /// The secret of this name.
    ///
    /// # Errors
    ///
    /// When the store does not answer, refuses, or holds no text.
    pub async fn get(&self, name: &str) -> Result<Secret, String> {
        if let Some(secret) = self.cache.get(Instant::now(), name) {
            return Ok(secret);
        }
        let (callee, endpoint, made) = match name.strip_prefix(OF_PARAMETER_STORE) {
            Some(name) => {
                let input = json!({"Name": name, "WithDecryption": true});
                let target = "AmazonSSM.GetParameter";
                (PARAMETER, &self.parameter_store, Call { target, input })
            }
            None => {
                let input = json!({"SecretId": name});
                let target = "secretsmanager.GetSecretValue";
                (SECRET, &self.secrets_manager, Call { target, input })
            }
        };
        let endpoint = endpoint.as_deref();
        let read = call(&self.config, callee, endpoint, (request, answered), made).await;
        let secret = read.map_err(|error| {
            let why = why(&error);
            format!("the secret {name} cannot be read: {why}")
        })?;
        self.cache.put(Instant::now(), name, &secret);
        Ok(secret)
    }

    pub fn forget(&self, name: &str) {
        self.cache.forget(name);
    }
}

/// Why a call failed. The SDK's own words could show the answer, which is the
/// secret.
fn why(error: &SdkError<Refusal, HttpResponse>) -> String {
    match error {
        SdkError::ServiceError(refused) => refused.err().to_string(),
        SdkError::TimeoutError(_) => "no answer in time".to_string(),
        SdkError::ResponseError(answer) => {
            format!("HTTP {}, and no secret in it", answer.raw().status())
        }
        // Both end before there is an answer. The innermost cause tells most.
        error => {
            let mut source: &dyn StdError = error;
            while let Some(next) = source.source() {
                source = next;
            }
            source.to_string()
        }
    }
}

fn request(call: Call) -> Result<HttpRequest, Box<dyn StdError + Send + Sync>> {
    let body = call.input.to_string();
    let length = body.len().to_string();
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("POST")?;
    request.set_uri("/")?;
    let headers = request.headers_mut();
    headers.insert("content-type", "application/x-amz-json-1.1");
    headers.insert("content-length", length);
    headers.insert("x-amz-target", call.target);
    Ok(request)
}

#[expect(
    clippy::result_large_err,
    reason = "the SDK's own type of what a deserializer returns"
)]
fn answered(response: &HttpResponse) -> Result<Secret, OrchestratorError<Refusal>> {
    let body = response.body().bytes().unwrap_or_default();
    if !response.status().is_success() {
        let refused: Refused = serde_json::from_slice(body).unwrap_or_default();
        let status = response.status().as_u16();
        // `com.amazonaws.ssm#ParameterNotFound`
        let code = match refused.code.rsplit('#').next() {
            Some(code) if !code.is_empty() => code.to_string(),
            _ => format!("HTTP {status}"),
        };
        let refusal = Refusal::new(code, refused.message);
        return Err(OrchestratorError::operation(refusal));
    }
    let told = serde_json::from_slice::<Told>(body).ok();
    let text = told.and_then(|told| {
        let of_parameter = told.parameter.and_then(|parameter| parameter.value);
        told.secret.or(of_parameter)
    });
    let text = text.ok_or_else(|| OrchestratorError::response("there is no text in it".into()))?;
    Ok(Secret::new(&text))
}
