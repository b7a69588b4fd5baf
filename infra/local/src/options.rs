//! The options of a local system.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use crate::template::Template;

/// The default of [`Options::patience`].
const PATIENCE: Duration = Duration::from_secs(20);

/// The options of [`System::start`](crate::System::start).
#[derive(Debug, Clone)]
pub struct Options {
    /// What to run: the parsed `template.yaml`.
    pub template: Template,
    /// The port of the HTTP gateway on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// Where tables, journals and logs are kept.
    pub state: State,
    /// The URL of an AWS-compatible endpoint to use instead of the embedded DynamoDB and Kinesis.
    pub endpoint: Option<String>,
    /// The program that each function process runs.
    pub worker: Worker,
    /// The value of `AWS::StackName`. Physical names begin with it.
    pub stack: String,
    /// Environment variables for each function process, in addition to the template's.
    pub extra_env: Vec<(String, String)>,
    /// Hosts that requests may name and pages may come from, in addition to loopback: `name`, or `name:port`.
    pub allowed_hosts: Vec<String>,
    /// Whether callers have to sign or to show a token, as the template says. Otherwise whoever reaches loopback may call.
    pub enforces_auth: bool,
    /// How long a client may take to send the head of a request, and then its body.
    pub patience: Duration,
    /// How long a minute of a schedule takes. Hours and days are scaled with it, so a test need not wait for a real one.
    pub schedule_unit: Duration,
    /// What the gateway serves beside the template's routes, such as a page. AWS does not.
    pub pages: Option<Router>,
    /// Who is told what the functions do.
    pub observer: Option<Observer>,
}

impl Options {
    /// The defaults of `cargo run`: port 8080, the folder `.rewind`, the stack `rewind`, embedded services, callers on
    /// loopback, and schedules whose minutes take 60 seconds.
    pub fn new(template: Template, worker: Worker) -> Self {
        Self {
            template,
            port: 8080,
            state: State::default(),
            endpoint: None,
            worker,
            stack: "rewind".to_owned(),
            extra_env: Vec::new(),
            allowed_hosts: Vec::new(),
            enforces_auth: false,
            patience: PATIENCE,
            schedule_unit: Duration::from_secs(60),
            pages: None,
            observer: None,
        }
    }
}

/// Where a local system keeps its state.
#[derive(Debug, Clone)]
pub enum State {
    /// In this folder. It is created if it is missing, and survives a restart.
    Folder(PathBuf),
    /// In memory, and in a temporary folder that is removed when the system stops.
    Ephemeral,
}

impl Default for State {
    fn default() -> Self {
        Self::Folder(PathBuf::from(".rewind"))
    }
}

/// How a function process is started: `program args... <Binary>`,
/// where `<Binary>` is the function's `Metadata.BuildProperties.Binary` in the template.
#[derive(Debug, Clone)]
pub struct Worker {
    /// The executable; usually the running one.
    pub program: PathBuf,
    /// The arguments before the name of the function's binary.
    pub args: Vec<String>,
}

/// Something that a function has done.
#[derive(Debug, Clone, Copy)]
pub enum Observed<'a> {
    /// It has printed a line.
    Line(&'a [u8]),
    /// An invocation has ended.
    Invoked {
        /// Whether the function failed.
        is_failure: bool,
    },
}

/// Who is told what the functions do: CloudWatch, on AWS. It is called while a function waits, so it must be quick.
#[derive(Clone)]
pub struct Observer(Arc<Observe>);

type Observe = dyn Fn(&str, Observed<'_>) + Send + Sync;

impl Observer {
    /// An observer that is called with the name of each function's binary and what it has done.
    pub fn new(observe: impl Fn(&str, Observed<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(observe))
    }

    /// Tells it.
    pub(crate) fn tell(&self, function: &str, observed: Observed<'_>) {
        (self.0)(function, observed);
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}
