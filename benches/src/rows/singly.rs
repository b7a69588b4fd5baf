//! Row 5: the whole system under events that come one by one, and under events that
//! are spread over many streams.

use crate::{
    Result, program,
    table::{Figure, Line, Target},
};
use futures::{StreamExt, TryStreamExt};
use rewind_cli::client::Client;
use serde_json::json;
use std::{
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
};

/// Single posts a second, and for how many seconds.
const A_SECOND: u32 = 500;
const SECONDS: u32 = 10;

/// Of so many posts, one is followed until its row is there.
const SAMPLED: u32 = 25;

/// Streams that events are spread over, and events of each.
const STREAMS: usize = 1_000;
const OF_STREAM: usize = 20;

/// Projections of the example over votes: each event is for a row of each.
const PROJECTIONS: f64 = 3.0;

/// Requests under way at once.
const AT_ONCE: usize = 4;

/// How long all rows may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A local system of its own.
struct System {
    _child: Child,
    /// What it prints goes somewhere: it would end on a pipe that is closed.
    _stdout: BufReader<ChildStdout>,
    client: Client,
}

impl System {
    async fn start() -> Result<Self> {
        let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
        let mut child = Command::new(program("rewind")?)
            .args(["--ephemeral", "--port=0"])
            .env("REWIND_TEMPLATE", template)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let mut line = String::new();
        let mut stdout = BufReader::new(stdout);
        stdout.read_line(&mut line).await?;
        let url = line
            .split_whitespace()
            .find(|word| word.starts_with("http"));
        let url = url.ok_or_else(|| format!("no URL in {line:?}"))?;
        Ok(Self {
            _child: child,
            _stdout: stdout,
            client: Client::new(url),
        })
    }

    async fn vote(&self, poll: &str, nth: usize) -> Result<()> {
        let events = [vote(poll, nth)];
        self.send(&json!(events).to_string()).await
    }

    async fn send(&self, events: &str) -> Result<()> {
        let media = "application/cloudevents-batch+json";
        let answer = self.client.post("/events", media, events.into()).await?;
        match answer.status {
            202 => Ok(()),
            status => Err(format!("{status}: {}", answer.body).into()),
        }
    }

    /// Waits until the row of a poll holds so many events.
    async fn row(&self, poll: &str, version: usize) -> Result<()> {
        let path = format!("/projections/basic-sum/{poll}?at_least={version}");
        let since = Instant::now();
        while self.client.get(&path).await?.status != 200 {
            if since.elapsed() > PATIENCE {
                return Err(format!("{path} does not come").into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

fn vote(poll: &str, nth: usize) -> serde_json::Value {
    json!({
        "id": format!("#poll-{poll}/{nth}"),
        "source": "/bench",
        "type": "vote-cast",
        "subject": format!("poll-{poll}"),
        "data": {"user": format!("user-{nth}"), "choice": "salad"},
    })
}

/// Measures both.
pub async fn measure() -> Result<Vec<Line>> {
    let system = &System::start().await?;
    system.vote("warm", 1).await?;
    system.row("warm", 1).await?;
    let mut lines = posts(system).await?;
    lines.extend(spread(system).await?);
    Ok(lines)
}

/// From a post to its row, beside as many posts a second.
async fn posts(system: &System) -> Result<Vec<Line>> {
    let mut clock = tokio::time::interval(Duration::from_secs(1) / A_SECOND);
    let mut times = Figure::default();
    let mut posts = futures::stream::FuturesUnordered::new();
    for nth in 0..A_SECOND * SECONDS {
        // The posts under way go on meanwhile.
        loop {
            tokio::select! {
                _ = clock.tick() => break,
                Some(ended) = posts.next() => keep(&mut times, ended)?,
            }
        }
        posts.push(async move {
            let (poll, since) = (format!("single.{nth}"), Instant::now());
            system.vote(&poll, 1).await?;
            if nth % SAMPLED != 0 {
                return Ok(None);
            }
            system.row(&poll, 1).await?;
            Ok(Some(since.elapsed()))
        });
    }
    while let Some(ended) = posts.next().await {
        keep(&mut times, ended)?;
    }
    let what = format!("local system, from a post to its row, {A_SECOND} single posts a second");
    let at = |share| Figure::exact(times.at(share));
    Ok(vec![
        Line::alone(5, &what, "ms, p50", at(0.5)).reaching(Target::AtMost(30.0)),
        Line::alone(5, &what, "ms, p99", at(0.99)),
    ])
}

fn keep(times: &mut Figure, ended: Result<Option<Duration>>) -> Result<()> {
    if let Some(time) = ended? {
        times.push(time.as_secs_f64() * 1_000.0);
    }
    Ok(())
}

/// Events of many streams in turn, until all rows hold them.
async fn spread(system: &System) -> Result<Vec<Line>> {
    let requests = (1..=OF_STREAM).map(|nth| {
        let events = (0..STREAMS).map(|stream| vote(&format!("spread.{stream}"), nth));
        json!(events.collect::<Vec<_>>()).to_string()
    });
    let requests: Vec<String> = requests.collect();
    let since = Instant::now();
    futures::stream::iter(&requests)
        .map(|events| system.send(events))
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    for stream in 0..STREAMS {
        system.row(&format!("spread.{stream}"), OF_STREAM).await?;
    }
    let rate = (STREAMS * OF_STREAM) as f64 / since.elapsed().as_secs_f64();
    let what = format!(
        "local system, {} events over {STREAMS} streams in turn",
        STREAMS * OF_STREAM
    );
    Ok(vec![
        Line::alone(5, &what, "events/s in rows", Figure::exact(rate)),
        Line::alone(
            5,
            &what,
            "events × projections/s",
            Figure::exact(rate * PROJECTIONS),
        ),
    ])
}
