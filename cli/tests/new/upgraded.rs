//! `rewind upgrade`. An older template is played by the one of today: the record
//! and the file are put back to what an older Rewind might have written.

use crate::made::{Made, called};
use serde_json::Value;
use std::fs;

const TEMPLATE: &str = "template.yaml";
const CONFIG: &str = "samconfig.toml";

/// Lets Rewind have written a file with `was` in place of `is`.
fn older(made: &Made, path: &str, is: &str, was: &str) -> String {
    let today = made.read(path);
    assert!(today.contains(is), "{path}: {is}");
    let older = today.replace(is, was);
    made.write(path, &older);
    made.write(&format!(".rewind-template/{path}"), &older);
    older
}

fn upgrade(made: &Made, more: &[&str]) -> (i32, String, String) {
    called(&made.dir(), &[&["upgrade"], more].concat())
}

#[test]
fn what_is_as_it_was_written_is_replaced_and_the_difference_shown() {
    let made = Made::new();
    let (code, said, _) = upgrade(&made, &[]);
    assert!(code == 0 && said.starts_with("Nothing to do"), "{said}");
    let today = made.read(TEMPLATE);
    let before = older(&made, TEMPLATE, "LogDays", "LogsFor");

    // A dry run writes nothing.
    let (code, dry, _) = upgrade(&made, &["--dry-run"]);
    assert_eq!((code, made.read(TEMPLATE)), (0, before));
    let (code, said, errors) = upgrade(&made, &[]);
    assert_eq!((code, made.read(TEMPLATE)), (0, today), "{errors}");
    for shown in [&dry, &said] {
        for line in [
            "replaced template.yaml",
            "--- a/template.yaml",
            "-  LogsFor:",
            "+  LogDays:",
        ] {
            assert!(shown.lines().any(|found| found == line), "{line}: {shown}");
        }
    }
    let (code, said, _) = upgrade(&made, &[]);
    assert!(code == 0 && said.starts_with("Nothing to do"), "{said}");
}

#[test]
fn what_the_team_has_changed_is_kept() {
    let made = Made::new();
    let code = made.read("service/src/lib.rs") + "// mine\n";
    made.write("service/src/lib.rs", &code);
    // Rewind has changed one line, and the team another one.
    let before = older(&made, CONFIG, "LogDays=365", "LogDays=30");
    made.write(CONFIG, &before.replace("Shards=1", "Shards=4"));
    // A file that the team does not want.
    older(
        &made,
        ".github/workflows/ci.yml",
        "cfn-lint template",
        "true",
    );
    fs::remove_file(made.dir().join(".github/workflows/ci.yml")).unwrap();
    let (code_of_exit, said, errors) = upgrade(&made, &["--json"]);
    assert_eq!(code_of_exit, 0, "{said}{errors}");
    let said: Value = serde_json::from_str(&said).unwrap();
    let what: Vec<(&str, &str)> = said["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            (
                file["path"].as_str().unwrap(),
                file["what"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        (".github/workflows/ci.yml", "stays-away"),
        (CONFIG, "merged"),
    ];
    assert_eq!(what, expected);
    let merged = made.read(CONFIG);
    assert!(
        merged.contains("Shards=4") && merged.contains("LogDays=365"),
        "{merged}"
    );
    assert_eq!(made.read("service/src/lib.rs"), code);
    assert!(!made.dir().join(".github/workflows/ci.yml").exists());
}

#[test]
fn where_both_have_changed_a_line_somebody_has_to_look() {
    let made = Made::new();
    let before = older(&made, CONFIG, "Shards=1 LogDays=14", "Shards=1 LogDays=7");
    made.write(CONFIG, &before.replace("Shards=1", "Shards=4"));
    // A file of the team where a newer Rewind has one.
    let record = made.read(".rewind-template/record.json");
    let without = record.replace("    \"rust-toolchain.toml\",\n", "");
    assert_ne!(without, record);
    made.write(".rewind-template/record.json", &without);
    made.write("rust-toolchain.toml", "# mine\n");
    let (code, said, errors) = upgrade(&made, &[]);
    assert_eq!(code, 1, "{said}{errors}");
    for line in [
        "conflict samconfig.toml",
        "in-the-way rust-toolchain.toml",
        "by hand 2",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let marked = made.read(CONFIG);
    for part in [
        "<<<<<<<",
        "Shards=4 LogDays=7",
        "Shards=1 LogDays=14",
        ">>>>>>>",
    ] {
        assert!(marked.contains(part), "{part}: {marked}");
    }
    assert_eq!(made.read("rust-toolchain.toml"), "# mine\n");

    // Marks are not merged again.
    let (code, said, errors) = upgrade(&made, &[]);
    assert_eq!((code, said.as_str()), (1, ""));
    assert!(errors.contains("samconfig.toml has conflicts"), "{errors}");
    // Once resolved, all is done.
    made.write(CONFIG, &before);
    let (code, said, _) = upgrade(&made, &[]);
    assert!(code == 0 && said.starts_with("Nothing to do"), "{said}");
}
