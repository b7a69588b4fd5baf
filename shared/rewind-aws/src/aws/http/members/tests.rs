use super::*;
use crate::playback::request::Request;
use serde_json::json;

fn refused(body: &str) -> (String, String) {
    let problem = read::<Request>(body, "EXAMPLE").unwrap_err();
    (problem.field.unwrap(), problem.detail)
}

#[test]
fn what_fits_is_read() {
    let request = Request::rebuild("carts");
    let body = serde_json::to_string(&request).unwrap();
    assert_eq!(read(&body, ""), Ok(request));
    let all = json!({
        "what": {
            "categories": ["poll"], "streams": ["poll-1"], "versions": {"from": 1, "to": null},
            "types": ["t"], "recorded": {"from": "2023-04-19T09:00:00Z"},
            "occurred": {"to": "2023-04-19T09:00:00+02:00"}, "correlation": "c", "count": 5,
        },
        "to": [{"projection": "p", "generation": 2}, {"subscriber": "s"}, {"microservice": {}}],
        "activate": "by-hand", "rate": 5, "dry_run": true,
    });
    let read: Request = read(&all.to_string(), "").unwrap();
    assert_eq!(read, serde_json::from_value(all).unwrap());
}

#[test]
fn what_does_not_fit_is_named_by_its_path() {
    for (body, field, why) in [
        ("{}", "to", "is missing"),
        ("[]", "body", "expected an object, not an array"),
        ("1", "body", "expected an object, not a whole number"),
        ("", "body", "EXAMPLE"),
        (r#"{"to":[],"colour":1}"#, "colour", "there are what, to"),
        (r#"{"to":[],"to":[]}"#, "to", "stands twice"),
        (r#"{"to":{}}"#, "to", "expected an array, not an object"),
        (
            r#"{"to":[["p"]]}"#,
            "to[0]",
            "expected an object, not an array",
        ),
        (
            r#"{"to":[{},{"size":1}]}"#,
            "to[1].size",
            "there are projection",
        ),
        (
            r#"{"to":[{"generation":-1}]}"#,
            "to[0].generation",
            "from 0 to 18446744073709551615",
        ),
        (
            r#"{"to":[{"microservice":[]}]}"#,
            "to[0].microservice",
            "expected an object, not an array",
        ),
        (
            r#"{"to":[{"microservice":{"x":1}}]}"#,
            "to[0].microservice.x",
            "there is no such member",
        ),
        (
            r#"{"to":[],"what":[]}"#,
            "what",
            "expected an object, not an array",
        ),
        (
            r#"{"to":[],"what":{"versions":[1,2]}}"#,
            "what.versions",
            "expected an object, not an array",
        ),
        (
            r#"{"to":[],"what":{"recorded":{"to":"SECRET"}}}"#,
            "what.recorded.to",
            "RFC 3339",
        ),
        (
            r#"{"to":[],"what":{"streams":["a-1","SECRET"]}}"#,
            "what.streams[1]",
            "category-id",
        ),
        (r#"{"to":[],"activate":"SECRET"}"#, "activate", "by-hand"),
        (r#"{"to":[],"activate":[]}"#, "activate", "not an array"),
        (
            r#"{"to":[],"rate":4294967296}"#,
            "rate",
            "from 0 to 4294967295",
        ),
        (r#"{"to":[],"rate":1.5}"#, "rate", "whole number"),
        (
            r#"{"to":[],"dry_run":"SECRET"}"#,
            "dry_run",
            "true or false",
        ),
    ] {
        let (named, said) = refused(body);
        assert_eq!(named, field, "{body}: {said}");
        assert!(
            said.contains(why) && said.contains("EXAMPLE"),
            "{body}: {said}"
        );
        assert!(!said.contains("SECRET"), "{body}: {said}");
    }
}

#[test]
fn what_is_no_json_is_refused() {
    let deep = "[".repeat(100_000);
    for (body, status) in [("{", 400), ("{}x", 400), ("\u{0}", 400), (&*deep, 422)] {
        let problem = read::<Request>(body, "").unwrap_err();
        assert_eq!(problem.status, status, "{problem}");
        assert_eq!(problem.field.as_deref(), Some("body"));
    }
}
