//! The HTTP API, with a real function behind it.

mod support;

use axum::body::Body;
use axum::http::Request;
use local::{State, System};
use serde_json::json;
use support::{Answer, send, start};

const TEMPLATE: &str = r#"
Resources:
  Web:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: web } }
    Properties:
      Timeout: 5
      Events:
        Post: { Type: HttpApi, Properties: { Method: POST, Path: /events } }
        Fail: { Type: HttpApi, Properties: { Method: GET, Path: /fail } }
        Odd: { Type: HttpApi, Properties: { Method: GET, Path: /odd } }
        Plain: { Type: HttpApi, Properties: { Method: GET, Path: /plain } }
        Row: { Type: HttpApi, Properties: { Method: GET, Path: "/rows/{name}/{key+}" } }
        Locked: { Type: HttpApi, Properties: { Method: POST, Path: /locked, Auth: { Authorizer: AWS_IAM } } }
"#;

async fn get(system: &System, path: &str) -> Answer {
    send(
        Request::get(format!("{}{path}", system.url()))
            .body(Body::empty())
            .unwrap(),
    )
    .await
}

async fn post(system: &System, path: &str, body: impl Into<Body>) -> Answer {
    send(
        Request::post(format!("{}{path}", system.url()))
            .body(body.into())
            .unwrap(),
    )
    .await
}

fn is_problem(answer: &Answer, status: u16, instance: &str) -> String {
    assert_eq!(answer.status, status);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    let problem = answer.json();
    assert_eq!(problem["status"], status);
    assert_eq!(problem["instance"], instance);
    assert!(problem["type"].is_string() && problem["title"].is_string());
    problem["detail"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_reaches_its_function_and_the_answer_comes_back() {
    let system = start(TEMPLATE, State::Ephemeral).await;
    let answer = get(&system, "/rows/user%20log/a/b?limit=2").await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.headers["x-from"], "function");
    let payload = answer.json();
    assert_eq!(payload["routeKey"], "GET /rows/{name}/{key+}");
    assert_eq!(
        payload["pathParameters"],
        json!({"name": "user log", "key": "a/b"})
    );
    assert_eq!(payload["queryStringParameters"], json!({"limit": "2"}));
    let plain = get(&system, "/plain").await;
    assert_eq!(
        (plain.status.as_u16(), plain.json()),
        (200, json!({"hello": "world"}))
    );
    // The gateway listens on loopback only, and asks for no authorization.
    let signed = Request::post(format!("{}/locked", system.url()))
        .header("content-type", "application/json; charset=utf-8")
        .body(Body::from("{}"));
    assert_eq!(send(signed.unwrap()).await.status, 201);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_route_fits_is_a_problem_that_names_the_routes() {
    let system = start(TEMPLATE, State::Ephemeral).await;
    let detail = is_problem(&get(&system, "/nowhere").await, 404, "/nowhere");
    assert!(detail.contains("POST /events"), "{detail}");
    let answer = get(&system, "/events").await;
    assert_eq!(answer.headers["allow"], "POST");
    let detail = is_problem(&answer, 405, "/events");
    assert!(detail.contains("POST"), "{detail}");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_a_problem() {
    let system = start(TEMPLATE, State::Ephemeral).await;
    let over_the_gateway = post(&system, "/events", "x".repeat(10 * 1024 * 1024 + 1)).await;
    assert!(is_problem(&over_the_gateway, 413, "/events").contains("10485760 bytes"));
    let over_lambda = post(&system, "/events", "x".repeat(6 * 1024 * 1024)).await;
    assert!(is_problem(&over_lambda, 413, "/events").contains("Lambda"));
    // Binary data grows by a third in base64.
    let binary = post(&system, "/events", vec![0xff; 5 * 1024 * 1024]).await;
    assert!(is_problem(&binary, 413, "/events").contains("Lambda"));
    assert_eq!(
        post(&system, "/events", "x".repeat(2 * 1024 * 1024))
            .await
            .status,
        201
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_error_is_a_problem() {
    let system = start(TEMPLATE, State::Ephemeral).await;
    let detail = is_problem(&get(&system, "/fail").await, 500, "/fail");
    assert!(detail.contains("told to fail"), "{detail}");
    let detail = is_problem(&get(&system, "/odd").await, 500, "/odd");
    assert!(detail.contains("not an HTTP response"), "{detail}");
    // The escaped quotes double the answer, which is then over the limit of a function.
    let answer = post(&system, "/events", "\"".repeat(2 * 1024 * 1024)).await;
    let detail = is_problem(&answer, 500, "/events");
    assert!(detail.contains("Function.ResponseSizeTooLarge"), "{detail}");
    system.stop().await;
}
