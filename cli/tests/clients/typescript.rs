//! The client that `rewind client typescript` writes: a program that sends,
//! waits, reads and tails compiles with it and runs; programs with a mistake do
//! not compile.

use crate::support::{root, start};
use local::State;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

const VERSION: &str = "5.9.3";

/// The compiler, from the registry of npm: once for all tests.
static COMPILER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = root().join("target/typescript");
    let compiler = folder.join("node_modules/typescript/bin/tsc");
    let package = folder.join("node_modules/typescript/package.json");
    let installed = fs::read_to_string(package).unwrap_or_default();
    if !installed.contains(&format!("\"version\": \"{VERSION}\"")) {
        fs::create_dir_all(&folder).unwrap();
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--prefix"]);
        npm.arg(&folder).arg(format!("typescript@{VERSION}"));
        let ran = npm.output();
        let ran = ran.expect(
            "npm is not here: this test needs Node.js and npm (Debian: apt-get install nodejs npm)",
        );
        assert!(
            ran.status.success(),
            "npm could not install TypeScript: {}",
            text(&ran)
        );
    }
    compiler
});

fn text(output: &Output) -> String {
    let of = |bytes| String::from_utf8_lossy(bytes).into_owned();
    of(&output.stdout) + &of(&output.stderr)
}

/// A folder with the client, as the verb writes it, and a program.
fn folder(program: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut write = Command::new(env!("CARGO_BIN_EXE_rewind"));
    write.args(["client", "typescript", "--out", "rewind.ts"]);
    let wrote = write.current_dir(folder.path()).output().unwrap();
    assert!(wrote.status.success(), "{}", text(&wrote));
    fs::write(folder.path().join("package.json"), r#"{"type": "module"}"#).unwrap();
    fs::write(folder.path().join("program.ts"), program).unwrap();
    folder
}

fn compiled(folder: &Path) -> Output {
    let mut node = Command::new("node");
    node.arg(&*COMPILER).current_dir(folder);
    node.args([
        "--strict",
        "--noUncheckedIndexedAccess",
        "--exactOptionalPropertyTypes",
    ]);
    node.args([
        "--noImplicitOverride",
        "--noPropertyAccessFromIndexSignature",
    ]);
    node.args([
        "--target",
        "es2022",
        "--module",
        "nodenext",
        "--lib",
        "es2022,dom",
    ]);
    node.args(["program.ts", "rewind.ts"]);
    node.output()
        .expect("node is not here: this test needs Node.js and npm")
}

fn program() -> String {
    fs::read_to_string(root().join("cli/tests/clients/program.ts")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_sends_waits_reads_and_tails_through_the_client() {
    let folder = folder(&program());
    let client = fs::read_to_string(folder.path().join("rewind.ts")).unwrap();
    let words = client.split(|c: char| !c.is_alphanumeric());
    let code = client
        .lines()
        .filter(|line| !line.trim_start().starts_with(['*', '/']));
    let is_any =
        |line: &str| line.contains(": any") || line.contains("<any") || line.contains("as any");
    assert_eq!(
        code.filter(|line| is_any(line)).collect::<Vec<_>>(),
        [""; 0]
    );
    assert!(words.count() > 1000);
    let ran = compiled(folder.path());
    assert!(ran.status.success(), "{}", text(&ran));
    let (system, _) = start(State::Ephemeral).await;
    let mut node = Command::new("node");
    node.arg("program.js")
        .arg(system.url())
        .current_dir(folder.path());
    let ran = tokio::task::spawn_blocking(move || node.output().unwrap())
        .await
        .unwrap();
    assert!(ran.status.success(), "{}", text(&ran));
    assert_eq!(text(&ran).lines().last(), Some("done"), "{}", text(&ran));
    system.stop().await;
}

#[test]
fn a_program_with_a_mistake_does_not_compile() {
    let head = "import { Rewind } from \"./rewind.js\";\nconst rewind = new Rewind({ baseUrl: \"http://x\" });\n";
    let vote = |data: &str, subject: &str| {
        format!(
            "await rewind.send({{ type: \"vote-cast\", subject: \"{subject}\", data: {data} }});"
        )
    };
    let right = r#"{ user: "ann", choice: "chips" }"#;
    let cases = [
        (vote(right, "poll-1"), None),
        (vote(r#"{ user: "ann", choice: 5 }"#, "poll-1"), Some("choice")),
        (vote(r#"{ user: "ann" }"#, "poll-1"), Some("choice")),
        (vote(r#"{ user: "ann", choice: "x", colour: "red" }"#, "poll-1"), Some("colour")),
        (vote(right, "cart-1"), Some("cart-1")),
        ("await rewind.row(\"nobody\", \"1\");".into(), Some("nobody")),
        (
            "await rewind.command(\"application\", \"1\", { type: \"change-plan\", data: { plan: \"golden\" } });".into(),
            Some("golden"),
        ),
        ("await rewind.input(\"nobody\", {});".into(), Some("nobody")),
        // What an aggregate decides about is not sent.
        (
            "await rewind.send({ type: \"application-deleted\", subject: \"application-1\", data: {} });".into(),
            Some("NewEvent"),
        ),
    ];
    for (line, wrong) in cases {
        let folder = folder(&format!("{head}{line}\n"));
        let ran = compiled(folder.path());
        let said = text(&ran);
        match wrong {
            None => assert!(ran.status.success(), "{line}: {said}"),
            Some(word) => {
                assert!(!ran.status.success(), "{line} compiles");
                assert!(said.contains("program.ts(3,"), "{line}: {said}");
                assert!(said.contains(word), "{line}: {said}");
            }
        }
    }
}
