//! The whole system on this machine: an event goes in over HTTP, a row comes out.

use rewind_cli::client::Client;
use serde_json::json;
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

/// A system that keeps nothing. It ends with the test.
struct System(Child);

impl System {
    /// Starts it on a free port. Returns its client as well.
    fn start() -> (Self, Client) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_@NAME@"));
        command.args(["--ephemeral", "--port", "0"]);
        let mut system = Self(command.stdout(Stdio::piped()).spawn().unwrap());
        let lines = BufReader::new(system.0.stdout.take().unwrap()).lines();
        let mut words = lines.map(|line| line.unwrap().replace(' ', "\n"));
        let greeting = words.find(|words| words.contains("http://")).unwrap();
        let url = greeting.lines().find(|word| word.starts_with("http://"));
        // A full pipe would block it.
        std::thread::spawn(move || words.for_each(drop));
        (system, Client::new(url.unwrap()))
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_becomes_a_row() {
    let (_system, client) = System::start();
    let event = json!({
        "specversion": "1.0", "id": "1", "source": "/test",
        "type": "item-received", "subject": "item-lamp", "data": {"pieces": 3},
    });
    let media = "application/cloudevents+json";
    client.post_ok("/events", media, &event, 202).await.unwrap();
    // The row that holds the first event of the stream.
    let row = client.get_ok("/projections/stock/lamp?at_least=1").await;
    assert_eq!(row.unwrap()["state"], json!({"pieces": 3}));
}
