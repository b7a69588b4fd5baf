//! Every endpoint answers a client whose HTTP is malformed, slow or missing.

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use local::{Options, State, System};
use serde_json::{Value, json};
use support::{invoke, options};

const TEMPLATE: &str = r#"
Resources:
  Web:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: web } }
    Properties:
      Timeout: 5
      Events:
        Post: { Type: HttpApi, Properties: { Method: POST, Path: /events } }
        Plain: { Type: HttpApi, Properties: { Method: GET, Path: /plain } }
"#;

const PATIENCE: Duration = Duration::from_millis(400);

async fn system() -> System {
    System::start(Options {
        patience: PATIENCE,
        ..options(TEMPLATE, State::Ephemeral)
    })
    .await
    .unwrap()
}

/// The addresses of all endpoints: the gateway, DynamoDB, Kinesis and the Lambda Runtime API.
async fn endpoints(system: &System) -> [String; 4] {
    let environment = invoke(system, "web", json!({"do": "environment"})).await;
    let runtime = environment.json()["AWS_LAMBDA_RUNTIME_API"].clone();
    [
        system.url(),
        system.dynamodb_endpoint().to_owned(),
        system.kinesis_endpoint().to_owned(),
        runtime.as_str().unwrap().to_owned(),
    ]
    .map(|url| {
        let rest = url.strip_prefix("http://").unwrap();
        rest.split('/').next().unwrap().to_owned()
    })
}

/// Sends these bytes. Returns the answer: up to the end of the connection, or to two seconds of silence.
fn raw(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    stream.write_all(bytes).unwrap();
    until_closed(&mut stream)
}

fn until_closed(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut part) {
        answer.extend_from_slice(&part[..count]);
    }
    String::from_utf8(answer).unwrap()
}

/// The status of an answer, and the problem in it.
fn problem(answer: &str) -> (u16, Value) {
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let status = head[9..12].parse().unwrap();
    let is_problem = head
        .lines()
        .any(|line| line.eq_ignore_ascii_case("content-type: application/problem+json"));
    assert!(is_problem, "no problem: {answer}");
    let body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"));
    assert_eq!(body["status"], status, "{answer}");
    (status, body)
}

fn is_problem(answer: &str, status: u16, field: &str, words: &str) {
    let (found, body) = problem(answer);
    assert_eq!((found, &body["field"]), (status, &json!(field)), "{answer}");
    assert!(body["detail"].as_str().unwrap().contains(words), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_a_problem_that_names_the_part() {
    let system = system().await;
    for address in endpoints(&system).await {
        let host = format!("Host: {address}\r\n");
        let many: String = (0..200)
            .map(|number| format!("x-{number}: y\r\n"))
            .collect();
        let (long, large) = ("a".repeat(70_000), "a".repeat(600_000));
        let cases = [
            ("GARBAGE\r\n\r\n".to_owned(), 400, "method", "method"),
            (
                format!("GET /{long} HTTP/1.1\r\n{host}\r\n"),
                414,
                "target",
                "65534 bytes",
            ),
            (
                format!("GET / HTTP/1.1\r\n{host}{many}\r\n"),
                431,
                "headers",
                "100 headers",
            ),
            (
                format!("GET / HTTP/1.1\r\n{host}x: {large}\r\n\r\n"),
                431,
                "headers",
                "131072 bytes",
            ),
            (
                format!("GET / HTTP/1.1\r\n{host}a b: c\r\n\r\n"),
                400,
                "headers",
                "name: value",
            ),
            (
                format!("GET / HTTP/1.1\r\n{host}a: b\0\r\n\r\n"),
                400,
                "headers",
                "characters",
            ),
            (
                format!("GET /\u{1} HTTP/1.1\r\n{host}\r\n"),
                400,
                "target",
                "path",
            ),
            (
                format!("GET / HTTP/3.0\r\n{host}\r\n"),
                505,
                "version",
                "HTTP/1.1",
            ),
            (
                "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
                505,
                "version",
                "HTTP/1.1",
            ),
            (
                format!("POST / HTTP/1.1\r\n{host}content-length: -5\r\n\r\n"),
                400,
                "content-length",
                "number",
            ),
            (
                format!("POST / HTTP/1.1\r\n{host}transfer-encoding: gzip\r\n\r\n"),
                400,
                "transfer-encoding",
                "chunked",
            ),
            ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400, "host", "Host"),
        ];
        for (bytes, status, field, words) in cases {
            let answer = raw(&address, bytes.as_bytes());
            is_problem(&answer, status, field, words);
        }
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_problem_follows_the_answers_before_it_on_its_connection() {
    let system = system().await;
    let [address, ..] = endpoints(&system).await;
    let good = format!("GET /plain HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let answers = raw(&address, format!("{good}{good}GARBAGE\r\n\r\n").as_bytes());
    let parts: Vec<&str> = answers.split("HTTP/1.1 ").collect();
    assert_eq!(parts.len(), 4, "{answers}");
    assert!(
        parts[1].starts_with("200") && parts[2].starts_with("200"),
        "{answers}"
    );
    is_problem(&format!("HTTP/1.1 {}", parts[3]), 400, "method", "method");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_over_the_limit_of_api_gateway_is_a_problem_that_names_it() {
    let system = system().await;
    let [address, ..] = endpoints(&system).await;
    let host = format!("Host: {address}\r\nConnection: close\r\n");
    let long = "a".repeat(11_000);
    let target = raw(
        &address,
        format!("GET /{long} HTTP/1.1\r\n{host}\r\n").as_bytes(),
    );
    is_problem(&target, 414, "target", "10240");
    let head = raw(
        &address,
        format!("GET /plain HTTP/1.1\r\n{host}x: {long}\r\n\r\n").as_bytes(),
    );
    is_problem(&head, 431, "headers", "10240");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_none_is_a_problem() {
    let system = system().await;
    let [address, ..] = endpoints(&system).await;
    let post = format!("POST /events HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    let chunks = raw(
        &address,
        format!("{post}transfer-encoding: chunked\r\n\r\nzz\r\n").as_bytes(),
    );
    is_problem(&chunks, 400, "body", "chunk");
    // The declared length is enough to refuse it, before the first byte.
    let huge = raw(
        &address,
        format!("{post}content-length: 99999999999\r\n\r\n").as_bytes(),
    );
    is_problem(&huge, 413, "body", "10485760");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_gateway_itself_refuses_is_a_problem() {
    let system = system().await;
    let [address, ..] = endpoints(&system).await;
    let invocations = "/2015-03-31/functions/web/invocations";
    let unknown = "/2015-03-31/functions/nobody/invocations";
    for (line, status, field) in [
        ("GET /plain/", 404, "path"),
        ("OPTIONS *", 404, "path"),
        ("CONNECT elsewhere:1", 404, "path"),
        ("BREW /plain", 405, "method"),
        ("DELETE /events", 405, "method"),
        (&format!("GET {invocations}"), 405, "method"),
        (&format!("POST {unknown}"), 404, "name"),
        ("POST /2015-03-31/functions/%ff/invocations", 404, "name"),
        ("POST /2015-03-31/functions//invocations", 404, "path"),
    ] {
        let request = format!("{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        let answer = raw(&address, request.as_bytes());
        let (found, body) = problem(&answer);
        assert_eq!((found, &body["field"]), (status, &json!(field)), "{answer}");
        if status == 405 {
            assert!(answer.contains("\r\nallow: "), "{answer}");
        }
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_slowly_is_answered_408() {
    let system = system().await;
    for address in endpoints(&system).await {
        let slow = |first: String, rest: &'static str| {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream.set_read_timeout(Some(PATIENCE * 4)).unwrap();
            let mut writer = stream.try_clone().unwrap();
            writer.write_all(first.as_bytes()).unwrap();
            // One byte at a time, for longer than the endpoint waits.
            std::thread::spawn(move || {
                for byte in rest.as_bytes().iter().cycle().take(40) {
                    std::thread::sleep(PATIENCE / 8);
                    if writer.write_all(&[*byte]).is_err() {
                        return;
                    }
                }
            });
            let begun = Instant::now();
            let answer = until_closed(&mut stream);
            assert!(begun.elapsed() < PATIENCE * 4, "{:?}", begun.elapsed());
            let _ = stream.shutdown(Shutdown::Both);
            answer
        };
        let head = slow(format!("GET / HTTP/1.1\r\nHost: {address}\r\n"), "x: y\r\n");
        is_problem(&head, 408, "head", "0.4 seconds");
        let path = match address == system.url()[7..] {
            true => "/events",
            // DynamoDB and Kinesis read a body here. The Runtime API has no such route.
            false => "/",
        };
        let post =
            format!("POST {path} HTTP/1.1\r\nHost: {address}\r\ncontent-length: 100\r\n\r\n");
        let body = slow(post, "x");
        if problem(&body).0 != 404 {
            is_problem(&body, 408, "body", "0.4 seconds");
        }
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_between_two_requests_is_not_slow() {
    let system = system().await;
    let [address, ..] = endpoints(&system).await;
    let mut stream = TcpStream::connect(&address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    for _ in 0..3 {
        write!(stream, "GET /plain HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        tokio::time::sleep(PATIENCE * 2).await;
        let mut rest = [0; 4096];
        assert!(stream.read(&mut rest).unwrap() > 0);
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_does_not_keep_others_out_nor_the_system_from_stopping() {
    let system = system().await;
    let [address, ..] = endpoints(&system).await;
    let silent: Vec<TcpStream> = (0..200)
        .map(|_| TcpStream::connect(&address).unwrap())
        .collect();
    let close = format!("GET /plain HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    assert!(raw(&address, close.as_bytes()).starts_with("HTTP/1.1 200"));
    let begun = Instant::now();
    system.stop().await;
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    drop(silent);
}
