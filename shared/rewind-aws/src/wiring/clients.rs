//! Clients of the services that Rewind stands on, and what they give.

use super::connection::{Trust, http, local_operator, timeouts};
use crate::{
    Error,
    aws::{bucket::Bucket, http_api::HttpApi, lambda::Function, producer::Stream},
    data_table::data_store::DataStore,
    event_table::event_store::EventStore,
};
use aws_config::{
    BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider,
    retry::RetryConfig,
};
use aws_sdk_dynamodb::{
    config::{ProvideCredentials, SharedCredentialsProvider},
    error::DisplayErrorContext,
};
use aws_smithy_async::rt::sleep::TokioSleep;

/// The variables that name certificates, of which the TLS stack reads them.
const CERTIFICATES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Clients of the services that Rewind stands on.
#[derive(Debug, Clone)]
pub struct Clients {
    pub(super) config: SdkConfig,
    pub(super) dynamodb: Option<String>,
    pub(super) kinesis: Option<String>,
    pub(super) lambda: Option<String>,
    pub(super) cloudformation: Option<String>,
    pub(super) s3: Option<String>,
}

/// Where requests go and for whom, as far as that is known before the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The region.
    pub region: Option<String>,
    /// The account, where the credentials tell it, or why there are none.
    pub account: Result<Option<String>, String>,
}

impl Clients {
    /// Reads region, credentials and endpoints from the environment, where Lambda
    /// puts them. Profiles and metadata services are the operator's
    /// ([`Clients::on_aws`]): a function needs none. Without a TLS stack where all
    /// endpoints are plain HTTP, as on a laptop; on AWS with the certificates of
    /// Amazon alone, unless `SSL_CERT_FILE` or `SSL_CERT_DIR` names others.
    pub fn from_env() -> Self {
        let endpoints = ["DYNAMODB", "KINESIS", "LAMBDA"].map(endpoint);
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        let has_certificates = CERTIFICATES.iter().any(|name| variable(name).is_some());
        let trust = Trust::of_function(&endpoints, region.as_deref(), has_certificates);
        let [dynamodb, kinesis, lambda] = endpoints;
        let credentials = EnvironmentVariableCredentialsProvider::new();
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http(trust))
            .region(region.map(Region::new))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .timeout_config(timeouts())
            .retry_config(RetryConfig::standard().with_max_attempts(4))
            .sleep_impl(TokioSleep::new())
            .build();
        Self {
            config,
            dynamodb,
            kinesis,
            lambda,
            cloudformation: None,
            s3: None,
        }
    }

    /// Clients of local, AWS-compatible endpoints of DynamoDB and Kinesis, over
    /// plain HTTP, as the operator.
    pub async fn at(dynamodb: &str, kinesis: &str) -> Self {
        let config = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http(Trust::Nobody))
            .region(Region::new("us-east-1"))
            .credentials_provider(local_operator())
            .load()
            .await;
        Self {
            config,
            dynamodb: Some(dynamodb.to_string()),
            kinesis: Some(kinesis.to_string()),
            lambda: None,
            cloudformation: None,
            s3: None,
        }
    }

    /// Where requests go and for whom.
    pub async fn identity(&self) -> Identity {
        let account = match self.config.credentials_provider() {
            Some(provider) => match provider.provide_credentials().await {
                Ok(credentials) => {
                    let account = credentials.account_id();
                    Ok(account.map(|account| account.as_str().to_string()))
                }
                Err(error) => Err(DisplayErrorContext(error).to_string()),
            },
            None => Err("nothing provides them".to_string()),
        };
        Identity {
            region: self.config.region().map(ToString::to_string),
            account,
        }
    }

    /// Clients of a given configuration.
    pub fn new(config: SdkConfig) -> Self {
        Self {
            config,
            dynamodb: None,
            kinesis: None,
            lambda: None,
            cloudformation: None,
            s3: None,
        }
    }

    /// The same clients with a local endpoint of Lambda.
    #[must_use]
    pub fn with_lambda(mut self, endpoint: &str) -> Self {
        self.lambda = Some(endpoint.to_string());
        self
    }

    /// The same clients with a changed configuration, such as one whose HTTP
    /// client a test wraps.
    #[must_use]
    pub fn map_config(self, change: impl FnOnce(SdkConfig) -> SdkConfig) -> Self {
        let config = change(self.config);
        Self { config, ..self }
    }

    /// The HTTP API at a URL.
    pub fn http_api(&self, url: impl Into<String>) -> HttpApi {
        HttpApi::new(&self.config, url)
    }

    /// The events table that `EVENTS_TABLE` names.
    ///
    /// # Errors
    ///
    /// When the variable is not set.
    pub fn events(&self) -> Result<EventStore, Error> {
        Ok(self.event_store(env("EVENTS_TABLE")?))
    }

    /// The events table of this name.
    pub fn event_store(&self, table: impl Into<String>) -> EventStore {
        EventStore::new(self.dynamodb(), table)
    }

    /// The data store that `DATA_TABLE` names.
    ///
    /// # Errors
    ///
    /// When the variable is not set.
    pub fn data(&self) -> Result<DataStore, Error> {
        Ok(self.data_store(env("DATA_TABLE")?))
    }

    /// The data store in the table of this name.
    pub fn data_store(&self, table: impl Into<String>) -> DataStore {
        DataStore::new(self.dynamodb(), table)
    }

    /// The Kinesis stream that a variable names.
    ///
    /// # Errors
    ///
    /// When the variable is not set.
    pub fn stream(&self, variable: &'static str) -> Result<Stream, Error> {
        Ok(self.stream_named(env(variable)?))
    }

    /// The Kinesis stream of this name.
    pub fn stream_named(&self, name: impl Into<String>) -> Stream {
        let config = aws_sdk_kinesis::config::Builder::from(&self.config);
        let config = match &self.kinesis {
            Some(endpoint) => config.endpoint_url(endpoint),
            None => config,
        };
        Stream::new(aws_sdk_kinesis::Client::from_conf(config.build()), name)
    }

    /// A client of DynamoDB.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::config::Builder::from(&self.config);
        let config = match &self.dynamodb {
            Some(endpoint) => config.endpoint_url(endpoint),
            None => config,
        };
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// The bucket of S3 of this name.
    pub fn bucket(&self, name: impl Into<String>) -> Bucket {
        Bucket::new(self.config.clone(), self.s3.clone(), name)
    }

    /// The Lambda function of this name.
    pub fn function(&self, name: impl Into<String>) -> Function {
        Function::new(self.config.clone(), self.lambda.clone(), name)
    }
}

/// Where the environment says that a service is.
pub(super) fn endpoint(service: &str) -> Option<String> {
    variable(&format!("AWS_ENDPOINT_URL_{service}")).or_else(|| variable("AWS_ENDPOINT_URL"))
}

/// An environment variable that says something.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// An environment variable that `template.yaml` declares.
///
/// # Errors
///
/// When it is not set.
pub(super) fn env(name: &'static str) -> Result<String, Error> {
    std::env::var(name).map_err(|_| Error::Environment(name))
}
