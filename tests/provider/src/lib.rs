//! A payment provider, as a real HTTP server. It honours idempotency keys, and
//! counts what it did under each.

use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::Duration,
};

/// What the provider has done under a key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entry {
    pub path: String,
    pub body: Value,
    /// How often it has acted: a second time is a fault.
    pub acted: usize,
    /// How often it was asked.
    pub asked: usize,
    pub traceparent: String,
}

/// How it behaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// One of so many answers is lost, after it has acted.
    pub loses: Option<usize>,
    /// It answers so late.
    pub late: Duration,
    /// It answers with this, and does nothing.
    pub status: Option<u16>,
    /// And says to come back after so many seconds.
    pub retry_after: u64,
}

#[derive(Debug, Default)]
struct Book {
    entries: BTreeMap<String, Entry>,
    requests: usize,
    manner: Manner,
}

#[derive(Debug, Clone)]
pub struct Provider {
    pub url: String,
    book: Arc<Mutex<Book>>,
}

impl Provider {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let book = Arc::<Mutex<Book>>::default();
        let known = book.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let book = known.clone();
                thread::spawn(move || while let Some(()) = serve(&stream, &book) {});
            }
        });
        Self { url, book }
    }

    pub fn behaves(&self, manner: Manner) {
        self.book().manner = manner;
    }

    pub fn requests(&self) -> usize {
        self.book().requests
    }

    /// How many keys it has acted under.
    pub fn keys(&self) -> usize {
        self.book().entries.len()
    }

    pub fn entries(&self) -> BTreeMap<String, Entry> {
        self.book().entries.clone()
    }

    /// What it has taken for an order in all.
    pub fn taken(&self, order: &str) -> i64 {
        let entries = self.entries();
        let own = entries
            .values()
            .filter(|entry| entry.body["order"] == order);
        own.map(|entry| entry.body["cents"].as_i64().unwrap() * entry.acted as i64)
            .sum()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }
}

/// Answers one request. `None` where the connection ends.
fn serve(stream: &TcpStream, book: &Mutex<Book>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_string();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_lowercase(), value.to_string());
    }
    let length = headers.get("content-length");
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let key = headers["idempotency-key"].clone();
    let (status, is_lost, manner) = {
        let mut book = book.lock().unwrap();
        book.requests += 1;
        let (nth, manner) = (book.requests, book.manner);
        let acts = manner.status.is_none();
        if acts {
            let entry = book.entries.entry(key).or_default();
            entry.asked += 1;
            if entry.acted == 0 {
                entry.acted = 1;
                (entry.path, entry.body) = (path.clone(), body);
                entry.traceparent = headers["traceparent"].clone();
            }
        }
        let is_lost = acts && manner.loses.is_some_and(|one_of| nth % one_of == 0);
        (manner.status.unwrap_or(201), is_lost, manner)
    };
    thread::sleep(manner.late);
    if is_lost {
        return None;
    }
    let answer = json!({"path": path, "score": 7}).to_string();
    let (length, after) = (answer.len(), manner.retry_after);
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status} Word\r\ncontent-type: application/json\r\nretry-after: {after}\r\ncontent-length: {length}\r\n\r\n{answer}"
    )
    .ok()
}
