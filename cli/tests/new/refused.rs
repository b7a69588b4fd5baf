//! Calls of `rewind new` and `rewind upgrade` that do not fit.

use crate::made::{Made, called};
use serde_json::Value;
use std::fs;

#[test]
fn a_folder_that_is_not_empty_stays_as_it_is() {
    let around = tempfile::tempdir().unwrap();
    let dir = around.path();
    fs::create_dir(dir.join("my-shop")).unwrap();
    fs::write(dir.join("my-shop/notes"), "mine").unwrap();
    let (code, said, errors) = called(dir, &["new", "my-shop"]);
    assert_eq!((code, said.as_str()), (1, ""));
    assert!(errors.contains("my-shop holds notes"), "{errors}");
    assert_eq!(fs::read_dir(dir.join("my-shop")).unwrap().count(), 1);
    // An empty clone is empty.
    fs::create_dir_all(dir.join("clone/.git")).unwrap();
    let (code, said, _) = called(dir, &["new", "my-shop", "--path", "clone", "--json"]);
    assert_eq!(code, 0);
    let said: Value = serde_json::from_str(&said).unwrap();
    let clone = dir.join("clone").canonicalize().unwrap();
    assert_eq!(said["path"], clone.to_str().unwrap());
    for file in said["files"].as_array().unwrap() {
        assert!(clone.join(file.as_str().unwrap()).is_file(), "{file}");
    }
}

#[test]
fn a_name_an_origin_and_a_folder_are_checked_before_anything_is_written() {
    let around = tempfile::tempdir().unwrap();
    fs::write(around.path().join("file"), "").unwrap();
    for (call, code, word) in [
        (&["new"] as &[&str], 2, "NAME"),
        (&["new", "My-Shop"], 2, "lower-case"),
        (&["new", "shop_1"], 2, "lower-case"),
        (&["new", "query"], 2, "a program in it"),
        (&["new", "shop", "--rewind", "file"], 2, "file"),
        (&["new", "shop", "--rewind", "nowhere"], 2, "nowhere"),
        (&["new", "shop", "--path", "file/below"], 3, "file/below"),
        (&["upgrade"], 2, "rewind new"),
        (&["upgrade", "--path", "nowhere"], 2, "nowhere"),
    ] {
        let (ended, said, errors) = called(around.path(), call);
        assert_eq!((ended, said.as_str()), (code, ""), "{call:?}: {errors}");
        assert!(errors.contains(word), "{call:?}: {errors}");
        let (ended, _, errors) = called(around.path(), &[call, &["--json"]].concat());
        let problem: Value = serde_json::from_str(&errors).unwrap();
        assert_eq!((ended, &problem["exit"]), (code, &code.into()), "{call:?}");
    }
    assert_eq!(fs::read_dir(around.path()).unwrap().count(), 1);
}

#[test]
fn a_record_that_cannot_be_read_is_a_sentence() {
    let made = Made::new();
    for (record, word) in [
        ("{", "EOF"),
        ("{}", "`files`"),
        (r#"{"files": ["../x"]}"#, "`files`"),
        (r#"{"files": [], "rewind": 7}"#, "`rewind`"),
        (r#"{"files": []}"#, "`name`"),
        (
            r#"{"files": ["none"], "name": "a", "version": "1"}"#,
            "none",
        ),
    ] {
        made.write(".rewind-template/record.json", record);
        let (code, _, errors) = called(&made.dir(), &["upgrade"]);
        assert_eq!(code, 3, "{record}: {errors}");
        assert!(errors.contains(word), "{record}: {errors}");
    }
}
