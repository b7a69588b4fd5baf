//! A rebuild makes processes again, and gives nothing again.

use crate::{
    domain::ParcelEvent::{Arrived, Sent},
    post::{parcel, start},
};

const MONDAY: &str = "2026-01-05T09:00:00Z";

#[tokio::test]
async fn a_wiped_data_store_is_made_again_without_anything_given_twice() {
    let mut post = start().await;
    let mut streams = Vec::new();
    for nth in 0..6 {
        let id = nth.to_string();
        let hours = 24 * (nth + 1);
        post.pump(&[parcel(&id, 1, MONDAY, &Sent { hours })]).await;
        streams.extend([
            format!("parcel-{id}"),
            format!("process:chase-{id}"),
            format!("complaint-{id}"),
        ]);
    }
    post.settle().await;
    assert_eq!(post.fire("2026-01-07T10:00:00Z").await.fired, 2);
    post.settle().await;
    let mut before = Vec::new();
    for stream in &streams {
        before.push(post.recorded(stream).await);
    }
    post.wipe().await;
    assert_eq!(
        post.fire("2027-01-01T00:00:00Z").await.fired,
        0,
        "nothing is known"
    );
    post.replay(&streams).await;
    for (stream, before) in streams.iter().zip(&before) {
        assert_eq!(&post.recorded(stream).await, before, "nothing is added");
    }
    // Those still due are there again, those reached are not.
    post.pump(&[parcel("5", 2, MONDAY, &Arrived {})]).await;
    post.settle().await;
    assert_eq!(post.fire("2027-01-01T00:00:00Z").await.fired, 3);
    post.settle().await;
    for nth in 0..6 {
        let opened = post.recorded(&format!("complaint-{nth}")).await.len();
        assert_eq!(opened, usize::from(nth != 5));
    }
}

#[tokio::test]
async fn a_batch_that_comes_again_changes_nothing() {
    let mut post = start().await;
    post.pump(&[parcel("1", 1, MONDAY, &Sent { hours: 1 })])
        .await;
    let events = post.recorded("parcel-1").await;
    let delivery = rewind::Delivery {
        replay: None,
        events,
    };
    // Several processes at once, none of which knows a checkpoint.
    let reactors: Vec<_> = (0..6).map(|_| post.reactor()).collect();
    let reacting = reactors.iter().map(|reactor| {
        let batch = [(0, delivery.clone())];
        async move { reactor.react(&batch).await.unwrap().failed }
    });
    futures::future::join_all(reacting).await;
    post.settle().await;
    assert_eq!(
        post.types("process:chase-1").await,
        ["event-taken", "deadline-set"]
    );
}
