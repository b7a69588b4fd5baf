//! Gateways: what is sent, what is recorded of it, and what a replay leaves
//! alone. The provider is a real HTTP server, which counts.

mod differences;
mod domain;
mod once;
mod orders;
mod queries;
mod replays;
#[path = "../support/mod.rs"]
mod support;
mod waits;

use domain::{OrderEvent, service};
use provider::Provider;
use rewind::{Calls, CloudEvent, NewEvent, event::raw};
use rewind_aws::outside::{Config, Credentials, Outside};
use serde_json::json;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use support::post::Post;

/// A post office whose gateways go to this provider.
async fn post(provider: &Provider) -> Post {
    let mut post = Post::of(service()).await;
    post.outside = outside(provider);
    post
}

fn outside(provider: &Provider) -> Outside {
    let http = json!({"http": {"url": provider.url, "timeout_seconds": 1}});
    let gateways = json!({"payments": http, "agency": http}).to_string();
    let config = Config::read(&gateways, "127.0.0.1").unwrap();
    Outside::new(&config, Credentials::file("/nonexistent")).unwrap()
}

fn event(id: &str, nth: u64, event: &OrderEvent) -> CloudEvent {
    let new = NewEvent::new(id, event).unwrap();
    CloudEvent {
        id: format!("{id}/{nth}"),
        source: "/test".into(),
        event_type: new.event_type,
        stream: new.stream,
        time: "2026-01-05T09:00:00Z".into(),
        extensions: BTreeMap::from([("correlationid".into(), format!("shop-{id}").into())]),
        data: raw(&new.data),
    }
}

fn placed(id: &str, product: &str, cents: u64) -> CloudEvent {
    let product = product.into();
    event(id, 1, &OrderEvent::Placed { product, cents })
}

/// What a log of the payments says.
async fn calls(post: &Post, id: &str) -> Calls {
    Calls::of(&post.recorded(&format!("gateway:payments-{id}")).await).unwrap()
}

/// Lets calls that wait be made until none is left.
async fn drain(post: &mut Post) {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        post.settle().await;
        let until = Instant::now() + Duration::from_secs(5);
        let called = post.live().work_due(until).await.unwrap();
        if called.waiting == 0 {
            post.settle().await;
            return;
        }
        assert!(Instant::now() < end, "{called:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
