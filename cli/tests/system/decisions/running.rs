//! A local system whose clock is turned by hand.

use crate::{
    client::Client,
    support::{Killed, rewind_with, stream, wait_for},
};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

pub const JSON: &str = "application/json";

pub struct Running {
    _process: Killed,
    pub client: Client,
    pub url: String,
    clock: PathBuf,
    dir: PathBuf,
}

impl Running {
    pub fn start(dir: &Path, time: &str) -> Self {
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

    /// Sends a command to an aggregate such as `order/7`: status and body.
    pub async fn send(&self, aggregate: &str, command: &Value) -> (u16, Value) {
        let path = format!("/commands/{aggregate}");
        let answer = self.client.post(&path, JSON, command.to_string()).await;
        let answer = answer.unwrap();
        (answer.status, answer.body)
    }

    pub async fn accepted(&self, aggregate: &str, command_type: &str, data: &Value) -> Value {
        let command = json!({"type": command_type, "data": data});
        let (status, body) = self.send(aggregate, &command).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    pub async fn rejected(&self, aggregate: &str, command_type: &str, data: &Value, name: &str) {
        let command = json!({"type": command_type, "data": data});
        let (status, body) = self.send(aggregate, &command).await;
        assert_eq!((status, &body["rejection"]["name"]), (422, &json!(name)));
    }

    /// Turns the clock, and fires what is due.
    pub async fn turn(&self, time: &str) -> u64 {
        std::fs::write(&self.clock, time).unwrap();
        let path = "/2015-03-31/functions/rewind-microservice/invocations";
        let fired = self.client.post(path, JSON, r#"{"deadlines": {}}"#.into());
        let fired = fired.await.unwrap();
        assert_eq!(fired.status, 200, "{}", fired.body);
        fired.body["fired"].as_u64().unwrap()
    }

    /// Waits until a process has taken what its key has recorded, and its
    /// deadlines are on the list. `journal` is such as `checkout-7`.
    pub async fn settle(&self, journal: &str, events: usize) {
        let path = format!("/streams/process:{journal}?limit=1000");
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

    /// The types of a stream's events, once there are so many.
    pub async fn types(&self, name: &str, count: usize) -> Vec<String> {
        let path = format!("/streams/{name}");
        let is_there = |body: &Value| body["events"].as_array().unwrap().len() >= count;
        wait_for(&self.client, &path, is_there).await;
        let events = stream(&self.client, name).await;
        let types = events.iter().map(|event| event["type"].as_str().unwrap());
        types.map(ToString::to_string).collect()
    }

    /// Wipes what the processes know, and makes it again from the events.
    pub async fn rebuild_processes(&self) {
        let to = json!({"to": [{"microservice": {}}]});
        let playback = self.client.post_ok("/playbacks", JSON, &to, 202);
        let playback = playback.await.unwrap();
        let path = format!("/playbacks/{}", playback["id"].as_str().unwrap());
        wait_for(&self.client, &path, |body| body["state"] == "completed").await;
    }

    pub fn verify(&self) {
        let mut verify = Command::new(env!("CARGO_BIN_EXE_rewind"));
        verify.args(["verify", "--dir"]).arg(&self.dir);
        let verified = verify.output().unwrap();
        let said = String::from_utf8_lossy(&verified.stdout).into_owned();
        assert!(verified.status.success(), "{said}");
    }
}
