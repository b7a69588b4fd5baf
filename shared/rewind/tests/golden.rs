//! Golden files: what they say when a stored shape is no longer read.

use rewind::{
    RecordedEvent, Rejection, Service, SingleStreamProjection, Upcaster, testing::golden,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{fs, panic::catch_unwind};
use tempfile::TempDir;

#[derive(Default, Serialize, Deserialize)]
struct Balance {
    cents: i64,
}

/// The data of `deposited`. Its version 1 was `{"cents": 500}`.
#[derive(Deserialize)]
struct Deposited {
    amount: i64,
}

struct Balances;
impl SingleStreamProjection for Balances {
    type State = Balance;
    const NAME: &'static str = "balances";
    const CATEGORY: &'static str = "account";

    fn apply(balance: &mut Balance, event: &RecordedEvent) -> Result<(), Rejection> {
        if event.event_type() == "deposited" {
            balance.cents += event.data::<Deposited>()?.amount;
        }
        Ok(())
    }
}

struct CentsAreAnAmount;
impl Upcaster for CentsAreAnAmount {
    const TYPE: &'static str = "deposited";
    const FROM: u32 = 1;

    fn lift(data: Value) -> Result<Value, Rejection> {
        Ok(json!({"amount": data["cents"]}))
    }
}

/// A service that reads version 2 only.
fn changed() -> Service {
    Service::new().single_stream::<Balances>()
}

/// A service that lifts version 1.
fn mended() -> Service {
    changed().upcaster::<CentsAreAnAmount>()
}

/// A folder of golden files, of which each holds one event.
fn folder(files: &[(&str, Value)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, event) in files {
        fs::write(folder.path().join(name), event.to_string()).unwrap();
    }
    folder
}

/// `deposited` as it was recorded with a schema version, the first one unsaid.
fn deposited(schema_version: u32, data: &Value) -> Value {
    let mut event = json!({
        "specversion": "1.0", "id": "d1", "source": "/test", "type": "deposited",
        "subject": "account-1", "time": "2023-04-19T09:00:00Z", "version": 1, "position": 1,
        "data": data,
    });
    if schema_version > 1 {
        event["schemaversion"] = schema_version.into();
    }
    event
}

fn first() -> (&'static str, Value) {
    let data = json!({"cents": 500});
    ("deposited.v1.json", deposited(1, &data))
}

fn second() -> (&'static str, Value) {
    let data = json!({"amount": 500});
    ("deposited.v2.json", deposited(2, &data))
}

/// What the check says when it fails.
fn failure(files: &[(&str, Value)], service: &Service) -> String {
    let folder = folder(files);
    let failed = catch_unwind(|| golden::check(folder.path(), service));
    let message = failed.expect_err("the check fails");
    message.downcast_ref::<String>().expect("a text").clone()
}

#[test]
fn a_shape_that_is_no_longer_read_is_told_with_its_file_its_reader_and_the_remedy() {
    let message = failure(&[first(), second()], &changed());
    for told in [
        "deposited.v1.json",
        "balances",
        "missing field `amount`",
        "`schemaversion` 2",
        "TYPE \"deposited\" and FROM 1",
        "Service::upcaster",
        "docs/change-an-event.md",
    ] {
        assert!(message.contains(told), "{told} is not in: {message}");
    }
    // The present shape is read, and nothing is said about it.
    assert!(!message.contains("deposited.v2.json"), "{message}");
}

#[test]
fn with_an_upcaster_every_shape_is_read() {
    let folder = folder(&[first(), second()]);
    golden::check(folder.path(), &mended());
}

#[test]
fn a_newest_shape_without_a_file_is_told() {
    let message = failure(&[first()], &mended());
    assert!(message.contains("add deposited.v2.json"), "{message}");
}

#[test]
fn a_shape_that_is_lifted_to_one_which_nobody_reads_is_told() {
    let empty = deposited(1, &json!({}));
    let message = failure(&[("deposited.v1.json", empty), second()], &mended());
    assert!(message.contains("read by balances"), "{message}");
}

#[test]
fn a_file_under_the_name_of_another_shape_is_told() {
    let (name, _) = first();
    let (right, event) = second();
    let message = failure(&[(name, event)], &mended());
    assert!(
        message.contains(name) && message.contains(right),
        "{message}"
    );
}

#[test]
fn a_folder_without_shapes_is_told() {
    let message = failure(&[], &mended());
    assert!(message.contains("holds no shapes"), "{message}");
}
