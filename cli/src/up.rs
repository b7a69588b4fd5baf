//! `rewind`: the whole system on this machine.

use crate::{
    console::{self, Figures},
    deployment,
    domain::Domain,
    end::{End, Outcome},
    interrupted,
    out::say,
};
use clap::Args as ClapArgs;
use local::{Options, State, System, Template, Worker};
use rewind_aws::aws::clock;
use std::{
    path::{Path, PathBuf},
    time::Instant,
};
use tracing_subscriber::EnvFilter;

/// The options of the local system.
#[derive(ClapArgs)]
pub struct Args {
    /// The port of the HTTP gateway on 127.0.0.1; 0 takes any free one.
    #[arg(long, default_value_t = 8080, env = "REWIND_PORT")]
    pub port: u16,
    /// The folder of its tables, journals and logs.
    #[arg(long, default_value = ".rewind", env = "REWIND_DIR")]
    pub dir: PathBuf,
    /// Keeps nothing: the state is lost when the system stops.
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
    /// Enforces who may call, as template.yaml says: `iam`, `jwt` or `none`.
    /// Without it, whoever reaches 127.0.0.1 may call.
    #[arg(long, value_name = "iam|jwt|none", env = "REWIND_AUTH")]
    pub auth: Option<String>,
    /// A parameter of the template, such as `Shards=2`. May be given several
    /// times.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    pub parameters: Vec<(String, String)>,
    /// A file that holds the present of the domain, such as
    /// `2026-11-05T12:00:00Z`: events without a time take it, and deadlines wait
    /// for it. It is read each time, so a test turns this clock by hand.
    #[arg(long, value_name = "FILE", env = clock::VARIABLE)]
    pub clock: Option<PathBuf>,
    /// A file with the credentials of gateways: a JSON object of names and
    /// values. Git should ignore it.
    #[arg(long, value_name = "FILE", env = "REWIND_SECRETS")]
    pub secrets: Option<PathBuf>,
    /// The description of the deployment.
    #[arg(long, default_value = "template.yaml", env = "REWIND_TEMPLATE")]
    pub template: PathBuf,
}

/// Starts the system, prints how to use it, and stops it on Ctrl-C.
pub fn run(args: &Args, domain: Domain, started: Instant) -> Outcome {
    init_log();
    let state = if args.ephemeral {
        State::Ephemeral
    } else {
        State::Folder(args.dir.clone())
    };
    let mut options = options(&args.template, args.port, state, args.endpoint.clone())?;
    options.allowed_hosts.clone_from(&args.allowed_hosts);
    let auth = args
        .auth
        .iter()
        .map(|auth| ("Auth".to_owned(), auth.clone()));
    let parameters = args.parameters.iter().cloned().chain(auth);
    let template = options.template.with_parameters(parameters);
    options.template = template.map_err(|error| End::Wrong(error.to_string()))?;
    options.enforces_auth = args.auth.is_some();
    if let Some(file) = &args.clock {
        options.extra_env.push(by_hand(file)?);
    }
    if let Some(file) = &args.secrets {
        let file = absolute("--secrets", file)?;
        options.extra_env.push(("SECRETS_FILE".to_owned(), file));
    }
    let figures = Figures::default();
    options.observer = Some(figures.observer());
    let shown = console::System {
        name: "local".to_owned(),
        local: true,
        version: env!("CARGO_PKG_VERSION"),
    };
    options.pages = Some(console::pages(shown, move |minutes| {
        let figures = figures.of(minutes);
        Box::pin(async move { Ok(figures) })
    }));
    runtime()?.block_on(async {
        let system = System::start(options)
            .await
            .map_err(|error| End::Failed(error.to_string()))?;
        let outcome = serve(&system, args, domain, started).await;
        if !args.ephemeral {
            deployment::withdraw(&args.dir);
        }
        system.stop().await;
        outcome
    })
}

async fn serve(system: &System, args: &Args, domain: Domain, started: Instant) -> Outcome {
    if !args.ephemeral {
        let (dynamodb, kinesis) = (system.dynamodb_endpoint(), system.kinesis_endpoint());
        deployment::announce(&args.dir, dynamodb, kinesis, &system.url())
            .map_err(|error| End::Failed(format!("{}: {error}", args.dir.display())))?;
    }
    // Standard output may be on a full disk: the system works without it.
    if let Err(End::Closed) = greet(system, args, domain, started) {
        return Err(End::Closed);
    }
    interrupted::signal().await;
    // Ctrl-C may have ended the reader of standard output as well.
    say!("stopping").or_else(|end| match end {
        End::Closed => Ok(()),
        end => Err(end),
    })
}

/// The variable that hands a clock's file to all functions.
pub fn by_hand(file: &Path) -> Result<(String, String), End> {
    clock::read(file).map_err(|why| End::Wrong(format!("--clock: {why}")))?;
    Ok((clock::VARIABLE.to_owned(), absolute("--clock", file)?))
}

/// The path of a file, for functions that run elsewhere.
fn absolute(option: &str, file: &Path) -> Result<String, End> {
    let path = std::path::absolute(file);
    let path = path.map_err(|error| End::Wrong(format!("{option}: {error}")))?;
    let path = path.to_str();
    let path = path.ok_or_else(|| End::Wrong(format!("{option}: expected a path in UTF-8")))?;
    Ok(path.to_owned())
}

/// Reads `NAME=VALUE`.
pub fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Returns the options of a system whose functions are processes of this
/// program.
pub fn options(
    template: &Path,
    port: u16,
    state: State,
    endpoint: Option<String>,
) -> Result<Options, End> {
    let template = Template::read(template);
    let template = template.map_err(|error| End::Failed(error.to_string()))?;
    // Several shards cost nothing here, and what is wrong between them shows. Nor do
    // streamed answers, and whoever reaches them here reaches the rest.
    let here = [("StreamMode", "ON_DEMAND"), ("EventStream", "true")];
    let here = here.into_iter().filter(|(name, _)| template.declares(name));
    let here: Vec<_> = here
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let template = template.with_parameters(here);
    let template = template.map_err(|error| End::Failed(error.to_string()))?;
    let program = std::env::current_exe();
    let program = program.map_err(|error| End::Failed(error.to_string()))?;
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

/// Returns the runtime of the main process. It serves the emulators, so it has
/// more than one thread.
pub fn runtime() -> Result<tokio::runtime::Runtime, End> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| End::Failed(error.to_string()))
}

/// Logs warnings and errors of the local system on standard error. `RUST_LOG`
/// changes the level.
pub fn init_log() {
    log("warn,dynoxide=error");
}

/// Logs warnings and errors of an operator's verb. It leaves out those of the
/// SDK, because the verb's own message contains them. With `--json` it logs
/// nothing.
pub fn init_verbs_log(as_json: bool) {
    log(match as_json {
        true => "off",
        false => "warn,aws_config=off,aws_runtime=off,aws_smithy_runtime=off",
    });
}

/// Starts a log with the filter in `RUST_LOG`, or else with `filter`.
pub fn log(filter: &str) {
    let from_env = EnvFilter::try_from_default_env();
    tracing_subscriber::fmt()
        .with_env_filter(from_env.unwrap_or_else(|_| EnvFilter::new(filter)))
        // Standard error may be closed, or on a full disk. To report that, the
        // subscriber would write to it, and panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr)
        .init();
}

fn greet(system: &System, args: &Args, domain: Domain, started: Instant) -> Outcome {
    let url = system.url();
    let ready = started.elapsed().as_millis();
    let state = if args.ephemeral {
        "kept in memory, gone when this stops".to_string()
    } else {
        format!("kept in {}", args.dir.display())
    };
    say!("Rewind is ready at {url} ({ready} ms)")?;
    say!("  console   {url}/console")?;
    say!("  DynamoDB  {}", system.dynamodb_endpoint())?;
    say!("  Kinesis   {}", system.kinesis_endpoint())?;
    say!("  state     {state}")?;
    say!()?;
    say!("Try:")?;
    propose(&url, domain)?;
    say!()?;
    say!("Ctrl-C stops it.")
}

/// Calls that show something: of the shop, or of another domain.
fn propose(url: &str, domain: Domain) -> Outcome {
    let service = domain();
    if service.projection("carts").is_none() {
        say!("  curl {url}/schemas")?;
        for projection in service.projections().iter().take(3) {
            say!("  curl {url}/projections/{}", projection.name)?;
        }
        return say!("  curl {url}/health");
    }
    say!(
        "  curl {url}/inputs/shop -d '{{\"type\":\"product-added-to-cart\",\"timestamp\":\"2023-04-19T09:00:00Z\",\"product_id\":\"123\",\"user_id\":\"456\"}}'"
    )?;
    say!("  curl {url}/projections/carts/456")?;
    say!("  curl {url}/streams/cart-456")
}
