//! Small runs of the command: its functions meet faults, and nothing is lost.

use fault_layer::Kind;
use std::{path::Path, process::Command};

/// Runs it, and returns what it says about faults.
fn run(arguments: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(env!("CARGO_BIN_EXE_torture"))
        .args(arguments)
        .current_dir(root)
        // Whoever goes to AWS finds nobody there.
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    // A kill is a fault as well, which needs no layer.
    let faults = said.lines().find_map(|line| line.strip_prefix("faults "));
    let faults = faults.expect("a line about faults");
    let is_injected = |kind: &Kind| faults.contains(kind.name());
    assert!(Kind::ALL.iter().any(is_injected), "{faults}");
    faults.to_string()
}

#[test]
fn a_small_run_meets_faults_and_ends_clean() {
    run(&["--events=2000", "--streams=20", "--seed=42", "--rate=0.05"]);
}

#[test]
fn a_small_run_with_commands_kills_microservice_and_ends_clean() {
    let few = ["--commands=200", "--aggregates=10", "--clients=8"];
    let often = ["--seed=42", "--rate=0.05", "--kill-every=300"];
    let faults = run(&[few, often].concat());
    assert!(
        faults.contains("SIGKILL of rewind-microservice"),
        "{faults}"
    );
}

#[test]
fn a_small_run_with_payments_charges_each_order_once() {
    let few = ["--payments=60", "--clients=8", "--kill-every=300"];
    let faults = run(&[&few[..], &["--seed=42", "--rate=0.02"]].concat());
    assert!(
        faults.contains("SIGKILL of rewind-microservice"),
        "{faults}"
    );
}
