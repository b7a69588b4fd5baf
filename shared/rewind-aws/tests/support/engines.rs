//! The engines under the tests: the embedded ones, or those of other makers,
//! behind the endpoints that the environment names (`infra/peers/run`).

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_kinesis::types::StreamStatus;
use aws_smithy_http_client::Builder;
use local::{Options, System};
use rewind_aws::aws::clock::id;
use std::{env, time::Duration};

/// An endpoint of DynamoDB and Kinesis, to be used in place of the embedded
/// ones.
const ENDPOINT: &str = "REWIND_ENDPOINT";

/// An endpoint of Kinesis alone. DynamoDB is then the embedded one, or that of
/// [`ENDPOINT`].
const KINESIS_ENDPOINT: &str = "REWIND_KINESIS_ENDPOINT";

/// The engines, with the template's tables and streams in them. Names on an
/// engine of another maker are used once: tests share it.
pub struct Engines {
    system: System,
    /// Kinesis, where it is not that of the system.
    kinesis: Option<String>,
    /// The names' first part, on an engine of another maker.
    own: Option<String>,
}

impl Engines {
    /// Starts the embedded engines, or makes tables and streams elsewhere.
    pub async fn start(mut options: Options) -> Self {
        let named = |variable: &str| env::var(variable).ok().filter(|url| !url.is_empty());
        let kinesis = named(KINESIS_ENDPOINT);
        options.endpoint = named(ENDPOINT);
        let mut own = None;
        if options.endpoint.is_some() || kinesis.is_some() {
            options.stack = format!("test-{}", id());
            own = Some(format!("{}-", options.stack));
        }
        let system = System::start(options).await.unwrap();
        let engines = Self {
            system,
            kinesis,
            own,
        };
        if engines.kinesis.is_some() {
            engines.make_streams().await;
        }
        engines
    }

    /// The URL of DynamoDB.
    pub fn dynamodb_endpoint(&self) -> &str {
        self.system.dynamodb_endpoint()
    }

    /// The URL of Kinesis.
    pub fn kinesis_endpoint(&self) -> &str {
        match &self.kinesis {
            Some(endpoint) => endpoint,
            None => self.system.kinesis_endpoint(),
        }
    }

    /// The physical name of a table.
    pub fn table(&self, logical_id: &str) -> Option<String> {
        self.system.table(logical_id)
    }

    /// The physical name of a stream.
    pub fn stream(&self, logical_id: &str) -> Option<String> {
        self.system.stream(logical_id)
    }

    /// What the names of a test's other tables and streams begin with. Nothing,
    /// where the engines are the test's own.
    pub fn own(&self) -> &str {
        self.own.as_deref().unwrap_or_default()
    }

    /// Stops the embedded engines, or removes what was made elsewhere.
    pub async fn stop(self) {
        if self.own.is_some() {
            self.remove().await;
        }
        self.system.stop().await;
    }

    async fn make_streams(&self) {
        let client = aws_sdk_kinesis::Client::new(&config(self.kinesis_endpoint()));
        for stream in &self.system.model().streams {
            let made = client.create_stream().stream_name(&stream.name);
            let shards = i32::try_from(stream.shards).unwrap();
            made.shard_count(shards).send().await.unwrap();
            active(&client, &stream.name).await;
        }
    }

    /// Removes tables and streams. What stays disturbs no other test.
    async fn remove(&self) {
        let dynamodb = aws_sdk_dynamodb::Client::new(&config(self.dynamodb_endpoint()));
        for table in &self.system.model().tables {
            let open = dynamodb.update_table().table_name(&table.name);
            let open = open.deletion_protection_enabled(false).send().await;
            let removed = dynamodb.delete_table().table_name(&table.name);
            if let (Err(_), _) | (_, Err(_)) = (open, removed.send().await) {
                println!("table {} stays", table.name);
            }
        }
        let kinesis = aws_sdk_kinesis::Client::new(&config(self.kinesis_endpoint()));
        for stream in &self.system.model().streams {
            let removed = kinesis.delete_stream().stream_name(&stream.name);
            if removed.send().await.is_err() {
                println!("stream {} stays", stream.name);
            }
        }
    }
}

/// Waits until a stream takes records: where an engine is slow as AWS is.
pub async fn active(client: &aws_sdk_kinesis::Client, stream: &str) {
    for _ in 0..600 {
        let asked = client.describe_stream_summary().stream_name(stream).send();
        let summary = asked.await.unwrap().stream_description_summary.unwrap();
        if summary.stream_status == StreamStatus::Active {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{stream} does not become active");
}

/// The SDK's configuration for an endpoint, as the tests' operator.
pub fn config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("operator", "local", None, None, "local");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .http_client(Builder::new().build_http())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .build()
}
