//! A stack of CloudFormation: its state and its outputs.
//!
//! One signed request, made of the SDK's own parts: the crate of all of
//! CloudFormation takes longer to compile than Rewind does.

mod answer;

pub use answer::Stack;

use super::clients::Clients;
use crate::Error;
use answer::{Refusal, refusal_of, stack_of};
use aws_config::{BehaviorVersion, Region};
use aws_runtime::{
    auth::{SigV4OperationSigningConfig, sigv4},
    retries::classifiers::AwsErrorCodeClassifier,
};
use aws_sdk_dynamodb::error::SdkError;
use aws_smithy_runtime::client::{
    identity::IdentityCache,
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
};
use aws_smithy_runtime_api::client::{
    auth::{AuthSchemeOptionResolverParams, static_resolver::StaticAuthSchemeOptionResolver},
    orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
    runtime_components::RuntimeComponentsBuilder,
    runtime_plugin::StaticRuntimePlugin,
};
use aws_smithy_types::{body::SdkBody, config_bag::Layer};
use aws_types::{SigningName, region::SigningRegion, service_config::ServiceConfigKey};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

const CALL: &str = "DescribeStacks";

impl Clients {
    /// Describes the stack of this name or ARN. `None` where there is none.
    ///
    /// # Errors
    ///
    /// When CloudFormation does not answer, or refuses.
    pub async fn stack(&self, name: &str) -> Result<Option<Stack>, Error> {
        match self.described(name).await {
            Ok(stack) => Ok(stack),
            Err(SdkError::ServiceError(answer)) if answer.err().is_about_a_missing_stack() => {
                Ok(None)
            }
            Err(error) => Err(Error::service(CALL)(error)),
        }
    }

    async fn described(
        &self,
        name: &str,
    ) -> Result<Option<Stack>, SdkError<Refusal, HttpResponse>> {
        let missing = |what: &str| SdkError::construction_failure(what.to_string());
        let region = self.config.region();
        let region = region.ok_or_else(|| missing("no region is set"))?;
        let http = self.config.http_client();
        let http = http.ok_or_else(|| missing("there is no HTTP client"))?;
        let mut call = Operation::builder()
            .service_name("CloudFormation")
            .operation_name(CALL)
            .behavior_version(BehaviorVersion::latest())
            .http_client(http)
            .endpoint_url(&self.cloudformation_url(region))
            .with_connection_poisoning()
            .retry_classifier(AwsErrorCodeClassifier::<Refusal>::new())
            .retry_classifier(TransientErrorClassifier::<Refusal>::new())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .runtime_plugin(self.signing(region));
        if let Some(retries) = self.config.retry_config() {
            call = call.standard_retry(retries);
        }
        if let Some(timeouts) = self.config.timeout_config() {
            call = call.timeout_config(timeouts.clone());
        }
        if let Some(sleep) = self.config.sleep_impl() {
            call = call.sleep_impl(sleep);
        }
        if let Some(time) = self.config.time_source() {
            call = call.time_source(time);
        }
        let call = call.serializer(|name: String| request(&name));
        let call = call.deserializer(answered).build();
        call.invoke(name.to_string()).await
    }

    /// The URL of CloudFormation: the given one, that of the environment or the
    /// profile, or the region's.
    fn cloudformation_url(&self, region: &Region) -> String {
        let key = ServiceConfigKey::builder()
            .service_id("CloudFormation")
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build();
        let of_service = || self.config.service_config()?.load_config(key.ok()?);
        let of_all = || self.config.endpoint_url().map(ToString::to_string);
        let given = self.cloudformation.clone();
        given
            .or_else(of_service)
            .or_else(of_all)
            .unwrap_or_else(|| {
                let domain = match region.as_ref().starts_with("cn-") {
                    true => "amazonaws.com.cn",
                    false => "amazonaws.com",
                };
                format!("https://cloudformation.{region}.{domain}")
            })
    }

    /// Signs requests to CloudFormation with the credentials of these clients.
    fn signing(&self, region: &Region) -> StaticRuntimePlugin {
        let mut config = Layer::new("CloudFormation");
        config.store_put(AuthSchemeOptionResolverParams::new(()));
        config.store_put(SigV4OperationSigningConfig {
            region: Some(SigningRegion::from(region.clone())),
            name: Some(SigningName::from_static("cloudformation")),
            ..SigV4OperationSigningConfig::default()
        });
        let schemes = StaticAuthSchemeOptionResolver::new(vec![sigv4::SCHEME_ID]);
        let mut components = RuntimeComponentsBuilder::new("CloudFormation")
            .with_auth_scheme(sigv4::SigV4AuthScheme::new())
            .with_auth_scheme_option_resolver(Some(schemes))
            .with_identity_cache(Some(IdentityCache::lazy().build()));
        if let Some(credentials) = self.config.credentials_provider() {
            components.set_identity_resolver(sigv4::SCHEME_ID, credentials);
        }
        StaticRuntimePlugin::new()
            .with_config(config.freeze())
            .with_runtime_components(components)
    }
}

fn request(name: &str) -> Result<HttpRequest, Box<dyn std::error::Error + Send + Sync>> {
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
    let body = format!("Action={CALL}&Version=2010-05-15&StackName={name}");
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
