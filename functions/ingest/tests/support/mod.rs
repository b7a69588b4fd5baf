//! A Kinesis that takes everything and keeps it, and requests to ingest.

use aws_lambda_events::encodings::Body;
use base64::{Engine, engine::general_purpose::STANDARD};
use ingest::Handler;
use rewind::{Batch, CloudEvent};
use rewind_aws::{
    aws::http::{Request, Response},
    wiring::Clients,
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// What was put, record by record.
#[derive(Clone, Default)]
pub struct Kinesis(Arc<Mutex<Vec<Vec<u8>>>>);

impl Kinesis {
    /// ingest in front of it.
    pub async fn ingest() -> (Handler, Self) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let kinesis = Self::default();
        let served = kinesis.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(served.clone().serve(connection));
            }
        });
        let clients = Clients::at(&endpoint, &endpoint).await;
        let stream = clients.stream_named("incoming");
        (Handler::new(service::service(), stream), kinesis)
    }

    /// The events that were put since it was asked last.
    pub fn events(&self) -> Vec<CloudEvent> {
        let records = std::mem::take(&mut *self.0.lock().unwrap());
        let batches = records.iter().map(|bytes| Batch::decode(bytes).unwrap());
        batches.flat_map(|batch| batch.events).collect()
    }

    async fn serve(self, connection: TcpStream) {
        let mut connection = BufReader::new(connection);
        loop {
            let mut length = 0;
            loop {
                let mut line = String::new();
                if connection.read_line(&mut line).await.unwrap_or(0) == 0 {
                    return;
                }
                let line = line.to_ascii_lowercase();
                if let Some(said) = line.strip_prefix("content-length:") {
                    length = said.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            connection.read_exact(&mut body).await.unwrap();
            let put: Value = serde_json::from_slice(&body).unwrap();
            let records = put["Records"].as_array().unwrap();
            let mut answers = Vec::new();
            for record in records {
                let bytes = STANDARD.decode(record["Data"].as_str().unwrap()).unwrap();
                self.0.lock().unwrap().push(bytes);
                answers.push(json!({"SequenceNumber": "1", "ShardId": "shard"}));
            }
            let answer = json!({"FailedRecordCount": 0, "Records": answers}).to_string();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1";
            let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
    }
}

/// A sample of a trigger, with these headers and this body.
pub fn request(sample: &str, headers: &[(&str, &str)], body: &[u8]) -> Request {
    let path = format!("{}/../../events/{sample}.json", env!("CARGO_MANIFEST_DIR"));
    let sample = std::fs::read_to_string(path).unwrap();
    let mut request: Value = serde_json::from_str(&sample).unwrap();
    request["headers"] = json!({});
    for (name, value) in headers {
        request["headers"][*name] = (*value).into();
    }
    request["body"] = STANDARD.encode(body).into();
    request["isBase64Encoded"] = true.into();
    serde_json::from_value(request).unwrap()
}

/// The JSON of an answer.
pub fn body(response: &Response) -> Value {
    let Some(Body::Text(text)) = &response.body else {
        panic!("no text");
    };
    serde_json::from_str(text).unwrap()
}
