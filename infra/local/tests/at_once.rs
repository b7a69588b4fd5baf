//! One function behind a stream, a schedule and HTTP at once.

mod support;

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use local::{Options, State, System};
use support::{Temporary, idle, kinesis, lines, options, put, send, until};

/// A function that takes two seconds for a batch, of up to sixteen at once.
fn template(seen: &str, ran: &str) -> String {
    format!(
        r#"
Resources:
  Stream:
    Type: AWS::Kinesis::Stream
    Properties: {{ ShardCount: 4 }}
  Worker:
    Type: AWS::Serverless::Function
    Metadata: {{ BuildProperties: {{ Binary: worker }} }}
    Properties:
      Timeout: 20
      Environment: {{ Variables: {{ SEEN: {seen}, SLOW: "2000" }} }}
      Events:
        Records:
          Type: Kinesis
          Properties: {{ Stream: !GetAtt Stream.Arn, StartingPosition: TRIM_HORIZON, BatchSize: 1, ParallelizationFactor: 4 }}
        Tend:
          Type: Schedule
          Properties: {{ Schedule: rate(1 minute), Input: '{{"do": "fail until", "file": "{ran}", "count": 1}}' }}
        Get: {{ Type: HttpApi, Properties: {{ Method: GET, Path: "/things/{{id}}" }} }}
"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_does_not_wait_for_the_batches_of_its_function() {
    let place = Temporary::new();
    let (seen, ran) = (place.file("seen"), place.file("ran"));
    let system = System::start(Options {
        schedule_unit: Duration::from_millis(100),
        ..options(&template(&seen, &ran), State::Ephemeral)
    })
    .await
    .unwrap();
    let client = kinesis(&system, "test");
    for key in 0..16 {
        put(
            &client,
            "rewind-stream",
            &key.to_string(),
            &["x".to_owned()],
        )
        .await;
    }
    // The function writes a batch down before it takes its time.
    until("four batches are under way", || lines(&seen).len() >= 4).await;
    let get = || async {
        let asked = Instant::now();
        let url = format!("{}/things/1", system.url());
        let answer = send(Request::get(url).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 201);
        asked.elapsed()
    };
    let asked = Instant::now();
    let took = futures::future::join_all((0..12).map(|_| get())).await;
    let slowest = took.into_iter().max().unwrap();
    assert!(slowest < Duration::from_millis(1_500), "{slowest:?}");
    assert!(asked.elapsed() < Duration::from_millis(1_500));
    assert!(lines(&seen).len() < 16, "all batches are over already");
    idle(&system).await;
    assert_eq!(lines(&seen).len(), 16);
    until("the schedule runs too", || !lines(&ran).is_empty()).await;
    system.stop().await;
}
