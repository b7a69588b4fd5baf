//! A signed call of a service, made of the SDK's own parts. The crates of all of
//! Lambda, of CloudFormation and of S3 take longer to compile than Rewind does.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_runtime::{
    auth::{SigV4OperationSigningConfig, sigv4},
    retries::classifiers::AwsErrorCodeClassifier,
};
use aws_sdk_dynamodb::error::{ErrorMetadata, ProvideErrorMetadata, SdkError};
use aws_smithy_runtime::client::{
    identity::IdentityCache,
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
};
use aws_smithy_runtime_api::client::{
    auth::{AuthSchemeOptionResolverParams, static_resolver::StaticAuthSchemeOptionResolver},
    orchestrator::{HttpRequest, HttpResponse, OrchestratorError, SensitiveOutput},
    runtime_components::RuntimeComponentsBuilder,
    runtime_plugin::StaticRuntimePlugin,
};
use aws_smithy_types::config_bag::Layer;
use aws_types::{SigningName, region::SigningRegion, service_config::ServiceConfigKey};
use std::error::Error as StdError;

/// What is called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Callee {
    /// The service as the environment and profiles name it.
    pub id: &'static str,
    /// The name that it signs with, and that its host begins with.
    pub host: &'static str,
    pub operation: &'static str,
}

/// Makes a request of what goes in.
type Write<I> = fn(I) -> Result<HttpRequest, Box<dyn StdError + Send + Sync>>;

/// Reads what comes out.
type Read<O> = fn(&HttpResponse) -> Result<O, OrchestratorError<Refusal>>;

/// A service's refusal of a call.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct Refusal {
    pub code: String,
    pub message: String,
    metadata: ErrorMetadata,
}

impl Refusal {
    pub fn new(code: String, message: String) -> Self {
        let metadata = ErrorMetadata::builder().code(&code).message(&message);
        Self {
            metadata: metadata.build(),
            code,
            message,
        }
    }
}

impl ProvideErrorMetadata for Refusal {
    fn meta(&self) -> &ErrorMetadata {
        &self.metadata
    }
}

/// Calls a service, at `endpoint` where that is given.
///
/// # Errors
///
/// When it does not answer, or refuses.
pub(crate) async fn call<I, O>(
    config: &SdkConfig,
    callee: Callee,
    endpoint: Option<&str>,
    (write, read): (Write<I>, Read<O>),
    input: I,
) -> Result<O, SdkError<Refusal, HttpResponse>>
where
    I: std::fmt::Debug + Send + Sync + 'static,
    O: std::fmt::Debug + Send + Sync + 'static,
{
    let missing = |what: &str| SdkError::construction_failure(what.to_string());
    let region = config.region();
    let region = region.ok_or_else(|| missing("no region is set"))?;
    let http = config.http_client();
    let http = http.ok_or_else(|| missing("there is no HTTP client"))?;
    let url = match endpoint {
        Some(endpoint) => endpoint.to_string(),
        None => url(config, callee, region),
    };
    let mut call = Operation::builder()
        .service_name(callee.id)
        .operation_name(callee.operation)
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .endpoint_url(&url)
        .with_connection_poisoning()
        .retry_classifier(AwsErrorCodeClassifier::<Refusal>::new())
        .retry_classifier(TransientErrorClassifier::<Refusal>::new())
        .retry_classifier(HttpStatusCodeClassifier::default())
        .runtime_plugin(signing(config, callee, region));
    if let Some(retries) = config.retry_config() {
        call = call.standard_retry(retries);
    }
    if let Some(timeouts) = config.timeout_config() {
        call = call.timeout_config(timeouts.clone());
    }
    if let Some(sleep) = config.sleep_impl() {
        call = call.sleep_impl(sleep);
    }
    if let Some(time) = config.time_source() {
        call = call.time_source(time);
    }
    let call = call.serializer(write).deserializer(read).build();
    call.invoke(input).await
}

/// The URL of the environment or the profile, or the region's.
fn url(config: &SdkConfig, callee: Callee, region: &Region) -> String {
    let key = ServiceConfigKey::builder()
        .service_id(callee.id)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let of_service = || config.service_config()?.load_config(key.ok()?);
    let of_all = || config.endpoint_url().map(ToString::to_string);
    of_service().or_else(of_all).unwrap_or_else(|| {
        let domain = match region.as_ref().starts_with("cn-") {
            true => "amazonaws.com.cn",
            false => "amazonaws.com",
        };
        format!("https://{}.{region}.{domain}", callee.host)
    })
}

/// Signs requests with the configuration's credentials.
fn signing(config: &SdkConfig, callee: Callee, region: &Region) -> StaticRuntimePlugin {
    let mut layer = Layer::new(callee.id);
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    // No answer is written to a log: some are secrets.
    layer.store_put(SensitiveOutput);
    let mut signing = SigV4OperationSigningConfig {
        region: Some(SigningRegion::from(region.clone())),
        name: Some(SigningName::from_static(callee.host)),
        ..SigV4OperationSigningConfig::default()
    };
    if callee.id == "S3" {
        // S3 signs the path as it is sent, and wants the hash of the body (AWS
        // documentation).
        let options = &mut signing.signing_options;
        options.double_uri_encode = false;
        options.normalize_uri_path = false;
        options.content_sha256_header = true;
    }
    layer.store_put(signing);
    let schemes = StaticAuthSchemeOptionResolver::new(vec![sigv4::SCHEME_ID]);
    let mut components = RuntimeComponentsBuilder::new(callee.id)
        .with_auth_scheme(sigv4::SigV4AuthScheme::new())
        .with_auth_scheme_option_resolver(Some(schemes))
        .with_identity_cache(Some(IdentityCache::lazy().build()));
    if let Some(credentials) = config.credentials_provider() {
        components.set_identity_resolver(sigv4::SCHEME_ID, credentials);
    }
    StaticRuntimePlugin::new()
        .with_config(layer.freeze())
        .with_runtime_components(components)
}
