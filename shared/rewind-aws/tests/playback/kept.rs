//! Where a playback is kept: its record, an item for each partition, and for
//! how long.

use crate::{
    far, history,
    meter::Meter,
    of, play, player, subscriber,
    support::{Aws, service},
    to_subscriber,
};
use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::config::Credentials;
use aws_smithy_http_client::Builder;
use jiff::{SignedDuration, Timestamp};
use rewind::stream::PARTITIONS;
use rewind_aws::{
    aws::clock::now,
    data_table::{
        data_store::DataStore,
        key::Key,
        row::{Row, Written},
    },
    playback::{
        player::{Ended, Player},
        record::{Playback, load, running},
        state::State,
    },
    wiring::Clients,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// The data store, its requests metered.
async fn metered(aws: &Aws) -> (DataStore, Meter) {
    let meter = Meter::around(Builder::new().build_http());
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(meter.clone())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("operator", "local", None, None, "local"))
        .endpoint_url(aws.system.dynamodb_endpoint())
        .load();
    let clients = Clients::new(config.await);
    let store = clients.data_store(aws.system.table("DataTable").unwrap());
    (store, meter)
}

/// The keys of a partition of the data store.
async fn keys(store: &DataStore, pk: &str) -> Vec<String> {
    let (items, _) = store.list(pk, "", None, 500).await.unwrap();
    let keys = items.iter().map(|item| item["sk"].as_s().unwrap().clone());
    keys.collect()
}

/// Plays a slow playback for a moment, so that it has sent some of its events.
async fn begun(player: &Player, id: &str) -> Playback {
    let mut request = to_subscriber(json!({}));
    request.rate = Some(200);
    player.create(id, &request).await.unwrap();
    let soon = Instant::now() + Duration::from_millis(1500);
    let Ended::Unfinished(playback) = player.play(id, soon).await.unwrap() else {
        panic!("it is over");
    };
    assert!(playback.sent().events > 0);
    *playback
}

/// Writes a playback's record as it is given.
async fn write(store: &DataStore, id: &str, state: Value) {
    let key = Key {
        pk: "rewind#playbacks".into(),
        sk: id.into(),
    };
    let seen = store.get(&key).await.unwrap().map_or(0, |row| row.revision);
    let row = Row {
        state: Some(state),
        ..Row::default()
    };
    assert_eq!(store.put(&key, &row, seen).await.unwrap(), Written::Done);
}

#[tokio::test]
async fn each_partition_has_an_item_until_the_playback_is_over() {
    let aws = Aws::start().await;
    let all = history(&aws, 30, 30).await;
    let (player, store) = (player(&aws), aws.data());
    begun(&player, "p").await;
    let (items, _) = store.list("rewind#playbacks", "", None, 10).await.unwrap();
    let record = items[0]["state"].as_m().unwrap();
    assert!(!record.contains_key("lanes"), "{record:?}");
    let progress = keys(&store, "rewind#progress/p").await;
    assert_eq!(progress.len() as u64, u64::from(PARTITIONS), "{progress:?}");
    let before = load(&store, "p").await.unwrap().unwrap();
    assert_eq!(before.partitions.len(), progress.len());

    let Ended::Over(played) = player.play("p", far()).await.unwrap() else {
        panic!("out of time");
    };
    assert_eq!(played.state, State::Completed);
    assert_eq!(keys(&store, "rewind#progress/p").await, [""; 0]);
    assert_eq!(keys(&store, "rewind#running").await, [""; 0]);
    let kept = load(&store, "p").await.unwrap().unwrap();
    assert_eq!(kept.sent(), played.sent());
    assert_eq!(kept.sent().events as usize, all.len());
    aws.system.stop().await;
}

#[tokio::test]
async fn partitions_are_counted_side_by_side() {
    let aws = Aws::start().await;
    let all = history(&aws, 40, 6).await;
    let (store, meter) = metered(&aws).await;
    let client = meter.clone();
    let clients = aws.clients.clone();
    let clients =
        clients.map_config(|config| config.into_builder().http_client(client.clone()).build());
    let events = clients.event_store(aws.system.table("EventsTable").unwrap());
    let replay = aws.stream("ReplayStream");
    let player = Player::new(service(), events, store, replay).with_index_lag(Duration::ZERO);
    let mut request = to_subscriber(json!({"categories": ["count"]}));
    request.dry_run = true;
    player.create("p", &request).await.unwrap();
    meter.take();
    // No time is left but to count.
    let ended = player.play("p", Instant::now()).await.unwrap();
    let Ended::Unfinished(playback) = ended else {
        panic!("{ended:?}");
    };
    assert!(playback.prepared && playback.sent().events == 0);
    let at_once = meter.take().at_once;
    assert!((2..=8).contains(&at_once), "{at_once}");
    // What is counted is what one after the other counts.
    let mut expected = BTreeMap::new();
    for event in &all {
        *expected.entry(event.stream().partition()).or_insert(0) += 1;
    }
    let counted = playback.partitions.iter();
    let counted = counted.map(|(name, progress)| (name.clone(), progress.of.unwrap()));
    let counted: BTreeMap<String, u64> = counted.filter(|(_, of)| *of > 0).collect();
    assert_eq!(counted, expected);
    assert!(expected.len() > 4, "{expected:?}");
    aws.system.stop().await;
}

#[tokio::test]
async fn running_playbacks_are_found_without_a_read_of_ended_ones() {
    let aws = Aws::start().await;
    history(&aws, 2, 2).await;
    let player = player(&aws);
    let request = to_subscriber(json!({}));
    player.create("waits", &request).await.unwrap();
    let (store, meter) = metered(&aws).await;
    let replay = aws.stream("ReplayStream");
    let minute = Player::new(service(), aws.events(), store.clone(), replay);
    let mut readings = Vec::new();
    for round in 0..3 {
        meter.take();
        let found = running(&store).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].id, "waits");
        minute.orphaned().await.unwrap();
        let reading = meter.take();
        readings.push((reading.requests, reading.read_units));
        for nth in 0..8 {
            let mut dry = to_subscriber(json!({}));
            dry.dry_run = true;
            play(&player, &format!("over-{round}-{nth}"), &dry).await;
        }
    }
    assert!(readings[0].1 > 0.0, "{readings:?}");
    assert!(
        readings.iter().all(|reading| *reading == readings[0]),
        "{readings:?}"
    );
    aws.system.stop().await;
}

#[tokio::test]
async fn a_playback_that_an_older_version_has_begun_goes_on_where_it_was() {
    let aws = Aws::start().await;
    let all = history(&aws, 30, 30).await;
    let (player, store) = (player(&aws), aws.data());
    let begun = begun(&player, "p").await;
    let sent = begun.sent().events as usize;
    // As it was stored: everything in one record, and no key that says that it
    // runs.
    let mut old = serde_json::to_value(&begun).unwrap();
    old.as_object_mut().unwrap().remove("prepared");
    assert!(old["lanes"].as_object().unwrap().len() > 1);
    assert!(old.to_string().contains("\"place\""));
    write(&store, "p", old).await;
    store
        .delete_partition("rewind#progress/p", "")
        .await
        .unwrap();
    store.delete_partition("rewind#running", "").await.unwrap();
    let loaded = load(&store, "p").await.unwrap().unwrap();
    assert_eq!(loaded.sent(), begun.sent());

    let before = subscriber(&aws).await.next().await;
    assert!(!before.is_empty());
    let Ended::Over(played) = player.play("p", far()).await.unwrap() else {
        panic!("out of time");
    };
    assert_eq!(played.state, State::Completed);
    assert_eq!(played.sent().events as usize, all.len());
    let (streams, _) = of("p", &subscriber(&aws).await.next().await);
    let in_all: usize = streams.values().map(Vec::len).sum();
    assert!(in_all < all.len() + sent, "{in_all}: it has begun again");
    aws.system.stop().await;
}

#[tokio::test]
async fn an_ended_playback_expires_after_thirty_days() {
    let aws = Aws::start().await;
    history(&aws, 2, 2).await;
    let (player, store) = (player(&aws), aws.data());
    let request = to_subscriber(json!({}));
    play(&player, "p", &request).await;
    let (items, _) = store.list("rewind#playbacks", "", None, 10).await.unwrap();
    let expires: i64 = items[0]["expires"].as_n().unwrap().parse().unwrap();
    let expires = Timestamp::from_second(expires).unwrap();
    let left = expires.duration_since(now()).as_hours();
    assert!((30 * 24 - 1..=30 * 24).contains(&left), "{left} hours");

    // The table deletes late, or never.
    let kept = load(&store, "p").await.unwrap().unwrap();
    let mut old = serde_json::to_value(&kept).unwrap();
    let ended = kept.ended.unwrap() - SignedDuration::from_hours(30 * 24 + 1);
    old["ended"] = json!(ended);
    write(&store, "p", old).await;
    assert_eq!(load(&store, "p").await.unwrap(), None);
    let refused = player.resume("p").await.unwrap_err();
    assert!(refused.to_string().contains("no playback"), "{refused}");
    let other = to_subscriber(json!({"streams": ["count-1"]}));
    let played = play(&player, "p", &other).await;
    assert_eq!((played.state, played.sent().events), (State::Completed, 2));
    aws.system.stop().await;
}
