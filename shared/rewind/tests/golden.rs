//! Golden files: what they say when a stored shape is no longer read.

use rewind::{
    Action, Envelope, Event, Process, Rejection, Service, SingleStreamProjection, Upcaster,
    testing::golden,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
};
use tempfile::TempDir;

#[derive(Default, Serialize, Deserialize)]
struct Balance {
    cents: i64,
}

/// What happens to an account. The data of `deposited` was `{"cents": 500}` in
/// version 1.
#[derive(Serialize, Deserialize, JsonSchema)]
enum AccountEvent {
    Deposited {
        #[schemars(range(max = 1_000))]
        amount: i64,
    },
}

impl Event for AccountEvent {
    const CATEGORY: &'static str = "account";
    const VERSIONS: &'static [(&'static str, u32)] = &[("deposited", 2)];
}

struct Balances;
impl SingleStreamProjection for Balances {
    type Event = AccountEvent;
    type Row = Balance;
    const NAME: &'static str = "balances";

    fn apply(balance: &mut Balance, event: &Envelope<AccountEvent>) -> Result<(), Rejection> {
        let AccountEvent::Deposited { amount } = event.data;
        balance.cents += amount;
        Ok(())
    }
}

struct Counts;
impl Process for Counts {
    type Event = AccountEvent;
    type State = i64;
    const NAME: &'static str = "counts";

    fn key(event: &Envelope<AccountEvent>) -> Option<String> {
        Some(event.stream().id().into())
    }

    fn on(cents: &mut i64, event: &Envelope<AccountEvent>) -> Result<Vec<Action>, Rejection> {
        let AccountEvent::Deposited { amount } = event.data;
        *cents += amount;
        Ok(Vec::new())
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
    let failed = catch_unwind(AssertUnwindSafe(|| {
        golden::check(folder.path(), service);
    }));
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
fn a_process_reads_every_shape_as_well() {
    let service = Service::new().process::<Counts>();
    let message = failure(&[first(), second()], &service);
    assert!(message.contains("process/counts"), "{message}");
    let folder = folder(&[first(), second()]);
    golden::check(folder.path(), &service.upcaster::<CentsAreAnAmount>());
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
fn a_type_that_no_enum_declares_is_told() {
    let mut event = deposited(1, &json!({"cents": 500}));
    event["type"] = "paid-in".into();
    let message = failure(&[("paid-in.v1.json", event), first(), second()], &mended());
    for told in ["paid-in.v1.json", "no enum declares", "TO_TYPE"] {
        assert!(message.contains(told), "{told} is not in: {message}");
    }
    assert!(!message.contains("deposited."), "{message}");
    assert!(!message.contains("  "), "one blank: {message}");
}

#[test]
fn a_type_of_a_category_that_nobody_declares_needs_no_schema() {
    let mut event = deposited(1, &json!({"any": ["thing"]}));
    event["type"] = "signed".into();
    event["subject"] = "contract-1".into();
    let folder = folder(&[("signed.v1.json", event), first(), second()]);
    golden::check(folder.path(), &mended());
}

#[test]
fn a_file_that_does_not_fit_its_schema_is_told() {
    // Its readers take it; the schema sets a limit that they do not know.
    let large = deposited(2, &json!({"amount": 1_001}));
    let message = failure(&[first(), ("deposited.v2.json", large)], &mended());
    for told in [
        "deposited.v2.json",
        "`deposited`",
        "rewind schemas",
        "data/amount",
    ] {
        assert!(message.contains(told), "{told} is not in: {message}");
    }
    assert!(!message.contains("deposited.v1.json"), "{message}");
    assert!(!message.contains("read by"), "{message}");
}

#[test]
fn a_file_of_an_old_shape_is_held_against_the_schema_once_it_is_lifted() {
    let large = deposited(1, &json!({"cents": 1_001}));
    let message = failure(&[("deposited.v1.json", large), second()], &mended());
    for told in ["deposited.v1.json", "`deposited`", "data/amount"] {
        assert!(message.contains(told), "{told} is not in: {message}");
    }
}

#[test]
fn a_version_that_no_upcaster_lifts_is_told() {
    // The data fits by chance; the version says that it means something else.
    let old = deposited(1, &json!({"amount": 500}));
    let message = failure(&[("deposited.v1.json", old), second()], &changed());
    for told in ["deposited.v1.json", "`schemaversion`", "expected 2"] {
        assert!(message.contains(told), "{told} is not in: {message}");
    }
}

#[test]
fn a_folder_without_shapes_is_told() {
    let message = failure(&[], &mended());
    assert!(message.contains("holds no shapes"), "{message}");
}
