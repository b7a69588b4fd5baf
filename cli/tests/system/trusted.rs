//! Endpoints with TLS: a certificate is trusted, or a sentence says that it is
//! not.

use crate::aws::{Aws, credentials};
use crate::calls::rewind_in;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::{process::Output, sync::Arc};

/// A server that plays AWS over TLS, and its certificate.
fn start() -> (Aws, String) {
    let names = vec!["127.0.0.1".to_string()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], PrivateKeyDer::from(key))
        .unwrap();
    let config = Arc::new(config);
    let aws = Aws::start_with("https", move |stream, answering| {
        let connection = ServerConnection::new(config.clone()).unwrap();
        answering(Box::new(StreamOwned::new(connection, stream)));
    });
    (aws, cert.pem())
}

#[test]
fn an_https_endpoint_answers_once_its_certificate_is_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let (aws, pem) = start();
    let file = dir.path().join("trusted.pem");
    std::fs::write(&file, pem).unwrap();
    for stack in [&[] as &[&str], &["--stack", "rewind"]] {
        let call = [&["verify", "--endpoint", &aws.url], stack].concat();
        let run = |is_trusted: bool| -> (Option<i32>, String) {
            let mut command = rewind_in(dir.path(), &call);
            command.envs(credentials()).env_remove("SSL_CERT_FILE");
            if is_trusted {
                command.env("SSL_CERT_FILE", &file);
            }
            let Output { status, stderr, .. } = command.output().unwrap();
            (status.code(), String::from_utf8(stderr).unwrap())
        };
        let (code, errors) = run(false);
        assert_eq!(code, Some(3), "{errors}");
        for words in [
            "the certificate of",
            &aws.url,
            "is not trusted",
            "SSL_CERT_FILE",
        ] {
            assert!(errors.contains(words), "{errors}");
        }
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(!errors.contains(" { "), "a dump: {errors}");
        assert!(aws.asked().is_empty(), "{call:?}: sent without trust");
        let (code, errors) = run(true);
        assert_eq!(code, Some(0), "{errors}");
        let asked = aws.asked();
        assert!(
            asked.iter().any(|asked| asked.operation == "Query"),
            "{asked:?}"
        );
        for asked in asked {
            assert!(
                asked.signed.starts_with("operator/eu-central-1/"),
                "{asked:?}"
            );
        }
    }
}

#[test]
fn plain_http_behind_an_https_url_is_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let plain = Aws::start();
    let url = plain.url.replace("http:", "https:");
    let command = &mut rewind_in(dir.path(), &["verify", "--endpoint", &url]);
    let Output { status, stderr, .. } = command.output().unwrap();
    let errors = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(3), "{errors}");
    assert!(errors.contains("cannot be reached"), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
}
