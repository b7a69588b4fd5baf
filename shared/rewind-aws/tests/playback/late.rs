//! What lands behind a playback that has begun.

use crate::{
    far, of, player, subscriber,
    support::{Aws, event},
    to_subscriber,
};
use rewind::{Head, commit};
use rewind_aws::{aws::clock::micros, event_table::event_store::Inserted, playback::player::Ended};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_subscriber_gets_what_was_given_a_position_before_and_is_recorded_late() {
    let aws = Aws::start().await;
    let store = aws.events();
    let append = async |stream: &str, position: u64| {
        let event = event(stream, stream, 1);
        let planned = commit::plan(Head::default(), &[&event], position);
        assert_eq!(store.append(&[&planned[0]]).await, [Inserted::New]);
    };
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
