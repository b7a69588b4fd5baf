//! Connections that break, and servers that are none.

use super::{answered, get, pay, unclear, unsent};
use serde_json::json;
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

/// A server that does this with each connection: its URL.
fn server(with: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || listener.incoming().flatten().for_each(with));
    url
}

/// Reads a request up to its end.
fn read(stream: &mut TcpStream) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        request.push(byte[0]);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_may_have_acted() {
    let url = server(|mut stream| read(&mut stream));
    unclear(get(&pay(&url, json!({}))).await);
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhal",
        "220 smtp.example ESMTP\r\n",
    ] {
        let url = server(move |mut stream| {
            read(&mut stream);
            let _ = stream.write_all(answer.as_bytes());
        });
        unclear(get(&pay(&url, json!({}))).await);
    }
}

#[tokio::test]
async fn a_body_that_never_ends_is_late() {
    let url = server(|mut stream| {
        read(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        while stream.write_all(b"1\r\na\r\n").is_ok() {
            thread::sleep(Duration::from_millis(100));
        }
    });
    unclear(get(&pay(&url, json!({"timeout_seconds": 1}))).await);
}

#[tokio::test]
async fn a_body_that_never_ends_is_not_kept() {
    let url = server(|mut stream| {
        read(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'a'; 4_096]).is_ok() {}
    });
    let (status, body) = answered(get(&pay(&url, json!({}))).await);
    assert_eq!(status, 200);
    assert!(body.as_str().unwrap().ends_with("KiB]"));
}

#[tokio::test]
async fn a_connection_that_is_never_made_has_not_acted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let reason = unsent(get(&pay(&url, json!({}))).await);
    assert!(reason.contains("refused"), "{reason}");
    assert!(!reason.contains("/charges"), "{reason}");
}

#[tokio::test]
async fn a_server_that_never_begins_to_encrypt_has_not_acted() {
    let url = server(|stream| {
        thread::spawn(move || {
            let _open = stream;
            thread::sleep(Duration::from_secs(3));
        });
    });
    let url = url.replace("http:", "https:");
    unsent(get(&pay(&url, json!({}))).await);
}

#[tokio::test]
async fn a_connection_that_was_closed_in_between_is_not_used_again() {
    let url = server(|mut stream| {
        read(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    });
    let outside = pay(&url, json!({}));
    for _ in 0..5 {
        answered(get(&outside).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_host_without_an_address_has_not_acted() {
    let gateways = json!({"pay": {"http": {"url": "https://nowhere.invalid"}}});
    let config = rewind_aws::outside::Config::read(&gateways.to_string(), "nowhere.invalid");
    let credentials = rewind_aws::outside::Credentials::none();
    let outside = rewind_aws::outside::Outside::new(&config.unwrap(), credentials).unwrap();
    unsent(get(&outside).await);
}
