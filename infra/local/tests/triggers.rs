//! Event source mappings, with real processes and the embedded Kinesis.

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use local::{State, System};
use serde_json::Value;
use support::{Temporary, idle, kinesis, lines, put, reader_template, start, until};

/// What the test function writes for a record.
fn noted(key: &str, text: &str) -> String {
    format!("{key}={}", STANDARD.encode(text))
}

fn texts(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|number| format!("{number:05}")).collect()
}

/// A system whose function writes its records to the file `seen`.
async fn reader(
    place: &Temporary,
    shards: u32,
    environment: &str,
    trigger: &str,
) -> (System, String) {
    let seen = place.file("seen");
    let environment = format!("SEEN: '{seen}', {environment}");
    (
        start(
            &reader_template(shards, &environment, trigger),
            place.state(),
        )
        .await,
        seen,
    )
}

fn dead_letters(place: &Temporary) -> Vec<Value> {
    let folder = place.path().join("state/dead-letters/rewind-reader");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn records_arrive_once_and_in_order() {
    let place = Temporary::new();
    let (system, seen) = reader(&place, 4, "X: x", "BatchSize: 10").await;
    let client = kinesis(&system, "test");
    for key in ["a", "b", "c", "d", "e"] {
        for round in 0..10 {
            put(
                &client,
                "rewind-stream",
                key,
                &texts(round * 20..round * 20 + 20),
            )
            .await;
        }
    }
    idle(&system).await;
    let all = lines(&seen);
    assert_eq!(all.len(), 1_000);
    for key in ["a", "b", "c", "d", "e"] {
        let of_key: Vec<String> = all
            .iter()
            .filter(|line| line.starts_with(key))
            .cloned()
            .collect();
        let expected: Vec<String> = texts(0..200).iter().map(|text| noted(key, text)).collect();
        assert_eq!(of_key, expected);
    }
    let batches = lines(&format!("{seen}.batches"));
    let sizes = batches
        .iter()
        .map(|line| line.split(' ').next().unwrap().parse::<u32>().unwrap());
    assert_eq!(
        sizes.max(),
        Some(10),
        "BatchSize is reached and not exceeded"
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lanes_keep_the_order_of_a_key() {
    let place = Temporary::new();
    let trigger = "BatchSize: 5, ParallelizationFactor: 4";
    let (system, seen) = reader(&place, 1, "SLOW: '5'", trigger).await;
    let client = kinesis(&system, "test");
    for round in 0..10 {
        for key in ["a", "b", "c", "d", "e", "f"] {
            put(
                &client,
                "rewind-stream",
                key,
                &texts(round * 5..round * 5 + 5),
            )
            .await;
        }
    }
    idle(&system).await;
    for key in ["a", "b", "c", "d", "e", "f"] {
        let of_key: Vec<String> = lines(&seen)
            .into_iter()
            .filter(|line| line.starts_with(key))
            .collect();
        assert_eq!(
            of_key,
            texts(0..50)
                .iter()
                .map(|text| noted(key, text))
                .collect::<Vec<_>>()
        );
    }
    assert!(
        system.function_pids().len() > 1,
        "key groups of one shard work at once"
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_never_exceeds_what_lambda_takes() {
    let place = Temporary::new();
    let (system, seen) = reader(&place, 1, "SLOW: '50'", "BatchSize: 10000").await;
    let client = kinesis(&system, "test");
    for _ in 0..4 {
        put(&client, "rewind-stream", "a", &vec!["x".repeat(900_000); 5]).await;
    }
    idle(&system).await;
    let batches: Vec<(usize, usize)> = lines(&format!("{seen}.batches"))
        .iter()
        .map(|line| {
            line.split_once(' ')
                .map(|(a, b)| (a.parse().unwrap(), b.parse().unwrap()))
                .unwrap()
        })
        .collect();
    assert_eq!(
        batches.iter().map(|(records, _)| records).sum::<usize>(),
        20
    );
    assert!(
        batches.iter().all(|(_, bytes)| *bytes <= 6 * 1024 * 1024),
        "{batches:?}"
    );
    assert!(
        batches.iter().any(|(records, _)| *records > 1),
        "{batches:?}"
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_gathers_a_batch() {
    let place = Temporary::new();
    let (system, seen) = reader(
        &place,
        1,
        "X: x",
        "BatchSize: 50, MaximumBatchingWindowInSeconds: 2",
    )
    .await;
    let client = kinesis(&system, "test");
    for round in 0..5 {
        put(&client, "rewind-stream", "a", &texts(round..round + 1)).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(lines(&seen).is_empty());
    idle(&system).await;
    assert_eq!(lines(&format!("{seen}.batches")).len(), 1);
    put(&client, "rewind-stream", "a", &texts(0..50)).await;
    let begun = Instant::now();
    idle(&system).await;
    assert!(
        begun.elapsed() < Duration::from_millis(1_500),
        "a full batch does not wait for its window"
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reported_records_are_tried_again_from_the_lowest_on() {
    let place = Temporary::new();
    let environment = format!("REPORTS: x, FAILING: '{}'", STANDARD.encode("00003"));
    let trigger = "BatchSize: 100, FunctionResponseTypes: [ReportBatchItemFailures]";
    let (system, seen) = reader(&place, 1, &environment, trigger).await;
    put(
        &kinesis(&system, "test"),
        "rewind-stream",
        "a",
        &texts(0..6),
    )
    .await;
    let failed = format!("{seen}.failed");
    until("the failing record is tried three times", || {
        lines(&failed).len() >= 3
    })
    .await;
    assert_eq!(
        lines(&seen),
        texts(0..3)
            .iter()
            .map(|text| noted("a", text))
            .collect::<Vec<_>>()
    );
    std::fs::write(format!("{seen}.repaired"), "").unwrap();
    idle(&system).await;
    assert_eq!(
        lines(&seen),
        texts(0..6)
            .iter()
            .map(|text| noted("a", text))
            .collect::<Vec<_>>()
    );
    assert_eq!(
        lines(&failed)[..2],
        ["6", "3"],
        "what came before the failing record is not repeated"
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bisecting_gives_up_on_nothing_but_the_record_that_fails() {
    let place = Temporary::new();
    let environment = format!("FAILING: '{}'", STANDARD.encode("00005"));
    let trigger = "BatchSize: 16, BisectBatchOnFunctionError: true, MaximumRetryAttempts: 1, \
                   DestinationConfig: { OnFailure: { Type: S3, Destination: !GetAtt Bucket.Arn } }";
    let (system, seen) = reader(&place, 1, &environment, trigger).await;
    put(
        &kinesis(&system, "test"),
        "rewind-stream",
        "a",
        &texts(0..16),
    )
    .await;
    idle(&system).await;
    let expected: Vec<String> = texts(0..16)
        .iter()
        .filter(|text| *text != "00005")
        .map(|text| noted("a", text))
        .collect();
    assert_eq!(
        lines(&seen),
        expected,
        "all others arrive, once and in order"
    );
    let letters = dead_letters(&place);
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!(
        letter["requestContext"]["condition"],
        "RetryAttemptsExhausted"
    );
    assert_eq!(letter["requestContext"]["approximateInvokeCount"], 2);
    assert_eq!(letter["responseContext"]["functionError"], "Unhandled");
    assert_eq!(letter["KinesisBatchInfo"]["batchSize"], 1);
    assert_eq!(
        letter["KinesisBatchInfo"]["shardId"],
        "shardId-000000000000"
    );
    let payload: Value = serde_json::from_str(letter["payload"].as_str().unwrap()).unwrap();
    assert_eq!(
        payload["Records"][0]["kinesis"]["data"],
        STANDARD.encode("00005").as_str()
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_bisecting_the_whole_batch_is_given_up_on() {
    let place = Temporary::new();
    let environment = format!("FAILING: '{}'", STANDARD.encode("00001"));
    let trigger = "BatchSize: 4, MaximumRetryAttempts: 0, \
                   DestinationConfig: { OnFailure: { Destination: !GetAtt Bucket.Arn } }";
    let (system, seen) = reader(&place, 1, &environment, trigger).await;
    put(
        &kinesis(&system, "test"),
        "rewind-stream",
        "a",
        &texts(0..8),
    )
    .await;
    idle(&system).await;
    assert_eq!(
        lines(&seen),
        texts(4..8)
            .iter()
            .map(|text| noted("a", text))
            .collect::<Vec<_>>()
    );
    assert_eq!(dead_letters(&place)[0]["KinesisBatchInfo"]["batchSize"], 4);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_was_split_is_read_before_its_children() {
    let place = Temporary::new();
    let (system, seen) = reader(&place, 1, "SLOW: '100'", "BatchSize: 2").await;
    let client = kinesis(&system, "test");
    put(&client, "rewind-stream", "a", &texts(0..6)).await;
    client
        .split_shard()
        .stream_name("rewind-stream")
        .shard_to_split("shardId-000000000000")
        .new_starting_hash_key("170141183460469231731687303715884105728")
        .send()
        .await
        .unwrap();
    for key in ["a", "b", "c", "d"] {
        put(&client, "rewind-stream", key, &texts(6..8)).await;
    }
    idle(&system).await;
    let all = lines(&seen);
    assert_eq!(all.len(), 14);
    assert_eq!(
        all[..6],
        texts(0..6)
            .iter()
            .map(|text| noted("a", text))
            .collect::<Vec<_>>()
    );
    let of_a: Vec<_> = all.iter().filter(|line| line.starts_with("a=")).collect();
    assert_eq!(of_a.len(), 8);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_mapping_reads_nothing() {
    let place = Temporary::new();
    let (system, seen) = reader(&place, 1, "X: x", "Enabled: false").await;
    put(
        &kinesis(&system, "test"),
        "rewind-stream",
        "a",
        &texts(0..3),
    )
    .await;
    idle(&system).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!Path::new(&seen).exists());
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_leaves_the_rest_for_the_next_start() {
    let place = Temporary::new();
    let (system, seen) = reader(&place, 1, "SLOW: '20'", "BatchSize: 5").await;
    put(
        &kinesis(&system, "test"),
        "rewind-stream",
        "a",
        &texts(0..100),
    )
    .await;
    until("some are read", || !lines(&seen).is_empty()).await;
    system.stop().await;
    let read = lines(&seen).len();
    assert!((5..100).contains(&read), "{read}");
    let (system, _) = reader(&place, 1, "SLOW: '0'", "BatchSize: 5").await;
    idle(&system).await;
    assert_eq!(
        lines(&seen),
        texts(0..100)
            .iter()
            .map(|text| noted("a", text))
            .collect::<Vec<_>>(),
        "after a clean stop nothing is repeated"
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_mapping_invokes_at_once() {
    let system = start(
        &reader_template(4, "X: x", "BatchSize: 100"),
        State::Ephemeral,
    )
    .await;
    let client = kinesis(&system, "test");
    let mut times = Vec::new();
    for round in 0..50 {
        let begun = Instant::now();
        put(&client, "rewind-stream", &round.to_string(), &texts(0..1)).await;
        let put = begun.elapsed();
        idle(&system).await;
        times.push((begun.elapsed(), put));
    }
    times.sort();
    let (whole, put) = times[times.len() / 2];
    println!("put {put:?}, put to finished {whole:?}");
    // Far more than it takes on a quiet machine, and less than any polling interval.
    assert!(whole < Duration::from_millis(100), "{whole:?}");
    system.stop().await;
}
