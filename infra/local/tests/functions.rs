//! Function processes behind the Runtime API, through Lambda's Invoke.

mod support;

use std::time::{Duration, Instant, UNIX_EPOCH};

use axum::body::Body;
use axum::http::Request;
use local::{StartError, State, System};
use serde_json::{Value, json};
use support::{Temporary, hand_over, idle, invoke, options, send, start, until};

const TEMPLATE: &str = r#"
Globals: { Function: { Timeout: 5, MemorySize: 256, Environment: { Variables: { SHARED: global, OWN: global } } } }
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
  Worker:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: worker } }
    Properties:
      FunctionName: !Sub "${AWS::StackName}-worker"
      Environment: { Variables: { OWN: own, TABLE: !Ref Table } }
  Hasty:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: hasty } }
    Properties: { Timeout: 1 }
"#;

async fn system() -> System {
    start(TEMPLATE, State::Ephemeral).await
}

fn pid_of(system: &System, function: &str) -> Option<u32> {
    system
        .function_pids()
        .into_iter()
        .find(|(name, _)| name == function)
        .map(|(_, pid)| pid)
}

fn kill(pid: u32) {
    assert!(
        std::process::Command::new("kill")
            .args(["-9", &pid.to_string()])
            .status()
            .unwrap()
            .success()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_is_found_by_each_of_its_names() {
    let system = system().await;
    let arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Arewind-worker";
    for name in ["rewind-worker", "Worker", "worker", arn] {
        let answer = invoke(&system, name, json!({"a": 1})).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()),
            (200, json!({"a": 1})),
            "{name}"
        );
        assert!(!answer.headers.contains_key("x-amz-function-error"));
    }
    let answer = invoke(&system, "nobody", json!({})).await;
    assert_eq!(answer.status, 404);
    assert_eq!(
        answer.headers["x-amzn-errortype"],
        "ResourceNotFoundException"
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_sees_what_lambda_sets_and_what_the_template_says() {
    let system = system().await;
    let environment = invoke(&system, "worker", json!({"do": "environment"}))
        .await
        .json();
    let expected = [
        ("SHARED", "global"),
        ("OWN", "own"),
        ("TABLE", "rewind-table"),
        ("AWS_LAMBDA_FUNCTION_NAME", "rewind-worker"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "rewind-worker"),
        ("AWS_ENDPOINT_URL_DYNAMODB", system.dynamodb_endpoint()),
        ("AWS_ENDPOINT_URL_KINESIS", system.kinesis_endpoint()),
        ("AWS_ENDPOINT_URL_LAMBDA", &system.url()),
    ];
    for (name, value) in expected {
        assert_eq!(environment[name], value, "{name}");
    }
    let built = environment["AWS_LAMBDA_FUNCTION_VERSION"].as_str().unwrap();
    let built: jiff::Timestamp = built.parse().unwrap();
    let worker = std::fs::metadata(env!("CARGO_BIN_EXE_local-test-function")).unwrap();
    let changed = worker.modified().unwrap().duration_since(UNIX_EPOCH);
    assert_eq!(built.as_second() as u64, changed.unwrap().as_secs());
    assert_eq!(
        environment["CARGO_MANIFEST_DIR"],
        Value::Null,
        "the environment of the parent leaks in"
    );
    let context = invoke(&system, "worker", json!({"do": "context"}))
        .await
        .json();
    assert_eq!(
        context["arn"],
        "arn:aws:lambda:us-east-1:000000000000:function:rewind-worker"
    );
    assert!(
        (4_000..=5_000).contains(&context["remaining"].as_u64().unwrap()),
        "{context}"
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_fail_is_a_function_error() {
    let system = system().await;
    for (what, message) in [
        ("fail", "told to fail"),
        ("panic", "told to panic"),
        ("exit", "Runtime exited: exit status: 7"),
    ] {
        let answer = invoke(&system, "worker", json!({"do": what})).await;
        assert_eq!(answer.status, 200, "{what}");
        assert_eq!(
            answer.headers["x-amz-function-error"], "Unhandled",
            "{what}"
        );
        let error = answer.json();
        assert!(
            error["errorMessage"].as_str().unwrap().contains(message),
            "{what}: {error}"
        );
        assert!(error["errorType"].is_string(), "{what}: {error}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_exceeds_its_timeout_is_killed() {
    let system = system().await;
    let begun = Instant::now();
    let answer = invoke(&system, "hasty", json!({"do": "sleep", "ms": 60_000})).await;
    assert_eq!(answer.json()["errorType"], "Sandbox.Timedout");
    assert!(
        answer.json()["errorMessage"]
            .as_str()
            .unwrap()
            .ends_with("Task timed out after 1.00 seconds")
    );
    assert!(begun.elapsed() < Duration::from_secs(2));
    // The next invocation has a new process.
    assert_eq!(invoke(&system, "hasty", json!(1)).await.json(), json!(1));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_is_started_again() {
    let system = system().await;
    for _ in 0..3 {
        let before = pid_of(&system, "rewind-worker");
        kill(before.unwrap());
        let is_started_again =
            || pid_of(&system, "rewind-worker").is_some_and(|pid| Some(pid) != before);
        until("it is started again", is_started_again).await;
        let after = invoke(&system, "worker", json!({"do": "pid"})).await.json();
        assert_eq!(after, json!(pid_of(&system, "rewind-worker")));
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_at_work_answers_an_error() {
    let system = system().await;
    let pid = pid_of(&system, "rewind-worker").unwrap();
    let sleeping = invoke(&system, "worker", json!({"do": "sleep", "ms": 4_000}));
    let killing = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        kill(pid);
    };
    let (answer, ()) = tokio::join!(sleeping, killing);
    assert_eq!(answer.json()["errorType"], "Runtime.ExitError");
    assert_eq!(invoke(&system, "worker", json!(2)).await.json(), json!(2));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invocations_at_once_have_processes_of_their_own() {
    let system = system().await;
    let begun = Instant::now();
    let sleeps = (0..8).map(|_| invoke(&system, "worker", json!({"do": "sleep", "ms": 300})));
    let pids: std::collections::BTreeSet<String> = futures::future::join_all(sleeps)
        .await
        .iter()
        .map(|answer| answer.json().to_string())
        .collect();
    assert_eq!(
        pids.len(),
        4,
        "four processes at most, and as many as are of use"
    );
    assert!(
        begun.elapsed() < Duration::from_millis(2_000),
        "{:?}",
        begun.elapsed()
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_are_limited_as_on_aws() {
    let system = system().await;
    let large = invoke(
        &system,
        "worker",
        json!({"do": "large", "bytes": 6 * 1024 * 1024}),
    )
    .await;
    assert_eq!(large.json()["errorType"], "Function.ResponseSizeTooLarge");
    let fits = invoke(
        &system,
        "worker",
        json!({"do": "large", "bytes": 6 * 1024 * 1024 - 100}),
    )
    .await;
    assert_eq!(fits.body.len(), 6 * 1024 * 1024 - 98);
    let request = invoke(&system, "worker", json!("x".repeat(6 * 1024 * 1024))).await;
    assert_eq!(request.status, 413);
    let event = hand_over(&system, "worker", json!("x".repeat(1024 * 1024))).await;
    assert_eq!(event.status, 413);
    let url = format!("{}/2015-03-31/functions/worker/invocations", system.url());
    let nonsense = send(Request::post(url).body(Body::from("{")).unwrap()).await;
    assert_eq!(
        (
            nonsense.status.as_u16(),
            &nonsense.headers["x-amzn-errortype"]
        ),
        (400, &"InvalidRequestContentException".parse().unwrap())
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_tried_three_times() {
    let place = Temporary::new();
    let system = system().await;
    let file = place.file("count");
    let answer = hand_over(
        &system,
        "worker",
        json!({"do": "fail until", "file": file, "count": 3}),
    )
    .await;
    assert_eq!(answer.status, 202);
    idle(&system).await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "xxx");
    let hopeless = place.file("hopeless");
    hand_over(
        &system,
        "worker",
        json!({"do": "fail until", "file": hopeless, "count": 9}),
    )
    .await;
    idle(&system).await;
    assert_eq!(std::fs::read_to_string(&hopeless).unwrap(), "xxx");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_a_stop_interrupts_is_begun_again_at_the_next_start() {
    let place = Temporary::new();
    let system = start(TEMPLATE, place.state()).await;
    let file = place.file("count");
    hand_over(
        &system,
        "worker",
        json!({"do": "fail until", "file": file, "count": 2}),
    )
    .await;
    until("the event is tried", || {
        std::path::Path::new(&file).exists()
    })
    .await;
    system.stop().await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "x");
    let system = start(TEMPLATE, place.state()).await;
    idle(&system).await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "xx");
    assert_eq!(
        std::fs::read_dir(place.path().join("state/events"))
            .unwrap()
            .count(),
        0
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_output_of_a_function_is_in_its_log() {
    let place = Temporary::new();
    let system = start(TEMPLATE, place.state()).await;
    let log = place.path().join("state/logs/rewind-worker.log");
    let has = |text: &str| std::fs::read_to_string(&log).is_ok_and(|log| log.contains(text));
    until("its first line is kept", || has("worker begins")).await;
    // Standard error is kept too, up to the last line.
    invoke(&system, "worker", json!({"do": "panic"})).await;
    until("its panic is kept", || has("told to panic")).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_no_longer_needed_prints_nothing_at_its_end() {
    let functions: String = (0..8)
        .map(|number| {
            format!(
                "  Worker{number}: {{ Type: AWS::Serverless::Function, Metadata: {{ BuildProperties: {{ Binary: worker }} }}, \
                 Properties: {{ Timeout: 5 }} }}\n"
            )
        })
        .collect();
    let place = Temporary::new();
    let system = start(&format!("Resources:\n{functions}"), place.state()).await;
    for _ in 0..2 {
        let at_once = (0..8).flat_map(|number| vec![format!("Worker{number}"); 4]);
        let sleeps = at_once.map(|name| {
            let system = &system;
            async move { invoke(system, &name, json!({"do": "sleep", "ms": 700})).await }
        });
        futures::future::join_all(sleeps).await;
        assert!(
            system.function_pids().len() > 16,
            "{:?}",
            system.function_pids()
        );
        // After ten seconds without work, all but one process of each function are ended.
        let begun = Instant::now();
        while system.function_pids().len() > 8 {
            assert!(begun.elapsed() < Duration::from_secs(20), "they stay");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(system.function_pids().len(), 8);
    }
    system.stop().await;
    for log in std::fs::read_dir(place.path().join("state/logs")).unwrap() {
        let log = std::fs::read_to_string(log.unwrap().path()).unwrap();
        let other: Vec<&str> = log
            .lines()
            .filter(|line| *line != "worker begins")
            .collect();
        assert!(other.is_empty(), "{other:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_does_not_start_is_named_with_its_log() {
    let place = Temporary::new();
    let template = TEMPLATE.replace("Binary: hasty", "Binary: broken");
    let error = System::start(options(&template, place.state()))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, StartError::Function { function, .. } if function == "rewind-hasty"),
        "{error}"
    );
    assert!(error.to_string().contains("exit status: 3"), "{error}");
    assert!(error.to_string().contains("rewind-hasty.log"), "{error}");
    // Nothing of the failed start holds the folder or a process.
    start(TEMPLATE, place.state()).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_end_with_the_system() {
    let system = system().await;
    let pids = system.function_pids();
    assert_eq!(pids.len(), 2);
    system.stop().await;
    for (_, pid) in pids {
        assert!(
            !std::path::Path::new(&format!("/proc/{pid}")).exists(),
            "{pid} is still there"
        );
    }
}
