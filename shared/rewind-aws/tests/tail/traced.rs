//! Streams by name.

use crate::support::{Aws, event};
use rewind_aws::sequence::sequencer::Sequencer;
use std::collections::BTreeSet;

#[tokio::test]
async fn streams_are_found_by_their_names() {
    let aws = Aws::start().await;
    let store = aws.events();
    let names = [
        "count-1",
        "count-10",
        "count-2",
        "count.x-1",
        "counter-1",
        "input:shop-9",
    ];
    for name in names {
        for n in 0..2 {
            Sequencer::new(store.clone())
                .record(&[event(name, &format!("{name}/{n}"), n)])
                .await;
        }
    }
    let named = async |prefix: &str, after: Option<&str>, limit| {
        let named = store.named(prefix, after, limit).await.unwrap();
        let names = named.iter().map(|named| named.stream.to_string());
        names.collect::<Vec<_>>()
    };
    assert_eq!(named("", None, 100).await, names);
    assert_eq!(named("count-", None, 100).await, names[..3]);
    assert_eq!(named("count-1", None, 100).await, names[..2]);
    assert_eq!(named("", Some("count-2"), 2).await, names[3..5]);
    assert_eq!(named("count-", Some("count-1"), 1).await, ["count-10"]);
    assert!(named("nobody", None, 100).await.is_empty());
    assert!(named("a", Some("z"), 100).await.is_empty());
    let categories = store.named_categories().await.unwrap();
    let expected = ["count", "count.x", "counter", "input:shop"].map(String::from);
    assert_eq!(categories, BTreeSet::from(expected));
    let counted = store.count_named("count").await.unwrap();
    assert_eq!((counted.streams, counted.has_more), (3, false));
    aws.system.stop().await;
}
