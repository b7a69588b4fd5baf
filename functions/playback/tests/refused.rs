//! What playback refuses, and how: a problem that names the member and what was
//! expected. Nothing here reaches a table or a stream: their endpoint does not
//! exist.

use playback::{Handler, ROUTES, Watch};
use rewind_aws::{playback::player::Player, reverse::reversal::Reverser, wiring::Clients};
use serde_json::{Value, json};

const START: &str = "POST /playbacks";
const PAUSE: &str = "POST /playbacks/{id}/pause";
const ACTIVATE: &str = "POST /projections/{name}/activate";
const DROP: &str = "POST /projections/{name}/drop";
const REVERSE: &str = "POST /streams/{stream}/events/{version}/reversal";

/// playback in front of services that are not there: what reaches them is
/// answered with 503.
async fn nowhere() -> Handler {
    let clients = Clients::at("http://127.0.0.1:9", "http://127.0.0.1:9").await;
    let (events, data) = (clients.event_store("events"), clients.data_store("data"));
    let stream = || clients.stream_named("nowhere");
    let service = service::service();
    let reverser = Reverser::new(service.clone(), events.clone(), data.clone(), stream());
    let watch = Watch::new(service.clone(), events.clone(), data.clone(), stream());
    let player = Player::new(service, events, data, stream());
    Handler::new(player, reverser, watch, clients.function("nobody"))
}

/// A request as API Gateway hands it over, with good parameters in its path.
fn request(route: &str, body: &str) -> Value {
    json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": {"method": "POST"}},
        "pathParameters": {"id": "p", "name": "carts", "stream": "cart-1", "version": "1"},
        "body": body,
        "isBase64Encoded": false,
    })
}

async fn answer(handler: &Handler, request: Value) -> (u64, Value) {
    let answer = handler.handle(request, 0).await.unwrap();
    let body = answer["body"].as_str().unwrap();
    (
        answer["statusCode"].as_u64().unwrap(),
        serde_json::from_str(body).unwrap(),
    )
}

async fn check(handler: &Handler, request: Value, status: u64, field: &str) {
    let shown: String = request.to_string().chars().take(600).collect();
    let (answered, problem) = answer(handler, request).await;
    assert_eq!(answered, status, "{shown}: {problem}");
    assert_eq!(problem["field"], field, "{shown}: {problem}");
    assert!(problem["detail"].is_string(), "{problem}");
    assert!(problem.to_string().len() < 10_000, "{field}");
}

#[tokio::test]
async fn every_body_is_an_object_of_known_members() {
    let handler = nowhere().await;
    let bodies = [START, ACTIVATE, DROP, REVERSE];
    for route in bodies {
        for (body, status, field) in [
            ("", 422, "body"),
            ("null", 422, "body"),
            ("[]", 422, "body"),
            ("[1]", 422, "body"),
            ("\"why\"", 422, "body"),
            ("{", 400, "body"),
            ("{}{}", 400, "body"),
            ("\u{0}", 400, "body"),
            (&"[".repeat(100_000), 422, "body"),
            ("{\"colour\":1}", 422, "colour"),
            ("{\"\":1}", 422, "body"),
        ] {
            check(&handler, request(route, body), status, field).await;
        }
    }
    for (route, body, field) in [
        // An array is no object, in whatever order it names the members.
        (REVERSE, json!(["why", "bob"]), "body"),
        (REVERSE, json!(["why", "bob", true]), "body"),
        (ACTIVATE, json!([1]), "body"),
        (DROP, json!([1]), "body"),
        (START, json!([{}, [{"projection": "carts"}]]), "body"),
        (START, json!({"to": [["carts"]]}), "to[0]"),
        (
            START,
            json!({"to": [{"microservice": []}]}),
            "to[0].microservice",
        ),
        (START, json!({"to": [], "what": []}), "what"),
        (
            START,
            json!({"to": [], "what": {"versions": [1, 2]}}),
            "what.versions",
        ),
        (
            START,
            json!({"to": [], "what": {"recorded": [null, null]}}),
            "what.recorded",
        ),
        (
            START,
            json!({"to": [], "what": {"occurred": []}}),
            "what.occurred",
        ),
        (
            START,
            json!({"to": [], "what": {"last": [1, "a-1"]}}),
            "what.last",
        ),
        (REVERSE, json!({"by": "bob"}), "reason"),
        (REVERSE, json!({"reason": 1, "by": "bob"}), "reason"),
        (REVERSE, json!({"reason": "why", "by": ["bob"]}), "by"),
        (
            REVERSE,
            json!({"reason": "why", "by": "bob", "dry_run": 1}),
            "dry_run",
        ),
        (REVERSE, json!({"reason": "", "by": "bob"}), "reason"),
        (REVERSE, json!({"reason": "why"}), "by"),
        (
            REVERSE,
            json!({"reason": "x".repeat(1_000_000), "by": "bob"}),
            "reason",
        ),
        (ACTIVATE, json!({}), "generation"),
        (ACTIVATE, json!({"generation": -1}), "generation"),
        (ACTIVATE, json!({"generation": 1.0}), "generation"),
        (DROP, json!({"generation": "1"}), "generation"),
        (DROP, json!({"generation": null}), "generation"),
    ] {
        check(&handler, request(route, &body.to_string()), 422, field).await;
    }
    for (route, body, field) in [
        (REVERSE, r#"{"reason":"a","reason":"b","by":"c"}"#, "reason"),
        (ACTIVATE, r#"{"generation":1,"generation":2}"#, "generation"),
        (START, r#"{"to":[],"to":[]}"#, "to"),
        (
            START,
            r#"{"to":[{"projection":"a","projection":"b"}]}"#,
            "to[0].projection",
        ),
    ] {
        check(&handler, request(route, body), 422, field).await;
    }
}

#[tokio::test]
async fn a_request_that_no_table_could_hold_is_refused() {
    let handler = nowhere().await;
    let to = json!([{"subscriber": "s"}]);
    let names = |count: usize| {
        (0..count)
            .map(|nth| json!(format!("c{nth}")))
            .collect::<Vec<_>>()
    };
    let subscribers: Vec<Value> = (0..300_000)
        .map(|nth| json!({"subscriber": format!("s{nth}")}))
        .collect();
    for (body, field) in [
        (json!({"to": subscribers}), "to"),
        (json!({"to": [{"subscriber": ""}]}), "to[0].subscriber"),
        (json!({"to": [{"subscriber": "\u{0}"}]}), "to[0].subscriber"),
        (
            json!({"to": [{"subscriber": "x".repeat(129)}]}),
            "to[0].subscriber",
        ),
        (
            json!({"to": [{"projection": "x".repeat(1_000_000)}]}),
            "to[0].projection",
        ),
        (json!({"to": [{"projection": ""}]}), "to[0].projection"),
        (json!({"to": to, "gateways": ["mail"]}), "gateways"),
        (
            json!({"to": to, "what": {"categories": [""]}}),
            "what.categories[0]",
        ),
        (
            json!({"to": to, "what": {"categories": ["x".repeat(2048)]}}),
            "what.categories[0]",
        ),
        (
            json!({"to": to, "what": {"categories": names(51)}}),
            "what.categories",
        ),
        (
            json!({"to": to, "what": {"categories": names(100_000)}}),
            "what.categories",
        ),
        (json!({"to": to, "what": {"types": names(100_000)}}), "what"),
        (json!({"to": to, "what": {"types": [""]}}), "what.types[0]"),
        (
            json!({"to": to, "what": {"correlation": "x".repeat(400_000)}}),
            "what.correlation",
        ),
        (
            json!({"to": to, "what": {"streams": ["cart-1", "cart"]}}),
            "what.streams[1]",
        ),
        (
            json!({"to": to, "what": {"count": 1_000_001}}),
            "what.count",
        ),
        (json!({"to": to, "what": {"count": u64::MAX}}), "what.count"),
        (
            json!({"to": to, "what": {"versions": {"from": 2, "to": 1}}}),
            "what.versions",
        ),
        (
            json!({"to": to, "what": {"recorded": {"from": "today"}}}),
            "what.recorded.from",
        ),
        (
            json!({"to": to, "what": {"occurred": {"to": "2023-04-19 09:00:00Z"}}}),
            "what.occurred.to",
        ),
        (json!({"to": to, "rate": 0}), "rate"),
        (json!({"to": to, "rate": u64::MAX}), "rate"),
        (json!({"to": to, "activate": "at-once"}), "activate"),
        (json!({"to": to, "changes": true}), "changes"),
        (
            json!({"to": [{"projection": "orders"}], "changes": true}),
            "changes",
        ),
    ] {
        check(&handler, request(START, &body.to_string()), 422, field).await;
        let by_hand = handler.handle(body, 0).await.unwrap_err();
        assert!(
            by_hand.error_message.starts_with(field),
            "{}",
            by_hand.error_message
        );
        assert!(by_hand.error_message.len() < 10_000);
    }
}

#[tokio::test]
async fn names_are_checked_before_a_table_sees_them() {
    let handler = nowhere().await;
    let good = json!({"reason": "why", "by": "bob", "generation": 1});
    for id in [
        "",
        "a b",
        "a/b",
        "ä",
        "\0",
        &"x".repeat(129),
        &"x".repeat(1025),
    ] {
        for action in ["pause", "resume", "cancel"] {
            let mut request = request(&format!("POST /playbacks/{{id}}/{action}"), "");
            request["pathParameters"]["id"] = id.into();
            check(&handler, request, 422, "id").await;
        }
        let mut request = request(START, &json!({"to": [{"projection": "carts"}]}).to_string());
        request["headers"]["idempotency-key"] =
            id.replace('\0', "\u{7f}").replace('\u{7f}', "+").into();
        let field = "idempotency-key";
        let status = if id == "ä" { 400 } else { 422 };
        check(&handler, request, status, field).await;
        let resume = handler
            .handle(json!({ "resume": id }), 0)
            .await
            .unwrap_err();
        assert!(
            resume.error_message.starts_with("id: "),
            "{}",
            resume.error_message
        );
    }
    let only = |names: &[&str]| {
        let mut body = good.clone();
        body.as_object_mut()
            .unwrap()
            .retain(|name, _| names.contains(&&**name));
        body.to_string()
    };
    for version in [
        "",
        "0",
        "-1",
        "1.5",
        "+1",
        "x",
        "18446744073709551616",
        "1/2",
    ] {
        let mut request = request(REVERSE, &only(&["reason", "by"]));
        request["pathParameters"]["version"] = version.into();
        check(&handler, request, 422, "version").await;
    }
    for stream in [
        "",
        "cart",
        "cart-",
        "cart-ä",
        &format!("c-{}", "x".repeat(2048)),
    ] {
        let mut request = request(REVERSE, &only(&["reason", "by"]));
        request["pathParameters"]["stream"] = stream.into();
        check(&handler, request, 422, "stream").await;
    }
    for name in ["", "nobody", &"x".repeat(3000)] {
        for route in [ACTIVATE, DROP] {
            let mut request = request(route, &only(&["generation"]));
            request["pathParameters"]["name"] = name.into();
            check(&handler, request, 404, "name").await;
        }
    }
}

#[tokio::test]
async fn what_stands_beside_the_body_is_checked_on_every_route() {
    let handler = nowhere().await;
    for route in ROUTES {
        let mut asked = request(route.key, "{}");
        asked["rawQueryString"] = "dry_run=true".into();
        check(&handler, asked, 400, "dry_run").await;
        for media in [
            "text/plain",
            "",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        ] {
            let mut asked = request(route.key, "{}");
            asked["headers"]["content-type"] = media.into();
            check(&handler, asked, 415, "content-type").await;
        }
        let mut asked = request(route.key, "{}");
        asked["headers"]
            .as_object_mut()
            .unwrap()
            .remove("content-type");
        check(&handler, asked, 415, "content-type").await;
        let mut asked = request(route.key, "//4=");
        asked["isBase64Encoded"] = true.into();
        check(&handler, asked, 400, "body").await;
    }
    for (body, field) in [("{\"x\":1}", "x"), ("[]", "body"), ("null", "body")] {
        check(&handler, request(PAUSE, body), 422, field).await;
    }
}

#[tokio::test]
async fn a_payload_by_hand_is_read_as_strictly() {
    let handler = nowhere().await;
    for (payload, field) in [
        (json!([[], [{"projection": "carts"}]]), "body"),
        (json!(null), "body"),
        (json!({"recover": []}), "recover"),
        (json!({"recover": {"x": 1}}), "recover.x"),
        (json!({"resume": 5}), "resume"),
        (json!({"resume": "p", "recover": {}}), "body"),
        (json!({"to": [["carts"]]}), "to[0]"),
        (json!({"too": []}), "too"),
    ] {
        let refused = handler.handle(payload.clone(), 0).await.unwrap_err();
        let said = refused.error_message;
        assert_eq!(
            refused.error_type, "urn:rewind:problem:invalid-field",
            "{payload}: {said}"
        );
        assert!(said.starts_with(&format!("{field}: ")), "{payload}: {said}");
    }
}
