//! A local system for a test, and waiting for what it does.

use crate::client::Client;
use local::{Options, State, System, Template, Worker};
use rewind::{Batch, CloudEvent};
use rewind_aws::{
    aws::{clock::id, producer::Outgoing},
    wiring::Clients,
};
use serde_json::{Value, json};
use serde_yaml_ng::Value as Yaml;
use std::{
    io::{BufRead, BufReader, ErrorKind},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// How long a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);

pub const BATCH: &str = "application/cloudevents-batch+json";
pub const EVENT: &str = "application/cloudevents+json";

/// The repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub fn template() -> Template {
    Template::read(root().join("template.yaml")).unwrap()
}

/// The template as it is written.
pub fn template_text() -> Yaml {
    let text = std::fs::read_to_string(root().join("template.yaml")).unwrap();
    serde_yaml_ng::from_str(&text).unwrap()
}

/// The lines of a log of the local system so far. The last one may be under way
/// and is left out; a function that has not run yet has none.
pub fn logged(log: &Path) -> Vec<Value> {
    let text = match std::fs::read_to_string(log) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        read => read.unwrap(),
    };
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let read = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    whole.lines().map(read).collect()
}

/// The template with changed resources.
pub fn changed_template(change: impl FnOnce(&mut Yaml)) -> Template {
    let mut template = template_text();
    change(&mut template["Resources"]);
    Template::parse(&serde_yaml_ng::to_string(&template).unwrap()).unwrap()
}

/// Starts the system that `cargo run` starts, on any free port. Where
/// `REWIND_ENDPOINT` names an engine of another maker (`infra/peers/run`), the
/// system stands on that, under names that are used once: tests share it.
pub async fn start(state: State) -> (System, Client) {
    start_with(state, |_| {}).await
}

/// As [`start`], with other options.
pub async fn start_with(state: State, change: impl FnOnce(&mut Options)) -> (System, Client) {
    let worker = Worker {
        program: env!("CARGO_BIN_EXE_rewind").into(),
        args: vec!["function".into()],
    };
    let mut options = Options::new(template(), worker);
    options.port = 0;
    options.state = state;
    let endpoint = std::env::var("REWIND_ENDPOINT").ok();
    options.endpoint = endpoint.filter(|url| !url.is_empty());
    if options.endpoint.is_some() {
        options.stack = format!("test-{}", id());
    }
    change(&mut options);
    let system = System::start(options).await.unwrap();
    let client = Client::new(system.url());
    (system, client)
}

/// GETs a path until its answer is as wanted.
pub async fn wait_for(client: &Client, path: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let answer = client.get(path).await.unwrap();
        if answer.status == 200 && is_wanted(&answer.body) {
            return answer.body;
        }
        let (status, body) = (answer.status, answer.body);
        assert!(
            started.elapsed() < PATIENCE,
            "GET {path} still answers {status}: {body}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub fn vote(stream: &str, nth: usize) -> Value {
    json!({
        "specversion": "1.0",
        "id": format!("{stream}/{nth}"),
        "source": "/test",
        "type": "vote-cast",
        "subject": stream,
        "data": {"user": format!("user-{nth}"), "choice": "chips"},
    })
}

/// Puts an event on the stream of accepted events without the checks of
/// ingest, as an import of old history does.
pub async fn accept_unchecked(clients: &Clients, event: &Value) {
    accept_unchecked_on(clients, "rewind-incomingstream", event).await;
}

/// As [`accept_unchecked`], on a stream of another name.
pub async fn accept_unchecked_on(clients: &Clients, incoming: &str, event: &Value) {
    let event: CloudEvent = serde_json::from_str(&event.to_string()).unwrap();
    let key = event.stream.to_string();
    let packed = Batch::encode(&[event]).remove(0);
    let record = Outgoing {
        key,
        data: packed.text.into_bytes(),
    };
    let incoming = clients.stream_named(incoming);
    let answers = incoming.put_in_order(&[record]).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

/// Clients of the services that a running system publishes in its folder.
pub async fn clients_of(dir: &Path) -> Clients {
    let published = std::fs::read_to_string(dir.join("endpoints.json")).unwrap();
    let published: Value = serde_json::from_str(&published).unwrap();
    let endpoint = |name: &str| published[name].as_str().unwrap().to_string();
    Clients::at(&endpoint("dynamodb"), &endpoint("kinesis")).await
}

/// All events of a stream, page by page, checked to be dense.
pub async fn stream(client: &Client, stream: &str) -> Vec<Value> {
    let mut events: Vec<Value> = Vec::new();
    loop {
        let from = events.len() + 1;
        let path = format!("/streams/{stream}?limit=200&from={from}");
        let answer = client.get(&path).await.unwrap();
        if answer.status == 404 {
            return events;
        }
        assert_eq!(answer.status, 200, "{}", answer.body);
        events.extend(answer.body["events"].as_array().unwrap().iter().cloned());
        if answer.body["next"].is_null() {
            break;
        }
    }
    let versions: Vec<usize> = events
        .iter()
        .map(|e| e["version"].as_u64().unwrap() as usize)
        .collect();
    assert_eq!(
        versions,
        (1..=events.len()).collect::<Vec<_>>(),
        "{stream} is not dense"
    );
    events
}

/// A process that is killed when its test ends: otherwise it would hold the
/// test's output open.
pub struct Killed(pub std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `rewind` as a user starts it, and its URL.
pub fn rewind(dir: &Path) -> (Killed, String) {
    rewind_with(dir, |_| {})
}

/// As [`rewind`], with a changed command.
pub fn rewind_with(dir: &Path, say: impl FnOnce(&mut Command)) -> (Killed, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rewind"));
    command.args(["--port", "0", "--dir"]).arg(dir);
    command.current_dir(root()).stdout(Stdio::piped());
    say(&mut command);
    let mut process = Killed(command.spawn().unwrap());
    let mut lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
    let url = loop {
        let line = lines.next().expect("a line").unwrap();
        if let Some(at) = line.find("http://") {
            break line[at..].split_whitespace().next().unwrap().to_string();
        }
    };
    // A full pipe would block it.
    std::thread::spawn(move || lines.for_each(drop));
    (process, url)
}
