//! Credentials: of a file, of AWS, and nowhere to be seen.

use super::{answered, get, pay_with, unsent};
use crate::api::{Api, response};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials as Signing, SharedCredentialsProvider};
use lambda_runtime::tracing::subscriber::{
    self, filter::LevelFilter, fmt::MakeWriter, layer::SubscriberExt, util::SubscriberInitExt,
};
use rewind_aws::outside::{Credentials, Outside};
use serde_json::{Value, json};
use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// An API that takes one secret and refuses others.
async fn api_of(secret: &'static str) -> Api {
    Api::start(move |asked| match asked.header("authorization") {
        Some(given) if given == format!("Bearer {secret}") => response(200, &[], ""),
        _ => response(401, &[], "who?"),
    })
    .await
}

fn named(api: &Api, name: &str, credentials: Credentials) -> Outside {
    pay_with(&api.url, json!({"credentials": name}), credentials)
}

#[tokio::test]
async fn a_file_is_read_again_when_it_has_changed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secrets.json");
    let api = api_of("right").await;
    let outside = named(&api, "prod/payments", Credentials::file(&file));
    assert!(unsent(get(&outside).await).contains("secrets.json"));
    std::fs::write(&file, r#"{"prod/other": "hush"}"#).unwrap();
    let reason = unsent(get(&outside).await);
    assert!(reason.contains("prod/payments"), "{reason}");
    std::fs::write(&file, r#"{"prod/payments": ["hush"]}"#).unwrap();
    let reason = unsent(get(&outside).await);
    assert!(!reason.contains("hush"), "{reason}");
    assert!(api.asked().is_empty());
    std::fs::write(&file, r#"{"prod/payments": "wrong-hush"}"#).unwrap();
    let reason = unsent(get(&outside).await);
    assert!(
        reason.contains("401") && !reason.contains("hush"),
        "{reason}"
    );
    std::fs::write(&file, r#"{"prod/payments": "right\n"}"#).unwrap();
    assert_eq!(answered(get(&outside).await), (200, Value::Null));
    assert_eq!(api.asked().len(), 2);
}

#[tokio::test]
async fn a_secret_stands_where_the_configuration_says() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secrets.json");
    std::fs::write(&file, r#"{"k": "s-1", "bad": "a\nb"}"#).unwrap();
    let api = Api::answering(200, &[], "").await;
    let more = |name| json!({"credentials": name, "header": "X-Api-Key", "prefix": ""});
    let outside = pay_with(&api.url, more("k"), Credentials::file(&file));
    answered(get(&outside).await);
    let asked = &api.asked()[0];
    assert_eq!(asked.header("x-api-key"), Some("s-1"));
    assert_eq!(asked.header("authorization"), None);
    let outside = pay_with(&api.url, more("bad"), Credentials::file(&file));
    assert!(unsent(get(&outside).await).contains("no header"));
}

/// Secrets Manager and Parameter Store, which hold another secret at each look.
async fn stores() -> Api {
    let looks = AtomicUsize::new(0);
    Api::start(move |asked| {
        let input: Value = serde_json::from_slice(&asked.body).unwrap();
        let secret = format!("hush-{}", looks.fetch_add(1, Ordering::SeqCst));
        let told = match asked.header("x-amz-target").unwrap() {
            "secretsmanager.GetSecretValue" => match input["SecretId"].as_str().unwrap() {
                "prod/payments" => json!({"SecretString": secret, "Name": "prod/payments"}),
                "binary" => json!({"SecretBinary": "aHVzaA=="}),
                _ => {
                    let told = json!({"__type": "ResourceNotFoundException", "Message": "none"});
                    return response(400, &[], told.to_string());
                }
            },
            "AmazonSSM.GetParameter" => {
                assert_eq!(
                    input,
                    json!({"Name": "/prod/payments", "WithDecryption": true})
                );
                json!({"Parameter": {"Value": secret, "Type": "SecureString"}})
            }
            other => panic!("{other}"),
        };
        response(200, &[], told.to_string())
    })
    .await
}

fn of_aws(url: &str) -> Credentials {
    let signing = Signing::new("id", "key", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(signing))
        .build();
    Credentials::aws(config, Some(url.into()), Some(url.into()))
}

#[tokio::test]
async fn secrets_of_aws_are_read_once_and_again_after_a_refusal() {
    for name in ["prod/payments", "ssm:/prod/payments"] {
        let (api, stores) = (api_of("hush-1").await, stores().await);
        let outside = named(&api, name, of_aws(&stores.url));
        let reason = unsent(get(&outside).await);
        assert!(!reason.contains("hush"), "{reason}");
        for _ in 0..3 {
            answered(get(&outside).await);
        }
        let asked = stores.asked();
        assert_eq!(asked.len(), 2, "{name}");
        let signed = asked[0].header("authorization").unwrap();
        let service = match name.starts_with("ssm:") {
            true => "/eu-central-1/ssm/aws4_request",
            false => "/eu-central-1/secretsmanager/aws4_request",
        };
        assert!(signed.contains(service), "{signed}");
        assert_eq!(
            asked[0].header("content-type"),
            Some("application/x-amz-json-1.1")
        );
    }
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_a_reason_without_secrets() {
    let (api, stores) = (api_of("hush").await, stores().await);
    let reason = unsent(get(&named(&api, "gone", of_aws(&stores.url))).await);
    assert!(
        reason.contains("ResourceNotFoundException: none"),
        "{reason}"
    );
    let reason = unsent(get(&named(&api, "binary", of_aws(&stores.url))).await);
    assert!(!reason.contains("aHVzaA"), "{reason}");
    let reason = unsent(get(&named(&api, "prod/payments", of_aws("http://127.0.0.1:1"))).await);
    assert!(reason.contains("prod/payments"), "{reason}");
    assert!(api.asked().is_empty());
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_log_line_shows_a_secret_or_a_body() {
    let lines = Lines::default();
    let layer = subscriber::fmt::layer().with_writer(lines.clone());
    let registry = subscriber::registry().with(LevelFilter::TRACE).with(layer);
    let _guard = registry.set_default();
    let (api, stores) = (api_of("hush-0").await, stores().await);
    let outside = named(&api, "prod/payments", of_aws(&stores.url));
    let request = rewind::Request::post("/charges", &json!({"card": "4242-hush"}));
    answered(super::send(&outside, request.unwrap()).await);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("a request of a gateway was sent"), "{text}");
    for line in text.lines() {
        assert!(!line.contains("hush"), "{line}");
    }
    assert!(!format!("{outside:?}").contains("hush"));
}
