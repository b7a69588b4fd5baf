//! Queries in a replay: answered from the log, or not at all.

use crate::{drain, placed, post};
use provider::Provider;
use rewind::reserved::IMPORTED;

fn streams() -> Vec<String> {
    let orders = (0..4).map(|nth| format!("order-{nth}"));
    let logs = (0..4).map(|nth| format!("gateway:agency-{nth}"));
    orders.chain(logs).collect()
}

#[tokio::test]
async fn a_query_without_a_logged_answer_stops_its_stream_alone() {
    let provider = Provider::start();
    let mut here = post(&provider).await;
    for nth in 0..4 {
        here.pump(&[placed(&nth.to_string(), "car", 500)]).await;
    }
    here.settle().await;
    let asked = provider.requests();
    assert_eq!(asked, 8, "a payment and a score each");
    here.wipe().await;
    here.replay(&streams()).await;
    assert_eq!(here.stalls().await, [] as [String; 0], "all is in the log");
    // Elsewhere, one entry of the log is missing.
    let mut elsewhere = post(&provider).await;
    for stream in streams() {
        for recorded in here.recorded(&stream).await {
            let mut event = recorded.event;
            if stream == "gateway:agency-2" && event.event_type == "call-answered" {
                continue;
            }
            event.extensions.insert(IMPORTED.into(), true.into());
            elsewhere.pump(&[event]).await;
        }
    }
    elsewhere.settle().await;
    elsewhere.wipe().await;
    elsewhere.replay(&streams()).await;
    drain(&mut elsewhere).await;
    assert_eq!(elsewhere.stalls().await, ["rule/scores order-2@1"]);
    assert_eq!(provider.requests(), asked, "a replay asks nobody");
}
