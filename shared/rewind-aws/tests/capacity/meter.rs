//! A meter around the SDK's HTTP client: it asks DynamoDB for the capacity
//! that each request consumes, and adds it up, with what is put on Kinesis. It
//! can also stop answering after some queries, so that a test ends an invocation
//! there.

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpClient, SharedHttpConnector,
        },
        orchestrator::HttpRequest,
        runtime_components::RuntimeComponents,
    },
    http::Response,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::sync::Notify;

/// What writes to a table.
const WRITES: [&str; 7] = [
    "BatchExecuteStatement",
    "BatchWriteItem",
    "DeleteItem",
    "ExecuteTransaction",
    "PutItem",
    "TransactWriteItems",
    "UpdateItem",
];

/// Requests by operation, and the capacity that DynamoDB reports for them.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    pub requests: BTreeMap<String, u64>,
    /// The most requests that were under way at once.
    pub at_once: usize,
    /// Items that reads of a table returned.
    pub items: u64,
    /// The pages of streams that were read: the version behind which each
    /// begins.
    pub pages: Vec<String>,
    pub read_units: f64,
    pub write_units: f64,
    pub put: Put,
}

/// What was put on Kinesis, as AWS charges for it: a record is its data with its
/// partition key.
#[derive(Debug, Clone, Copy, Default)]
pub struct Put {
    pub records: u64,
    /// On demand: a record counts for each begun KB.
    pub kilobytes: u64,
    /// Provisioned: a record counts for each begun 25 KB.
    pub payload_units: u64,
}

impl Reading {
    pub fn all_requests(&self) -> u64 {
        self.requests.values().sum()
    }

    /// Requests that read a table.
    pub fn reads(&self) -> u64 {
        let reads = ["BatchGetItem", "GetItem", "Query", "Scan"];
        let reads = reads.iter().filter_map(|name| self.requests.get(*name));
        reads.sum()
    }
}

#[derive(Debug, Clone)]
pub struct Meter {
    inner: SharedHttpClient,
    reading: Arc<Mutex<Reading>>,
    pages: Arc<Pages>,
    under_way: Arc<UnderWay>,
}

#[derive(Debug)]
struct Metered {
    inner: SharedHttpConnector,
    reading: Arc<Mutex<Reading>>,
    pages: Arc<Pages>,
    under_way: Arc<UnderWay>,
}

/// How many requests are under way.
#[derive(Debug, Default)]
struct UnderWay(AtomicUsize);

/// One that is.
struct Request(Arc<UnderWay>);

impl Request {
    /// Begins one. Returns how many there are then.
    fn begin(all: &Arc<UnderWay>) -> (Self, usize) {
        let before = all.0.fetch_add(1, Ordering::SeqCst);
        (Self(all.clone()), before + 1)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How many more pages of streams are answered.
#[derive(Debug, Default)]
struct Pages {
    left: Mutex<Option<u64>>,
    are_over: Notify,
}

impl Pages {
    fn take(&self) -> bool {
        match &mut *self.left.lock().unwrap() {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }
}

impl Meter {
    pub fn around(inner: SharedHttpClient) -> Self {
        Self {
            inner,
            reading: Arc::default(),
            pages: Arc::default(),
            under_way: Arc::default(),
        }
    }

    /// Answers so many more pages of streams, and then none: the output of `work`
    /// where it came to its end, `None` where it was dropped at the next page.
    pub async fn within<F: Future>(&self, pages: u64, work: F) -> Option<F::Output> {
        *self.pages.left.lock().unwrap() = Some(pages);
        let ended = tokio::select! {
            output = work => Some(output),
            () = self.pages.are_over.notified() => None,
        };
        *self.pages.left.lock().unwrap() = None;
        ended
    }

    /// What was read since the last call.
    pub fn take(&self) -> Reading {
        std::mem::take(&mut self.reading.lock().unwrap())
    }
}

impl HttpClient for Meter {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Metered {
            inner: self.inner.http_connector(settings, components),
            reading: self.reading.clone(),
            pages: self.pages.clone(),
            under_way: self.under_way.clone(),
        })
    }
}

impl HttpConnector for Metered {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.split('.').next_back().unwrap().to_string();
        let put = match &*operation {
            "PutRecords" => put(request.body().bytes().unwrap()),
            _ => Put::default(),
        };
        let mut page = None;
        if target.starts_with("DynamoDB") {
            let mut body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
            body["ReturnConsumedCapacity"] = "TOTAL".into();
            if body["KeyConditionExpression"] == "#s = :s AND #v > :v" {
                let after = &body["ExpressionAttributeValues"][":v"]["N"];
                page = Some(after.as_str().unwrap().to_string());
            }
            let text = body.to_string();
            let length = text.len().to_string();
            request.headers_mut().insert("content-length", length);
            *request.body_mut() = SdkBody::from(text);
        }
        let (inner, reading) = (self.inner.clone(), self.reading.clone());
        let (pages, under_way) = (self.pages.clone(), self.under_way.clone());
        HttpConnectorFuture::new(async move {
            let (_request, at_once) = Request::begin(&under_way);
            if let Ok(mut reading) = reading.lock() {
                reading.at_once = reading.at_once.max(at_once);
            }
            if page.is_some() && !pages.take() {
                pages.are_over.notify_one();
                std::future::pending::<()>().await;
            }
            let answer = inner.call(request).await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let bytes = ByteStream::new(answer.into_body())
                .collect()
                .await
                .unwrap()
                .into_bytes();
            if let Ok(mut reading) = reading.lock() {
                *reading.requests.entry(operation.clone()).or_default() += 1;
                let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
                let units = units(&body["ConsumedCapacity"]);
                reading.items += items(&body);
                reading.pages.extend(page);
                reading.put.records += put.records;
                reading.put.kilobytes += put.kilobytes;
                reading.put.payload_units += put.payload_units;
                if WRITES.contains(&&*operation) {
                    reading.write_units += units;
                } else {
                    reading.read_units += units;
                }
            }
            let mut answer = Response::new(status, SdkBody::from(bytes));
            *answer.headers_mut() = headers;
            Ok(answer)
        })
    }
}

/// The records of a request to Kinesis.
fn put(body: &[u8]) -> Put {
    let body: Value = serde_json::from_slice(body).unwrap();
    let mut put = Put::default();
    for record in body["Records"].as_array().unwrap() {
        let data = STANDARD.decode(record["Data"].as_str().unwrap()).unwrap();
        let size = data.len() + record["PartitionKey"].as_str().unwrap().len();
        put.records += 1;
        put.kilobytes += size.div_ceil(1024) as u64;
        put.payload_units += size.div_ceil(25 * 1024) as u64;
    }
    put
}

/// The items that a read returned, of one table or of several.
fn items(answer: &Value) -> u64 {
    let count = |items: &Value| items.as_array().map_or(0, |items| items.len() as u64);
    let tables = answer["Responses"].as_object().into_iter().flatten();
    let of_tables: u64 = tables.map(|(_, items)| count(items)).sum();
    count(&answer["Items"]) + of_tables + u64::from(answer["Item"].is_object())
}

/// One table's units, or those of several.
fn units(consumed: &Value) -> f64 {
    match consumed {
        Value::Array(tables) => tables.iter().map(units).sum(),
        table => table["CapacityUnits"].as_f64().unwrap_or_default(),
    }
}
