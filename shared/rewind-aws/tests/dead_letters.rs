//! Dead letters: S3 tells of each, `/health` names them, and an operator takes
//! them off the list.

mod support;

use aws_lambda_events::encodings::Body;
use playback::Handler;
use rewind_aws::aws::{clock::now, http::Request};
use serde_json::{Value, json};
use support::{Aws, handler, service};

async fn invoke(handler: &Handler, payload: Value) -> Result<Value, String> {
    let deadline = now().as_millisecond().unsigned_abs() + 60_000;
    let answer = handler.handle(payload, deadline).await;
    answer.map_err(|error| format!("{}: {}", error.error_type, error.error_message))
}

async fn health(aws: &Aws) -> Value {
    asked(aws, "GET /health").await
}

/// What query answers.
async fn asked(aws: &Aws, route: &str) -> Value {
    let incoming = aws.stream("IncomingStream");
    let query = query::Handler::new(service(), aws.events(), aws.data(), incoming);
    let mut request = Request::default();
    request.route_key = Some(route.into());
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
    for gone in ["aws/lambda/a b", "", &"a".repeat(2000)] {
        assert!(invoke(&playback, by_hand(gone)).await.is_err());
    }
    aws.system.stop().await;
}

/// `POST /dead-letters/handled`, as API Gateway hands it over.
async fn post(handler: &Handler, body: &Value) -> (u64, Value) {
    let request = json!({
        "version": "2.0",
        "routeKey": "POST /dead-letters/handled",
        "rawPath": "/dead-letters/handled",
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "http": {"method": "POST"},
            "authorizer": {"iam": {"userArn": "arn:aws:iam::123456789012:user/ann"}},
        },
        "body": body.to_string(),
        "isBase64Encoded": false,
    });
    let answer = invoke(handler, request).await.unwrap();
    let body = answer["body"].as_str().unwrap();
    let body = serde_json::from_str(body).unwrap();
    (answer["statusCode"].as_u64().unwrap(), body)
}

#[tokio::test]
async fn over_http_a_dead_letter_is_handled_once_and_the_list_of_operations_says_by_whom() {
    let aws = Aws::start().await;
    let playback = handler(&aws);
    for key in ["a", "b"] {
        invoke(&playback, told(key)).await.unwrap();
    }
    for unknown in ["c", "", &"a".repeat(2000)] {
        let (status, problem) = post(&playback, &json!({"deadLetter": unknown})).await;
        assert_eq!(
            (status, &problem["field"]),
            (404, &json!("deadLetter")),
            "{problem}"
        );
    }
    for (wrong, field) in [
        (json!({}), "deadLetter"),
        (json!({"deadLetter": 5}), "deadLetter"),
        (json!({"deadLetter": "a", "by": "ann"}), "by"),
    ] {
        let (status, problem) = post(&playback, &wrong).await;
        assert_eq!((status, &problem["field"]), (422, &json!(field)), "{wrong}");
    }
    assert_eq!(
        asked(&aws, "GET /operations").await["operations"],
        json!([])
    );

    let body = json!({"deadLetter": "a"});
    let done = post(&playback, &body).await;
    assert_eq!(done, (200, json!({"handled": "a"})));
    assert_eq!(post(&playback, &body).await.0, 404);
    let letters = asked(&aws, "GET /dead-letters").await;
    let letter = json!({"key": "b", "bytes": 1024, "time": "2023-04-19T09:00:00Z"});
    assert_eq!(letters, json!({"dead_letters": [letter]}));
    invoke(&playback, json!({"handled": {"deadLetter": "b"}}))
        .await
        .unwrap();
    let done = asked(&aws, "GET /operations").await;
    let of = |nth: usize| {
        let operation = &done["operations"][nth];
        ["what", "about", "by"].map(|name| operation[name].as_str())
    };
    let ann = Some("arn:aws:iam::123456789012:user/ann");
    assert_eq!(of(0), [Some("handled"), Some("b"), None]);
    assert_eq!(of(1), [Some("handled"), Some("a"), ann]);
    assert_eq!(done["operations"].as_array().unwrap().len(), 2);
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
