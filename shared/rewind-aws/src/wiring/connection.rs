//! How clients connect: TLS, timeouts, and the credentials of a local system.

use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{Credentials, SharedHttpClient};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use std::time::Duration;

/// An HTTP client. Without TLS it starts faster, because it reads no
/// certificates.
pub fn http(is_plain: bool) -> SharedHttpClient {
    if is_plain {
        return Builder::new().build_http();
    }
    let provider = Provider::Rustls(CryptoMode::Ring);
    Builder::new().tls_provider(provider).build_https()
}

/// How long a connection and an attempt may take.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(8))
        .build()
}

/// The credentials of the operator of a local system.
pub fn local_operator() -> Credentials {
    Credentials::new("operator", "local", None, None, "local")
}
