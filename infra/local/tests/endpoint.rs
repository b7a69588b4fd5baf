//! A system on an external endpoint: here the DynamoDB and Kinesis of another local system, behind one URL as in
//! LocalStack.

mod support;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use local::{Options, State, System};
use support::{Temporary, kinesis, lines, options, put, reader_template, start, until};

#[derive(Clone)]
struct Services {
    client: Client<HttpConnector, Body>,
    dynamodb: String,
    kinesis: String,
}

/// One URL for both services of a system.
async fn one_endpoint(system: &System) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let services = Services {
        client: Client::builder(TokioExecutor::new()).build_http(),
        dynamodb: system.dynamodb_endpoint().to_owned(),
        kinesis: system.kinesis_endpoint().to_owned(),
    };
    let app = Router::new().fallback(forward).with_state(services);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

async fn forward(Shared(services): Shared<Services>, mut request: Request) -> Response {
    let target = request.headers()["x-amz-target"].to_str().unwrap();
    let url = if target.starts_with("Kinesis") {
        &services.kinesis
    } else {
        &services.dynamodb
    };
    *request.uri_mut() = format!("{url}/").parse().unwrap();
    // A service accepts only requests with its own host.
    request.headers_mut().remove("host");
    services
        .client
        .request(request)
        .await
        .unwrap()
        .map(Body::new)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_works_on_an_endpoint_and_goes_on_where_it_was() {
    let place = Temporary::new();
    let seen = place.file("seen");
    let table = "
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
";
    let trigger = "BatchSize: 10, FunctionResponseTypes: [ReportBatchItemFailures]";
    let template = reader_template(2, &format!("SEEN: '{seen}'"), trigger)
        .replace("LATEST", "TRIM_HORIZON")
        + table;
    let services = start("Resources: {}", State::Ephemeral).await;
    let endpoint = Some(one_endpoint(&services).await);
    for (round, expected) in [(0, 20), (1, 40)] {
        // The second start finds the table and the stream that the first one made.
        let on_endpoint = Options {
            endpoint: endpoint.clone(),
            ..options(&template, place.state())
        };
        let system = System::start(on_endpoint).await.unwrap();
        let texts: Vec<String> = (round * 20..round * 20 + 20)
            .map(|number| format!("{number:03}"))
            .collect();
        put(&kinesis(&services, "test"), "rewind-stream", "a", &texts).await;
        until("the records are read", || lines(&seen).len() >= expected).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        system.stop().await;
    }
    let all: Vec<String> = (0..40)
        .map(|number| format!("a={}", STANDARD.encode(format!("{number:03}"))))
        .collect();
    assert_eq!(
        lines(&seen),
        all,
        "nothing is lost, and nothing repeated after a clean stop"
    );
    services.stop().await;
}
