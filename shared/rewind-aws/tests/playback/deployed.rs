//! Deployments: each version is noted once, however many processes run it.

use crate::{
    player,
    support::{Aws, service},
};
use ::playback::{Handler, Watch};
use rewind_aws::{
    aws::clock::now,
    playback::operations::{self, What},
    reverse::reversal::Reverser,
};
use serde_json::json;

/// A process of a version.
fn process(aws: &Aws, version: &str) -> Handler {
    let (events, data) = (aws.events(), aws.data());
    let incoming = || aws.stream("IncomingStream");
    let watch = Watch::new(service(), events.clone(), data.clone(), incoming());
    let reverser = Reverser::new(service(), events, data, incoming());
    let itself = aws.clients.function("nobody");
    Handler::new(player(aws), reverser, watch, itself).of_version(version)
}

/// Runs what the schedule asks for, and returns what is noted then: what was
/// deployed, the newest first.
async fn run(aws: &Aws, process: &Handler) -> Vec<String> {
    let deadline = now().as_millisecond().unsigned_abs() + 60_000;
    let recovered = process.handle(json!({"recover": {}}), deadline).await;
    recovered.unwrap_or_else(|error| panic!("{}", error.error_message));
    let (noted, _) = operations::list(&aws.data(), None, 100).await.unwrap();
    let noted = noted.into_iter().map(|(_, operation)| operation);
    let noted = noted.inspect(|operation| {
        assert_eq!(operation.what, What::Deployed);
        assert_eq!(operation.by, None);
    });
    noted.map(|operation| operation.about).collect()
}

#[tokio::test]
async fn a_version_is_noted_once() {
    let aws = Aws::start().await;
    let [first, second] = ["17", "17"].map(|version| process(&aws, version));
    for process in [&first, &first, &second, &second] {
        assert_eq!(run(&aws, process).await, ["version 17"]);
    }
    let next = process(&aws, "18");
    let both = ["version 18", "version 17"];
    assert_eq!(run(&aws, &next).await, both);
    // Meanwhile they take turns.
    for process in [&first, &next, &process(&aws, "17"), &process(&aws, "18")] {
        assert_eq!(run(&aws, process).await, both);
    }
    // What is not published has no version.
    for version in ["$LATEST", ""] {
        assert_eq!(run(&aws, &process(&aws, version)).await, both);
    }
    aws.system.stop().await;
}
