//! Whoever has written a version reads a row that holds it.

mod support;

use rewind::Target;
use rewind_aws::{
    aws::http::Request,
    data_table::{data_store::DataStore, key::Key, row::Row},
};
use serde_json::json;
use std::time::{Duration, Instant};
use support::{Handler, ROW, Tables, read, request};

fn asked(projection: &str, key: &str, query: &str, prefer: &'static str) -> Request {
    let mut asked = request(ROW, &[("name", projection), ("key", key)], query);
    let name = "prefer".parse::<aws_lambda_events::http::HeaderName>();
    asked.headers.insert(name.unwrap(), prefer.parse().unwrap());
    asked
}

async fn put(store: &DataStore, key: &Key, watermark: u64) {
    let row = Row {
        state: Some(json!({"n": watermark})),
        watermark,
        ..Row::default()
    };
    store.replace(key, &row).await.unwrap();
}

async fn status(handler: &Handler, request: &Request) -> (i64, serde_json::Value) {
    read(&handler.handle(request).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_is_waited_for_until_it_holds_the_version() {
    let tables = Tables::start().await;
    let (handler, store) = (tables.handler(), tables.data());
    let target = |projection: &str| Target {
        projection: projection.into(),
        generation: 1,
    };
    let carts = Key::row(&target("carts"), "1");
    put(&store, &carts, 6).await;
    let (answered, row) = status(&handler, &asked("carts", "1", "at_least=6", "wait=0")).await;
    assert_eq!((answered, &row["watermark"]), (200, &json!(6)), "{row}");
    let late = asked("carts", "1", "at_least=7", "wait=1");
    let began = Instant::now();
    let (answered, problem) = status(&handler, &late).await;
    assert_eq!((answered, &problem["field"]), (503, &json!("at_least")));
    assert!(began.elapsed() >= Duration::from_millis(500));
    let writes = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        put(&store, &carts, 8).await;
    };
    let late = asked("carts", "1", "at_least=7", "wait=10");
    let (read, ()) = futures::future::join(status(&handler, &late), writes).await;
    assert_eq!((read.0, &read.1["watermark"]), (200, &json!(8)));

    // The id itself finds the row as well as the stream's name does.
    put(&store, &Key::row(&target("carts"), "a_x2Fb"), 2).await;
    for key in ["a/b", "a_x2Fb"] {
        let (answered, row) = status(&handler, &asked("carts", key, "at_least=2", "wait=0")).await;
        assert_eq!((answered, &row["key"]), (200, &json!("a_x2Fb")), "{row}");
    }
    put(&store, &Key::row(&target("products"), "a/b"), 0).await;
    let (answered, _) = status(&handler, &asked("products", "a/b", "", "wait=0")).await;
    assert_eq!(answered, 200);

    // Rows that streams share hold a version of each.
    put(&store, &Key::row(&target("products"), "7"), 0).await;
    let checkpoint = Key::checkpoint("products@1", "cart-1");
    put(&store, &checkpoint, 3).await;
    let of = |query: &str| asked("products", "7", query, "wait=0");
    assert_eq!(status(&handler, &of("at_least=cart-1@3")).await.0, 200);
    assert_eq!(status(&handler, &of("at_least=cart-1@4")).await.0, 503);
    for (projection, query) in [
        ("products", "at_least=3"),
        ("products", "at_least=poll-1@3"),
        ("carts", "at_least=x"),
        ("carts", "at_least="),
        ("carts", "at_least=cart-1@3"),
        ("carts", "at_least=1&at=1"),
    ] {
        let (answered, problem) = status(&handler, &asked(projection, "1", query, "wait=0")).await;
        assert_eq!(
            (answered, &problem["field"]),
            (400, &json!("at_least")),
            "{query}"
        );
    }
    tables.system.stop().await;
}
