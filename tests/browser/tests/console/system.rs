//! The system as a user starts it, with things in it to look at.

use rewind_cli::client::Client;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long rows may take to follow their events.
const PATIENCE: Duration = Duration::from_secs(60);

/// A `rewind` that is killed when the test ends.
pub struct System {
    process: Child,
    pub url: String,
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

impl System {
    /// Starts this program as `rewind`.
    pub fn start(dir: &Path) -> Self {
        Self::start_program(&std::env::current_exe().unwrap(), dir)
    }

    /// Starts another program as `rewind`.
    pub fn start_program(program: &Path, dir: &Path) -> Self {
        let mut command = Command::new(program);
        command.args(["--port", "0", "--dir"]).arg(dir);
        command.current_dir(root()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let url = loop {
            let line = lines.next().expect("rewind says its address").unwrap();
            if let Some(at) = line.find("http://") {
                break line[at..].split_whitespace().next().unwrap().to_owned();
            }
        };
        // A full pipe would block it.
        thread::spawn(move || lines.for_each(drop));
        Self { process, url }
    }

    /// Stops it at once.
    pub fn kill(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for System {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Fills a shop, a poll and a portal, and waits for the rows.
pub async fn fill(client: &Client) {
    let json = "application/json";
    for (minute, kind, member, value) in [
        (0, "product-added-to-cart", "product_id", "123"),
        (15, "product-removed-from-cart", "product_id", "123"),
        (20, "product-added-to-cart", "product_id", "124"),
        (30, "order-placed", "order_id", "789"),
    ] {
        let time = format!("2023-04-19T09:{minute:02}:00Z");
        let input = json!({"type": kind, "timestamp": time, "user_id": "456", member: value});
        client
            .post_ok("/inputs/shop", json, &input, 202)
            .await
            .unwrap();
    }
    reaches(client, "/projections/carts/456", |row| {
        row["watermark"] == 4
    })
    .await;
    // More than the slider of a row begins with.
    let added: Vec<Value> = (0..110).map(added).collect();
    let batch = "application/cloudevents-batch+json";
    client
        .post_ok("/events", batch, &json!(added), 202)
        .await
        .unwrap();
    reaches(client, "/projections/carts/many", |row| {
        row["watermark"] == 110
    })
    .await;
    // With an id of its own, which the story asks for.
    for (application, id, owner) in [("7", "first", "ann"), ("8", "second", "bob")] {
        let data = json!({"owner": owner, "name": "weather", "plan": "free"});
        let command = json!({"type": "create-application", "id": id, "data": data});
        let path = format!("/commands/application/{application}");
        let decided = client.post(&path, json, command.to_string()).await;
        assert_eq!(decided.unwrap().status, 200);
    }

    let choices = ["chips", "salad", "steak", "ice cream", "gravel"];
    let votes: Vec<Value> = (0..120)
        .map(|nth| vote(nth, choices[nth * 7 % 5]))
        .collect();
    client
        .post_ok("/events", batch, &json!(votes), 202)
        .await
        .unwrap();
    // The identity of the first vote with other content: a conflict.
    client
        .post_ok("/events", batch, &json!([vote(0, "the moon")]), 202)
        .await
        .unwrap();

    // The last of all, so that Home shows its call among the latest events.
    let order = json!({
        "applies": "now", "source": "web", "profile": "private", "order_id": "7", "user_id": "ann",
        "lines": [{"product_id": "tea", "quantity": 2, "cents": 350}],
    });
    client
        .post_ok("/inputs/orders", json, &order, 202)
        .await
        .unwrap();
    reaches(client, "/projections/basic-sum/lunch", |row| {
        row["watermark"] == 120
    })
    .await;
    reaches(client, "/streams/gateway:payments-7", |log| {
        log["events"][0].is_object()
    })
    .await;
    reaches(client, "/health", |health| health["conflicts"] == 1).await;

    let letter = include_str!("../../../../events/playback-dead-letter.json");
    let letter: Value = serde_json::from_str(letter).unwrap();
    // S3 tells of a batch that was given up on, and the schedule notes what is wrong.
    for told in [letter, json!({"recover": {}})] {
        let path = "/2015-03-31/functions/playback/invocations";
        client.post_ok(path, json, &told, 200).await.unwrap();
    }
}

fn added(nth: usize) -> Value {
    json!({
        "specversion": "1.0",
        "id": format!("many/{nth}"),
        "source": "/test",
        "type": "product-added-to-cart",
        "subject": "cart-many",
        "data": {"product_id": "123"},
    })
}

fn vote(nth: usize, choice: &str) -> Value {
    json!({
        "specversion": "1.0",
        "id": format!("lunch/{nth}"),
        "source": "/test",
        "type": "vote-cast",
        "subject": "poll-lunch",
        "data": {"user": format!("user-{nth:03}"), "choice": choice},
    })
}

async fn reaches(client: &Client, path: &str, is_wanted: impl Fn(&Value) -> bool) {
    let started = Instant::now();
    loop {
        let answer = client.get(path).await.unwrap();
        if answer.status == 200 && is_wanted(&answer.body) {
            return;
        }
        let (status, body) = (answer.status, answer.body);
        assert!(
            started.elapsed() < PATIENCE,
            "GET {path} still answers {status}: {body}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
