//! Streams by name, the tail, traces, and lists of rows as they were.

mod support;

use rewind::{CloudEvent, StreamName, event::raw};
use rewind_aws::sequence::sequencer::Sequencer;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use support::{Handler, ROW, ROWS, STREAM, Tables, encoded, read, request};

const EVENTS: &str = "GET /events";
const SUMS: &[(&str, &str)] = &[("name", "basic-sum")];
const PRODUCTS: &[(&str, &str)] = &[("name", "products")];

/// An event that a client has sent, or that `cause` has led to.
fn event(stream: &str, id: &str, kind: &str, time: &str, data: Value) -> CloudEvent {
    CloudEvent {
        id: id.into(),
        source: "/test".into(),
        event_type: kind.into(),
        stream: StreamName::new(stream).unwrap(),
        time: time.into(),
        extensions: BTreeMap::new(),
        data: raw(&data),
    }
}

fn vote(poll: &str, user: &str, choice: &str, time: &str) -> CloudEvent {
    let data = json!({"user": user, "choice": choice});
    event(
        &format!("poll-{poll}"),
        &format!("{poll}/{user}"),
        "vote-cast",
        time,
        data,
    )
}

async fn record(tables: &Tables, event: CloudEvent) -> u64 {
    let stream = event.stream.clone();
    Sequencer::new(tables.events()).record(&[event]).await;
    tables.events().head(&stream).await.unwrap().position
}

async fn ok(handler: &Handler, route: &str, path: &[(&str, &str)], query: &str) -> Value {
    let (status, body) = read(&handler.handle(&request(route, path, query)).await);
    assert_eq!(status, 200, "{query}: {body}");
    body
}

/// All items of a list, so many at once.
async fn all(handler: &Handler, route: &str, path: &[(&str, &str)], query: &str) -> Vec<Value> {
    let of = match route {
        "GET /streams" => "streams",
        _ => "rows",
    };
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = ok(handler, route, path, &format!("{query}{cursor}")).await;
        items.extend(page[of].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

fn places(page: &Value) -> Vec<String> {
    let events = page["events"].as_array().unwrap().iter();
    let place = |event: &Value| {
        format!(
            "{}@{}",
            event["subject"].as_str().unwrap(),
            event["version"]
        )
    };
    events.map(place).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_and_categories_are_listed() {
    let tables = Tables::start().await;
    let handler = tables.handler();
    for nth in 0..25 {
        let time = "2023-04-19T09:00:00Z";
        record(&tables, vote(&format!("{nth:02}"), "ann", "chips", time)).await;
    }
    record(
        &tables,
        event("odd-1", "1", "odd", "2023-04-19T09:00:00Z", json!({})),
    )
    .await;
    let names = |items: Vec<Value>| -> Vec<String> {
        items
            .iter()
            .map(|item| item["stream"].as_str().unwrap().to_string())
            .collect()
    };
    let every = names(all(&handler, "GET /streams", &[], "limit=7").await);
    assert_eq!(every.len(), 26);
    assert!(every.is_sorted());
    let polls = names(
        all(
            &handler,
            "GET /streams",
            &[],
            "category=poll&prefix=1&limit=3",
        )
        .await,
    );
    let expected: Vec<String> = (10..20).map(|nth| format!("poll-{nth}")).collect();
    assert_eq!(polls, expected);
    // A cursor fits its own question alone.
    let page = ok(&handler, "GET /streams", &[], "category=poll&limit=3").await;
    let next = page["next"].as_str().unwrap();
    let other = request("GET /streams", &[], &format!("category=odd&cursor={next}"));
    assert_eq!(read(&handler.handle(&other).await).0, 400);
    let categories = ok(&handler, "GET /categories", &[], "count=true").await;
    let of = |name: &str| {
        let all = categories["categories"].as_array().unwrap();
        all.iter()
            .find(|known| known["category"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(
        of("poll"),
        json!({"category": "poll", "declared": true, "decided": false, "streams": 25, "more": false})
    );
    assert_eq!(of("odd")["declared"], false);
    assert_eq!(of("order")["streams"], 0);
    assert_eq!(of("order")["decided"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_goes_on_and_waits() {
    let tables = Tables::start().await;
    let handler = tables.handler();
    let time = "2023-04-19T09:00:00Z";
    let mut positions = Vec::new();
    for user in ["ann", "bob", "cid"] {
        positions.push(record(&tables, vote("1", user, "chips", time)).await);
    }
    let first = ok(&handler, EVENTS, &[], "category=poll&limit=2").await;
    assert_eq!(places(&first), ["poll-1@1", "poll-1@2"]);
    assert_eq!(first["behind"], true);
    let next = first["next"].as_str().unwrap();
    let second = ok(
        &handler,
        EVENTS,
        &[],
        &format!("category=poll&cursor={next}"),
    )
    .await;
    assert_eq!(
        (places(&second), &second["behind"]),
        (vec!["poll-1@3".into()], &json!(false))
    );
    // Nothing comes twice; what comes then wakes who waits.
    let next = second["next"].as_str().unwrap();
    let mut waiting = request(EVENTS, &[], &format!("category=poll&cursor={next}"));
    let empty = read(&handler.handle(&waiting).await).1;
    assert_eq!(places(&empty), [] as [String; 0]);
    waiting.headers.insert("prefer", "wait=20".parse().unwrap());
    let (woken, _) = tokio::join!(handler.handle(&waiting), async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        record(&tables, vote("2", "dan", "salad", time)).await
    });
    assert_eq!(places(&read(&woken).1), ["poll-2@1"]);
    // Another category has nothing of it, and another question not the cursor.
    let none = ok(&handler, EVENTS, &[], "category=cart").await;
    assert_eq!(places(&none), [] as [String; 0]);
    let stranger = request(EVENTS, &[], &format!("category=cart&cursor={next}"));
    assert_eq!(read(&handler.handle(&stranger).await).0, 400);
    // Behind a position; of all categories; the latest first.
    let behind = format!("category=poll&after={}", positions[1]);
    assert_eq!(
        places(&ok(&handler, EVENTS, &[], &behind).await),
        ["poll-1@3", "poll-2@1"]
    );
    assert_eq!(
        places(&ok(&handler, EVENTS, &[], "limit=1000").await).len(),
        4
    );
    let latest = ok(&handler, EVENTS, &[], "latest=2").await;
    assert_eq!(places(&latest), ["poll-2@1", "poll-1@3"]);
    let next = latest["next"].as_str().unwrap();
    let then = ok(&handler, EVENTS, &[], &format!("cursor={next}")).await;
    assert_eq!(places(&then), [] as [String; 0]);
    let oldest = &latest["events"][1]["position"];
    let earlier = format!("category=poll&latest=9&before={oldest}");
    let earlier = ok(&handler, EVENTS, &[], &earlier).await;
    assert_eq!(places(&earlier), ["poll-1@2", "poll-1@1"]);
    let now = ok(&handler, EVENTS, &[], "after=now").await;
    record(&tables, vote("3", "eve", "gravel", time)).await;
    let next = now["next"].as_str().unwrap();
    let then = ok(&handler, EVENTS, &[], &format!("cursor={next}")).await;
    assert_eq!(places(&then), ["poll-3@1"]);
    // The end of a stream, and back from there.
    let poll = &[("stream", "poll-1")];
    let last = ok(&handler, STREAM, poll, "last=2").await;
    assert_eq!(
        (places(&last), &last["before"]),
        (vec!["poll-1@2".into(), "poll-1@3".into()], &json!(1))
    );
    let all = ok(&handler, STREAM, poll, "last=9").await;
    assert_eq!((places(&all).len(), &all["before"]), (3, &Value::Null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_listed_as_they_were() {
    let tables = Tables::start().await;
    let handler = tables.handler();
    // Ann votes on Monday, Bob on Tuesday; Bob's vote is recorded first.
    let (monday, tuesday) = ("2023-04-17T09:00:00Z", "2023-04-18T09:00:00Z");
    let bob = record(&tables, vote("a", "bob", "chips", tuesday)).await;
    record(&tables, vote("a", "ann", "chips", monday)).await;
    record(&tables, vote("b", "ann", "salad", tuesday)).await;
    let as_of = |position: u64| {
        let time = jiff::Timestamp::from_microsecond(position as i64).unwrap();
        format!("as_of={}", encoded(&time.to_string()))
    };
    let totals = async |query: &str| -> Vec<(String, u64)> {
        let rows = all(&handler, ROWS, SUMS, &format!("{query}&limit=1")).await;
        let total = |row: &Value| {
            (
                row["key"].as_str().unwrap().to_string(),
                row["state"]["total"].as_u64().unwrap(),
            )
        };
        rows.iter().map(total).collect()
    };
    let of = |counts: &[(&str, u64)]| -> Vec<(String, u64)> {
        counts
            .iter()
            .map(|(key, count)| ((*key).to_string(), *count))
            .collect()
    };
    assert_eq!(totals(&as_of(bob)).await, of(&[("a", 1)]));
    assert_eq!(totals(&as_of(bob - 1)).await, of(&[]));
    assert_eq!(totals("as_at=2023-04-17T12:00:00Z").await, of(&[("a", 1)]));
    assert_eq!(totals("as_at=2023-04-17T08:59:59Z").await, of(&[]));
    assert_eq!(
        totals("as_at=2023-04-18T09:00:00Z").await,
        of(&[("a", 2), ("b", 1)])
    );
    assert_eq!(
        totals("as_at=2023-04-19T09:00:00Z&prefix=b").await,
        of(&[("b", 1)])
    );
    let row = ok(
        &handler,
        ROW,
        &[SUMS[0], ("key", "a")],
        "as_at=2023-04-17T12:00:00Z",
    )
    .await;
    assert_eq!(row["state"]["votes"], json!({"chips": 1}));
    assert_eq!(row["watermark"], 2);
    // Rows that streams share.
    for (nth, (user, time)) in [("1", monday), ("2", tuesday)].into_iter().enumerate() {
        let cart = format!("cart-{user}");
        let data = json!({"product_id": format!("p{nth}")});
        record(
            &tables,
            event(&cart, &cart, "product-added-to-cart", time, data),
        )
        .await;
    }
    let products = all(
        &handler,
        ROWS,
        PRODUCTS,
        "as_at=2023-04-17T12:00:00Z&limit=1",
    )
    .await;
    let keys: Vec<&str> = products
        .iter()
        .map(|row| row["key"].as_str().unwrap())
        .collect();
    assert_eq!(keys, ["p0"]);
    let products = all(
        &handler,
        ROWS,
        PRODUCTS,
        "as_at=2023-04-18T12:00:00Z&limit=1",
    )
    .await;
    assert_eq!(products.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_from_the_first_cause_to_the_last_consequence() {
    let tables = Tables::start().await;
    let handler = tables.handler();
    let time = "2023-04-19T09:00:00Z";
    let child = |stream: &str, id: &str, source: &str, kind: &str, cause: &str, data: Value| {
        let mut event = event(stream, id, kind, time, data);
        event.source = source.into();
        let links = [("causationid", cause), ("correlationid", "1")];
        event.extensions = links
            .into_iter()
            .map(|(name, value)| (name.to_string(), json!(value)))
            .collect();
        event
    };
    record(
        &tables,
        event("input:shop-1", "1", "input-received", time, json!({})),
    )
    .await;
    // Another event in front of the consequence.
    record(
        &tables,
        event(
            "cart-1",
            "0",
            "product-added-to-cart",
            time,
            json!({"product_id": "0"}),
        ),
    )
    .await;
    let added = json!({"product_id": "9"});
    let cause = "input:shop-1@1";
    record(
        &tables,
        child(
            "cart-1",
            "input:shop-1@1/0",
            "/rewind/adapter/shop",
            "product-added-to-cart",
            cause,
            added,
        ),
    )
    .await;
    let reversed = json!({"version": 2, "reason": "wrong", "by": "bob"});
    record(
        &tables,
        child(
            "cart-1",
            "cart-1@2/0",
            "/rewind/reversal",
            "reversed",
            "cart-1@2",
            reversed,
        ),
    )
    .await;
    let traced = async |route: &str, path: &[(&str, &str)]| {
        let trace = ok(&handler, route, path, "").await;
        let events = trace["events"].as_array().unwrap().iter();
        let pair = |event: &Value| {
            let cause = event["cause"].as_str().unwrap_or("-").to_string();
            (event["at"].as_str().unwrap().to_string(), cause)
        };
        events.map(pair).collect::<Vec<_>>()
    };
    let whole = [
        ("input:shop-1@1", "-"),
        ("cart-1@2", "input:shop-1@1"),
        ("cart-1@3", "cart-1@2"),
    ];
    let whole: Vec<_> = whole
        .iter()
        .map(|(at, cause)| (at.to_string(), cause.to_string()))
        .collect();
    let by_place = "GET /events/{id}/trace";
    assert_eq!(traced(by_place, &[("id", "input:shop-1@1")]).await, whole);
    let path = &[("stream", "cart-1"), ("version", "2")];
    assert_eq!(
        traced("GET /streams/{stream}/events/{version}/trace", path).await,
        whole
    );
    assert_eq!(traced(by_place, &[("id", "cart-1@3")]).await, whole);
    assert_eq!(traced(by_place, &[("id", "cart-1@1")]).await.len(), 1);
    let nobody = request(by_place, &[("id", "cart-1@9")], "");
    assert_eq!(read(&handler.handle(&nobody).await).0, 404);
}
