//! One of the functions, as the local system's child process.

use crate::{
    Domain,
    exit::{End, Outcome},
};
use std::{future::Future, io::Read, pin::Pin};

type Running = Pin<Box<dyn Future<Output = Result<(), lambda_runtime::Error>>>>;

/// Runs a function until its parent is gone.
pub fn run(name: &str, domain: Domain) -> Outcome {
    let service = domain();
    let running: Running = match name {
        "ingest" => Box::pin(ingest::run(service)),
        "pump" => Box::pin(pump::run(service)),
        "write" => Box::pin(write::run(service)),
        "playback" => Box::pin(playback::run(service)),
        "microservice" => Box::pin(microservice::run(service)),
        "query" => Box::pin(query::run(service)),
        _ => return Err(End::Wrong(format!("no function is named {name:?}"))),
    };
    leave_with_parent();
    lambda_runtime::tracing::init_default_subscriber();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| End::Failed(error.to_string()))?;
    let ended = runtime.block_on(running);
    ended.map_err(|error| End::Failed(error.to_string()))
}

/// The parent holds the other end of standard input for as long as it lives,
/// however it ends.
fn leave_with_parent() {
    std::thread::spawn(|| {
        let mut nothing = [0; 64];
        let mut input = std::io::stdin();
        while matches!(input.read(&mut nothing), Ok(count) if count > 0) {}
        std::process::exit(0);
    });
}
