//! The portal over HTTP, with a clock that is turned by hand: decisions,
//! credentials and plans with deadlines, a wiped data store, an audit.

use crate::{
    client::Client,
    support::{Killed, rewind_with, stream, wait_for},
};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

const JSON: &str = "application/json";

struct Portal {
    _process: Killed,
    client: Client,
    url: String,
    clock: PathBuf,
    dir: PathBuf,
}

impl Portal {
    fn start(dir: &Path, time: &str) -> Self {
        let clock = dir.join("clock");
        std::fs::write(&clock, time).unwrap();
        let state = dir.join("state");
        let (process, url) = rewind_with(&state, |command| {
            command.arg("--clock").arg(&clock);
        });
        Self {
            _process: process,
            client: Client::new(url.clone()),
            url,
            clock,
            dir: state,
        }
    }

    /// Sends a command: status and body.
    async fn send(&self, id: &str, command: &Value) -> (u16, Value) {
        let path = format!("/commands/application/{id}");
        let answer = self.client.post(&path, JSON, command.to_string()).await;
        let answer = answer.unwrap();
        (answer.status, answer.body)
    }

    async fn accepted(&self, id: &str, command_type: &str, data: &Value) -> Value {
        let command = json!({"type": command_type, "data": data});
        let (status, body) = self.send(id, &command).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn rejected(&self, id: &str, command_type: &str, data: &Value, name: &str) {
        let command = json!({"type": command_type, "data": data});
        let (status, body) = self.send(id, &command).await;
        assert_eq!((status, &body["rejection"]["name"]), (422, &json!(name)));
    }

    /// Turns the clock, and fires what is due.
    async fn turn(&self, time: &str) -> u64 {
        std::fs::write(&self.clock, time).unwrap();
        let path = "/2015-03-31/functions/rewind-microservice/invocations";
        let fired = self.client.post(path, JSON, r#"{"deadlines": {}}"#.into());
        let fired = fired.await.unwrap();
        assert_eq!(fired.status, 200, "{}", fired.body);
        fired.body["fired"].as_u64().unwrap()
    }

    /// Waits until the process has taken what its application has recorded, and
    /// its deadlines are on the list.
    async fn settle(&self, process: &str, id: &str, events: usize) {
        let path = format!("/streams/process:{process}-{id}?limit=1000");
        wait_for(&self.client, &path, |body| {
            body["events"].as_array().unwrap().len() >= events
        })
        .await;
        wait_for(&self.client, "/health", |health| {
            let readers = health["readers"].as_array().unwrap();
            readers.iter().all(|reader| reader["events"] == 0)
        })
        .await;
    }

    async fn begun(&self, id: &str, count: usize) -> Vec<String> {
        let path = format!("/streams/campaign-{id}");
        let is_there = |body: &Value| body["events"].as_array().unwrap().len() >= count;
        wait_for(&self.client, &path, is_there).await;
        let events = stream(&self.client, &format!("campaign-{id}")).await;
        events
            .iter()
            .map(|event| format!("{} {}", event["type"], event["data"]["reason"]).replace('"', ""))
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_portal_decides_waits_and_reaches_its_deadlines() {
    let dir = tempfile::tempdir().unwrap();
    let portal = Portal::start(dir.path(), "2026-01-01T09:00:00Z");
    let create = |name: &str, plan: &str| json!({"owner": "ann", "name": name, "plan": plan});

    // Decided at once, and the row is waited for.
    let created = portal
        .accepted("1", "create-application", &create("weather", "free"))
        .await;
    assert_eq!(created["events"][0]["time"], "2026-01-01T09:00:00Z");
    let row = portal
        .client
        .get_ok("/projections/applications/1?at_least=1");
    assert_eq!(row.await.unwrap()["state"]["name"], "weather");
    let taken = create("weather", "paid");
    portal
        .rejected("2", "create-application", &taken, "name-taken")
        .await;
    portal
        .accepted("2", "create-application", &create("maps", "paid"))
        .await;
    let product = json!({"product": "tiles"});
    portal.accepted("1", "add-api-product", &product).await;
    portal
        .rejected("1", "add-api-product", &product, "product-already-added")
        .await;

    // A key has one outcome, for ever.
    let command = json!({
        "type": "generate-credential", "id": "gen-1",
        "data": {"credential": "key", "expires": "2026-01-20T00:00:00Z"},
    });
    let first = portal.send("1", &command).await;
    assert_eq!(first.0, 200, "{}", first.1);
    assert_eq!(portal.send("1", &command).await, first);
    let known = portal.client.get_ok("/commands/gen-1").await.unwrap();
    assert_eq!(known["events"], first.1["events"]);

    // Later: the answer says where the outcome will be.
    let data = r#"{"type":"change-plan","data":{"plan":"free"},"id":"later-1"}"#;
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-i", "-H", "content-type: application/json"]);
    curl.args(["-H", "prefer: respond-async", "-d", data]);
    let curl = curl
        .arg(format!("{}/commands/application/2", portal.url))
        .output();
    let said = String::from_utf8(curl.unwrap().stdout)
        .unwrap()
        .to_lowercase();
    assert!(said.starts_with("http/1.1 202"), "{said}");
    assert!(said.contains("location: /commands/later-1"), "{said}");
    let outcome = wait_for(&portal.client, "/commands/later-1", |body| {
        body["outcome"] != "pending"
    });
    assert_eq!(outcome.await["outcome"], "applied");
    portal
        .accepted("2", "change-plan", &json!({"plan": "paid"}))
        .await;

    // What it would take now.
    let asked = "/aggregates/application/1?type=change-plan&data=%7B%22plan%22:%22free%22%7D";
    let asked = portal.client.get_ok(asked).await.unwrap();
    assert_eq!(asked["commands"][0]["rejection"]["name"], "same-plan");

    // The credential expires, then the plan has been free for 30 days.
    portal.settle("credentials", "1", 2).await;
    portal.settle("campaigns", "1", 2).await;
    portal.settle("campaigns", "2", 6).await;
    assert_eq!(portal.turn("2026-01-19T23:59:59Z").await, 0);
    assert_eq!(portal.turn("2026-01-20T00:00:00Z").await, 1);
    wait_for(&portal.client, "/projections/applications/1", |row| {
        row["state"]["credentials"]["key"] == json!(false)
    })
    .await;
    assert_eq!(portal.turn("2026-01-31T09:00:00Z").await, 1);
    assert_eq!(portal.begun("1", 1).await, ["campaign-started long-free"]);
    // A removed product starts a survey, and on a free plan an offer.
    portal.accepted("1", "remove-api-product", &product).await;
    assert_eq!(
        portal.begun("1", 3).await[1..],
        [
            "survey-started product-removed",
            "offer-made product-removed"
        ]
    );

    // Processes are wiped and made again: nothing is begun twice, and what is
    // due stays due.
    let to = json!({"to": [{"microservice": {}}]});
    let playback = portal.client.post_ok("/playbacks", JSON, &to, 202);
    let playback = playback.await.unwrap();
    let path = format!("/playbacks/{}", playback["id"].as_str().unwrap());
    wait_for(&portal.client, &path, |body| body["state"] == "completed").await;
    assert_eq!(portal.turn("2026-03-31T00:00:00Z").await, 0);
    assert_eq!(portal.turn("2026-04-01T09:00:00Z").await, 1, "three months");
    assert_eq!(portal.begun("2", 1).await, ["survey-started long-paid"]);
    assert_eq!(portal.begun("1", 3).await.len(), 3);
    assert_eq!(portal.turn("2030-01-01T00:00:00Z").await, 0);

    let mut verify = Command::new(env!("CARGO_BIN_EXE_rewind"));
    verify.args(["verify", "--dir"]).arg(&portal.dir);
    let verified = verify.output().unwrap();
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success(), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_of_a_decided_category_are_pointed_to_commands() {
    let dir = tempfile::tempdir().unwrap();
    let portal = Portal::start(dir.path(), "2026-01-01T09:00:00Z");
    let event = json!({
        "specversion": "1.0", "id": "1", "source": "/test", "type": "plan-changed",
        "subject": "application-1", "data": {"plan": "free"},
    });
    let answer = portal
        .client
        .post("/events", "application/cloudevents+json", event.to_string())
        .await
        .unwrap();
    assert_eq!(answer.status, 422);
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(
        detail.contains("POST /commands/application/{id}"),
        "{detail}"
    );
}
