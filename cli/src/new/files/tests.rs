use super::*;

/// A file of this repository.
fn here(path: &str) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../");
    std::fs::read_to_string(format!("{root}{path}")).unwrap()
}

fn files() -> Vec<File> {
    rendered("my-shop", &Origin::Registry)
}

fn text(path: &str) -> String {
    let mut files = files().into_iter();
    files.find(|file| file.path == path).unwrap().text
}

#[test]
fn what_a_repository_has_like_this_one_is_like_it() {
    for path in [
        "template.yaml",
        "rust-toolchain.toml",
        ".gitignore",
        "src/main.rs",
        "functions/ingest/src/main.rs",
        "functions/pump/src/main.rs",
        "functions/write/src/main.rs",
        "functions/playback/src/main.rs",
        "functions/microservice/src/main.rs",
        "functions/query/src/main.rs",
    ] {
        assert_eq!(text(path), here(path), "{path}");
    }
}

#[test]
fn samconfig_names_stacks_of_its_own_and_nothing_else_differs() {
    let (own, ours) = (text("samconfig.toml"), here("samconfig.toml"));
    assert_eq!(own.lines().count(), ours.lines().count());
    let mut differ = own.lines().zip(ours.lines());
    let differ: Vec<&str> = differ
        .by_ref()
        .filter(|(a, b)| a != b)
        .map(|(a, _)| a)
        .collect();
    assert!(differ[0].starts_with("# https://"), "{differ:?}");
    let stacks = [
        r#"stack_name = "my-shop-dev""#,
        r#"stack_name = "my-shop-prod""#,
    ];
    assert_eq!(differ[1..], stacks);
}

/// The part of a manifest from this line on, without comments.
fn from<'a>(manifest: &'a str, line: &str) -> Vec<&'a str> {
    let lines = manifest.lines().skip_while(|found| *found != line);
    lines.filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn dependencies_lints_and_profiles_are_those_of_this_repository() {
    let (own, ours) = (text("Cargo.toml"), here("Cargo.toml"));
    assert_eq!(
        from(&own, "[workspace.lints.rust]"),
        from(&ours, "[workspace.lints.rust]")
    );
    let dependencies = from(&own, "[workspace.dependencies]");
    for name in ["lambda_runtime", "schemars", "serde", "serde_json", "tokio"] {
        let name = format!("{name} = ");
        let line = dependencies.iter().find(|line| line.starts_with(&name));
        let line = line.unwrap();
        assert!(ours.lines().any(|ours| ours == *line), "{line}");
    }
    for value in ["edition", "rust-version"] {
        let line = ours
            .lines()
            .find(|line| line.starts_with(&format!("{value} = ")));
        assert!(own.contains(line.unwrap()), "{value}");
    }
}

#[test]
fn nothing_is_left_to_be_filled_in() {
    for file in files() {
        for left in ["@NAME@", "@REWIND@", "@DOCS@"] {
            assert!(!file.text.contains(left), "{}: {left}", file.path);
        }
        assert!(file.text.ends_with('\n'), "{}", file.path);
    }
}
