use dynoxide::Database;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn is(statement: &str, action: &'static str, table: &str, index: Option<&str>) {
    let expected = Access {
        action,
        table: table.to_owned(),
        index: index.map(str::to_owned),
    };
    assert_eq!(read(statement), Some(expected), "{statement}");
}

#[test]
fn the_verb_is_the_action_and_the_table_is_found() {
    let insert = r#"INSERT INTO "events" VALUE {'a': 'from "b"'}"#;
    is(insert, "PartiQLInsert", "events", None);
    let select = "select a, \"from\" from events where b = 'c'";
    is(select, "PartiQLSelect", "events", None);
    let index = r#"SELECT * FROM "events"."by-position" WHERE a = ?"#;
    is(index, "PartiQLSelect", "events", Some("by-position"));
    let update = r#"UPDATE "events" SET a = ?"#;
    is(update, "PartiQLUpdate", "events", None);
    is("DELETE FROM events", "PartiQLDelete", "events", None);
    let exists = "EXISTS(SELECT * FROM events)";
    is(exists, "PartiQLSelect", "events", None);
    is(r#"DELETE FROM "a""b""#, "PartiQLDelete", r#"a"b"#, None);
}

#[test]
fn what_an_attribute_is_compared_with_is_found() {
    let found = |statement, operands: &[Operand]| {
        assert_eq!(super::operands(statement, "pk"), operands, "{statement}");
    };
    let parameter = Operand::Parameter;
    found("INSERT INTO a VALUE {'b': ?, 'pk': ?}", &[parameter(1)]);
    found(
        "INSERT INTO a VALUE {'pk': 'c'}",
        &[Operand::Text("c".into())],
    );
    let update = r#"UPDATE a SET "b" = ? REMOVE c WHERE "pk" = ? AND sk = ?"#;
    found(update, &[parameter(1)]);
    found(
        "DELETE FROM a WHERE pk=? OR pk=?",
        &[parameter(0), parameter(1)],
    );
    found("SELECT * FROM a WHERE b = 'pk = ?'", &[]);
    found("SELECT * FROM a WHERE pk /* ? */ = ?", &[parameter(0)]);
}

#[test]
fn comments_hide_nothing() {
    is("-- select\nDELETE FROM a", "PartiQLDelete", "a", None);
    is("/* select */ DELETE/**/FROM a", "PartiQLDelete", "a", None);
    is("DELETE FROM -- b\n \"a\"", "PartiQLDelete", "a", None);
    is("FROM a SET b = 1", "PartiQLUpdate", "a", None);
    is("SELECT 1e5from a", "PartiQLSelect", "a", None);
}

#[test]
fn nonsense_is_nothing() {
    for nonsense in [
        "",
        "TRUNCATE events",
        "\"",
        "select",
        "insert into",
        "/* delete from a",
        "exists(delete from a)",
        "delete a",
        "delete from ''",
        "\"delete\" from a",
    ] {
        assert_eq!(read(nonsense), None, "{nonsense}");
    }
}

const ITEM: &str = r#"{"k":{"S":"x"},"n":{"N":"1"}}"#;

fn call<T: serde::de::DeserializeOwned>(request: Value) -> T {
    serde_json::from_value(request).unwrap()
}

/// A database with this one table, which has one item.
fn with_table(name: &str) -> Database {
    let database = Database::memory().unwrap();
    let table = json!({
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
    });
    database.create_table(call(table)).unwrap();
    let item: Value = serde_json::from_str(ITEM).unwrap();
    database
        .put_item(call(json!({"TableName": name, "Item": item})))
        .unwrap();
    database
}

fn content(database: &Database, table: &str) -> Value {
    let found = database.scan(call(json!({"TableName": table}))).unwrap();
    serde_json::to_value(&found).unwrap()
}

/// A way to write each part of a statement, and statements that the engine knows.
fn statement() -> impl Strategy<Value = String> {
    let gap = prop_oneof![
        Just(" "),
        Just("\n"),
        Just("/* FROM \"bbb\" */"),
        Just(" -- DELETE FROM bbb\n"),
        Just("\t/**/"),
    ];
    let table = prop_oneof![Just("aaa"), Just("\"aaa\""), Just("bbb"), Just("\"bbb\"")];
    let verb = prop_oneof![
        Just("SELECT * FROM"),
        Just("SELECT n, \"from\" FROM"),
        Just("select 'from' from"),
        Just("INSERT INTO"),
        Just("UPDATE"),
        Just("FROM"),
        Just("DELETE FROM"),
        Just("dElEtE fRoM"),
        Just("EXISTS ( SELECT * FROM"),
    ];
    let rest = prop_oneof![
        Just("WHERE k = 'x'"),
        Just("WHERE k = 'x' AND n = 1"),
        Just("SET n = 2 WHERE k = 'x'"),
        Just("WHERE k = 'x' SET n = 2"),
        Just("REMOVE n WHERE k = 'x'"),
        Just("VALUE {'k': 'y', 'from': '\"bbb\"'}"),
        Just("VALUE {'k': 'x'}"),
        Just(". \"index\" WHERE k = 'x'"),
        Just(""),
    ];
    let end = prop_oneof![Just(""), Just(";"), Just(")"), Just("-- FROM bbb")];
    (gap.clone(), verb, gap.clone(), table, gap, rest, end).prop_map(
        |(first, verb, second, table, third, rest, end)| {
            let verb = verb.replace(' ', second);
            format!("{first}{verb}{second}{table}{third}{rest}{end}")
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Whatever the engine runs, the guard has read as it is.
    #[test]
    fn the_guard_reads_a_statement_as_the_engine_does(statement in statement()) {
        for table in ["aaa", "bbb"] {
            let database = with_table(table);
            let before = content(&database, table);
            let ran = database.execute_statement(call(json!({"Statement": statement})));
            let has_changed = content(&database, table) != before;
            if ran.is_ok() || has_changed {
                let read = read(&statement);
                prop_assert!(read.is_some(), "{statement}");
                let read = read.unwrap();
                prop_assert_eq!(&read.table, table, "{}", statement);
                prop_assert!(!has_changed || read.action != "PartiQLSelect", "{}", statement);
            }
        }
    }
}
