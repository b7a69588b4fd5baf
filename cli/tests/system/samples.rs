//! The sample payloads in `events/`. The function of each trigger processes its
//! sample, as with `cargo lambda invoke --data-file`.

use crate::support::{root, start, stream, wait_for};
use local::State;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sample_payload_is_taken_by_its_function() {
    let (system, client) = start(State::Ephemeral).await;
    let samples = [
        ("ingest-events", "\"statusCode\":202"),
        ("ingest-inputs", "\"statusCode\":202"),
        ("pump", "\"batchItemFailures\":[]"),
        ("write", "\"batchItemFailures\":[]"),
        ("write-replay", "\"batchItemFailures\":[]"),
        ("microservice", "\"batchItemFailures\":[]"),
        ("microservice-deadlines", "\"fired\":0"),
        ("microservice-sweep", "\"published\":0"),
        ("microservice-command", "\"statusCode\":200"),
        ("playback", "\"state\":\"completed\""),
        ("playback-http", "\"statusCode\":202"),
        ("playback-part", "\"state\":\"completed\""),
        ("playback-recover", "\"resumed\":[]"),
        ("playback-dead-letter", "\"deadLetters\":1"),
        ("playback-handled", "\"handled\":"),
        ("query-row", "\"statusCode\":200"),
        ("query-stream", "\"statusCode\":200"),
    ];
    let mut tried: Vec<String> = Vec::new();
    for (sample, expected) in samples {
        if sample.starts_with("query") {
            wait_for(&client, "/projections/carts/456", |_| true).await;
        }
        let payload =
            std::fs::read_to_string(root().join(format!("events/{sample}.json"))).unwrap();
        let function = sample.split('-').next().unwrap();
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let answer = client
            .post(&path, "application/json", payload)
            .await
            .unwrap();
        let text = answer.body.to_string();
        assert!(text.contains(expected), "{sample}: {text}");
        tried.push(format!("{sample}.json"));
    }
    let files = std::fs::read_dir(root().join("events")).unwrap();
    let mut files: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    tried.sort();
    assert_eq!(files, tried, "a sample that no test tries");
    // The sample of ingest and that of pump are one event: recorded once.
    assert_eq!(stream(&client, "poll-sample").await.len(), 1);
    system.stop().await;
}
