//! `?by=NAME&value=VALUE`: rows by their projection's secondary key.

mod support;

use rewind::Target;
use rewind_aws::data_table::{data_store::DataStore, key::Key, row::Row};
use serde_json::{Value, json};
use support::{Handler, ROWS, Tables, encoded, read, request};

const APPLICATIONS: &[(&str, &str)] = &[("name", "applications")];

async fn put(store: &DataStore, generation: u64, key: &str, owner: &str) {
    let target = Target {
        projection: "applications".into(),
        generation,
    };
    let row = Row {
        state: Some(json!({ "owner": owner })),
        secondary: Some(owner.to_string()),
        watermark: 1,
        ..Row::default()
    };
    store.put(&Key::row(&target, key), &row, 0).await.unwrap();
}

async fn asked(handler: &Handler, path: &[(&str, &str)], query: &str) -> (i64, Value) {
    read(&handler.handle(&request(ROWS, path, query)).await)
}

/// The keys of a list, page by page.
async fn listed(handler: &Handler, query: &str) -> Vec<String> {
    let (mut keys, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = asked(handler, APPLICATIONS, &format!("{query}{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        let rows = page["rows"].as_array().unwrap();
        keys.extend(
            rows.iter()
                .map(|row| row["key"].as_str().unwrap().to_string()),
        );
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return keys,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rows_of_a_value_are_listed_in_order_page_by_page() {
    let tables = Tables::start().await;
    let (handler, store) = (tables.handler(), tables.data());
    let odd = "a#b&ä=\"/";
    let mut of_ann = Vec::new();
    for nth in 0..250 {
        let key = format!("{nth:03}");
        put(&store, 1, &key, ["ann", "bob"][nth % 2]).await;
        if nth % 2 == 0 {
            of_ann.push(key);
        }
    }
    put(&store, 1, "odd", odd).await;
    put(&store, 2, "other", "ann").await;
    for limit in [1, 7, 1000] {
        let query = format!("by=owner&value=ann&limit={limit}");
        assert_eq!(listed(&handler, &query).await, of_ann, "{limit}");
    }
    let begun = listed(&handler, "by=owner&value=ann&prefix=24").await;
    assert_eq!(begun, ["240", "242", "244", "246", "248"]);
    let query = format!("by=owner&value={}", encoded(odd));
    assert_eq!(listed(&handler, &query).await, ["odd"]);
    assert_eq!(listed(&handler, "by=owner&value=an").await, [""; 0]);
    tables.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_go_together_is_refused() {
    let tables = Tables::start().await;
    let (handler, store) = (tables.handler(), tables.data());
    for key in ["1", "2"] {
        put(&store, 1, key, "ann").await;
    }
    let (_, page) = asked(&handler, APPLICATIONS, "by=owner&value=ann&limit=1").await;
    let cursor = page["next"].as_str().unwrap();
    let long = "x".repeat(1025);
    for (query, field) in [
        ("by=owner".to_string(), "by"),
        ("value=ann".into(), "value"),
        ("by=name&value=ann".into(), "by"),
        ("by=owner&value=".into(), "value"),
        (format!("by=owner&value={long}"), "value"),
        ("by=owner&value=ann&key=1".into(), "by"),
        ("value=ann&key=1".into(), "value"),
        (format!("by=owner&value=bob&cursor={cursor}"), "cursor"),
        (format!("cursor={cursor}"), "cursor"),
    ] {
        let (status, problem) = asked(&handler, APPLICATIONS, &query).await;
        assert_eq!(
            (status, problem["field"].as_str()),
            (400, Some(field)),
            "{query}: {problem}"
        );
    }
    let (status, problem) = asked(&handler, &[("name", "products")], "by=owner&value=1").await;
    assert_eq!(
        (status, problem["field"].as_str()),
        (400, Some("by")),
        "{problem}"
    );
    tables.system.stop().await;
}
