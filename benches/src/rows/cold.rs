//! Row 2: how a function begins: the time and the CPU time from its start to its
//! first answer, its memory then, and the size of its archive.

use crate::{
    Plan, Result,
    contenders::peers,
    program,
    table::{Figure, Line, Target},
};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::HeaderMap,
    response::IntoResponse,
    routing::{get, post},
};
use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};
use tokio::{net::TcpListener, process::Command, sync::Notify};

/// The functions.
const FUNCTIONS: [&str; 6] = [
    "ingest",
    "pump",
    "write",
    "playback",
    "microservice",
    "query",
];

/// What a function is given first: it refuses it at once, and has begun by then.
const PAYLOAD: &str = r#"{"Records": 7}"#;

/// A Lambda Runtime API that gives one invocation to each process.
struct Runtime {
    is_given: AtomicBool,
    answered: Notify,
}

/// How a process began.
struct Began {
    wall: f64,
    cpu: f64,
    megabytes: f64,
}

/// Measures it.
pub async fn measure(plan: &Plan) -> Result<Vec<Line>> {
    let empty = program("empty")?;
    let node = peers().join("node").join("cold.mjs");
    let python = peers().join("python").join("cold.py");
    let mut contenders: Vec<(String, PathBuf, Vec<PathBuf>)> = vec![
        ("empty".into(), empty, Vec::new()),
        ("Node with the AWS SDK".into(), "node".into(), vec![node]),
        ("Python with boto3".into(), "python3".into(), vec![python]),
    ];
    for name in FUNCTIONS {
        contenders.push((name.into(), program(name)?, Vec::new()));
    }
    let mut figures: BTreeMap<&str, [Figure; 3]> = BTreeMap::new();
    for round in 0..plan.rounds + 1 {
        for (name, program, args) in &contenders {
            match begin(program, args).await {
                // The first round reads programs from the disk.
                Ok(_) if round == 0 => {}
                Ok(began) => {
                    let figures = figures.entry(name).or_default();
                    figures[0].push(began.wall);
                    figures[1].push(began.cpu);
                    figures[2].push(began.megabytes);
                }
                Err(error) if round == 0 => eprintln!("{name} is not measured: {error}"),
                Err(_) => {}
            }
        }
    }
    let mut lines = Vec::new();
    let none = <[Figure; 3]>::default();
    let of = |name: &str| figures.get(name).unwrap_or(&none).clone();
    for name in FUNCTIONS {
        let [wall, cpu, megabytes] = of(name);
        let [empty_wall, empty_cpu, empty_megabytes] = of("empty");
        let what = format!("{name}, from its start to its first answer");
        lines.extend([
            Line::alone(2, &what, "ms CPU", cpu.clone())
                .beside("an empty function", empty_cpu)
                .reaching(Target::RatioAtMost(1.5)),
            Line::alone(2, &what, "ms", wall.clone()).beside("an empty function", empty_wall),
            Line::alone(2, format!("{name}, memory then"), "MB", megabytes)
                .beside("an empty function", empty_megabytes),
        ]);
        for peer in ["Node with the AWS SDK", "Python with boto3"] {
            let [_, peer_cpu, _] = of(peer);
            if name == "pump" {
                lines.push(
                    Line::alone(2, &what, "ms CPU", cpu.clone())
                        .beside(peer, peer_cpu)
                        .reaching(Target::TimesLess(15.0)),
                );
            }
        }
        let zipped = zipped(&program(name)?)?;
        let line = Line::alone(
            2,
            format!("{name}, its archive"),
            "MB",
            Figure::exact(zipped),
        );
        lines.push(line.reaching(Target::AtMost(3.0)));
    }
    Ok(lines)
}

/// Starts a process, gives it an invocation, and ends it when it has answered.
async fn begin(program: &PathBuf, args: &[PathBuf]) -> Result<Began> {
    let runtime = Arc::new(Runtime {
        is_given: AtomicBool::new(false),
        answered: Notify::new(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let answer = post(answered);
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/{what}", answer.clone())
        .route("/2018-06-01/runtime/init/error", answer)
        .with_state(runtime.clone());
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let since = Instant::now();
    let mut child = Command::new(program)
        .args(args)
        .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
        .envs(ENVIRONMENT)
        // A function on AWS has neither: it trusts Amazon's own roots.
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let pid = child.id().ok_or("it has ended")?;
    tokio::select! {
        () = runtime.answered.notified() => {}
        status = child.wait() => return Err(format!("it ended: {}", status?).into()),
        () = tokio::time::sleep(std::time::Duration::from_secs(20)) => {
            return Err("it does not answer".into());
        }
    }
    let wall = since.elapsed().as_secs_f64() * 1_000.0;
    let schedule = fs::read_dir(format!("/proc/{pid}/task"))?;
    let mut nanos = 0.0;
    for task in schedule {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        let first = text.split_whitespace().next().unwrap_or("0");
        nanos += first.parse::<f64>()?;
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.unwrap_or("0").trim().trim_end_matches("kB").trim();
    let began = Began {
        wall,
        cpu: nanos / 1e6,
        megabytes: peak.parse::<f64>()? / 1024.0,
    };
    child.kill().await?;
    serving.abort();
    Ok(began)
}

/// What `template.yaml` gives its functions, as far as they ask for it.
const ENVIRONMENT: [(&str, &str); 20] = [
    ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_ACCESS_KEY_ID", "bench"),
    ("AWS_SECRET_ACCESS_KEY", "bench"),
    ("EVENTS_TABLE", "events"),
    ("DATA_TABLE", "data"),
    ("INCOMING_STREAM", "incoming"),
    ("EVENTS_STREAM", "events"),
    ("REPLAY_STREAM", "replay"),
    ("PLAYBACK_FUNCTION", "playback"),
    ("DEAD_LETTER_BUCKET", "letters"),
    ("STACK", "bench"),
    ("READ_MODELS", ""),
    ("GATEWAYS", ""),
    ("OUTSIDE_HOSTS", ""),
    ("AWS_ENDPOINT_URL", "https://127.0.0.1:9"),
    ("AWS_MAX_ATTEMPTS", "1"),
    ("RUST_LOG", "off"),
];

async fn next(State(runtime): State<Arc<Runtime>>) -> impl IntoResponse {
    if runtime.is_given.swap(true, Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("lambda-runtime-aws-request-id", "1"),
        ("lambda-runtime-deadline-ms", "4102444800000"),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:bench",
        ),
        (
            "lambda-runtime-trace-id",
            "Root=1-5759e988-bd862e3fe1be46a994272793",
        ),
    ] {
        headers.insert(name, value.parse().expect("a header"));
    }
    (headers, PAYLOAD)
}

async fn answered(
    State(runtime): State<Arc<Runtime>>,
    _: Option<Path<(String, String)>>,
    _: Bytes,
) -> impl IntoResponse {
    runtime.answered.notify_one();
    axum::http::StatusCode::ACCEPTED
}

/// How many MB a program takes in an archive as SAM makes them.
fn zipped(program: &PathBuf) -> Result<f64> {
    let script = "import sys,zlib;print(len(zlib.compress(open(sys.argv[1],'rb').read(),6)))";
    let output = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(program)
        .output()?;
    let bytes: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
    Ok(bytes / 1e6)
}
