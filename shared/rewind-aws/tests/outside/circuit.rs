//! The circuit, with a real server behind it.

use super::{get, later, pay, send};
use crate::api::Api;
use rewind::{HttpRequest, Method};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn an_api_that_fails_again_and_again_is_left_alone() {
    let api = Api::answering(503, &[], "").await;
    let outside = pay(&api.url, json!({}));
    for _ in 0..5 {
        later(get(&outside).await, true);
    }
    for _ in 0..3 {
        let (_, after) = later(get(&outside.clone()).await, false);
        let after = after.unwrap();
        let most = Duration::from_secs(30);
        assert!(after <= most && after > most / 2, "{after:?}");
    }
    assert_eq!(api.asked().len(), 5);
}

#[tokio::test]
async fn answers_and_requests_that_are_none_open_no_circuit() {
    for status in [400, 404, 429] {
        let api = Api::answering(status, &[], "").await;
        let outside = pay(&api.url, json!({}));
        for _ in 0..8 {
            get(&outside).await;
            send(&outside, HttpRequest::new(Method::Get, "none")).await;
        }
        assert_eq!(api.asked().len(), 8, "{status}");
    }
}

#[tokio::test]
async fn requests_at_once_share_no_answers() {
    let api = Api::start(|asked| {
        let nth = asked.uri.path().to_string();
        crate::api::response(200, &[], format!("{nth:?}"))
    });
    let outside = pay(&api.await.url, json!({}));
    let sending = (0..40).map(|nth| {
        let outside = outside.clone();
        async move {
            let path = format!("/{nth}");
            let sent = send(&outside, HttpRequest::new(Method::Get, &*path)).await;
            assert_eq!(super::answered(sent), (200, json!(path)));
        }
    });
    futures::future::join_all(sending).await;
}
