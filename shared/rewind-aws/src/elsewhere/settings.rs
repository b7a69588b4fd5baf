//! How PostgreSQL is reached: the environment variable `READ_MODELS`.

use crate::Error;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use tokio_postgres::{Config, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The variable. `template.yaml` fills it from the parameter `ReadModels`.
pub const VARIABLE: &str = "READ_MODELS";

/// How long a connection may take to come about: a batch waits for it.
const CONNECT: Duration = Duration::from_secs(2);

/// What the variable holds, as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// `postgres://USER@HOST:5432/DATABASE`. Without `sslmode=disable` in it,
    /// the connection is encrypted and the server's certificate checked.
    url: String,
    /// The password, where the URL has none.
    password: Option<String>,
    /// The certificates, in PEM, that the server's is signed with. Without them,
    /// those count that the system trusts.
    ca: Option<String>,
}

/// How PostgreSQL is reached.
#[derive(Clone)]
pub struct Settings {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
}

impl Settings {
    /// What the environment says; `None` where it says nothing.
    ///
    /// # Errors
    ///
    /// When the variable is not set, or says something else than this file's JSON.
    pub fn from_env() -> Result<Option<Self>, Error> {
        let text = std::env::var(VARIABLE).map_err(|_| Error::Environment(VARIABLE))?;
        match text.trim() {
            "" => Ok(None),
            text => Self::read(text).map(Some),
        }
    }

    /// Reads the JSON of the variable.
    ///
    /// # Errors
    ///
    /// When it is none, or a member is wrong. The message quotes nothing of it.
    pub fn read(text: &str) -> Result<Self, Error> {
        let wrong = |what: &str| Error::damaged(VARIABLE, what);
        let written: Written = serde_json::from_str(text).map_err(|_| {
            wrong("it has to be JSON: {\"url\": …}, with \"password\" and \"ca\" where needed")
        })?;
        let config = written.url.parse::<Config>();
        let mut config = config.map_err(|_| wrong("its url is not one of PostgreSQL's"))?;
        if let Some(password) = &written.password {
            config.password(password);
        }
        if config.get_ssl_mode() == SslMode::Prefer {
            config.ssl_mode(SslMode::Require);
        }
        config.application_name("rewind").connect_timeout(CONNECT);
        let roots = match &written.ca {
            Some(pem) => given(pem).ok_or_else(|| wrong("its ca holds no certificate"))?,
            None if config.get_ssl_mode() == SslMode::Disable => RootCertStore::empty(),
            None => of_the_system(),
        };
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::damaged(VARIABLE, error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            config,
            tls: MakeRustlsConnect::new(tls),
        })
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The configuration holds a password.
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

/// The certificates of a PEM text; `None` where it holds none that can be read.
fn given(pem: &str) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.ok()?).ok()?;
    }
    (!roots.is_empty()).then_some(roots)
}

/// The certificates that the system trusts.
fn of_the_system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_encrypted_unless_the_url_says_otherwise() {
        let mode = |url: &str| {
            let text = serde_json::json!({ "url": url }).to_string();
            Settings::read(&text).unwrap().config.get_ssl_mode()
        };
        assert_eq!(mode("postgres://rewind@db/models"), SslMode::Require);
        let plain = "postgres://rewind@db/models?sslmode=disable";
        assert_eq!(mode(plain), SslMode::Disable);
    }

    #[test]
    fn what_is_wrong_is_told_without_quoting_it() {
        for wrong in [
            "secret",
            "{}",
            r#"{"url": "secret://"}"#,
            r#"{"url": "postgres://db", "pasword": "secret"}"#,
            r#"{"url": "postgres://db", "ca": "secret"}"#,
        ] {
            let error = Settings::read(wrong).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        let settings = r#"{"url": "postgres://db", "password": "secret"}"#;
        let settings = format!("{:?}", Settings::read(settings).unwrap());
        assert!(!settings.contains("secret"), "{settings}");
    }
}
