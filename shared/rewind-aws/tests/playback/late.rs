//! What lands behind a playback that has begun.

use crate::{
    far, of, player, subscriber,
    support::{Aws, event},
    to_subscriber,
};
use rewind::{Head, StreamName, commit};
use rewind_aws::{
    aws::clock::micros,
    event_table::event_store::{EventStore, Inserted},
    playback::{player::Ended, request::Request},
};
use serde_json::json;
use std::time::Duration;

/// Records the first event of a stream at a position.
async fn append(store: &EventStore, stream: &str, position: u64) {
    let event = event(stream, stream, 1);
    let planned = commit::plan(Head::default(), &[&event], position);
    assert_eq!(store.append(&[&planned[0]]).await, [Inserted::New]);
}

#[tokio::test]
async fn a_subscriber_gets_what_was_given_a_position_before_and_is_recorded_late() {
    let aws = Aws::start().await;
    let store = aws.events();
    let append = async |stream: &str, position| append(&store, stream, position).await;
    append("count-early", micros()).await;
    // A process has given a position, and sleeps.
    let position = micros();
    append("count-behind", micros()).await;
    let player = player(&aws).with_settling(Duration::from_secs(3));
    player.create("p", &to_subscriber(json!({}))).await.unwrap();
    let (ended, ()) = tokio::join!(player.play("p", far()), async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        append("count-late", position).await;
    });
    let Ended::Over(played) = ended.unwrap() else {
        panic!("it has not ended");
    };
    assert_eq!(played.sent().events, 3);
    let (streams, _) = of("p", &subscriber(&aws).await.next().await);
    let names: Vec<&str> = streams.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["count-behind", "count-early", "count-late"]);
    aws.system.stop().await;
}

#[tokio::test]
async fn what_is_recorded_late_is_read_where_nobody_waits_for_it() {
    let aws = Aws::start().await;
    let store = aws.events();
    let append = async |stream: &str, position| append(&store, stream, position).await;
    // Two streams of one partition.
    let name = |nth: u64| StreamName::new(format!("count-{nth}")).unwrap();
    let first = name(0);
    let second = (1..)
        .map(name)
        .find(|it| it.partition() == first.partition());
    let before = |seconds: u64| micros() - seconds * 1_000_000;
    let late = before(4);
    append(first.as_str(), before(3)).await;
    let player = player(&aws)
        .with_index_lag(Duration::from_secs(2))
        .with_settling(Duration::from_secs(60));
    let dry_run = Request {
        dry_run: true,
        ..to_subscriber(json!({}))
    };
    player.create("p", &dry_run).await.unwrap();
    let (ended, ()) = tokio::join!(player.play("p", far()), async {
        tokio::time::sleep(Duration::from_millis(1000)).await;
        append(second.unwrap().as_str(), late).await;
    });
    let Ended::Over(played) = ended.unwrap() else {
        panic!("it has not ended");
    };
    assert_eq!(played.sent().events, 2);
    aws.system.stop().await;
}

#[tokio::test]
async fn a_category_that_begins_right_before_is_played() {
    let aws = Aws::start().await;
    let store = aws.events();
    let append = async |stream: &str, position| append(&store, stream, position).await;
    append("count-early", micros()).await;
    let position = micros();
    append("count-behind", micros()).await;
    let player = player(&aws).with_settling(Duration::from_secs(3));
    player.create("p", &to_subscriber(json!({}))).await.unwrap();
    let (ended, ()) = tokio::join!(player.play("p", far()), async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        append("fresh-late", position).await;
    });
    let Ended::Over(played) = ended.unwrap() else {
        panic!("it has not ended");
    };
    assert_eq!(played.sent().events, 3);
    aws.system.stop().await;
}
