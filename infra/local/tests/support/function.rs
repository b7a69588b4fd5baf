//! The function of the integration tests. Its payload, or the name of its binary, says how it behaves.

use std::io::Read;
use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let name = std::env::args().nth(1).unwrap_or_default();
    if name == "--system" {
        return system().await;
    }
    // The parent holds the other end of the pipe as long as it lives.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    println!("{name} begins");
    if name == "broken" {
        eprintln!("this function cannot start");
        std::process::exit(3);
    }
    run(service_fn(|event: LambdaEvent<Value>| handle(event))).await
}

/// A whole local system for tests that kill it: prints its endpoints, then runs until it is killed.
async fn system() -> Result<(), Error> {
    use local::{Options, State, System, Template, Worker};
    let mut arguments = std::env::args().skip(2);
    let template = Template::read(arguments.next().unwrap_or_default())?;
    let state = State::Folder(arguments.next().unwrap_or_default().into());
    let worker = Worker {
        program: std::env::current_exe()?,
        args: Vec::new(),
    };
    let system = System::start(Options {
        port: 0,
        state,
        ..Options::new(template, worker)
    })
    .await?;
    println!("{} {}", system.url(), system.kinesis_endpoint());
    std::future::pending().await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let LambdaEvent { payload, context } = event;
    if payload["Records"][0]["eventSource"] == "aws:s3" {
        let seen = std::env::var("SEEN").unwrap_or_default();
        append(&seen, &format!("{payload}\n"));
        return Ok(Value::Null);
    }
    if let Some(records) = payload["Records"].as_array() {
        return records_arrived(records, payload.to_string().len());
    }
    if payload["detail-type"] == "Scheduled Event" {
        let seen = std::env::var("SEEN").unwrap_or_default();
        append(&seen, &format!("{payload}\n"));
        return Ok(Value::Null);
    }
    if payload["version"] == "2.0" {
        return request_arrived(&payload);
    }
    match payload["do"].as_str().unwrap_or("echo") {
        "fail" => Err("told to fail".into()),
        "fail until" => {
            while payload["wait for"]
                .as_str()
                .is_some_and(|file| !std::path::Path::new(file).exists())
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let path = payload["file"].as_str().unwrap_or_default();
            let count = append(path, "x");
            if count < payload["count"].as_u64().unwrap_or_default() {
                Err("not yet".into())
            } else {
                Ok(json!(count))
            }
        }
        "panic" => panic!("told to panic"),
        "exit" => std::process::exit(7),
        "sleep" => {
            let path = payload["file"].as_str().unwrap_or_default();
            append(path, "<");
            tokio::time::sleep(Duration::from_millis(payload["ms"].as_u64().unwrap_or(100))).await;
            append(path, ">");
            Ok(json!(std::process::id()))
        }
        "print" => {
            let line = "x".repeat(payload["bytes"].as_u64().unwrap_or_default() as usize);
            for _ in 0..payload["lines"].as_u64().unwrap_or_default() {
                println!("{line}");
            }
            Ok(Value::Null)
        }
        "pid" => Ok(json!(std::process::id())),
        "large" => Ok(json!(
            "x".repeat(payload["bytes"].as_u64().unwrap_or_default() as usize)
        )),
        "environment" => Ok(json!(
            std::env::vars().collect::<std::collections::BTreeMap<_, _>>()
        )),
        "context" => Ok(json!({
            "arn": context.invoked_function_arn,
            "remaining": context.deadline.saturating_sub(now_ms()),
            "id": context.request_id,
        })),
        _ => Ok(payload),
    }
}

/// Writes each record to the file `SEEN` as `partition key=data`, then fails as the data says.
fn records_arrived(records: &[Value], bytes: usize) -> Result<Value, Error> {
    let seen = std::env::var("SEEN").unwrap_or_default();
    let data: Vec<String> = records
        .iter()
        .map(|record| {
            format!(
                "{}={}",
                text(&record["kinesis"]["partitionKey"]),
                text(&record["kinesis"]["data"])
            )
        })
        .collect();
    if let Some(failing) = std::env::var("FAILING")
        .ok()
        .filter(|failing| !failing.is_empty())
    {
        // Until a file of this name exists, records with this data in base64 fail.
        let is_repaired = std::path::Path::new(&format!("{seen}.repaired")).exists();
        let place = data
            .iter()
            .position(|record| record.ends_with(&failing))
            .filter(|_| !is_repaired);
        if let Some(place) = place {
            append(&format!("{seen}.failed"), &format!("{}\n", records.len()));
            if std::env::var("REPORTS").is_err() {
                return Err("a record fails".into());
            }
            append(&seen, &lines(&data[..place]));
            let sequence = &records[place]["kinesis"]["sequenceNumber"];
            return Ok(json!({ "batchItemFailures": [{ "itemIdentifier": sequence }] }));
        }
    }
    append(&seen, &lines(&data));
    if std::env::var("NOISE").is_ok() {
        println!("{} records", data.len());
    }
    append(
        &format!("{seen}.batches"),
        &format!("{} {bytes}\n", records.len()),
    );
    if let Some(ms) = std::env::var("SLOW").ok().and_then(|ms| ms.parse().ok()) {
        std::thread::sleep(Duration::from_millis(ms));
    }
    Ok(json!({ "batchItemFailures": [] }))
}

fn request_arrived(payload: &Value) -> Result<Value, Error> {
    match payload["rawPath"].as_str() {
        Some("/fail") => Err("told to fail".into()),
        Some("/plain") => Ok(json!({ "hello": "world" })),
        Some("/odd") => Ok(json!({ "statusCode": 99_999 })),
        _ => Ok(
            json!({ "statusCode": 201, "headers": { "x-from": "function" }, "body": payload.to_string() }),
        ),
    }
}

fn lines(data: &[String]) -> String {
    data.iter().map(|record| format!("{record}\n")).collect()
}

/// Appends to a file in one write, and returns its new length.
fn append(path: &str, text: &str) -> u64 {
    use std::io::Write;
    // A test without the file `SEEN` writes none.
    if !path.starts_with('/') {
        return 0;
    }
    let Ok(mut file) = std::fs::File::options()
        .create(true)
        .append(true)
        .open(path)
    else {
        return 0;
    };
    let _ = file.write_all(text.as_bytes());
    file.metadata().map_or(0, |file| file.len())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn now_ms() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}
