//! `kill -9` of the whole system, and the start after it.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use support::{Temporary, Victim, idle, kinesis_at, lines, reader_template, start, until};

/// Puts records of a few keys until the endpoint is gone. Returns how many records of each key were acknowledged.
async fn put_until_gone(endpoint: String, from: BTreeMap<String, u32>) -> BTreeMap<String, u32> {
    let client = kinesis_at(&endpoint, "test");
    let mut answered = from;
    loop {
        let entries: Vec<PutRecordsRequestEntry> = answered
            .iter()
            .flat_map(|(key, next)| (*next..next + 5).map(move |number| (key, number)))
            .map(|(key, number)| {
                let data = Blob::new(format!("{number:06}"));
                PutRecordsRequestEntry::builder()
                    .partition_key(key)
                    .data(data)
                    .build()
                    .unwrap()
            })
            .collect();
        let put = client
            .put_records()
            .stream_name("rewind-stream")
            .set_records(Some(entries))
            .send();
        match tokio::time::timeout(Duration::from_secs(5), put).await {
            Ok(Ok(_)) => answered.values_mut().for_each(|next| *next += 5),
            _ => return answered,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_system_loses_nothing_that_was_answered() {
    let place = Temporary::new();
    let seen = place.file("seen");
    let template = reader_template(2, &format!("SEEN: '{seen}', SLOW: '3'"), "BatchSize: 20");
    std::fs::write(place.file("template.yaml"), &template).unwrap();
    let mut answered: BTreeMap<String, u32> = ["a", "b", "c"].map(|key| (key.to_owned(), 0)).into();
    for round in 0..3 {
        let victim = Victim::start(&place);
        let producer = tokio::spawn(put_until_gone(victim.kinesis.clone(), answered));
        let before = lines(&seen).len();
        until("records are read", || {
            lines(&seen).len() > before + 50 * (round + 1)
        })
        .await;
        victim.kill();
        answered = producer.await.unwrap();
    }
    let system = start(&template, place.state()).await;
    idle(&system).await;
    let all = lines(&seen);
    for (key, count) in &answered {
        assert!(*count > 50, "{answered:?}");
        // A put without an answer may have succeeded. Its records come after the last acknowledged one, and the next
        // round puts the same numbers again. Repeats are allowed anywhere. But each record is first seen after all records
        // before it.
        let mut next = 0;
        for line in all
            .iter()
            .filter(|line| line.starts_with(&format!("{key}=")))
        {
            let number: u32 = String::from_utf8(STANDARD.decode(&line[key.len() + 1..]).unwrap())
                .unwrap()
                .parse()
                .unwrap();
            assert!(number <= next, "{key}: {number} is seen before {next}");
            next = next.max(number + 1);
        }
        assert!(
            next >= *count,
            "{key}: {count} were answered, and {next} are seen"
        );
    }
    system.stop().await;
    // Everything is finished, so nothing is left to put again.
    let journal = place.path().join("state/journal/rewind-stream");
    let left: u64 = std::fs::read_dir(journal)
        .unwrap()
        .map(|file| file.unwrap())
        .filter(|file| {
            file.path()
                .extension()
                .is_some_and(|extension| extension == "jsonl")
        })
        .map(|file| file.metadata().unwrap().len())
        .sum();
    assert_eq!(left, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn function_processes_end_with_a_killed_system() {
    let place = Temporary::new();
    std::fs::write(
        place.file("template.yaml"),
        reader_template(1, "X: x", "BatchSize: 1"),
    )
    .unwrap();
    let victim = Victim::start(&place);
    let id = victim.process.id();
    let children =
        std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    // A child belongs to the thread that started it.
    let tasks = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
    let children: Vec<String> = tasks
        .map(|task| {
            std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default()
        })
        .chain([children])
        .flat_map(|children| {
            children
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(!children.is_empty());
    victim.kill();
    let is_gone = |id: &String| !std::path::Path::new(&format!("/proc/{id}/exe")).exists();
    until("the function's process ends", || {
        children.iter().all(is_gone)
    })
    .await;
}
