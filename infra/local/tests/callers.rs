//! Web pages in a browser on this machine cannot call the system.

mod support;

use axum::body::Body;
use axum::http::{Method, Request};
use local::{Options, State, System};
use serde_json::json;
use support::{Answer, invoke, options, send, start};

const TEMPLATE: &str = r#"
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
  Stream: { Type: AWS::Kinesis::Stream, Properties: { ShardCount: 1 } }
  Web:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: web } }
    Properties:
      Timeout: 5
      Events:
        Post: { Type: HttpApi, Properties: { Method: POST, Path: /events } }
        Plain: { Type: HttpApi, Properties: { Method: GET, Path: /plain } }
        Locked: { Type: HttpApi, Properties: { Method: POST, Path: /locked, Auth: { Authorizer: AWS_IAM } } }
"#;

const INVOKE: &str = "/2015-03-31/functions/web/invocations";

/// Each endpoint of the system, with a request that it accepts from an allowed caller.
async fn requests(system: &System) -> Vec<(String, Method, Vec<(&'static str, &'static str)>)> {
    let environment = invoke(system, "web", json!({"do": "environment"})).await;
    let runtime = environment.json()["AWS_LAMBDA_RUNTIME_API"].clone();
    let signed = (
        "authorization",
        "AWS4-HMAC-SHA256 Credential=operator/20261105/us-east-1/x/aws4_request, SignedHeaders=host, Signature=0",
    );
    let target = |target| {
        vec![
            ("x-amz-target", target),
            ("x-amz-date", "20261105T000000Z"),
            signed,
        ]
    };
    let mut requests = vec![
        (format!("{}/events", system.url()), Method::POST, vec![]),
        (format!("{}/plain", system.url()), Method::GET, vec![]),
        (format!("{}{INVOKE}", system.url()), Method::POST, vec![]),
        (
            system.dynamodb_endpoint().to_owned(),
            Method::POST,
            target("DynamoDB_20120810.ListTables"),
        ),
        (
            system.kinesis_endpoint().to_owned(),
            Method::POST,
            target("Kinesis_20131202.ListStreams"),
        ),
        (
            format!(
                "{}/2018-06-01/runtime/init/error",
                runtime.as_str().unwrap()
            ),
            Method::POST,
            vec![],
        ),
    ];
    for (_, method, headers) in &mut requests {
        if *method == Method::POST {
            headers.push(("content-type", "application/json"));
        }
    }
    requests
}

async fn call(url: &str, method: &Method, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method.clone()).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = match *method == Method::POST {
        true => Body::from("{}"),
        false => Body::empty(),
    };
    send(request.body(body).unwrap()).await
}

fn is_refused(answer: &Answer, field: &str, what: &str) {
    assert_eq!(answer.status, 403, "{what}: {:?}", answer.body);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(answer.json()["field"], field, "{what}");
    // No header allows the page to read the answer.
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_endpoint_takes_a_request_of_a_foreign_page() {
    let system = start(TEMPLATE, State::Ephemeral).await;
    for (url, method, headers) in requests(&system).await {
        let with = |more: (&'static str, &'static str)| [headers.clone(), vec![more]].concat();
        let answer = call(&url, &method, &headers).await;
        assert!(answer.status.is_success(), "{url}: {:?}", answer.body);
        let rebound = call(&url, &method, &with(("host", "evil.example"))).await;
        is_refused(&rebound, "host", &url);
        for origin in ["https://evil.example", "null", "http://localhost:1"] {
            let answer = call(&url, &method, &with(("origin", origin))).await;
            is_refused(&answer, "origin", &url);
        }
        let preflight = call(
            &url,
            &Method::OPTIONS,
            &[("origin", "https://evil.example")],
        )
        .await;
        is_refused(&preflight, "origin", &url);
        let picture = call(&url, &method, &with(("sec-fetch-site", "cross-site"))).await;
        is_refused(&picture, "sec-fetch-site", &url);
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_calls_nothing_that_an_operator_may() {
    let system = start(TEMPLATE, State::Ephemeral).await;
    for path in ["/locked", INVOKE] {
        let url = format!("{}{path}", system.url());
        for form in [
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/plain;charset=UTF-8",
        ] {
            let answer = call(&url, &Method::POST, &[("content-type", form)]).await;
            assert_eq!(answer.status, 415, "{path} {form}");
            assert_eq!(answer.json()["field"], "content-type");
            let detail = answer.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains("application/json"), "{detail}");
        }
        for json in ["application/json", "application/vnd.x+json; charset=utf-8"] {
            let answer = call(&url, &Method::POST, &[("content-type", json)]).await;
            assert!(
                answer.status.is_success(),
                "{path} {json}: {:?}",
                answer.body
            );
        }
    }
    // A route without an authorizer accepts what `curl -d` sends.
    let open = format!("{}/events", system.url());
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(call(&open, &Method::POST, &form).await.status, 201);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_was_allowed_may_call() {
    let options = options(TEMPLATE, State::Ephemeral);
    let system = System::start(Options {
        allowed_hosts: vec!["dev.example:9".to_owned()],
        ..options.clone()
    })
    .await
    .unwrap();
    let url = format!("{}/plain", system.url());
    let own = [
        ("host", "dev.example:9"),
        ("origin", "https://dev.example:9"),
    ];
    assert_eq!(call(&url, &Method::GET, &own).await.status, 200);
    let other = call(&url, &Method::GET, &[("host", "dev.example:10")]).await;
    is_refused(&other, "host", "another port");
    system.stop().await;
    let error = System::start(Options {
        allowed_hosts: vec!["no host".to_owned()],
        ..options
    })
    .await
    .unwrap_err();
    assert!(error.to_string().contains("`no host`"), "{error}");
}
