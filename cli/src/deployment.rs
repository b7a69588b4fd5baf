//! Which deployment an operator's verb is about: the local system that runs
//! here, another AWS-compatible endpoint, or AWS.

use crate::Domain;
use clap::Args as ClapArgs;
use rewind::Service;
use rewind_aws::{
    clients::Clients, data_store::DataStore, event_store::EventStore, invoke::Function, put::Stream,
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What a running local system says about itself in its state folder.
const FILE: &str = "endpoints.json";

/// Where a deployment's tables and streams are. Without any of these: the
/// local system that runs here, or else what the environment says, as with the
/// AWS command line.
#[derive(ClapArgs)]
// The verbs' own arguments are named alike.
#[group(skip)]
pub struct Args {
    /// An AWS-compatible endpoint of all services, such as LocalStack's.
    #[arg(long, env = "REWIND_ENDPOINT")]
    endpoint: Option<String>,
    /// An endpoint of DynamoDB, such as the one that `rewind` prints.
    #[arg(long)]
    dynamodb_endpoint: Option<String>,
    /// An endpoint of Kinesis, such as the one that `rewind` prints.
    #[arg(long)]
    kinesis_endpoint: Option<String>,
    /// An endpoint of Lambda: the local system's own address.
    #[arg(long)]
    lambda_endpoint: Option<String>,
    /// AWS, even where a local system runs here.
    #[arg(long, conflicts_with_all = ["endpoint", "dynamodb_endpoint", "kinesis_endpoint", "lambda_endpoint"])]
    aws: bool,
    /// The folder of the local system.
    #[arg(long, default_value = ".rewind", env = "REWIND_DIR")]
    dir: PathBuf,
    /// The physical name of the events table.
    #[arg(long, default_value = "rewind-eventstable", env = "EVENTS_TABLE")]
    events_table: String,
    /// The physical name of the data store's table.
    #[arg(long, default_value = "rewind-datatable", env = "DATA_TABLE")]
    data_table: String,
    /// The physical name of the stream of recorded events.
    #[arg(long, default_value = "rewind-eventsstream", env = "EVENTS_STREAM")]
    events_stream: String,
    /// The physical name of the stream of accepted events.
    #[arg(long, default_value = "rewind-incomingstream", env = "INCOMING_STREAM")]
    incoming_stream: String,
    /// The physical name of the replay stream.
    #[arg(long, default_value = "rewind-replaystream", env = "REPLAY_STREAM")]
    replay_stream: String,
    /// The name of the playback function.
    #[arg(long, default_value = "rewind-playback", env = "PLAYBACK_FUNCTION")]
    playback_function: String,
}

/// Where DynamoDB and Kinesis are.
#[derive(Debug, PartialEq)]
struct Endpoints {
    dynamodb: String,
    kinesis: String,
    lambda: String,
}

/// A deployment: its domain and its clients.
pub struct Deployment {
    /// The domain that is deployed.
    pub service: Service,
    /// The events table.
    pub events: EventStore,
    /// The data store.
    pub store: DataStore,
    /// The stream of recorded events.
    pub published: Stream,
    /// The stream of accepted events.
    pub incoming: Stream,
    /// The replay stream.
    pub replay: Stream,
    /// The playback function.
    pub playback: Function,
}

impl Args {
    /// Opens the deployment. Nothing is called yet.
    pub async fn open(&self, domain: Domain) -> Result<Deployment, String> {
        let clients = match self.endpoints()? {
            Some(at) => Clients::at(&at.dynamodb, &at.kinesis)
                .await
                .with_lambda(&at.lambda),
            None => Clients::from_env().await,
        };
        Ok(Deployment {
            service: domain(),
            events: clients.event_store(&self.events_table),
            store: clients.data_store(&self.data_table),
            published: clients.stream_named(&self.events_stream),
            incoming: clients.stream_named(&self.incoming_stream),
            replay: clients.stream_named(&self.replay_stream),
            playback: clients.function(&self.playback_function),
        })
    }

    fn endpoints(&self) -> Result<Option<Endpoints>, String> {
        let dynamodb = self.dynamodb_endpoint.as_ref().or(self.endpoint.as_ref());
        let kinesis = self.kinesis_endpoint.as_ref().or(self.endpoint.as_ref());
        let lambda = self.lambda_endpoint.as_ref().or(self.endpoint.as_ref());
        match (dynamodb, kinesis, lambda) {
            (None, None, None) if self.aws || is_told_by_environment() => Ok(None),
            (None, None, None) => of_local_system(&self.dir),
            (dynamodb, kinesis, lambda) => {
                // Whoever gives one of them needs no more than that one.
                let nowhere = || "http://127.0.0.1:9".to_string();
                Ok(Some(Endpoints {
                    dynamodb: dynamodb.cloned().unwrap_or_else(nowhere),
                    kinesis: kinesis.cloned().unwrap_or_else(nowhere),
                    lambda: lambda.cloned().unwrap_or_else(nowhere),
                }))
            }
        }
    }
}

/// Says in the state folder where a local system's services are, for the verbs
/// that are called while it runs.
pub fn announce(dir: &Path, dynamodb: &str, kinesis: &str, url: &str) -> std::io::Result<()> {
    let said = json!({"dynamodb": dynamodb, "kinesis": kinesis, "lambda": url});
    local::write_private(&dir.join(FILE), said.to_string())
}

/// Takes that back when the system stops.
pub fn withdraw(dir: &Path) {
    // A file that stays names services that do not answer: the verbs say so.
    let _ = std::fs::remove_file(dir.join(FILE));
}

fn is_told_by_environment() -> bool {
    let names = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"];
    names.iter().any(|name| std::env::var_os(name).is_some())
}

/// The endpoints of the local system with this state folder, where one runs.
fn of_local_system(dir: &Path) -> Result<Option<Endpoints>, String> {
    let path = dir.join(FILE);
    let Ok(text) = std::fs::read_to_string(&path) else {
        return Ok(None);
    };
    let said: Value = serde_json::from_str(&text).unwrap_or_default();
    let endpoint = |name: &str| said[name].as_str().map(ToString::to_string);
    match (
        endpoint("dynamodb"),
        endpoint("kinesis"),
        endpoint("lambda"),
    ) {
        (Some(dynamodb), Some(kinesis), Some(lambda)) => Ok(Some(Endpoints {
            dynamodb,
            kinesis,
            lambda,
        })),
        _ => {
            let path = path.display();
            Err(format!(
                "{path} does not say where `dynamodb`, `kinesis` and `lambda` are"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_system_says_where_it_is() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(of_local_system(dir.path()), Ok(None));
        let path = dir.path().join(FILE);
        std::fs::write(
            &path,
            r#"{"dynamodb": "http://d", "kinesis": "http://k", "lambda": "http://l"}"#,
        )
        .unwrap();
        let endpoints = of_local_system(dir.path()).unwrap().unwrap();
        assert_eq!(
            (&*endpoints.dynamodb, &*endpoints.kinesis),
            ("http://d", "http://k")
        );
        std::fs::write(&path, "{").unwrap();
        assert!(of_local_system(dir.path()).is_err());
    }
}
