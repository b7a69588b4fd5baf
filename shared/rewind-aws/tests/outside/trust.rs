//! TLS: who is not vouched for is given nothing.

use super::{answered, outside_of, send_of, unsent};
use crate::{
    post_office::{Encrypts, PostOffice},
    smtp::mail,
};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rewind::{HttpRequest, Method};
use rewind_aws::{
    outside::{Credentials, Outside, Sent},
    wiring::Clients,
};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::TcpListener,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// How a server shows itself, and the certificate that vouches for it.
fn identity() -> (Arc<ServerConfig>, String) {
    let names = vec!["127.0.0.1".to_string()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], PrivateKeyDer::from(key))
        .unwrap();
    (Arc::new(config), cert.pem())
}

/// An API over TLS: its URL, and how many requests have reached it.
fn api(config: Arc<ServerConfig>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    thread::spawn({
        let asked = asked.clone();
        move || {
            for stream in listener.incoming().flatten() {
                let connection = ServerConnection::new(config.clone()).unwrap();
                let mut stream = StreamOwned::new(connection, stream);
                let mut request = [0; 4_096];
                if stream.read(&mut request).is_ok_and(|bytes| bytes > 0) {
                    asked.fetch_add(1, Ordering::SeqCst);
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                    let _ = stream.write_all(answer);
                    let _ = stream.flush();
                }
            }
        }
    });
    (url, asked)
}

/// Gateways to an API and to two mail servers, each over TLS.
fn gateways(url: &str, at_once: &PostOffice, when_asked: &PostOffice) -> Value {
    let smtp = |office: &PostOffice, tls: &str| {
        let (host, from) = ("127.0.0.1", "a@b.example");
        json!({"smtp": {"host": host, "port": office.port, "tls": tls, "from": from}})
    };
    json!({
        "api": {"http": {"url": url, "credentials": "key"}},
        "smtps": smtp(at_once, "tls"),
        "starttls": smtp(when_asked, "starttls"),
    })
}

/// Sends by each of them.
async fn sent(outside: &Outside) -> [Sent; 3] {
    let get = HttpRequest::new(Method::Get, "/charges");
    [
        send_of("api", outside, get).await,
        send_of("smtps", outside, mail()).await,
        send_of("starttls", outside, mail()).await,
    ]
}

#[tokio::test]
async fn who_is_not_vouched_for_is_given_nothing_and_who_is_is_given_it() {
    let (config, pem) = identity();
    let (url, asked) = api(config.clone());
    let at_once = PostOffice::encrypting(Encrypts::AtOnce(config.clone()), &[]);
    let when_asked = PostOffice::encrypting(Encrypts::WhenAsked(config), &[]);
    let gateways = gateways(&url, &at_once, &when_asked);
    let dir = tempfile::tempdir().unwrap();
    let secrets = dir.path().join("secrets.json");
    std::fs::write(&secrets, r#"{"key": "s-1"}"#).unwrap();
    let outside = outside_of(&gateways, Credentials::file(&secrets));
    let [api, smtps, starttls] = sent(&outside).await;
    let reason = unsent(api);
    assert!(reason.to_lowercase().contains("certificate"), "{reason}");
    unsent(smtps);
    unsent(starttls);
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    assert!(at_once.told().lines.is_empty());
    assert!(when_asked.told().mails.is_empty());
    // What a machine trusts is read from the environment, which a test may not
    // change: another process does the same, with a function's environment.
    let file = dir.path().join("trusted.pem");
    std::fs::write(&file, pem).unwrap();
    let trusting = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "trust::in_a_process_that_trusts", "--ignored"])
        .env("SSL_CERT_FILE", &file)
        .env("GATEWAYS", gateways.to_string())
        .env("OUTSIDE_HOSTS", "api.pay.example, 127.0.0.1")
        .env("SECRETS_FILE", &secrets)
        .output()
        .unwrap();
    assert!(trusting.status.success(), "{trusting:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(at_once.told().mails.len(), 1);
    assert_eq!(when_asked.told().mails.len(), 1);
}

#[tokio::test]
#[ignore = "the test above runs it in a process of its own"]
async fn in_a_process_that_trusts() {
    if std::env::var_os("GATEWAYS").is_none() {
        return;
    }
    let outside = Outside::from_env(&Clients::from_env()).unwrap();
    let [api, smtps, starttls] = sent(&outside).await;
    assert_eq!(answered(api), (200, json!({})));
    assert_eq!(answered(smtps).0, 250);
    assert_eq!(answered(starttls).0, 250);
}
