//! A full disk: nothing is accepted, nothing is lost, and no restart is needed.
//!
//! The disk is a small tmpfs, which only root can mount. Without root, the tests print that and pass.

mod support;

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use axum::body::Body;
use axum::http::Request;
use local::{StartError, State, System};
use serde_json::json;
use support::{
    Temporary, dynamodb, hand_over, idle, invoke, kinesis, lines, options, send, start, until,
};

/// A small disk that is unmounted at the end of a test.
struct Disk {
    place: Temporary,
    at: PathBuf,
}

impl Disk {
    /// Mounts a disk. Returns [`None`], and prints the reason, where that is not possible.
    fn mount(megabytes: u32) -> Option<Self> {
        let place = Temporary::new();
        let at = place.path().join("disk");
        std::fs::create_dir(&at).unwrap();
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(&at)
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { place, at }),
            Ok(output) => {
                let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                println!("skipped: a tmpfs cannot be mounted ({reason})");
                None
            }
            Err(error) => {
                println!("skipped: `mount` cannot be run ({error})");
                None
            }
        }
    }

    fn state(&self) -> State {
        State::Folder(self.at.join("state"))
    }

    /// Fills the disk, and leaves this many bytes.
    fn fill(&self, leave: usize) {
        let mut filler = std::fs::File::create(self.at.join("filler")).unwrap();
        for size in [64 * 1024, 1] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
        let length = filler.metadata().unwrap().len();
        filler.set_len(length.saturating_sub(leave as u64)).unwrap();
    }

    fn empty(&self) {
        std::fs::remove_file(self.at.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // `-l` unmounts it even while something writes to it.
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

fn template(seen: &str) -> String {
    format!(
        r#"
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{{ AttributeName: id, AttributeType: S }}]
      KeySchema: [{{ AttributeName: id, KeyType: HASH }}]
  Stream: {{ Type: AWS::Kinesis::Stream, Properties: {{ ShardCount: 1 }} }}
  Reader:
    Type: AWS::Serverless::Function
    Metadata: {{ BuildProperties: {{ Binary: reader }} }}
    Properties:
      FunctionName: rewind-reader
      Timeout: 20
      Environment: {{ Variables: {{ SEEN: '{seen}', NOISE: 'yes' }} }}
      Events:
        Post: {{ Type: HttpApi, Properties: {{ Method: POST, Path: /events }} }}
        Plain: {{ Type: HttpApi, Properties: {{ Method: GET, Path: /plain }} }}
        Records:
          Type: Kinesis
          Properties: {{ Stream: !GetAtt Stream.Arn, StartingPosition: LATEST, BatchSize: 10 }}
"#
    )
}

async fn post(system: &System) -> support::Answer {
    let request = Request::post(format!("{}/events", system.url())).body(Body::from("{}"));
    send(request.unwrap()).await
}

/// Puts a record. Returns whether Kinesis has it.
async fn put(system: &System, number: usize) -> bool {
    use aws_sdk_kinesis::primitives::Blob;
    use aws_sdk_kinesis::types::PutRecordsRequestEntry;
    let entry = PutRecordsRequestEntry::builder()
        .partition_key("a")
        .data(Blob::new(format!("{number:06}{}", "x".repeat(50_000))))
        .build()
        .unwrap();
    let put = kinesis(system, "test").put_records();
    let put = put.stream_name("rewind-stream").records(entry).send().await;
    put.is_ok_and(|answer| answer.failed_record_count() == Some(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_recovers_and_loses_nothing() {
    let Some(disk) = Disk::mount(48) else { return };
    let seen = disk.place.file("seen");
    let system = start(&template(&seen), disk.state()).await;
    let mut put_numbers = Vec::new();
    let mut number = 0;
    for _ in 0..3 {
        for _ in 0..5 {
            number += 1;
            assert!(put(&system, number).await);
            put_numbers.push(number);
        }
        disk.fill(0);
        // Kinesis accepts records while there is space, and refuses them then. Each answer is true.
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(2) {
            number += 1;
            if put(&system, number).await {
                put_numbers.push(number);
            }
        }
        let refused = post(&system).await;
        assert_eq!(refused.status, 503);
        assert_eq!(refused.headers["content-type"], "application/problem+json");
        assert_eq!(refused.headers["retry-after"], "1");
        assert!(refused.json()["detail"].as_str().unwrap().contains("16 MB"));
        let queued = hand_over(&system, "reader", json!({})).await;
        assert_eq!(queued.status, 503);
        // Requests that read are answered, and no process has ended.
        let read = Request::get(format!("{}/plain", system.url())).body(Body::empty());
        assert_eq!(send(read.unwrap()).await.status, 200);
        let pids = system.function_pids();
        invoke(&system, "reader", json!({"do": "pid"})).await;
        // A second process may have started: the first one asks for work a moment after its answer.
        let now = system.function_pids();
        assert!(pids.iter().all(|pid| now.contains(pid)), "{pids:?} {now:?}");

        // A request to DynamoDB waits for space, and then succeeds.
        let client = dynamodb(&system, "test");
        let large = AttributeValue::S("x".repeat(300_000));
        let written = tokio::spawn(async move {
            for item in 0..40 {
                let id = AttributeValue::S(format!("item-{item}"));
                let put = client.put_item().table_name("rewind-table").item("id", id);
                put.item("large", large.clone()).send().await.unwrap();
            }
        });
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(!written.is_finished());
        disk.empty();
        let begun = Instant::now();
        while post(&system).await.status != 201 {
            assert!(
                begun.elapsed() < Duration::from_secs(5),
                "it does not recover"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::timeout(Duration::from_secs(20), written)
            .await
            .unwrap()
            .unwrap();
    }
    idle(&system).await;
    system.stop().await;
    // The function has seen each acknowledged record, in order, and no refused one.
    let mut numbers: Vec<usize> = lines(&seen)
        .iter()
        .map(|line| {
            use base64::Engine;
            let data = base64::engine::general_purpose::STANDARD
                .decode(&line[2..])
                .unwrap();
            String::from_utf8(data[..6].to_vec())
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    numbers.dedup();
    assert_eq!(numbers, put_numbers);
    // The next start finds all of it, and no half file.
    let system = start(&template(&seen), disk.state()).await;
    idle(&system).await;
    let key = AttributeValue::S("item-9".to_owned());
    let get = dynamodb(&system, "test")
        .get_item()
        .table_name("rewind-table");
    assert!(get.key("id", key).send().await.unwrap().item.is_some());
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_while_the_disk_is_full_is_not_given_up_on() {
    let Some(disk) = Disk::mount(48) else { return };
    let seen = disk.place.file("seen");
    // Every record and every event fails until the function is repaired. There is no second attempt.
    let template = template(&seen)
        .replace("BatchSize: 10", "BatchSize: 10, MaximumRetryAttempts: 0")
        .replace("NOISE: 'yes'", "FAILING: '='");
    let system = start(&template, disk.state()).await;
    let (count, event) = (disk.place.file("count"), disk.place.file("event"));
    let queued = json!({"do": "fail until", "file": event, "count": 9, "wait for": count});
    assert_eq!(hand_over(&system, "reader", queued).await.status, 202);
    disk.fill(8 * 1024 * 1024);
    let begun = Instant::now();
    while post(&system).await.status != 503 {
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "it is not noticed"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(put(&system, 1).await);
    std::fs::write(&count, "go").unwrap();
    let failed = format!("{seen}.failed");
    until("both fail", || {
        !lines(&failed).is_empty() && !lines(&event).is_empty()
    })
    .await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(
        lines(&failed).len(),
        1,
        "it is tried again before there is space"
    );
    assert!(!disk.at.join("state/dead-letters").exists());
    std::fs::write(format!("{seen}.repaired"), "").unwrap();
    disk.empty();
    until("the record is read", || lines(&seen).len() == 1).await;
    // The event had its three attempts, in addition to the one on the full disk.
    idle(&system).await;
    assert_eq!(lines(&event), ["xxxx"]);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_almost_full_still_has_room_for_what_was_accepted() {
    let Some(disk) = Disk::mount(48) else { return };
    let seen = disk.place.file("seen");
    let system = start(&template(&seen), disk.state()).await;
    disk.fill(8 * 1024 * 1024);
    let begun = Instant::now();
    while post(&system).await.status != 503 {
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "it is not noticed"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(put(&system, 1).await);
    until("the record is read", || lines(&seen).len() == 1).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_on_a_full_disk_says_so() {
    let Some(disk) = Disk::mount(48) else { return };
    let seen = disk.place.file("seen");
    let template = template(&seen);
    disk.fill(0);
    let refused = async |state: State| {
        let error = System::start(options(&template, state)).await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, StartError::DiskFull { .. }), "{text}");
        assert!(
            text.contains("disk is full") && text.contains("16 MB"),
            "{text}"
        );
        assert!(!text.contains('\n') && !text.contains("corrupt"), "{text}");
    };
    refused(disk.state()).await;
    disk.empty();
    start(&template, disk.state()).await.stop().await;
    disk.fill(0);
    refused(disk.state()).await;
    disk.empty();
    start(&template, disk.state()).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_bounded() {
    let place = Temporary::new();
    let system = start(&template(&place.file("seen")), place.state()).await;
    // 60 MB in lines of 60 KB.
    let print = json!({"do": "print", "lines": 1_000, "bytes": 60_000});
    invoke(&system, "reader", print).await;
    let size = || -> (usize, u64) {
        let logs = std::fs::read_dir(place.path().join("state/logs")).unwrap();
        let sizes: Vec<u64> = logs
            .map(|file| file.unwrap().metadata().unwrap().len())
            .collect();
        (sizes.len(), sizes.iter().sum())
    };
    until("all is written", || size().0 == 4).await;
    system.stop().await;
    let (files, bytes) = size();
    assert_eq!(files, 4);
    assert!((8_000_000..=17_000_000).contains(&bytes), "{bytes}");
}
