//! What query refuses, and how: a problem that names the field and what was
//! expected. Nothing here reaches DynamoDB: its endpoint does not exist.

mod support;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use query::ROUTES;
use serde_json::{Value, json};
use support::{COMPARISON, PLAYBACK, ROW, ROWS, STREAM, encoded, nowhere, read, request};

type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], String, i64, &'a str);

async fn check(cases: Vec<Case<'_>>) {
    let handler = nowhere().await;
    for (route, path, query, status, field) in cases {
        let answer = handler.handle(&request(route, path, &query)).await;
        let (answered, problem) = read(&answer);
        let shown: String = query.chars().take(100).collect();
        assert_eq!(answered, status, "{route} {path:?} {shown}: {problem}");
        assert_eq!(
            problem["field"], field,
            "{route} {path:?} {shown}: {problem}"
        );
        assert_eq!(problem["status"], status, "{problem}");
        assert!(problem["detail"].is_string(), "{problem}");
    }
}

/// A route, the parameters of its path, and its query string.
type Asked<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

#[tokio::test]
async fn names_that_no_key_can_have_are_refused() {
    let (most, long) = ("x".repeat(1024), "x".repeat(1025));
    let wide = "日".repeat(400);
    let mut cases: Vec<Case<'_>> = Vec::new();
    let bad = [&*long, &wide, "", "a b", "a/b", "\0", "ä", "a%2Fb"];
    let ids: Vec<[(&str, &str); 1]> = bad.iter().map(|id| [("id", *id)]).collect();
    let streams: Vec<[(&str, &str); 1]> = bad.iter().map(|name| [("stream", *name)]).collect();
    cases.extend(
        ids.iter()
            .map(|id| (PLAYBACK, &id[..], String::new(), 422, "id")),
    );
    cases.extend(
        streams
            .iter()
            .map(|name| (STREAM, &name[..], String::new(), 422, "stream")),
    );
    let names: Vec<[(&str, &str); 2]> = bad
        .iter()
        .map(|name| [("name", *name), ("key", "1")])
        .collect();
    for route in [ROWS, ROW, COMPARISON] {
        cases.extend(
            names
                .iter()
                .map(|name| (route, &name[..], String::new(), 404, "name")),
        );
    }
    let keys = [&*long, &wide, ""].map(|key| [("name", "products"), ("key", key)]);
    for key in &keys {
        cases.push((ROW, key, String::new(), 400, "key"));
        let query = format!("key={}", encoded(key[1].1));
        cases.push((ROWS, &key[..1], query, 400, "key"));
    }
    let products = &[("name", "products")];
    cases.push((ROWS, products, format!("prefix={most}x"), 400, "prefix"));
    cases.push((
        ROWS,
        products,
        format!("prefix={}", encoded(&wide)),
        400,
        "prefix",
    ));
    check(cases).await;
}

#[tokio::test]
async fn numbers_and_times_are_within_their_bounds() {
    let mut cases: Vec<Case<'_>> = Vec::new();
    let huge = "9".repeat(400);
    let rows = &[("name", "basic-sum")];
    let row = &[("name", "basic-sum"), ("key", "1")];
    let numbers: [Asked<'_>; 9] = [
        (STREAM, &[("stream", "poll-1")], "from"),
        (STREAM, &[("stream", "poll-1")], "limit"),
        (ROWS, rows, "limit"),
        (ROWS, rows, "generation"),
        (ROW, row, "at"),
        (ROW, row, "generation"),
        (COMPARISON, rows, "a"),
        (COMPARISON, rows, "b"),
        (COMPARISON, rows, "sample"),
    ];
    for (route, path, name) in numbers {
        for wrong in [
            "",
            "-1",
            "1.5",
            "1e3",
            "18446744073709551616",
            &huge,
            "+5",
            "%2B5",
            "0x1",
            "%00",
        ] {
            cases.push((route, path, format!("{name}={wrong}"), 400, name));
        }
        let least = if name == "sample" { "101" } else { "0" };
        cases.push((route, path, format!("{name}={least}"), 400, name));
    }
    for wrong in [
        "",
        "today",
        "2023-04-19",
        "2023-04-19%2009:00:00Z",
        "2023-04-19T09:00:00",
        "2023-04-19T09:00:00,5Z",
        "2023-04-19T09:00:00%2B05",
        "%2B002023-04-19T09:00:00Z",
        "2023-04-19T09:00:00Z%5BUTC%5D",
        &huge,
        "%00",
        "9999-12-31T23:59:59.999999999Z",
    ] {
        cases.push((ROW, row, format!("as_of={wrong}"), 400, "as_of"));
        cases.push((ROWS, rows, format!("as_of={wrong}"), 400, "as_of"));
        cases.push((ROWS, rows, format!("key=1&as_of={wrong}"), 400, "as_of"));
    }
    check(cases).await;
}

#[tokio::test]
async fn a_tail_begins_at_one_place() {
    let stream = &[("stream", "poll-1")];
    let wrong = [
        ("GET /events", "after=soon", "after"),
        ("GET /events", "after=-1", "after"),
        ("GET /events", "after=now&latest=1", "latest"),
        ("GET /events", "after=1&cursor=a", "after"),
        ("GET /events", "cursor=a", "cursor"),
        ("GET /events", "latest=0", "latest"),
        ("GET /events", "before=5", "before"),
        ("GET /events", "latest=1&before=0", "before"),
        ("GET /events", "latest=1&before=now", "before"),
        ("GET /events", "limit=1001", "limit"),
        ("GET /events", "category=", "category"),
        ("GET /events", "category=poll-1", "category"),
        ("GET /streams", "category=poll-1", "category"),
        ("GET /streams", "cursor=a", "cursor"),
        ("GET /streams", "limit=0", "limit"),
        ("GET /categories", "count=yes", "count"),
        ("GET /playbacks", "cursor=a", "cursor"),
        ("GET /playbacks", "limit=101", "limit"),
        ("GET /operations", "limit=201", "limit"),
        ("GET /operations", "cursor=a", "cursor"),
        ("GET /incidents", "limit=201", "limit"),
        ("GET /incidents", "cursor=a", "cursor"),
        ("GET /dead-letters", "limit=1001", "limit"),
        ("GET /dead-letters", "cursor=a", "cursor"),
        ("GET /waiting", "limit=x", "limit"),
    ];
    let mut cases: Vec<Case<'_>> = Vec::new();
    for (route, query, field) in wrong {
        cases.push((route, &[], query.into(), 400, field));
    }
    let long = format!("prefix={}", "x".repeat(257));
    cases.push(("GET /streams", &[], long, 400, "prefix"));
    for both in ["last=1&from=1", "last=1&limit=1", "last=1001"] {
        cases.push((STREAM, stream, both.into(), 400, "last"));
    }
    let places = [
        "poll-1",
        "poll-1@",
        "poll-1@0",
        "poll-1@x",
        "poll-1@+1",
        "@1",
        "poll@1",
    ];
    let places: Vec<[(&str, &str); 1]> = places.iter().map(|id| [("id", *id)]).collect();
    let of_place = places.iter().map(|id| {
        let route = "GET /events/{id}/trace";
        (route, &id[..], String::new(), 422, "id")
    });
    cases.extend(of_place);
    check(cases).await;
}

#[tokio::test]
async fn each_route_names_the_parameters_that_it_does_not_take() {
    let path: &[(&str, &str)] = &[
        ("name", "basic-sum"),
        ("key", "1"),
        ("stream", "poll-1"),
        ("id", "1"),
    ];
    let mut cases: Vec<Case<'_>> = Vec::new();
    for route in ROUTES {
        let mut wrong = vec!["colour".to_string(), "Limit".into(), "limit[]".into()];
        let known = [
            "from",
            "limit",
            "cursor",
            "prefix",
            "generation",
            "key",
            "at",
            "as_of",
            "a",
            "b",
            "sample",
        ];
        let strange = known.into_iter().filter(|name| !route.takes.contains(name));
        wrong.extend(strange.map(ToString::to_string));
        for name in wrong {
            let field: &str = Box::leak(name.clone().into_boxed_str());
            cases.push((route.key, path, format!("{name}=1"), 400, field));
        }
        for name in route.takes {
            cases.push((route.key, path, format!("{name}=1&{name}=1"), 400, name));
        }
        cases.push((route.key, path, "=1".into(), 400, "query"));
        cases.push((route.key, path, "%FF=1".into(), 400, "%FF"));
    }
    check(cases).await;
}

#[tokio::test]
async fn what_was_is_of_one_moment_and_of_no_generation() {
    let (rows, row) = (
        &[("name", "basic-sum")],
        &[("name", "basic-sum"), ("key", "1")],
    );
    check(vec![
        (
            ROW,
            row,
            "at=1&as_of=2023-04-19T09:00:00Z".into(),
            400,
            "as_of",
        ),
        (ROW, row, "at=1&generation=1".into(), 400, "generation"),
        (ROWS, rows, "at=1".into(), 400, "at"),
        (ROWS, rows, "at_least=1".into(), 400, "at_least"),
        (
            ROWS,
            rows,
            "as_of=2023-04-19T09:00:00Z&as_at=2023-04-19T09:00:00Z".into(),
            400,
            "as_at",
        ),
        (
            ROWS,
            rows,
            "as_of=2023-04-19T09:00:00Z&cursor=a".into(),
            400,
            "cursor",
        ),
        (
            ROWS,
            rows,
            "key=1&at=1&generation=1".into(),
            400,
            "generation",
        ),
        (ROWS, rows, "key=1&limit=1".into(), 400, "limit"),
        (ROWS, rows, "key=1&prefix=a".into(), 400, "prefix"),
        (ROWS, rows, "key=1&cursor=a".into(), 400, "cursor"),
        (
            ROW,
            &[("name", "products"), ("key", "1")],
            "at=1".into(),
            400,
            "at",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_cursor_that_was_made_up_is_refused() {
    let (rows, all) = (&[("name", "basic-sum")], [ROWS, COMPARISON]);
    let mut cases: Vec<Case<'_>> = Vec::new();
    let after = ["", "zzz", "\0", &"x".repeat(1025)].map(Value::from);
    let mut places: Vec<Value> = vec![json!(null), json!([]), json!({}), json!("[".repeat(1000))];
    for after in after.into_iter().chain([Value::Null, json!(5)]) {
        // What cursors of the first shape said.
        places.push(json!({"generation": 1, "partition": 0, "after": after}));
        places.push(json!([1, 0, after]));
        let place = json!({"after": after, "is_last": false});
        places.push(json!({"a": 1, "b": 1, "at": {"partition": 0, "a": place, "b": place}}));
    }
    for route in all {
        for cursor in ["", "=", "%00", "%FF", "e30", &"x".repeat(9000)] {
            cases.push((route, rows, format!("cursor={cursor}"), 400, "cursor"));
        }
        for place in &places {
            for mark in ["", "12345678"] {
                let cursor = URL_SAFE_NO_PAD.encode(format!("{mark}{place}"));
                cases.push((route, rows, format!("cursor={cursor}"), 400, "cursor"));
            }
        }
    }
    check(cases).await;
}

#[tokio::test]
async fn a_problem_does_not_grow_with_what_a_client_sends() {
    let long = "\"".repeat(2_000_000);
    let handler = nowhere().await;
    for (route, path, query) in [
        (ROWS, [("name", &*long)], ""),
        (STREAM, [("stream", "poll-1")], &*long),
    ] {
        let answer = handler.handle(&request(route, &path, query)).await;
        let (_, problem) = read(&answer);
        assert!(problem.to_string().len() < 10_000);
        assert!(problem["field"].is_string());
    }
}
