//! `GET /events` as server-sent events: a connection that goes on.

use crate::support::{EVENT, start_with, template};
use local::State;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::Duration,
};

/// A connection that reads server-sent events, as any HTTP client does.
struct Listener {
    lines: BufReader<TcpStream>,
}

/// An event, and the id that stands at it.
#[derive(Debug)]
struct Sent {
    id: Option<String>,
    data: Value,
}

impl Listener {
    fn connect(url: &str, query: &str, last: Option<&str>) -> (u16, Self) {
        let host = url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(40)))
            .unwrap();
        let last = last.map_or(String::new(), |id| format!("Last-Event-ID: {id}\r\n"));
        write!(
            stream,
            "GET /events{query} HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n{last}\r\n"
        )
        .unwrap();
        let mut lines = BufReader::new(stream);
        let mut status = String::new();
        lines.read_line(&mut status).unwrap();
        let status = status.split(' ').nth(1).unwrap().parse().unwrap();
        (status, Self { lines })
    }

    /// The next event; `None` where the stream has ended.
    fn next(&mut self) -> Option<Sent> {
        let mut id = None;
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            let line = line.trim_end();
            if let Some(given) = line.strip_prefix("id: ") {
                id = Some(given.to_string());
            }
            if let Some(data) = line.strip_prefix("data: ") {
                let data = serde_json::from_str(data).unwrap();
                return Some(Sent { id, data });
            }
            // The end of a chunked body.
            if line == "0" {
                return None;
            }
        }
    }
}

fn vote(user: &str) -> Value {
    json!({"specversion": "1.0", "id": user, "source": "/streamed", "type": "vote-cast",
        "subject": "poll-streamed", "data": {"user": user, "choice": "chips"}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_streamed_as_they_are_recorded_and_gone_on_with() {
    let streams = [("EventStream".to_string(), "true".to_string())];
    let template = template().with_parameters(streams).unwrap();
    let (system, client) =
        start_with(State::Ephemeral, |options| options.template = template).await;
    let send = async |user: &str| {
        client
            .post_ok("/events", EVENT, &vote(user), 202)
            .await
            .unwrap();
    };
    send("ann").await;
    let url = system.url();
    let listen = async |query: &'static str, last: Option<String>, count: usize| {
        let url = url.clone();
        let heard = tokio::task::spawn_blocking(move || {
            let (status, mut listener) = Listener::connect(&url, query, last.as_deref());
            assert_eq!(status, 200);
            (0..count)
                .map(|_| listener.next().unwrap())
                .collect::<Vec<_>>()
        });
        heard.await.unwrap()
    };
    let users = |heard: &[Sent]| -> Vec<String> {
        let user = |sent: &Sent| sent.data["data"]["user"].as_str().unwrap().to_string();
        heard.iter().map(user).collect()
    };
    // What was there, and what comes then.
    let (heard, ()) = tokio::join!(listen("?category=poll", None, 2), async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        send("bob").await;
    });
    assert_eq!(users(&heard), ["ann", "bob"]);
    // A client that was cut off goes on behind the last event that it has seen.
    send("cid").await;
    let last = heard[1].id.clone();
    assert!(last.is_some());
    let heard = listen("?category=poll", last, 1).await;
    assert_eq!(users(&heard), ["cid"]);
    // A stream ends by itself before the function's time, and is gone on with.
    let url = system.url();
    let ended = tokio::task::spawn_blocking(move || {
        let (_, mut listener) = Listener::connect(&url, "?category=poll&after=now", None);
        listener.next().is_none()
    });
    assert!(ended.await.unwrap());
    // What is wrong is a problem, with its status.
    let url = system.url();
    let refused = tokio::task::spawn_blocking(move || {
        let wrong = ["?category=poll-1", "?limit=1", "?cursor=x"];
        wrong.map(|query| Listener::connect(&url, query, None).0)
    });
    assert_eq!(refused.await.unwrap(), [400; 3]);
    system.stop().await;
}
