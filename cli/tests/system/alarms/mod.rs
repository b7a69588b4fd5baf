//! Each alarm of the template rises when its fault is made, and none does
//! without a fault.
//!
//! The faults are real: a permission is taken away, a schedule does not run, an
//! event is refused. The metrics of the namespace `Rewind` are those that the
//! functions wrote into their logs. What AWS itself measures is imitated: the age
//! of a record (how long the event that the fault holds has waited), errors of a
//! function (answers to an invocation), 5xx (answers over HTTP). Throttles of
//! Lambda, DynamoDB and Kinesis are values alone, without a fault behind them.
//!
//! Time runs faster: a minute of schedules and alarms takes [`MINUTE`](scene::MINUTE), and times
//! in metrics are stretched as much.

mod alarm;
mod math;
mod scene;

use crate::support::{BATCH, accept_unchecked, template, vote, wait_for};
use alarm::{Alarm, Datum, Metric};
use rewind_aws::{metrics::catalog, wiring::Clients};
use scene::{MINUTE, Scene};
use serde_json::{Value, json};
use serde_yaml_ng::Value as Yaml;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

/// The metrics of AWS that alarms read.
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>,
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html>,
/// <https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html>,
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html>
const OF_AWS: [(&str, &str, &[&str]); 9] = [
    ("AWS/Lambda", "IteratorAge", &["FunctionName"]),
    ("AWS/Lambda", "Errors", &["FunctionName"]),
    ("AWS/Lambda", "Throttles", &["FunctionName"]),
    ("AWS/DynamoDB", "ReadThrottleEvents", &["TableName"]),
    ("AWS/DynamoDB", "WriteThrottleEvents", &["TableName"]),
    // Those of a table are not those of its index.
    ("AWS/DynamoDB", "ReadThrottleEvents", OF_AN_INDEX),
    ("AWS/DynamoDB", "WriteThrottleEvents", OF_AN_INDEX),
    (
        "AWS/Kinesis",
        "WriteProvisionedThroughputExceeded",
        &["StreamName"],
    ),
    ("AWS/ApiGateway", "5xx", &["ApiId"]),
];
const OF_AN_INDEX: &[&str] = &["GlobalSecondaryIndexName", "TableName"];

/// The alarms whose fault a test here makes.
const MADE: [&str; 14] = [
    "Conflicting",
    "Errors",
    "Failing",
    "IngestErrors",
    "Lagging",
    "Letters",
    "MicroserviceAge",
    "NothingRecorded",
    "PumpAge",
    "QueryErrors",
    "ServerErrors",
    "Stalled",
    "Unscheduled",
    "WriteAge",
];

/// The alarms whose metrics are values alone.
const IMITATED: [&str; 3] = ["StreamThrottles", "TableThrottles", "Throttles"];

/// The template's alarms by their names.
fn alarms() -> BTreeMap<String, Alarm> {
    let alarms = template().resolved("rewind", "AWS::CloudWatch::Alarm");
    let alarms = alarms.unwrap().into_iter();
    alarms
        .map(|(name, properties)| (name, Alarm::of(&properties)))
        .collect()
}

/// Takes a permission, or a key that it is for, away from a function's role.
fn take_away(resources: &mut Yaml, role: &str, permission: &str) {
    let text = serde_yaml_ng::to_string(&resources[role]).unwrap();
    assert!(text.contains(permission), "{role} has no {permission}");
    let text = text.replace(permission, "dynamodb:DescribeTable");
    resources[role] = serde_yaml_ng::from_str(&text).unwrap();
}

#[test]
fn every_alarm_is_here_and_reads_metrics_that_exist() {
    let alarms = alarms();
    let here: BTreeSet<&str> = MADE.into_iter().chain(IMITATED).collect();
    let declared: BTreeSet<&str> = alarms.keys().map(String::as_str).collect();
    assert_eq!(declared, here);
    let page = include_str!("../../../../docs/run-it.md");
    for (name, alarm) in &alarms {
        assert!(
            page.contains(&format!("`{name}`")),
            "docs/run-it.md: {name}"
        );
        for Metric {
            namespace,
            name: metric,
            dimensions,
        } in alarm.queries.values().map(|query| &query.metric)
        {
            let over: Vec<&str> = dimensions.keys().map(String::as_str).collect();
            let exists = match namespace.as_str() {
                catalog::NAMESPACE => {
                    let known = catalog::ALL.iter().any(|known| known.name == metric);
                    known && over == [catalog::STACK]
                }
                _ => OF_AWS
                    .iter()
                    .any(|known| *known == (namespace, metric, &over)),
            };
            assert!(exists, "{name} reads {namespace} {metric} over {over:?}");
        }
    }
}

/// What comes late is filled at first. An alarm that needs every one of the last
/// periods would wait for ever.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html>
#[test]
fn an_alarm_that_fills_what_is_missing_does_not_need_the_newest_period() {
    let alarms = template().resolved("rewind", "AWS::CloudWatch::Alarm");
    for (name, properties) in alarms.unwrap() {
        if properties.to_string().contains("FILL(") {
            let number = |property: &str| properties[property].as_u64();
            let (needed, of) = (number("DatapointsToAlarm"), number("EvaluationPeriods"));
            assert!(
                needed.is_some() && needed < of,
                "{name}: {needed:?} of {of:?}"
            );
        }
    }
}

#[test]
fn an_alarm_over_several_metrics_of_aws_rises_by_each_of_them_alone() {
    let began = SystemTime::UNIX_EPOCH;
    for (name, alarm) in alarms() {
        let minutes = alarm.minutes();
        for query in alarm.queries.values() {
            if query.metric.namespace == catalog::NAMESPACE {
                continue;
            }
            let data = |value: f64| {
                let datum = |minute| Datum {
                    metric: query.metric.clone(),
                    at: began + MINUTE * minute,
                    value,
                };
                (0..minutes).map(datum).collect::<Vec<_>>()
            };
            let rises = |data: &[Datum]| alarm.rises(data, began, began + MINUTE * minutes, MINUTE);
            let metric = &query.metric;
            assert!(rises(&data(1e6)), "{name} does not see {metric:?}");
            assert!(!rises(&data(0.0)), "{name} rises without a fault");
            let short = &data(1e6)[1..];
            assert!(!rises(short), "{name} rises too early");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_fault_no_alarm_rises() {
    let mut scene = Scene::start(|_| {}).await;
    let path = "/health";
    let is_ok = |health: &Value| health["status"] == "ok";
    let longest = alarms().values().map(Alarm::minutes).max().unwrap();
    for nth in 0..longest + 2 {
        let since = SystemTime::now();
        scene.post_vote("poll-calm", nth as usize).await;
        let row = |row: &Value| row["watermark"] == nth + 1;
        wait_for(&scene.client, "/projections/basic-sum/calm", row).await;
        for function in ["rewind-pump", "rewind-write", "rewind-microservice"] {
            scene.imitate_age(function, since);
        }
        tokio::time::sleep(MINUTE).await;
    }
    wait_for(&scene.client, path, is_ok).await;
    assert_eq!(scene.risen(), BTreeSet::new());
    scene.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_no_projection_takes_raises_stalled() {
    let mut scene = Scene::start(|_| {}).await;
    let mut refused = vote("poll-stalled", 1);
    refused["data"]["choice"] = 5.into();
    refused["time"] = "2023-04-19T09:00:00Z".into();
    let (dynamodb, kinesis) = (
        scene.system.dynamodb_endpoint(),
        scene.system.kinesis_endpoint(),
    );
    let clients = Clients::at(dynamodb, kinesis).await;
    accept_unchecked(&clients, &refused).await;
    scene.until(&["Stalled"], async |_| {}).await;
    scene.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_with_other_content_raises_conflicting() {
    let mut scene = Scene::start(|_| {}).await;
    scene.post_vote("poll-twice", 1).await;
    let mut other = vote("poll-twice", 1);
    other["data"]["choice"] = "salad".into();
    let batch = json!([other]);
    scene
        .client
        .post_ok("/events", BATCH, &batch, 202)
        .await
        .unwrap();
    scene.until(&["Conflicting"], async |_| {}).await;
    scene.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_that_does_not_run_raises_unscheduled() {
    let without = |resources: &mut Yaml| {
        let events = resources["Playback"]["Properties"]["Events"].as_mapping_mut();
        events
            .unwrap()
            .retain(|_, event| event["Type"] != "Schedule");
    };
    let mut scene = Scene::start(without).await;
    scene.until(&["Unscheduled"], async |_| {}).await;
    scene.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pump_that_may_not_record_raises_four_alarms() {
    let refuses = |resources: &mut Yaml| take_away(resources, "PumpRole", "dynamodb:PartiQLInsert");
    let mut scene = Scene::start(refuses).await;
    let (since, mut nth) = (SystemTime::now(), 0);
    let alarms = ["PumpAge", "Failing", "Lagging", "NothingRecorded"];
    let act = async |scene: &mut Scene| {
        nth += 1;
        scene.post_vote("poll-waits", nth).await;
        scene.imitate_age("rewind-pump", since);
    };
    scene.until(&alarms, act).await;
    scene.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pump_that_does_not_run_raises_nothing_recorded() {
    let without = |resources: &mut Yaml| {
        let pump = resources["Pump"]["Properties"].as_mapping_mut();
        pump.unwrap().remove("Events").expect("a trigger");
    };
    let mut scene = Scene::start(without).await;
    let mut nth = 0;
    let act = async |scene: &mut Scene| {
        nth += 1;
        scene.post_vote("poll-waits", nth).await;
    };
    scene.until(&["NothingRecorded"], act).await;
    scene.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_may_not_change_rows_raises_three_alarms() {
    // The key of rows; what tells of failures may be written.
    let refuses = |resources: &mut Yaml| take_away(resources, "WriteRole", "*@*");
    let mut scene = Scene::start(refuses).await;
    let since = SystemTime::now();
    scene.post_vote("poll-waits", 1).await;
    let act = async |scene: &mut Scene| {
        let row = scene.client.get("/projections/basic-sum/waits").await;
        assert_eq!(row.unwrap().status, 404);
        scene.imitate_age("rewind-write", since);
    };
    scene.until(&["WriteAge", "Failing", "Lagging"], act).await;
    scene.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_microservice_that_may_not_emit_raises_two_alarms() {
    let mut scene = Scene::start(|resources| may_not_emit(resources, None)).await;
    let since = SystemTime::now();
    post_input(&scene).await;
    let act = async |scene: &mut Scene| scene.imitate_age("rewind-microservice", since);
    scene.until(&["MicroserviceAge", "Failing"], act).await;
    scene.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_given_up_on_raises_letters() {
    let mut scene = Scene::start(|resources| may_not_emit(resources, Some(0))).await;
    post_input(&scene).await;
    scene.until(&["Letters"], async |_| {}).await;
    scene.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_fails_raises_errors() {
    let mut scene = Scene::start(|_| {}).await;
    let act = async |scene: &mut Scene| {
        for function in ["ingest", "query", "pump"] {
            scene.break_function(function).await;
        }
    };
    scene
        .until(&["IngestErrors", "QueryErrors", "Errors"], act)
        .await;
    scene.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_that_answers_5xx_raises_server_errors() {
    let mut scene = Scene::start(may_not_put).await;
    let metrics = &alarms()["ServerErrors"].queries;
    let mut metrics = metrics.values().map(|query| &query.metric);
    let api = metrics.find_map(|metric| metric.dimensions.get("ApiId"));
    let api = api.unwrap().clone();
    let act = async |scene: &mut Scene| {
        // Not an event: that it is not put is a metric of ingest's as well.
        let answer = scene.client.get("/projections/carts/9?at=1").await.unwrap();
        let is_5xx = f64::from(u8::from(answer.status >= 500));
        scene.imitate(("AWS/ApiGateway", "5xx"), ("ApiId", &api), is_5xx);
    };
    scene.until(&["ServerErrors"], act).await;
    scene.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_not_put_raises_server_errors_though_its_status_is_207() {
    let mut scene = Scene::start(may_not_put).await;
    let act = async |scene: &mut Scene| {
        let batch = json!([vote("poll-refused", 1)]).to_string();
        let answer = scene.client.post("/events", BATCH, batch).await.unwrap();
        assert_eq!(answer.status, 207);
    };
    scene.until(&["ServerErrors"], act).await;
    scene.system.stop().await;
}

/// ingest may not put what it accepts, and query may not read events.
fn may_not_put(resources: &mut Yaml) {
    take_away(resources, "IngestRole", "kinesis:PutRecords");
    take_away(resources, "QueryRole", "dynamodb:Query");
}

/// microservice may not put what its adapters emit, and is tried so often.
fn may_not_emit(resources: &mut Yaml, attempts: Option<u64>) {
    take_away(resources, "MicroserviceRole", "kinesis:PutRecords");
    if let Some(attempts) = attempts {
        let trigger = &mut resources["Microservice"]["Properties"]["Events"]["Events"];
        trigger["Properties"]["MaximumRetryAttempts"] = attempts.into();
    }
}

async fn post_input(scene: &Scene) {
    let input = json!({
        "type": "product-added-to-cart", "timestamp": "2023-04-19T09:00:00Z",
        "product_id": "1", "user_id": "9",
    });
    let posted = scene
        .client
        .post_ok("/inputs/shop", "application/json", &input, 202);
    posted.await.unwrap();
}
