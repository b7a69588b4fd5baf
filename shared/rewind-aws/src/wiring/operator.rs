//! Clients of an operator: on AWS or at endpoints, with the region and the
//! credentials that the options of the AWS command line would select.

use super::{
    clients::Clients,
    connection::{Trust, http, local_operator, timeouts},
};
use aws_config::{
    BehaviorVersion, ConfigLoader, Region,
    environment::{
        credentials::EnvironmentVariableCredentialsProvider,
        region::EnvironmentVariableRegionProvider,
    },
    meta::{credentials::CredentialsProviderChain, region::RegionProviderChain},
    profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider},
    provider_config::ProviderConfig,
    retry::RetryConfig,
};
use aws_sdk_dynamodb::config::SharedHttpClient;

/// The region at an endpoint where nothing names one.
const LOCAL_REGION: &str = "us-east-1";

/// An address at which nothing answers.
const NOWHERE: &str = "http://127.0.0.1:9";

/// For whom and in which region an operator calls, as far as options say so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// A profile of the AWS configuration. Its credentials take precedence over
    /// those of the environment, as in the AWS command line.
    pub profile: Option<String>,
    /// A region. It takes precedence over the environment and the profile.
    pub region: Option<String>,
}

/// The URLs of AWS-compatible services; `None` for an unknown one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// DynamoDB.
    pub dynamodb: Option<String>,
    /// Kinesis.
    pub kinesis: Option<String>,
    /// Lambda.
    pub lambda: Option<String>,
    /// CloudFormation, and S3.
    pub cloudformation: Option<String>,
}

impl Clients {
    /// Clients of an operator on AWS. Whatever `access` leaves open is read as
    /// the AWS SDKs do.
    pub async fn on_aws(access: &Access) -> Self {
        let http = http(Trust::Machine);
        let loader = loader(&http);
        let region = access.region.clone().map(Region::new);
        let loader = match &access.profile {
            Some(profile) => {
                let region = RegionProviderChain::first_try(region)
                    .or_else(EnvironmentVariableRegionProvider::new())
                    .or_else(region_of(profile))
                    .region()
                    .await;
                let credentials = credentials_of(profile, region.clone(), http);
                let loader = loader.profile_name(profile).region(region);
                loader.credentials_provider(credentials)
            }
            None => match region {
                Some(region) => loader.region(region),
                None => loader,
            },
        };
        let loader = loader.retry_config(RetryConfig::standard().with_max_attempts(4));
        Self::new(loader.load().await)
    }

    /// Clients of an operator at endpoints. The credentials are those of the
    /// profile, or else those in the variables of the environment, or else fixed
    /// ones that any local service takes. An unknown endpoint leads nowhere, so
    /// that nothing is sent to AWS.
    pub async fn at_endpoints(endpoints: &Endpoints, access: &Access) -> Self {
        let all = [
            &endpoints.dynamodb,
            &endpoints.kinesis,
            &endpoints.lambda,
            &endpoints.cloudformation,
        ];
        let is_secure = all
            .into_iter()
            .flatten()
            .any(|url| url.starts_with("https:"));
        let http = http(match is_secure {
            true => Trust::Machine,
            false => Trust::Nobody,
        });
        let region = RegionProviderChain::first_try(access.region.clone().map(Region::new))
            .or_else(EnvironmentVariableRegionProvider::new());
        let region = match &access.profile {
            Some(profile) => region.or_else(region_of(profile)),
            None => region,
        };
        let region = region.or_else(LOCAL_REGION).region().await;
        let loader = loader(&http).region(region.clone());
        let config = match &access.profile {
            Some(profile) => {
                let credentials = credentials_of(profile, region, http);
                let loader = loader.profile_name(profile);
                loader.credentials_provider(credentials).load().await
            }
            None => {
                let environment = EnvironmentVariableCredentialsProvider::new();
                let chain = CredentialsProviderChain::first_try("environment", environment);
                let chain = chain.or_else("local", local_operator());
                loader.credentials_provider(chain).load().await
            }
        };
        let url = |url: &Option<String>| Some(url.clone().unwrap_or_else(|| NOWHERE.into()));
        Self {
            config,
            dynamodb: url(&endpoints.dynamodb),
            kinesis: url(&endpoints.kinesis),
            lambda: url(&endpoints.lambda),
            cloudformation: url(&endpoints.cloudformation),
            s3: url(&endpoints.cloudformation),
        }
    }
}

fn loader(http: &SharedHttpClient) -> ConfigLoader {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http.clone())
        .timeout_config(timeouts())
}

fn region_of(profile: &str) -> ProfileFileRegionProvider {
    ProfileFileRegionProvider::builder()
        .profile_name(profile)
        .build()
}

fn credentials_of(
    profile: &str,
    region: Option<Region>,
    http: SharedHttpClient,
) -> ProfileFileCredentialsProvider {
    let config = ProviderConfig::without_region().with_region(region);
    ProfileFileCredentialsProvider::builder()
        .configure(&config.with_http_client(http))
        .profile_name(profile)
        .build()
}
