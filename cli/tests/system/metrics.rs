//! What the functions write into their logs: metrics that CloudWatch can read,
//! and failures that name what they are about.

#[allow(dead_code, reason = "each test file uses its own part")]
#[path = "../../../shared/rewind-aws/tests/metrics/lines.rs"]
mod lines;

use crate::support::{changed_template, logged, start_with, wait_for};
use lines::{Line, read};
use local::State;
use rewind_aws::metrics::catalog::*;
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

/// What a function has written so far: its metrics, and its log lines.
fn log(dir: &Path, function: &str) -> (Vec<Line>, Vec<Value>) {
    let lines = logged(&dir.join(format!("logs/rewind-{function}.log")));
    let lines = lines.into_iter();
    let (metrics, others): (Vec<Value>, Vec<Value>) =
        lines.partition(|line| line.get("_aws").is_some());
    let metrics = metrics.iter().map(|line| read(&line.to_string()));
    (metrics.collect(), others)
}

fn sum(lines: &[Line], metric: Metric) -> f64 {
    let lines = lines.iter().filter(|line| line.reader.is_none());
    lines.map(|line| line.value(metric)).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_each_function_has_its_metrics() {
    let dir = tempfile::tempdir().unwrap();
    let (system, client) = start_with(State::Folder(dir.path().into()), |options| {
        options.schedule_unit = Duration::from_secs(1);
    })
    .await;
    let input = json!({"type": "product-added-to-cart", "timestamp": "2023-04-19T09:00:00Z", "product_id": "1", "user_id": "9"});
    let input = client.post_ok("/inputs/shop", "application/json", &input, 202);
    input.await.unwrap();
    let is_there = |row: &Value| row["watermark"] == 1;
    wait_for(&client, "/projections/carts/9", is_there).await;
    system.idle().await;
    let metrics = |function: &str| log(dir.path(), function).0;
    // A line is in the log some moments after the process has written it.
    let whole = async {
        while sum(&metrics("write"), APPLIED) < 3.0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let whole = tokio::time::timeout(Duration::from_secs(60), whole).await;
    whole.expect("write tells what it has applied");
    assert_eq!(sum(&metrics("ingest"), ACCEPTED), 1.0);
    // The input, and what the adapter made of it.
    assert_eq!(sum(&metrics("pump"), RECORDED), 2.0);
    assert_eq!(sum(&metrics("microservice"), EMITTED), 1.0);
    // Into carts, user-log and products.
    let written = metrics("write");
    assert_eq!(sum(&written, APPLIED), 3.0);
    assert_eq!(sum(&written, ROWS_WRITTEN), 3.0);
    assert!(written.iter().all(|line| line.has(BATCH_AGE)));
    let told = async {
        loop {
            let told = metrics("playback");
            let is_whole = told.iter().any(|line| line.has(LAG_EVENTS));
            if is_whole && sum(&told, SCHEDULE_RUNS) >= 2.0 {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(60), told).await;
    let told = told.expect("the schedule tells how the system is");
    for reader in ["pump", "carts@1", "products@1", "adapter/shop"] {
        let mut lines = told.iter();
        let line = lines.find(|line| line.reader.as_deref() == Some(reader));
        let line = line.unwrap_or_else(|| panic!("no line of {reader}"));
        assert_eq!(line.value(LAG_EVENTS), 0.0, "{reader}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_given_up_on_is_a_dead_letter_that_health_names() {
    let dir = tempfile::tempdir().unwrap();
    let template = changed_template(|resources| {
        let microservice = &mut resources["Microservice"]["Properties"];
        microservice["Environment"]["Variables"]["INCOMING_STREAM"] = "nowhere".into();
        microservice["Events"]["Events"]["Properties"]["MaximumRetryAttempts"] = 0.into();
    });
    let (system, client) = start_with(State::Folder(dir.path().into()), |options| {
        options.template = template;
    })
    .await;
    let input = json!({"type": "product-added-to-cart", "timestamp": "2023-04-19T09:00:00Z", "product_id": "1", "user_id": "9"});
    let input = client.post_ok("/inputs/shop", "application/json", &input, 202);
    input.await.unwrap();
    let has_letter = |health: &Value| health["dead_letters"][0]["key"].is_string();
    let health = wait_for(&client, "/health", has_letter).await;
    // The adapter's shard may have failed for less than a minute.
    assert_eq!(health["status"], "dead-letters", "{health}");
    let key = health["dead_letters"][0]["key"].as_str().unwrap();
    assert!(dir.path().join("dead-letters").join(key).exists(), "{key}");
    let path = "/2015-03-31/functions/playback/invocations";
    let handled = json!({"handled": {"deadLetter": key}});
    let handled = client.post_ok(path, "application/json", &handled, 200);
    assert_eq!(handled.await.unwrap()["handled"], key);
    let health = client.get("/health").await.unwrap().body;
    assert_eq!(health["dead_letters"], json!([]));

    // What failed names the request and the stream, and no span twice.
    system.idle().await;
    let (metrics, logged) = log(dir.path(), "microservice");
    assert!(sum(&metrics, FAILED_RECORDS) > 0.0);
    let failure = logged
        .iter()
        .find(|line| line["fields"]["message"] == "not reacted")
        .unwrap_or_else(|| panic!("no failure in {logged:?}"));
    assert_eq!(failure["fields"]["stream"], "input:shop-9");
    assert!(failure["spans"][0]["requestId"].is_string(), "{failure}");
    assert_eq!(failure.get("span"), None);
    assert!(!failure.to_string().contains("product_id"), "{failure}");
    system.stop().await;
}
