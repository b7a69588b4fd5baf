//! Requests that a route may meet: good ones, nearly good ones, and others.

use crate::answer::Answer;
use rand::{Rng, rngs::SmallRng, seq::IndexedRandom};
use serde_json::{Value, json};
use std::{fmt, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request as it goes over the wire.
pub struct Sent {
    pub method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// A request to any of the routes.
pub fn any(dice: &mut SmallRng, address: SocketAddr) -> Sent {
    let (route, takes) = *routes().choose(dice).unwrap();
    let (method, path) = route.split_once(' ').unwrap();
    let methods = [
        "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "BREW",
    ];
    let method = match dice.random_bool(0.08) {
        true => *methods.choose(dice).unwrap(),
        false => method,
    };
    let mut headers = headers(dice, address);
    let body = match method {
        "GET" | "HEAD" if dice.random_bool(0.95) => Vec::new(),
        _ => body(dice, path),
    };
    if dice.random_bool(0.97) {
        headers.push(("content-length".into(), body.len().to_string().into()));
    } else {
        let wrong = ["", "-1", "x", "1e3", "99999999999999999999"];
        let length = *wrong.choose(dice).unwrap();
        headers.push(("content-length".into(), length.into()));
    }
    Sent {
        method: method.to_string(),
        target: target(dice, path, takes),
        headers,
        body,
    }
}

/// All routes, each with the parameters of the query string that it takes.
fn routes() -> Vec<(&'static str, &'static [&'static str])> {
    let plain = ingest::ROUTES.iter().chain(&OTHERS);
    let declared = query::ROUTES.iter().chain(playback::ROUTES);
    let declared = declared.chain(microservice::ROUTES);
    let declared = declared.map(|route| (route.key, route.takes));
    plain.map(|key| (*key, &[][..])).chain(declared).collect()
}

/// What the local system answers beside the template's routes.
const OTHERS: [&str; 2] = [
    "POST /2015-03-31/functions/{function}/invocations",
    "GET /nowhere/{key+}",
];

const TEXTS: [&str; 24] = [
    "",
    " ",
    "a",
    "0",
    "-1",
    "1.5",
    "1e9",
    "18446744073709551615",
    "99999999999999999999999",
    "null",
    "true",
    "..",
    "%00",
    "a/b",
    "甲",
    "💥",
    "é\u{301}",
    "poll-fuzz",
    "cart-fuzz",
    "compare",
    "2023-04-19T09:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    "2023-04-19 09:00:00",
    "\u{1}\u{7f}",
];

fn text(dice: &mut SmallRng) -> String {
    match dice.random_range(0..20) {
        0 => "x".repeat(dice.random_range(1_000..3_000)),
        1 => (0..dice.random_range(1..20))
            .map(|_| dice.random::<char>())
            .collect(),
        _ => TEXTS.choose(dice).unwrap().to_string(),
    }
}

/// A text in a path or a query, mostly encoded as it has to be.
fn encoded(dice: &mut SmallRng, text: &str) -> String {
    let broken = ["%", "%z", "%C3%28", "%2", "%2F", "%00", "+", "&&", "=="];
    if dice.random_bool(0.05) {
        return broken.choose(dice).unwrap().to_string();
    }
    let bytes = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b':' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    });
    bytes.collect()
}

fn target(dice: &mut SmallRng, path: &str, takes: &[&str]) -> String {
    let segments = path.split('/').map(|segment| {
        let known: &[&str] = match segment {
            "{stream}" => &["poll-fuzz", "cart-fuzz", "poll-1", "rewind-conflicts"],
            "{name}" => &["carts", "basic-sum", "products", "user-log", "nobody"],
            "{version}" => &["1", "2", "7"],
            "{category}" => &["poll", "cart", "nobody", "rewind-conflicts"],
            "{source}" => &["shop", "nobody"],
            "{id}" => &["fuzz", "nobody", "poll-fuzz@1"],
            "{function}" => &["ingest", "pump", "write", "microservice", "query", "nobody"],
            "{key}" | "{key+}" => &["fuzz", "1", "a/b"],
            fixed => return fixed.to_string(),
        };
        match dice.random_bool(0.7) {
            true => known.choose(dice).unwrap().to_string(),
            false => {
                let text = text(dice);
                encoded(dice, &text)
            }
        }
    });
    let mut target = segments.collect::<Vec<_>>().join("/");
    if dice.random_bool(0.4) {
        let strangers = ["cursor", "as_of", "x", ""];
        let pairs = (0..dice.random_range(1..4)).map(|_| {
            let known = takes.choose(dice).filter(|_| dice.random_bool(0.8));
            let name = known.or_else(|| strangers.choose(dice)).unwrap();
            let value = text(dice);
            format!("{name}={}", encoded(dice, &value))
        });
        target.push('?');
        target.push_str(&pairs.collect::<Vec<_>>().join("&"));
    }
    match dice.random_range(0..200) {
        0 => format!("{target}/"),
        1 => format!("//{target}"),
        2 => format!("{target}{}", "x".repeat(20_000)),
        _ => target,
    }
}

fn headers(dice: &mut SmallRng, address: SocketAddr) -> Vec<(String, Vec<u8>)> {
    let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |name: &str, value: Vec<u8>| headers.push((name.to_string(), value));
    let host = match dice.random_range(0..100) {
        0 => text(dice),
        1 => "evil.example".into(),
        _ => address.to_string(),
    };
    add("host", header_value(&host));
    if dice.random_bool(0.02) {
        add("origin", b"http://evil.example".to_vec());
    }
    let media = [
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
        "application/json",
    ];
    match dice.random_range(0..20) {
        0 => {}
        1 => add("content-type", header_value(&text(dice))),
        2 => add("content-type", b"text/plain".to_vec()),
        _ => add(
            "content-type",
            media.choose(dice).unwrap().as_bytes().to_vec(),
        ),
    }
    if dice.random_bool(0.2) {
        let key = match dice.random_bool(0.7) {
            true => format!("key-{}", dice.random_range(0..50)),
            false => text(dice),
        };
        add("idempotency-key", header_value(&key));
    }
    if dice.random_bool(0.1) {
        let prefers = ["respond-async", "respond-async, wait=1", "wait=1", "wait=x"];
        let preference = match dice.random_bool(0.8) {
            true => prefers.choose(dice).unwrap().to_string(),
            false => text(dice),
        };
        add("prefer", header_value(&preference));
    }
    if dice.random_bool(0.15) {
        let attributes = [
            ("ce-specversion", "1.0"),
            ("ce-id", "fuzz"),
            ("ce-source", "/fuzz"),
            ("ce-type", "vote-cast"),
            ("ce-subject", "poll-fuzz"),
            ("ce-time", "2023-04-19T09:00:00Z"),
            ("ce-other", "x"),
        ];
        for (name, good) in attributes {
            match dice.random_range(0..12) {
                0 => {}
                1 => add(name, header_value(&text(dice))),
                2 => add(name, vec![0xe9, 0xff]),
                _ => add(name, good.as_bytes().to_vec()),
            }
        }
    }
    match dice.random_range(0..150) {
        0 => add("x-large", vec![b'x'; 100_000]),
        1 => (0..200).for_each(|nth| add(&format!("x-{nth}"), b"x".to_vec())),
        2 => add("transfer-encoding", b"gzip".to_vec()),
        3 => add("expect", b"200-maybe".to_vec()),
        _ => {}
    }
    headers
}

/// A header ends at a line's end: what would end it is left out.
fn header_value(text: &str) -> Vec<u8> {
    text.bytes()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .collect()
}

fn body(dice: &mut SmallRng, path: &str) -> Vec<u8> {
    let raw: [&[u8]; 10] = [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"[[[",
        b"{\"id\":\"\\ud800\"}",
        b"\xff\xfe",
        b"{\"a\":1e400}",
        b"{\"source\":\"/a\",\"source\":\"/b\"}",
        b"[\"why\",\"bob\"]",
    ];
    if dice.random_bool(0.12) {
        return raw.choose(dice).unwrap().to_vec();
    }
    let event = json!({
        "specversion": "1.0",
        "id": format!("fuzz/{}", dice.random_range(0..3_000)),
        "source": "/fuzz",
        "type": "vote-cast",
        "subject": format!("poll-fuzz{}", dice.random_range(0..20)),
        "data": {"user": "ann", "choice": "chips"},
    });
    let mut value = match path {
        "/events" => match dice.random_range(0..3) {
            0 => (0..dice.random_range(0..6))
                .map(|_| event.clone())
                .collect(),
            _ => event,
        },
        "/playbacks" => match dice.random_range(0..4) {
            0 => json!({"to": [{"projection": "carts"}], "dry_run": true}),
            1 => json!({"to": [{"subscriber": "fuzz"}], "what": {"streams": ["poll-fuzz1"]}}),
            2 => {
                json!({"to": [{"projection": "basic-sum"}], "what": {"categories": ["poll"], "count": 3}})
            }
            _ => json!({"to": [{"projection": "nobody"}]}),
        },
        _ if path.ends_with("/reversal") => json!({"reason": "a test", "by": "fuzz"}),
        _ if path.starts_with("/commands") => json!({
            "type": "add-product",
            "id": format!("fuzz-{}", dice.random_range(0..50)),
            "data": {"product_id": "123"},
        }),
        _ if path.starts_with("/projections") => json!({"generation": dice.random_range(1..4)}),
        _ => json!({
            "type": "product-added-to-cart",
            "timestamp": "2023-04-19T09:00:00Z",
            "product_id": "123",
            "user_id": "fuzz",
        }),
    };
    for _ in 0..*[0, 0, 1, 1, 2, 5].choose(dice).unwrap() {
        spoil(dice, &mut value);
    }
    let mut body = value.to_string().into_bytes();
    match dice.random_range(0..40) {
        0 => body.truncate(body.len() / 2),
        1 => {
            let at = dice.random_range(0..=body.len());
            body.insert(at, dice.random());
        }
        _ => {}
    }
    body
}

/// Makes one place of a value other than it should be.
fn spoil(dice: &mut SmallRng, value: &mut Value) {
    let goes_on = dice.random_bool(0.7);
    match value {
        Value::Object(fields) if goes_on && !fields.is_empty() => {
            let names: Vec<String> = fields.keys().cloned().collect();
            let name = names.choose(dice).unwrap();
            match dice.random_range(0..6) {
                0 => drop(fields.remove(name)),
                1 => drop(fields.insert(text(dice), hostile(dice))),
                _ => spoil(dice, &mut fields[name]),
            }
        }
        Value::Array(values) if goes_on && !values.is_empty() => {
            let nth = dice.random_range(0..values.len());
            spoil(dice, &mut values[nth]);
        }
        _ => *value = hostile(dice),
    }
}

fn hostile(dice: &mut SmallRng) -> Value {
    match dice.random_range(0..14) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(u64::MAX),
        4 => json!(1.5),
        5 => json!(1e300),
        6 => json!([]),
        7 => json!({}),
        8 => json!(["a", "b"]),
        9 => json!({"": {"": ""}}),
        10 => (0..dice.random_range(100..200)).fold(json!(1), |deep, _| json!([deep])),
        11 if dice.random_bool(0.1) => json!("x".repeat(300_000)),
        _ => json!(text(dice)),
    }
}

impl Sent {
    /// Sends it on a connection of its own.
    pub async fn send(&self, address: SocketAddr) -> Result<Answer, String> {
        let failed = |what: &'static str| move |error: std::io::Error| format!("{what}: {error}");
        let exchange = async {
            let connection = TcpStream::connect(address).await;
            let (mut reading, mut writing) = connection.map_err(failed("connecting"))?.into_split();
            let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
            for (name, value) in &self.headers {
                head.extend_from_slice(name.as_bytes());
                head.extend_from_slice(b": ");
                head.extend_from_slice(value);
                head.extend_from_slice(b"\r\n");
            }
            head.extend_from_slice(b"connection: close\r\n\r\n");
            head.extend_from_slice(&self.body);
            // Who refuses early need not read all of it.
            let write = async {
                let _ = writing.write_all(&head).await;
            };
            let mut bytes = Vec::new();
            let read = reading.read_to_end(&mut bytes);
            let ((), read) = futures::future::join(write, read).await;
            match Answer::parse(&bytes) {
                Some(answer) => Ok(answer),
                None => {
                    read.map_err(failed("reading"))?;
                    Err(format!("no answer: {:?}", String::from_utf8_lossy(&bytes)))
                }
            }
        };
        let answered = tokio::time::timeout(PATIENCE, exchange).await;
        answered.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")))
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |bytes: &[u8]| -> String {
            let text = String::from_utf8_lossy(bytes);
            text.chars().take(400).collect()
        };
        write!(f, "{} {}", self.method, short(self.target.as_bytes()))?;
        for (name, value) in &self.headers {
            write!(f, "\n    {name}: {:?}", short(value))?;
        }
        write!(f, "\n    {:?}", short(&self.body))
    }
}
