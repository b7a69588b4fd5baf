//! Schedules, with real processes and with minutes of 50 milliseconds.

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use local::{Options, State, System};
use serde_json::{Value, json};
use support::{Temporary, idle, lines, options, until};

/// A template with schedules, and a function that writes scheduled events to the file `seen`.
fn template(seen: &str, events: &str) -> String {
    format!(
        r#"
Resources:
  Worker:
    Type: AWS::Serverless::Function
    Metadata: {{ BuildProperties: {{ Binary: worker }} }}
    Properties:
      Timeout: 5
      Environment: {{ Variables: {{ SEEN: {seen} }} }}
      Events:
        {events}
"#
    )
}

/// A line of the template: an event of type Schedule.
fn schedule(name: &str, properties: &str) -> String {
    format!("{name}: {{ Type: Schedule, Properties: {{ {properties} }} }}\n        ")
}

async fn start(template: &str, state: State) -> System {
    System::start(Options {
        schedule_unit: Duration::from_millis(50),
        ..options(template, state)
    })
    .await
    .unwrap()
}

fn read(file: &str) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_invokes_its_function_over_and_over() {
    let place = Temporary::new();
    let file = place.file("runs");
    let input = json!({"do": "fail until", "file": file, "count": 1});
    let events = schedule(
        "Tend",
        &format!("Schedule: rate(2 minutes), Input: '{input}'"),
    );
    let begun = Instant::now();
    let system = start(&template("", &events), place.state()).await;
    until("it runs five times", || read(&file).len() >= 5).await;
    assert!(
        begun.elapsed() >= Duration::from_millis(500),
        "five periods of 100 ms take {:?}",
        begun.elapsed()
    );
    // Between two invocations nothing is under way, and an ended invocation leaves no file.
    idle(&system).await;
    system.stop().await;
    let runs = read(&file);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(read(&file), runs, "it runs on after the stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_without_an_input_sends_the_event_of_eventbridge() {
    let place = Temporary::new();
    let seen = place.file("seen");
    let events = schedule("Tend", "Schedule: rate(1 minute)");
    let system = start(&template(&seen, &events), State::Ephemeral).await;
    until("it runs twice", || lines(&seen).len() >= 2).await;
    system.stop().await;
    let mut events: Vec<Value> = lines(&seen)
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_ne!(events[0]["id"], events[1]["id"]);
    let event = &mut events[0];
    let time = event["time"].take();
    let id = event["id"].take();
    assert_eq!(time.as_str().unwrap().len(), "2026-11-05T12:00:00Z".len());
    assert!(uuid::Uuid::try_parse(id.as_str().unwrap()).is_ok(), "{id}");
    assert_eq!(
        *event,
        json!({
            "version": "0",
            "id": null,
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": "000000000000",
            "time": null,
            "region": "us-east-1",
            "resources": ["arn:aws:events:us-east-1:000000000000:rule/WorkerTend"],
            "detail": {},
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_take_longer_than_the_period_do_not_pile_up() {
    let place = Temporary::new();
    let file = place.file("runs");
    let input = json!({"do": "sleep", "ms": 120, "file": file});
    let events = schedule(
        "Tend",
        &format!("Schedule: rate(1 minute), Input: '{input}'"),
    );
    let system = start(&template("", &events), State::Ephemeral).await;
    until("it runs four times", || read(&file).len() >= 8).await;
    idle(&system).await;
    assert!(read(&file).starts_with("<><><><>"), "{}", read(&file));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_fails_is_tried_again_before_its_next_run() {
    let place = Temporary::new();
    let file = place.file("runs");
    let input = json!({"do": "fail until", "file": file, "count": 2});
    let events = schedule(
        "Tend",
        &format!("Schedule: rate(1 minute), Input: '{input}'"),
    );
    let begun = Instant::now();
    let system = start(&template("", &events), State::Ephemeral).await;
    until("it is tried twice", || read(&file).len() >= 2).await;
    assert!(
        begun.elapsed() >= Duration::from_secs(1),
        "the second is no retry, whose pause takes twenty periods: {:?}",
        begun.elapsed()
    );
    until("it runs again", || read(&file).len() >= 4).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_is_disabled_or_not_due_runs_nothing() {
    let place = Temporary::new();
    let file = |name: &str| place.file(name);
    let input = |name: &str| json!({"do": "fail until", "file": file(name), "count": 1});
    let events = [
        ("Off", "rate(1 minute), Enabled: false"),
        // 72 seconds.
        ("Daily", "rate(1 day)"),
        ("On", "rate(1 minute)"),
    ]
    .map(|(name, properties)| {
        schedule(
            name,
            &format!("Input: '{}', Schedule: {properties}", input(name)),
        )
    })
    .concat();
    let system = start(&template("", &events), State::Ephemeral).await;
    until("another one runs", || read(&file("On")).len() >= 3).await;
    assert!(!Path::new(&file("Off")).exists());
    assert!(!Path::new(&file("Daily")).exists());
    system.stop().await;
}
