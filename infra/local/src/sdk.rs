//! The AWS SDK clients of the local system itself, and how it words their errors.

use std::env;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::template::REGION;

/// Clients for one endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Clients {
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub kinesis: aws_sdk_kinesis::Client,
}

impl Clients {
    /// Clients for the endpoints of DynamoDB and Kinesis.
    ///
    /// They sign with the credentials of the environment, if there are any: an external endpoint may require them.
    pub fn new(dynamodb: &str, kinesis: &str) -> Self {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let credentials = Credentials::new(
            variable("AWS_ACCESS_KEY_ID").unwrap_or_else(|| "local".to_owned()),
            variable("AWS_SECRET_ACCESS_KEY").unwrap_or_else(|| "local".to_owned()),
            variable("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        let dynamodb = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(credentials.clone())
            .http_client(http_client(dynamodb))
            .endpoint_url(dynamodb)
            .build();
        let kinesis = aws_sdk_kinesis::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(credentials)
            .http_client(http_client(kinesis))
            .endpoint_url(kinesis)
            .build();
        Self {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb),
            kinesis: aws_sdk_kinesis::Client::from_conf(kinesis),
        }
    }
}

/// An SDK's error in one line: the service's answer, or why the service cannot be reached.
pub(crate) fn reason<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if let (Some(code), message) = (error.code(), error.message()) {
        return format!("{code}: {}", message.unwrap_or("no message"));
    }
    // The innermost source is the error of the system call.
    let mut source: &dyn std::error::Error = error;
    while let Some(next) = source.source() {
        source = next;
    }
    source.to_string()
}

/// Plain HTTP for `http://` endpoints. Reading the machine's certificates takes longer than the rest of the start.
fn http_client(endpoint: &str) -> SharedHttpClient {
    if endpoint.starts_with("https://") {
        Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https()
    } else {
        Builder::new().build_http()
    }
}
