//! Rows of any key, and lists of any rows, from an embedded DynamoDB.

mod support;

use rewind::{CloudEvent, Head, StreamName, Target, commit, event::raw};
use rewind_aws::{
    aws::http::Request,
    data_table::{data_store::DataStore, key::Key, row::Row},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use support::{COMPARISON, Handler, ROW, ROWS, STREAM, Tables, encoded, read, request};

/// What Lambda returns at most, in bytes of JSON.
const LAMBDA: usize = 6 * 1024 * 1024;

const PRODUCTS: &[(&str, &str)] = &[("name", "products")];

async fn put(store: &DataStore, generation: u64, key: &str, state: Value) {
    let target = Target {
        projection: "products".into(),
        generation,
    };
    let row = Row {
        state: Some(state),
        ..Row::default()
    };
    store.put(&Key::row(&target, key), &row, 0).await.unwrap();
}

async fn ok(handler: &Handler, request: &Request) -> Value {
    let (status, body) = read(&handler.handle(request).await);
    assert_eq!(status, 200, "{body}");
    body
}

/// Every row of a list, page by page.
async fn listed(handler: &Handler, query: &str) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = ok(
            handler,
            &request(ROWS, PRODUCTS, &format!("{query}{cursor}")),
        )
        .await;
        rows.extend(page["rows"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_of_any_key_can_be_read() {
    let tables = Tables::start().await;
    let (handler, store) = (tables.handler(), tables.data());
    let long = ["x".repeat(1024), "\"".repeat(1024), "日".repeat(341)];
    let keys: Vec<&str> = [
        "compare", "activate", "a/b", "a//b", "/", "/x", "x/", "//", ".", "..",
    ]
    .into_iter()
    .chain([
        "a b",
        "a+b",
        "a%2Fb",
        "%",
        "a?b=c&d#e",
        "ä é 日本",
        "\u{202e}",
        "\u{1f600}",
    ])
    .chain(["\0", "a\nb", "\"\\", "compare/compare", "null"])
    .chain(long.iter().map(String::as_str))
    .collect();
    for (nth, key) in keys.iter().enumerate() {
        put(&store, 1, key, json!({ "nth": nth })).await;
    }
    for (nth, key) in keys.iter().enumerate() {
        let row = json!({"key": key, "state": {"nth": nth}});
        let by_path = request(ROW, &[PRODUCTS[0], ("key", key)], "");
        assert_eq!(ok(&handler, &by_path).await, row, "{key:?}");
        let query = format!("key={}", encoded(key));
        assert_eq!(
            ok(&handler, &request(ROWS, PRODUCTS, &query)).await,
            row,
            "{key:?}"
        );
        let query = format!("prefix={}&limit=1", encoded(key));
        let begun = listed(&handler, &query).await;
        assert!(begun.contains(&row), "{key:?}: {begun:?}");
    }
    for limit in [1, 2, 7, 1000] {
        let all = listed(&handler, &format!("limit={limit}")).await;
        let listed: BTreeSet<&str> = all.iter().map(|row| row["key"].as_str().unwrap()).collect();
        assert_eq!(listed, keys.iter().copied().collect(), "limit {limit}");
        assert_eq!(all.len(), keys.len(), "a row is listed twice");
    }
    tables.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_goes_on_with_what_it_was_made_for_and_nothing_else() {
    let tables = Tables::start().await;
    let (handler, store) = (tables.handler(), tables.data());
    for nth in 0..20 {
        put(&store, 1, &format!("a/{nth}"), json!(nth)).await;
        put(&store, 1, &format!("b/{nth}"), json!(nth)).await;
    }
    let cursor = async |query: &str| {
        let page = ok(&handler, &request(ROWS, PRODUCTS, query)).await;
        page["next"].as_str().unwrap().to_string()
    };
    let whole = cursor("limit=3").await;
    let part = cursor("limit=3&prefix=a/").await;
    ok(
        &handler,
        &request(ROWS, PRODUCTS, &format!("cursor={whole}")),
    )
    .await;
    ok(
        &handler,
        &request(ROWS, PRODUCTS, &format!("prefix=a/&limit=5&cursor={part}")),
    )
    .await;
    ok(
        &handler,
        &request(ROWS, PRODUCTS, &format!("generation=1&cursor={whole}")),
    )
    .await;
    let other: &[(&str, &str)] = &[("name", "user-log")];
    let mut wrong = vec![
        (ROWS, PRODUCTS, format!("prefix=a/&cursor={whole}")),
        (ROWS, PRODUCTS, format!("cursor={part}")),
        (ROWS, PRODUCTS, format!("prefix=b/&cursor={part}")),
        (ROWS, PRODUCTS, format!("prefix=a&cursor={part}")),
        (ROWS, other, format!("cursor={whole}")),
        (COMPARISON, PRODUCTS, format!("a=1&b=1&cursor={whole}")),
    ];
    // Each of its characters counts, and so does each of its bits.
    for end in 0..whole.len() {
        wrong.push((ROWS, PRODUCTS, format!("cursor={}", &whole[..end])));
        let (mut changed, replaced) = (whole.clone(), &whole[end..=end]);
        let another = if replaced == "A" { "B" } else { "A" };
        changed.replace_range(end..=end, another);
        wrong.push((ROWS, PRODUCTS, format!("cursor={changed}")));
    }
    for (route, path, query) in wrong {
        let (status, problem) = read(&handler.handle(&request(route, path, &query)).await);
        assert_eq!(
            (status, &problem["field"]),
            (400, &json!("cursor")),
            "{query}: {problem}"
        );
    }
    tables.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_fits_lambda_whatever_it_is_made_of() {
    let tables = Tables::start().await;
    let (handler, store, events) = (tables.handler(), tables.data(), tables.events());
    // A quote takes a byte in DynamoDB, two as JSON and four in the answer; a
    // control character takes seven.
    for (nth, text) in ["\"", "\\", "\u{1}", "x"].iter().enumerate() {
        for row in 0..5 {
            let state = json!({ "text": text.repeat(370_000) });
            put(&store, 1, &format!("{nth}/{row}"), state).await;
        }
    }
    let mut listed = BTreeSet::new();
    let mut cursor = String::new();
    loop {
        let query = format!("limit=1000{cursor}");
        let response = handler.handle(&request(ROWS, PRODUCTS, &query)).await;
        let (status, page) = read(&response);
        assert_eq!(status, 200, "{page}");
        assert!(serde_json::to_string(&response).unwrap().len() <= LAMBDA);
        for row in page["rows"].as_array().unwrap() {
            assert!(listed.insert(row["key"].as_str().unwrap().to_string()));
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(listed.len(), 20);
    // Many small events with all the attributes that one may have.
    let note = "\"".repeat(4000);
    let event = |nth: u64| CloudEvent {
        id: format!("{nth}"),
        source: "/test".into(),
        event_type: "noted".into(),
        stream: StreamName::new("note-1").unwrap(),
        time: "2023-04-19T09:00:00Z".into(),
        extensions: BTreeMap::from([("note".to_string(), json!(note))]),
        data: raw(&json!({ "n": nth })),
    };
    let all: Vec<CloudEvent> = (0..1000).map(event).collect();
    let planned = commit::plan(Head::default(), &all.iter().collect::<Vec<_>>(), 1_000);
    for commit in &planned {
        events.append(&[commit]).await;
    }
    let (mut from, mut seen) = (1, 0);
    loop {
        let query = format!("limit=1000&from={from}");
        let response = handler
            .handle(&request(STREAM, &[("stream", "note-1")], &query))
            .await;
        let (status, page) = read(&response);
        assert_eq!(status, 200, "{page}");
        assert!(serde_json::to_string(&response).unwrap().len() <= LAMBDA);
        seen += page["events"].as_array().unwrap().len();
        match page["next"].as_u64() {
            Some(next) => from = next,
            None => break,
        }
    }
    assert_eq!(seen, 1000);
    tables.system.stop().await;
}
