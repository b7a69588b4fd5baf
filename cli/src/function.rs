//! `rewind function`: runs one of the functions, as a child process of the local
//! system.

use crate::{
    domain::Domain,
    end::{End, Outcome},
};
use rewind::Service;
use rewind_aws::wiring::Clients;
use std::{future::Future, io::Read, pin::Pin};

type BoxedFunction = Pin<Box<dyn Future<Output = Result<(), lambda_runtime::Error>>>>;

/// Runs a function until its parent ends.
pub fn run(name: &str, domain: Domain, clients: Clients) -> Outcome {
    let run: fn(Service, Clients) -> BoxedFunction = match name {
        "ingest" => |service, clients| Box::pin(ingest::run(service, clients)),
        "pump" => |service, clients| Box::pin(pump::run(service, clients)),
        "write" => |service, clients| Box::pin(write::run(service, clients)),
        "playback" => |service, clients| Box::pin(playback::run(service, clients)),
        "microservice" => |service, clients| Box::pin(microservice::run(service, clients)),
        "query" => |service, clients| Box::pin(query::run(service, clients)),
        _ => return Err(End::Wrong(format!("no function is named {name:?}"))),
    };
    leave_with_parent();
    rewind_aws::aws::log::init();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| End::Failed(error.to_string()))?;
    let ended = runtime.block_on(run(domain(), clients));
    ended.map_err(|error| End::Failed(error.to_string()))
}

/// Ends the process when its parent ends. The parent holds the other end of
/// standard input as long as it lives.
fn leave_with_parent() {
    std::thread::spawn(|| {
        let mut nothing = [0; 64];
        let mut input = std::io::stdin();
        while matches!(input.read(&mut nothing), Ok(count) if count > 0) {}
        std::process::exit(0);
    });
}
