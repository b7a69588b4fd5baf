//! `rewind`: the whole system on this machine.

use crate::deployment;
use clap::Args as ClapArgs;
use local::{Options, State, System, Template, Worker};
use std::{io::Write, path::PathBuf, time::Instant};
use tracing_subscriber::EnvFilter;

/// How the local system is started.
#[derive(ClapArgs)]
pub struct Args {
    /// The port of the HTTP gateway on 127.0.0.1; 0 takes any free one.
    #[arg(long, default_value_t = 8080, env = "REWIND_PORT")]
    pub port: u16,
    /// The folder that tables, journals and logs are kept in.
    #[arg(long, default_value = ".rewind", env = "REWIND_DIR")]
    pub dir: PathBuf,
    /// Keeps nothing: all state is gone when the system stops.
    #[arg(long)]
    pub ephemeral: bool,
    /// An AWS-compatible endpoint (such as LocalStack's) to use instead of the
    /// embedded DynamoDB and Kinesis.
    #[arg(long, env = "REWIND_ENDPOINT")]
    pub endpoint: Option<String>,
    /// A host beside 127.0.0.1 and localhost that requests may name and pages
    /// may come from, such as `dev.example:8080` behind a tunnel. May be given
    /// several times.
    #[arg(
        long = "allow-host",
        value_name = "HOST[:PORT]",
        env = "REWIND_ALLOW_HOST",
        value_delimiter = ','
    )]
    pub allowed_hosts: Vec<String>,
    /// The description of the deployment.
    #[arg(long, default_value = "template.yaml", env = "REWIND_TEMPLATE")]
    pub template: PathBuf,
}

/// Starts the system, says how to use it, and stops it on Ctrl-C.
pub fn run(args: &Args, started: Instant) -> Result<(), String> {
    init_log();
    let state = if args.ephemeral {
        State::Ephemeral
    } else {
        State::Folder(args.dir.clone())
    };
    let mut options = options(&args.template, args.port, state, args.endpoint.clone())?;
    options.allowed_hosts.clone_from(&args.allowed_hosts);
    runtime()?.block_on(async {
        let system = System::start(options)
            .await
            .map_err(|error| error.to_string())?;
        if !args.ephemeral {
            let (dynamodb, kinesis) = (system.dynamodb_endpoint(), system.kinesis_endpoint());
            deployment::announce(&args.dir, dynamodb, kinesis, &system.url())
                .map_err(|error| format!("{}: {error}", args.dir.display()))?;
        }
        greet(&system, args, started);
        stopped().await;
        say("stopping");
        deployment::withdraw(&args.dir);
        system.stop().await;
        Ok(())
    })
}

/// A system's options, its functions being processes of this very program.
pub fn options(
    template: &std::path::Path,
    port: u16,
    state: State,
    endpoint: Option<String>,
) -> Result<Options, String> {
    let template = Template::read(template).map_err(|error| error.to_string())?;
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let worker = Worker {
        program,
        args: vec!["function".into()],
    };
    let mut options = Options::new(template, worker);
    options.port = port;
    options.state = state;
    options.endpoint = endpoint;
    Ok(options)
}

/// The main process's runtime: it serves the emulators, so it has more than
/// one thread.
pub fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())
}

/// Warnings and errors of the local system go to standard error; `RUST_LOG`
/// asks for more.
pub fn init_log() {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,dynoxide=error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Standard error may lead to a full disk, too. It would panic there.
        .log_internal_errors(false)
        .with_writer(std::io::stderr)
        .init();
}

fn greet(system: &System, args: &Args, started: Instant) {
    let url = system.url();
    let ready = started.elapsed().as_millis();
    let state = if args.ephemeral {
        "kept in memory, gone when this stops".to_string()
    } else {
        format!("kept in {}", args.dir.display())
    };
    say(&format!("Rewind is ready at {url} ({ready} ms)"));
    say(&format!("  DynamoDB  {}", system.dynamodb_endpoint()));
    say(&format!("  Kinesis   {}", system.kinesis_endpoint()));
    say(&format!("  state     {state}"));
    say("");
    say("Try:");
    say(&format!(
        "  curl {url}/inputs/shop -d '{{\"type\":\"product-added-to-cart\",\"timestamp\":\"2023-04-19T09:00:00Z\",\"product_id\":\"123\",\"user_id\":\"456\"}}'"
    ));
    say(&format!("  curl {url}/projections/carts/456"));
    say(&format!("  curl {url}/streams/cart-456"));
    say("");
    say("Ctrl-C stops it.");
}

/// Says a line to whoever still listens. Where standard output leads to, such
/// as a closed pipe or a file on a full disk, does not end the system.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Ctrl-C, or a request to terminate.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without a handler for it, Ctrl-C ends the process all the same.
    let _ = tokio::signal::ctrl_c().await;
}
