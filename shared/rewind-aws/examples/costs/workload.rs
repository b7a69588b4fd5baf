//! Events on their way through the functions, and back out of history.

use crate::{
    Result,
    function::Work,
    rest::Minute,
    source::Source,
    system::{Stored, System, deliver},
};
use futures::future::join;
use local::template::Model;
use microservice::Invocation;
use rewind_aws::{
    audit::health::PATIENCE,
    aws::{clock::now, http::Request},
};
use serde_json::{Value, json};
use std::{cell::Cell, time::Duration};

/// How many bytes of JSON an event takes.
pub const EVENT_BYTES: usize = 300;

/// For how many bytes HTTP API counts a request.
const API_BYTES: usize = 512 * 1024;

/// How events come.
pub struct Shape {
    pub name: &'static str,
    pub events: usize,
    pub streams: usize,
    pub in_request: usize,
}

/// The shapes: the dearest first.
pub const SHAPES: [Shape; 2] = [
    Shape {
        name: "alone",
        events: 2_000,
        streams: 2_000,
        in_request: 1,
    },
    Shape {
        name: "packed",
        events: 5_000,
        streams: 10,
        in_request: 100,
    },
];

/// What was counted of a shape.
pub struct Counted {
    pub shape: &'static Shape,
    /// What API Gateway counts.
    pub api_requests: u64,
    /// What the functions did with events that came in.
    pub live: Vec<Work>,
    /// What they did with a rebuild of both projections.
    pub replay: Vec<Work>,
    /// What the schedules do in a minute: before there is any event, and at rest
    /// with all of them.
    pub minutes: [Minute; 2],
    /// What the tables hold, with one generation of each projection.
    pub stored: Stored,
}

/// Sends a shape's events in, and plays them back.
pub async fn count(shape: &'static Shape, model: &Model) -> Result<Counted> {
    let mut system = System::start(model).await;
    let empty = minute(&mut system).await?;
    let api_requests = send(&mut system, shape).await?;
    let mut incoming = Source::open(&system.aws, "IncomingStream").await?;
    let mut events = Source::open(&system.aws, "EventsStream").await?;
    for batch in incoming.batches().await? {
        system.pump(batch).await?;
        for batch in events.batches().await? {
            deliver(batch, &mut system.write, &mut system.microservice).await?;
        }
    }
    let live = system.take();
    let stored = system.stored().await?;
    // Right behind a load it reads more: the newest commits, and those that have
    // waited for long enough.
    eprintln!("{}: until the system is at rest, a minute", shape.name);
    tokio::time::sleep(PATIENCE).await;
    let full = minute(&mut system).await?;
    let mut replay = Source::open(&system.aws, "ReplayStream").await?;
    // The second one also deletes the generation that nobody needs any more, as
    // each one after it does.
    rebuild(&mut system, &mut replay, shape.events).await?;
    system.take();
    rebuild(&mut system, &mut replay, shape.events).await?;
    let counted = Counted {
        shape,
        api_requests,
        live,
        replay: system.take(),
        minutes: [empty, full],
        stored,
    };
    system.aws.system.stop().await;
    Ok(counted)
}

/// Posts the events, and says what API Gateway counts.
async fn send(system: &mut System, shape: &Shape) -> Result<u64> {
    let sample = include_str!("../../../../events/ingest-events.json");
    let mut request: Value = serde_json::from_str(sample)?;
    let mut api_requests = 0;
    let events: Vec<String> = (0..shape.events).map(|nth| event(shape, nth)).collect();
    for some in events.chunks(shape.in_request) {
        let (media, body) = match some {
            [one] => ("application/cloudevents+json", one.clone()),
            _ => (
                "application/cloudevents-batch+json",
                format!("[{}]", some.join(",")),
            ),
        };
        api_requests += body.len().div_ceil(API_BYTES) as u64;
        request["headers"]["content-type"] = media.into();
        request["body"] = body.into();
        let request: Request = serde_json::from_value(request.clone())?;
        let answer = system
            .ingest
            .invoke(async |ingest| ingest.handle(&request).await);
        let answer = answer.await;
        if answer.status_code != 202 {
            return Err(format!("ingest answers {answer:?}").into());
        }
    }
    Ok(api_requests)
}

/// An event as a client sends it.
fn event(shape: &Shape, nth: usize) -> String {
    let padded = |bytes: usize| {
        let event = json!({
            "specversion": "1.0",
            "id": format!("{nth:08}"),
            "source": "/costs",
            "type": "counted",
            "subject": format!("count-{:06}", nth % shape.streams),
            "time": "2026-11-28T09:00:00Z",
            "data": {"n": nth % 10, "pad": "x".repeat(bytes)},
        });
        event.to_string()
    };
    padded(EVENT_BYTES - padded(0).len())
}

/// Rebuilds both projections.
async fn rebuild(system: &mut System, replay: &mut Source, events: usize) -> Result<()> {
    let request = json!({"to": [{"projection": "sums"}, {"projection": "digits"}]});
    let System {
        playback,
        write,
        microservice,
        ..
    } = system;
    let is_over = Cell::new(false);
    let playing = async {
        let played =
            playback.invoke(async |playback| Box::pin(playback.handle(request, deadline())).await);
        let played = played.await;
        is_over.set(true);
        played
    };
    let reading = async {
        loop {
            let is_last = is_over.get();
            for batch in replay.batches().await? {
                deliver(batch, write, microservice).await?;
            }
            if is_last {
                return Result::Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let (played, read) = join(playing, reading).await;
    read?;
    let played = played.map_err(|error| error.error_message)?;
    match played["state"] == "completed" && played["events"] == events {
        true => Ok(()),
        false => Err(format!("the playback has not played all: {played}").into()),
    }
}

/// One run of each schedule: playback's and microservice's.
async fn minute(system: &mut System) -> Result<Minute> {
    let recover = json!({"recover": {}});
    let playback = &mut system.playback;
    let ran = playback
        .invoke(async |playback| Box::pin(playback.handle(recover, deadline())).await)
        .await;
    ran.map_err(|error| error.error_message)?;
    let microservice = &mut system.microservice;
    let sweep = async |to: &microservice::Handler| Box::pin(to.invoke(Invocation::Sweep)).await;
    microservice.invoke(sweep).await?;
    Ok([system.playback.take(), system.microservice.take()])
}

/// In fifteen minutes, as milliseconds since 1970.
fn deadline() -> u64 {
    now().as_millisecond().unsigned_abs() + 900_000
}
