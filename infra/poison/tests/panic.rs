//! A domain that panics stalls the stream of the event, and nothing else
//! (invariant 9), in a function that is built as SAM builds it. There, what
//! cargo-lambda adds to the release profile decides whether a panic unwinds.
//!
//! `POISONED_WRITE` names the function, which this builds:
//!
//! ```sh
//! cd infra/poison && cargo lambda build --release --bin poisoned-write
//! ```
//!
//! `ARM64_FUNCTION` names a function of the template as SAM builds it for Lambda,
//! which does not run here: that it unwinds is read from its program.
//!
//! The program is its own `rewind` command: the other functions are its own
//! processes, and write is the one that was built.

use local::{Options, State, System, Template, Worker};
use poison::{COUNTED, POISON};
use serde_json::{Value, json};
use std::{
    env,
    ffi::OsString,
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    thread,
    time::{Duration, Instant},
};

const BUILT: &str = "POISONED_WRITE";
const FOR_ARM64: &str = "ARM64_FUNCTION";

const STREAMS: u64 = 12;
/// The stream that is poisoned, and which of its events is.
const POISONED: (u64, u64) = (5, 2);
const BATCH: &str = "application/cloudevents-batch+json";
/// How long what has to come may take. A batch that fails for ever takes
/// longer.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let Some(built) = env::var_os(BUILT) else {
        println!("ignored: {BUILT} names no function; .ci/run builds one");
        return ExitCode::SUCCESS;
    };
    let mut arguments = env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next().as_deref()) {
        (Some("function"), Some("write")) => {
            let error = Command::new(&built).exec();
            panic!("{}: {error}", Path::new(&built).display());
        }
        (Some("function"), _) => rewind_cli::run(poison::service),
        _ => {
            let built = fs::canonicalize(&built).unwrap_or_else(|error| {
                panic!("{}: {error}", Path::new(&built).display());
            });
            if let Some(function) = env::var_os(FOR_ARM64) {
                is_as_deployed(Path::new(&function));
            }
            panics_unwind(&built);
            the_fault_layer_is_not_in(&built);
            one_poisoned_stream_of_twelve_stalls(&built);
            println!("one poisoned stream of twelve stalls, and its process goes on ... ok");
            ExitCode::SUCCESS
        }
    }
}

/// A function that was built for Lambda's processors.
fn is_as_deployed(function: &Path) {
    let header = readelf("--file-header", function);
    let name = function.display();
    assert!(
        header.contains("AArch64"),
        "{name} is not for arm64: {header}"
    );
    panics_unwind(function);
    the_fault_layer_is_not_in(function);
}

/// A function whose panics abort has almost no landing pads: the standard
/// library's, 11 kB of them. One whose panics unwind has hundreds.
fn panics_unwind(built: &Path) {
    let sections = readelf("--section-headers", built);
    // name, type, address, offset, size
    let (_, table) = sections
        .split_once(".gcc_except_table")
        .expect("a table of landing pads");
    let size = table.split_whitespace().nth(3).unwrap();
    let size = u64::from_str_radix(size, 16).unwrap();
    let name = built.display();
    println!("{name}: {size} bytes of landing pads");
    assert!(size > 65_536, "{name} is built with panic = \"abort\"");
}

fn readelf(what: &str, program: &Path) -> String {
    let output = Command::new("readelf")
        .args([what, "--wide"])
        .arg(program)
        .output()
        .expect("readelf, which comes with the linker");
    assert!(output.status.success(), "{}: {output:?}", program.display());
    String::from_utf8(output.stdout).unwrap()
}

fn one_poisoned_stream_of_twelve_stalls(built: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let _log = Log(state.join("logs/rewind-write.log"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let system = runtime.block_on(System::start(options(built.into(), state)));
    let system = system.unwrap();
    let url = system.url();
    let before = writes(&system);
    for pid in &before {
        let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap();
        assert_eq!(program, built, "write is the function that was built");
    }

    // Three events of each stream, among them the poison.
    let numbers = (1..=3).flat_map(|nth| (0..STREAMS).map(move |stream| (stream, nth)));
    send(&url, numbers);
    for stream in (0..STREAMS).filter(|stream| *stream != POISONED.0) {
        wait_for_row(&url, stream, 3);
    }
    // One more of each, the poisoned one too: its stream tries again.
    send(&url, (0..STREAMS).map(|stream| (stream, 4)));
    for stream in (0..STREAMS).filter(|stream| *stream != POISONED.0) {
        wait_for_row(&url, stream, 4);
    }

    let (stream, version) = POISONED;
    let health = wait_for(&url, "/health", |health| health["stalled"][0].is_object());
    let stalled = health["stalled"].as_array().unwrap();
    assert_eq!(stalled.len(), 1, "{health}");
    assert_eq!(stalled[0]["reader"], "counts@1");
    assert_eq!(stalled[0]["stream"], format!("meter-{stream}"));
    assert_eq!(stalled[0]["version"], version);
    let reason = stalled[0]["reason"].as_str().unwrap();
    // Where, and not what: an assertion's words may hold the payload.
    assert!(
        reason.contains("panicked at infra/poison/src/lib.rs"),
        "{reason}"
    );
    wait_for_row(&url, stream, version - 1);

    // An abort would have ended them.
    let after = writes(&system);
    for pid in before {
        assert!(after.contains(&pid), "process {pid} of write is gone");
    }
    runtime.block_on(system.stop());
}

fn options(built: OsString, state: PathBuf) -> Options {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let worker = Worker {
        program: env::current_exe().unwrap(),
        args: vec!["function".into()],
    };
    Options {
        port: 0,
        state: State::Folder(state),
        extra_env: vec![(BUILT.into(), built.into_string().unwrap())],
        ..Options::new(Template::read(template).unwrap(), worker)
    }
}

/// The fault layer is in this very program, and not in what is deployed.
fn the_fault_layer_is_not_in(built: &Path) {
    let name = fault_layer::VARIABLE.as_bytes();
    let is_in = |program: &Path| {
        let bytes = fs::read(program).unwrap();
        bytes.windows(name.len()).any(|window| window == name)
    };
    assert!(is_in(&env::current_exe().unwrap()), "the search is blind");
    assert!(!is_in(built), "{}: the fault layer", built.display());
}

/// The processes of the write function.
fn writes(system: &System) -> Vec<u32> {
    let pids = system.function_pids().into_iter();
    let writes: Vec<u32> = pids
        .filter(|(function, _)| function == "rewind-write")
        .map(|(_, pid)| pid)
        .collect();
    assert!(!writes.is_empty(), "write runs");
    writes
}

/// Sends the nth event of each of some streams, all in one batch.
fn send(url: &str, events: impl Iterator<Item = (u64, u64)>) {
    let events: Vec<Value> = events
        .map(|(stream, nth)| {
            json!({
                "specversion": "1.0", "id": format!("{stream}/{nth}"), "source": "/poison",
                "type": if (stream, nth) == POISONED { POISON } else { COUNTED },
                "subject": format!("meter-{stream}"),
            })
        })
        .collect();
    let (status, answer) = http(url, "POST", "/events", &json!(events).to_string());
    assert_eq!(status, 202, "{answer}");
}

fn wait_for_row(url: &str, stream: u64, events: u64) {
    let path = format!("/projections/counts/{stream}");
    let row = wait_for(url, &path, |row| row["watermark"] == events);
    assert_eq!(row["state"]["events"], events, "{row}");
}

fn wait_for(url: &str, path: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let (status, answer) = http(url, "GET", path, "");
        if status == 200 && is_wanted(&answer) {
            return answer;
        }
        let waited = begun.elapsed();
        assert!(waited < PATIENCE, "GET {path} answers {status}: {answer}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn http(url: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: {BATCH}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut lines = BufReader::new(stream);
    let mut status = String::new();
    lines.read_line(&mut status).unwrap();
    let status = status.split(' ').nth(1).unwrap().parse().unwrap();
    let mut header = String::new();
    while lines.read_line(&mut header).unwrap() > 2 {
        header.clear();
    }
    let answer = serde_json::from_reader(lines).unwrap_or(Value::Null);
    (status, answer)
}

/// The log of write, shown when the test fails.
struct Log(PathBuf);

impl Drop for Log {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = fs::read_to_string(&self.0).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(20)..];
            eprintln!("{}:\n{}", self.0.display(), last.join("\n"));
        }
    }
}
