//! The one TLS stack: rustls on ring, which trusts what the machine trusts. So
//! do the clients of AWS.

use rustls::{ClientConfig, RootCertStore, crypto::ring, version};
use std::sync::Arc;

/// How to connect over TLS to whom the machine's certificates vouch for.
///
/// # Errors
///
/// When the stack does not start.
pub(super) fn trusting_the_machine() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    // A certificate that cannot be read vouches for nobody, and others may.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    config(roots)
}

/// The same for clients that only talk in plain HTTP: reading the machine's
/// certificates takes longer than the rest of a start.
///
/// # Errors
///
/// When the stack does not start.
pub(super) fn trusting_nobody() -> Result<ClientConfig, rustls::Error> {
    config(RootCertStore::empty())
}

fn config(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_protocol_versions(&[&version::TLS13, &version::TLS12])?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
