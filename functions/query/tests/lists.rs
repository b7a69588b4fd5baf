//! Lists of what the system keeps for its operators: page by page, whatever is
//! written in between.

mod support;

use rewind_aws::{
    aws::objects::Object,
    data_table::{
        dead_letter,
        incident::{self, Incident, Kind},
    },
};
use serde_json::{Value, json};
use support::{Handler, Tables, read, request};

async fn asked(handler: &Handler, route: &str, query: &str) -> (i64, Value) {
    read(&handler.handle(&request(route, &[], query)).await)
}

/// All pages of a list, so many items on each. Each page is full but the last.
async fn pages(handler: &Handler, route: &str, of: &str, limit: usize) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = asked(handler, route, &format!("limit={limit}{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        let found = page[of].as_array().unwrap();
        items.extend(found.iter().cloned());
        match page["next"].as_str() {
            Some(next) => {
                assert_eq!(found.len(), limit);
                cursor = format!("&cursor={next}");
            }
            None => return items,
        }
    }
}

fn texts<'l>(items: &'l [Value], member: &str) -> Vec<&'l str> {
    items
        .iter()
        .map(|item| item[member].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn incidents_are_listed_page_by_page_the_latest_first() {
    let tables = Tables::start().await;
    let (handler, store) = (tables.handler(), tables.data());
    let route = "GET /incidents";
    assert_eq!(
        asked(&handler, route, "").await,
        (200, json!({"incidents": []}))
    );
    let minutes = [30, 10, 50, 20, 40];
    for minute in minutes {
        let incident = Incident {
            kind: Kind::StalledStream,
            what: format!("carts@1 on cart-{minute}@3"),
            at: Some(format!("cart-{minute}@3")),
            why: "no such product".into(),
            since: format!("2026-11-30T12:{minute}:00Z").parse().unwrap(),
            until: None,
        };
        incident::begin(&store, &incident).await.unwrap();
        if minute == 20 {
            let until = "2026-11-30T13:00:00Z".parse().unwrap();
            incident::end(&store, &incident, until).await.unwrap();
        }
    }
    for limit in [1, 2, 3, 5, 200] {
        let all = pages(&handler, route, "incidents", limit).await;
        let places = texts(&all, "at");
        let latest_first = [
            "cart-50@3",
            "cart-40@3",
            "cart-30@3",
            "cart-20@3",
            "cart-10@3",
        ];
        assert_eq!(places, latest_first, "{limit} at once");
        let over: Vec<&Value> = all.iter().filter(|one| one["until"].is_string()).collect();
        assert_eq!(over, [&all[3]]);
        let mut first = all[0].clone();
        let id = first.as_object_mut().unwrap().remove("id").unwrap();
        assert!(id.as_str().unwrap().starts_with("1796043000000-"), "{id}");
        let expected = json!({
            "kind": "stalled-stream", "what": "carts@1 on cart-50@3", "at": "cart-50@3",
            "why": "no such product", "since": "2026-11-30T12:50:00Z",
        });
        assert_eq!(first, expected);
    }
    tables.system.stop().await;
}

#[tokio::test]
async fn dead_letters_are_listed_beyond_a_hundred() {
    let tables = Tables::start().await;
    let (handler, store) = (tables.handler(), tables.data());
    let route = "GET /dead-letters";
    let keys: Vec<String> = (0..250)
        .map(|nth| format!("aws/lambda/ä {nth:03}"))
        .collect();
    for key in keys.iter().rev() {
        let object = Object {
            key: key.clone(),
            bytes: None,
            time: "2026-11-30T09:00:00Z".parse().unwrap(),
        };
        dead_letter::keep(&store, object).await.unwrap();
    }
    for limit in [7, 100, 250, 1000] {
        let all = pages(&handler, route, "dead_letters", limit).await;
        assert_eq!(texts(&all, "key"), keys, "{limit} at once");
    }
    let (_, first) = asked(&handler, route, "").await;
    assert_eq!(first["dead_letters"].as_array().unwrap().len(), 100);
    // A letter that is handled meanwhile is left out, and the next is not missed.
    let next = first["next"].as_str().unwrap();
    for key in &keys[99..101] {
        assert!(dead_letter::handled(&store, key).await.unwrap());
    }
    let (_, second) = asked(&handler, route, &format!("cursor={next}")).await;
    assert_eq!(second["dead_letters"][0]["key"], keys[101]);
    // A cursor is of its own list.
    let (status, problem) = asked(&handler, "GET /incidents", &format!("cursor={next}")).await;
    assert_eq!((status, &problem["field"]), (400, &json!("cursor")));
    tables.system.stop().await;
}
