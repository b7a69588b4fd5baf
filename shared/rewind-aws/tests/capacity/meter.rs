//! A meter around the SDK's HTTP client: it asks DynamoDB for the capacity
//! that each request consumes, and adds it up.

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
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// Requests by operation, and the capacity that DynamoDB reports for them.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    pub requests: BTreeMap<String, u64>,
    pub read_units: f64,
    pub write_units: f64,
}

impl Reading {
    pub fn all_requests(&self) -> u64 {
        self.requests.values().sum()
    }
}

#[derive(Debug, Clone)]
pub struct Meter {
    inner: SharedHttpClient,
    reading: Arc<Mutex<Reading>>,
}

#[derive(Debug)]
struct Metered {
    inner: SharedHttpConnector,
    reading: Arc<Mutex<Reading>>,
}

impl Meter {
    pub fn around(inner: SharedHttpClient) -> Self {
        Self {
            inner,
            reading: Arc::default(),
        }
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
        })
    }
}

impl HttpConnector for Metered {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.split('.').next_back().unwrap().to_string();
        if target.starts_with("DynamoDB") {
            let mut body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
            body["ReturnConsumedCapacity"] = "TOTAL".into();
            let text = body.to_string();
            let length = text.len().to_string();
            request.headers_mut().insert("content-length", length);
            *request.body_mut() = SdkBody::from(text);
        }
        let (inner, reading) = (self.inner.clone(), self.reading.clone());
        HttpConnectorFuture::new(async move {
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
                if matches!(&*operation, "BatchExecuteStatement" | "PutItem") {
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

/// One table's units, or those of several.
fn units(consumed: &Value) -> f64 {
    match consumed {
        Value::Array(tables) => tables.iter().map(units).sum(),
        table => table["CapacityUnits"].as_f64().unwrap_or_default(),
    }
}
