//! docs/outside.md: every command of the page, with the output shown, on real
//! systems that are deployed twice, beside a payment provider that counts.

#[path = "../shared/console.rs"]
mod console;
#[path = "../shared/deployed.rs"]
mod deployed;
mod domain;

use console::{Shown, curl, normalized, shown};
use deployed::{System, deploy, deployment, root, verb};
use provider::Provider;
use serde_json::Value;
use std::{
    path::Path,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

/// How long readers may take to follow.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the page has the provider.
const PROVIDER: &str = "http://127.0.0.1:9090";

fn main() -> ExitCode {
    let program = std::env::current_exe().unwrap();
    match deployment(&program) {
        Some(1) => rewind_cli::run(|| domain::deployed(1)),
        Some(_) => rewind_cli::run(|| domain::deployed(2)),
        None => {
            tell(&program);
            println!("the story of docs/outside.md ... ok");
            ExitCode::SUCCESS
        }
    }
}

fn tell(program: &Path) {
    // The page names files of this repository.
    std::env::set_current_dir(root()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let deployments = [1, 2].map(|nth| deploy(program, dir.path(), nth));
    let provider = Provider::start();
    let mut system: Option<System> = None;
    let mut runs = 0;
    let mut asked = Vec::new();
    for Shown { command, output } in shown(&root().join("docs/outside.md")) {
        println!("$ {command}");
        let command = command.replace(PROVIDER, &provider.url);
        if let Some(options) = command.strip_prefix("cargo run -- --parameter") {
            drop(system.take());
            let options = format!("--parameter{options}");
            system = Some(System::with(&deployments[runs], &state, &options));
            runs += 1;
            continue;
        }
        let url = &system.as_ref().expect("a system").url;
        match command.strip_prefix("cargo run -- ") {
            Some(arguments) => {
                let program = &deployments[runs - 1];
                let expected = normalized(&output);
                let mut found = normalized(&verb(program, &state, arguments));
                // What only reads is tried until it prints what the page shows.
                let end = Instant::now() + PATIENCE;
                let only_reads = arguments.starts_with("ledger") || arguments == "verify";
                while only_reads && found != expected && Instant::now() < end {
                    std::thread::sleep(Duration::from_millis(200));
                    found = normalized(&verb(program, &state, arguments));
                }
                assert_eq!(found, expected, "{command}");
                asked.push(provider.requests());
            }
            None => curl(&command, url, &normalized(&output)),
        }
    }
    assert_eq!(runs, 2, "the whole story was told");
    approvals_are_noted(&system.as_ref().expect("a system").url);
    // What the page says of the provider, by the provider's own count.
    let taken = ["1", "2", "3"].map(|order| provider.taken(order));
    assert_eq!(taken, [1000, 900, 450], "{:?}", provider.entries());
    assert!(provider.entries().values().all(|entry| entry.acted == 1));
    assert_eq!(provider.requests(), 4, "{asked:?}");
}

/// The one comparison that was approved is noted once.
fn approvals_are_noted(url: &str) {
    let list = Command::new("curl")
        .args(["-sS", &format!("{url}/operations?limit=200")])
        .output();
    let list: Value = serde_json::from_slice(&list.unwrap().stdout).unwrap();
    let operations = list["operations"].as_array().unwrap().iter();
    let approved = operations.filter(|operation| operation["what"] == "approved");
    assert_eq!(approved.count(), 1, "{list:#}");
}
