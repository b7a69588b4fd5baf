//! Dead letters: S3 tells of each, `/health` names them, and an operator takes
//! them off the list.

mod support;

use aws_lambda_events::encodings::Body;
use playback::{Handler, Watch};
use rewind_aws::{
    aws::{clock::now, http::Request},
    playback::player::Player,
    reverse::reversal::Reverser,
};
use serde_json::{Value, json};
use support::{Aws, service};

fn handler(aws: &Aws) -> Handler {
    let (events, data) = (aws.events(), aws.data());
    let incoming = aws.stream("IncomingStream");
    let watch = Watch::new(service(), events.clone(), data.clone(), incoming.clone());
    let reverser = Reverser::new(service(), events.clone(), data.clone(), incoming);
    let player = Player::new(service(), events, data, aws.stream("ReplayStream"));
    Handler::new(player, reverser, watch, aws.clients.function("nobody"))
}

async fn invoke(handler: &Handler, payload: Value) -> Result<Value, String> {
    let deadline = now().as_millisecond().unsigned_abs() + 60_000;
    let answer = handler.handle(payload, deadline).await;
    answer.map_err(|error| format!("{}: {}", error.error_type, error.error_message))
}

async fn health(aws: &Aws) -> Value {
    let incoming = aws.stream("IncomingStream");
    let query = query::Handler::new(service(), aws.events(), aws.data(), incoming);
    let mut request = Request::default();
    request.route_key = Some("GET /health".into());
    match query.handle(&request).await.body {
        Some(Body::Text(text)) => serde_json::from_str(&text).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// S3's event of an object, as it is sent.
fn told(key: &str) -> Value {
    let sample = include_str!("../../../events/playback-dead-letter.json");
    let mut event: Value = serde_json::from_str(sample).unwrap();
    event["Records"][0]["s3"]["object"]["key"] = key.into();
    event
}

#[tokio::test]
async fn a_dead_letter_is_named_until_an_operator_has_handled_it() {
    let aws = Aws::start().await;
    let playback = handler(&aws);
    assert_eq!(health(&aws).await["dead_letters"], json!([]));
    // S3 may tell twice.
    for _ in 0..2 {
        let kept = invoke(&playback, told("aws/lambda/a+b")).await.unwrap();
        assert_eq!(kept, json!({"deadLetters": 1}));
    }
    let sick = health(&aws).await;
    assert_eq!(sick["status"], "dead-letters");
    let why = "1 batch is given up on: see the dead letters";
    assert_eq!(sick["why"], json!([why]));
    let letter = json!({"key": "aws/lambda/a b", "bytes": 1024, "time": "2023-04-19T09:00:00Z"});
    assert_eq!(sick["dead_letters"], json!([letter]));
    assert_eq!(sick["more_dead_letters"], false);

    let by_hand = |key: &str| json!({"handled": {"deadLetter": key}});
    let unknown = invoke(&playback, by_hand("aws/lambda/other")).await;
    let unknown = unknown.unwrap_err();
    assert!(unknown.contains("not-found"), "{unknown}");
    assert!(
        unknown.contains("handled.deadLetter: there is no dead letter"),
        "{unknown}"
    );
    for wrong in [
        json!({"handled": {}}),
        json!({"handled": "aws/lambda/a b"}),
        json!({"handled": {"deadLetter": "a", "colour": 1}}),
        json!({"handled": {"deadLetter": "a"}, "recover": {}}),
    ] {
        let refused = invoke(&playback, wrong.clone()).await;
        assert!(refused.is_err(), "{wrong}: {refused:?}");
    }
    assert_eq!(health(&aws).await["status"], "dead-letters");
    let done = invoke(&playback, by_hand("aws/lambda/a b")).await.unwrap();
    assert_eq!(done, json!({"handled": "aws/lambda/a b"}));
    let well = health(&aws).await;
    assert_eq!((&well["status"], &well["why"]), (&json!("ok"), &json!([])));
    assert!(invoke(&playback, by_hand("aws/lambda/a b")).await.is_err());
    aws.system.stop().await;
}

#[tokio::test]
async fn the_first_hundred_are_named_and_that_there_are_more() {
    let aws = Aws::start().await;
    let playback = handler(&aws);
    for nth in 0..101 {
        invoke(&playback, told(&format!("{nth:03}"))).await.unwrap();
    }
    let sick = health(&aws).await;
    let named = sick["dead_letters"].as_array().unwrap();
    assert_eq!((named.len(), &named[99]["key"]), (100, &json!("099")));
    assert_eq!(sick["more_dead_letters"], true);
    let why = "100 or more batches are given up on: see the dead letters";
    assert_eq!(sick["why"], json!([why]));
    aws.system.stop().await;
}
