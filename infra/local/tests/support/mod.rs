//! What the integration tests share: a system with the test function, an HTTP client, a place for files.
#![allow(
    dead_code,
    reason = "each test binary uses its own part of this module"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region};
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use local::{Options, State, System, Template, Worker};
use serde_json::Value;

/// A folder that is removed at the end of a test.
pub struct Temporary(PathBuf);

impl Temporary {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("local-test-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of a file in it, as text.
    pub fn file(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }

    pub fn state(&self) -> State {
        State::Folder(self.0.join("state"))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A local system in a separate process.
pub struct Victim {
    pub process: Child,
    pub kinesis: String,
}

impl Victim {
    pub fn start(place: &Temporary) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_local-test-function"))
            .args([
                "--system",
                &place.file("template.yaml"),
                &place.file("state"),
            ])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let kinesis = line
            .split_whitespace()
            .nth(1)
            .expect("the system does not start")
            .to_owned();
        Self { process, kinesis }
    }

    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A template with a stream of `shards` shards, and a function `Reader` that it triggers.
pub fn reader_template(shards: u32, environment: &str, trigger: &str) -> String {
    format!(
        r#"
Resources:
  Stream:
    Type: AWS::Kinesis::Stream
    Properties: {{ ShardCount: {shards} }}
  Bucket: {{ Type: AWS::S3::Bucket }}
  Reader:
    Type: AWS::Serverless::Function
    Metadata: {{ BuildProperties: {{ Binary: reader }} }}
    Properties:
      FunctionName: !Sub "${{AWS::StackName}}-reader"
      Timeout: 20
      Environment: {{ Variables: {{ {environment} }} }}
      Events:
        Records:
          Type: Kinesis
          Properties: {{ Stream: !GetAtt Stream.Arn, StartingPosition: LATEST, {trigger} }}
"#
    )
}

/// Options for a template's text, on any free port.
pub fn options(template: &str, state: State) -> Options {
    let worker = Worker {
        program: env!("CARGO_BIN_EXE_local-test-function").into(),
        args: Vec::new(),
    };
    Options {
        port: 0,
        state,
        ..Options::new(Template::parse(template).unwrap(), worker)
    }
}

pub async fn start(template: &str, state: State) -> System {
    System::start(options(template, state)).await.unwrap()
}

/// An answer over HTTP.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.body))
    }
}

pub async fn send(request: Request<Body>) -> Answer {
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}

/// Invokes a function and waits.
pub async fn invoke(system: &System, name: &str, payload: Value) -> Answer {
    let url = format!("{}/2015-03-31/functions/{name}/invocations", system.url());
    send(
        Request::post(url)
            .body(Body::from(payload.to_string()))
            .unwrap(),
    )
    .await
}

/// Invokes a function asynchronously.
pub async fn hand_over(system: &System, name: &str, payload: Value) -> Answer {
    let url = format!("{}/2015-03-31/functions/{name}/invocations", system.url());
    let request = Request::post(url).header("X-Amz-Invocation-Type", "Event");
    send(request.body(Body::from(payload.to_string())).unwrap()).await
}

pub fn kinesis(system: &System, access_key: &str) -> aws_sdk_kinesis::Client {
    kinesis_at(system.kinesis_endpoint(), access_key)
}

pub fn kinesis_at(endpoint: &str, access_key: &str) -> aws_sdk_kinesis::Client {
    let config = aws_sdk_kinesis::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(access_key, "secret", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint)
        .build();
    aws_sdk_kinesis::Client::from_conf(config)
}

pub fn dynamodb(system: &System, access_key: &str) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(access_key, "secret", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(system.dynamodb_endpoint())
        .build();
    aws_sdk_dynamodb::Client::from_conf(config)
}

/// Puts records of the same key, one text each, in one call.
pub async fn put(client: &aws_sdk_kinesis::Client, stream: &str, key: &str, texts: &[String]) {
    use aws_sdk_kinesis::primitives::Blob;
    use aws_sdk_kinesis::types::PutRecordsRequestEntry;
    let entries = texts.iter().map(|text| {
        PutRecordsRequestEntry::builder()
            .partition_key(key)
            .data(Blob::new(text.as_bytes()))
            .build()
            .unwrap()
    });
    let answer = client
        .put_records()
        .stream_name(stream)
        .set_records(Some(entries.collect()))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.failed_record_count(), Some(0));
}

/// The lines of a file; no lines when it does not exist.
pub fn lines(path: &str) -> Vec<String> {
    std::fs::read_to_string(path)
        .unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Waits until a condition holds, and panics with `what` after ten seconds.
pub async fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until a system is idle, and panics when that takes too long.
pub async fn idle(system: &System) {
    tokio::time::timeout(Duration::from_secs(30), system.idle())
        .await
        .expect("the system does not become idle");
}
