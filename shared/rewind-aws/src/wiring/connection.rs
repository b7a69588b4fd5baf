//! How clients connect: TLS, timeouts, and the credentials of a local system.

use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{Credentials, SharedHttpClient};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use std::time::Duration;

/// The root certificates of Amazon Trust Services: all five that it recommends for
/// a trust store of one's own (<https://www.amazontrust.com/repository>). The first
/// of them expires in December 2037.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon_roots.pem");

/// How the name of a region begins whose endpoints have certificates of Amazon
/// Trust Services. China, the isolated partitions and the European Sovereign Cloud
/// are not among them.
const AMAZON_REGIONS: [&str; 9] = [
    "af-", "ap-", "ca-", "eu-", "il-", "me-", "mx-", "sa-", "us-",
];

/// Whom a client trusts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Nobody: it only talks in plain HTTP.
    Nobody,
    /// Amazon. To read all the machine's certificates would take a third of a
    /// function's start, and it calls AWS alone.
    Amazon,
    /// Whom the machine trusts.
    Machine,
}

impl Trust {
    /// Of a function: `endpoints` are those that are not AWS's own, and
    /// `has_certificates` says whether somebody has named certificates.
    pub fn of_function(
        endpoints: &[Option<String>],
        region: Option<&str>,
        has_certificates: bool,
    ) -> Self {
        let mut given = endpoints.iter().map(Option::as_deref);
        if given.clone().all(is_plain) {
            return Self::Nobody;
        }
        let has_own = given.any(|endpoint| endpoint.is_some() && !is_plain(endpoint));
        let is_amazons = region.is_some_and(|region| {
            let mut known = AMAZON_REGIONS.iter();
            known.any(|prefix| region.starts_with(prefix)) && !region.contains("-iso")
        });
        match is_amazons && !has_own && !has_certificates {
            true => Self::Amazon,
            false => Self::Machine,
        }
    }
}

fn is_plain(endpoint: Option<&str>) -> bool {
    endpoint.is_some_and(|url| url.starts_with("http://"))
}

/// An HTTP client that trusts these.
pub fn http(trust: Trust) -> SharedHttpClient {
    let store = match trust {
        Trust::Nobody => return Builder::new().build_http(),
        Trust::Amazon => TrustStore::empty().with_pem_certificate(AMAZON_ROOTS),
        Trust::Machine => TrustStore::default(),
    };
    let context = TlsContext::builder().with_trust_store(store).build();
    let context = context.expect("nothing of it can be missing");
    let tls = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    tls.tls_context(context).build_https()
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

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::{
        RootCertStore,
        pki_types::{CertificateDer, pem::PemObject},
    };

    #[test]
    fn the_roots_of_amazon_are_certificates() {
        let roots = CertificateDer::pem_slice_iter(AMAZON_ROOTS);
        let roots: Vec<_> = roots.collect::<Result<_, _>>().unwrap();
        assert_eq!(roots.len(), 5);
        let mut store = RootCertStore::empty();
        for root in roots {
            store.add(root).unwrap();
        }
        // It panics where it cannot read one.
        http(Trust::Amazon);
    }

    #[test]
    fn a_function_trusts_amazon_alone_where_it_calls_amazon_alone() {
        let plain = || Some("http://localhost:4566".to_string());
        let own = || Some("https://dynamodb.example.com".to_string());
        for (endpoints, region, has_certificates, expected) in [
            ([None, None], Some("us-east-1"), false, Trust::Amazon),
            ([None, plain()], Some("eu-central-2"), false, Trust::Amazon),
            ([None, None], Some("us-gov-west-1"), false, Trust::Amazon),
            ([None, None], Some("us-east-1"), true, Trust::Machine),
            ([None, own()], Some("us-east-1"), false, Trust::Machine),
            ([plain(), own()], Some("us-east-1"), false, Trust::Machine),
            ([None, None], Some("cn-north-1"), false, Trust::Machine),
            ([None, None], Some("us-iso-east-1"), false, Trust::Machine),
            ([None, None], Some("eu-isoe-west-1"), false, Trust::Machine),
            ([None, None], Some("eusc-de-east-1"), false, Trust::Machine),
            ([None, None], None, false, Trust::Machine),
            ([plain(), plain()], None, true, Trust::Nobody),
        ] {
            let trust = Trust::of_function(&endpoints, region, has_certificates);
            assert_eq!(trust, expected, "{endpoints:?} {region:?}");
        }
    }
}
