//! TLS: who is not vouched for is given nothing.

use super::{answered, get, outside_of, send, unsent};
use crate::{
    post_office::{Encrypts, PostOffice},
    smtp::mail,
};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rewind_aws::outside::{Credentials, Outside};
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

/// The gateways that the test in another process sends to.
const GATEWAYS: &str = "OUTSIDE_TEST_GATEWAYS";

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

/// The gateways `pay` of an API and of two mail servers, each over TLS.
fn gateways(url: &str, at_once: &PostOffice, when_asked: &PostOffice) -> [Value; 3] {
    let smtp = |office: &PostOffice, tls: &str| json!({"pay": {"smtp": {"host": "127.0.0.1", "port": office.port, "tls": tls, "from": "a@b.example"}}});
    [
        json!({"pay": {"http": {"url": url}}}),
        smtp(at_once, "tls"),
        smtp(when_asked, "starttls"),
    ]
}

fn outsides(gateways: &[Value]) -> Vec<Outside> {
    let outsides = gateways.iter();
    outsides
        .map(|of| outside_of(of, Credentials::none()))
        .collect()
}

#[tokio::test]
async fn who_is_not_vouched_for_is_given_nothing_and_who_is_is_given_it() {
    let (config, pem) = identity();
    let (url, asked) = api(config.clone());
    let at_once = PostOffice::encrypting(Encrypts::AtOnce(config.clone()), &[]);
    let when_asked = PostOffice::encrypting(Encrypts::WhenAsked(config), &[]);
    let gateways = gateways(&url, &at_once, &when_asked);
    let [http, smtps, starttls] = &*outsides(&gateways) else {
        panic!("three")
    };
    let reason = unsent(get(http).await);
    assert!(reason.to_lowercase().contains("certificate"), "{reason}");
    unsent(send(smtps, mail()).await);
    unsent(send(starttls, mail()).await);
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    assert!(at_once.told().lines.is_empty());
    assert!(when_asked.told().mails.is_empty());
    // What a machine trusts is read from the environment, which a test may not
    // change: another process does the same.
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("trusted.pem");
    std::fs::write(&file, pem).unwrap();
    let trusting = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "trust::in_a_process_that_trusts", "--ignored"])
        .env("SSL_CERT_FILE", &file)
        .env(GATEWAYS, json!(gateways).to_string())
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
    let Ok(gateways) = std::env::var(GATEWAYS) else {
        return;
    };
    let gateways: Vec<Value> = serde_json::from_str(&gateways).unwrap();
    let [http, smtps, starttls] = &*outsides(&gateways) else {
        panic!("three")
    };
    assert_eq!(answered(get(http).await), (200, json!({})));
    assert_eq!(answered(send(smtps, mail()).await).0, 250);
    assert_eq!(answered(send(starttls, mail()).await).0, 250);
}
