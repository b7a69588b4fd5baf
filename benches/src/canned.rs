//! DynamoDB and Kinesis that take everything at once and hold nothing: what is
//! left is the work of the function and of the SDK.

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpConnector,
        },
        orchestrator::HttpRequest,
        runtime_components::RuntimeComponents,
    },
    http::{Response, StatusCode},
};
use aws_smithy_types::body::SdkBody;
use rewind_aws::wiring::Clients;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The HTTP client of services that take everything.
#[derive(Debug, Clone, Default)]
pub struct Canned {
    /// Requests so far.
    pub requests: Arc<AtomicUsize>,
}

impl Canned {
    /// Clients of those services.
    pub async fn clients(&self) -> Clients {
        let clients = Clients::at("http://127.0.0.1:9", "http://127.0.0.1:9").await;
        clients.map_config(|config| config.into_builder().http_client(self.clone()).build())
    }
}

impl HttpClient for Canned {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Canned {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let body = request.body().bytes().unwrap_or_default();
        let answer = match target.rsplit('.').next().unwrap_or_default() {
            "BatchExecuteStatement" => list("Responses", count(body, b"\"Statement\":"), "{}", ""),
            "BatchGetItem" => r#"{"Responses":{},"UnprocessedKeys":{}}"#.into(),
            "BatchWriteItem" => r#"{"UnprocessedItems":{}}"#.into(),
            "Query" => r#"{"Items":[],"Count":0,"ScannedCount":0}"#.into(),
            "PutRecords" => {
                let record = r#"{"SequenceNumber":"1","ShardId":"shardId-000000000000"}"#;
                let records = count(body, b"\"PartitionKey\":");
                list("Records", records, record, "\"FailedRecordCount\":0,")
            }
            _ => "{}".to_string(),
        };
        let ok = StatusCode::try_from(200).expect("200 is a status");
        HttpConnectorFuture::ready(Ok(Response::new(ok, SdkBody::from(answer))))
    }
}

fn list(name: &str, count: usize, item: &str, before: &str) -> String {
    let items = vec![item; count].join(",");
    format!("{{{before}\"{name}\":[{items}]}}")
}

/// How often something stands in a body.
fn count(body: &[u8], what: &[u8]) -> usize {
    let mut found = 0;
    let mut at = 0;
    while let Some(next) = body[at..]
        .windows(what.len())
        .position(|window| window == what)
    {
        found += 1;
        at += next + what.len();
    }
    found
}
