//! The template's tables and streams in an engine of its own process, so that
//! CPU time of this one is the clients' alone.

use crate::proxy;
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use local::{Options, State, System, Template, Worker};
use rewind_aws::{event_table::event_store::EventStore, wiring::Clients};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    process::Stdio,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::TcpListener,
    process::{Child, ChildStdin, Command},
};

/// The engine of another process.
pub struct Engine {
    pub at: Endpoints,
    pub clients: Clients,
    _child: Child,
    _stdin: ChildStdin,
}

/// Where it is, and the names of what it has.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Endpoints {
    pub dynamodb: String,
    /// The same behind the proxy that adds time to each request.
    pub slow_dynamodb: String,
    pub kinesis: String,
    pub tables: BTreeMap<String, String>,
    pub streams: BTreeMap<String, String>,
}

impl Engine {
    /// Starts one.
    pub async fn start() -> crate::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("engine")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdin = child.stdin.take().ok_or("no standard input")?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).await?;
        let at: Endpoints = serde_json::from_str(&line)?;
        let clients = Clients::at(&at.dynamodb, &at.kinesis).await;
        Ok(Self {
            at,
            clients,
            _child: child,
            _stdin: stdin,
        })
    }

    /// The table for what does not keep Rewind's rules.
    pub fn raw_table(&self) -> &str {
        &self.at.tables["RawTable"]
    }

    /// Puts an item there, if there is none at its key: what one would write
    /// without Rewind.
    pub async fn put(
        &self,
        client: &Client,
        item: HashMap<String, AttributeValue>,
    ) -> crate::Result<()> {
        let put = client.put_item().table_name(self.raw_table());
        put.set_item(Some(item))
            .condition_expression("attribute_not_exists(#s)")
            .expression_attribute_names("#s", "stream")
            .send()
            .await?;
        Ok(())
    }

    /// The events table.
    pub fn events(&self, clients: &Clients) -> EventStore {
        clients.event_store(&self.at.tables["EventsTable"])
    }
}

/// A table of the same key, and of nothing else.
const RAW_TABLE: &str = "
Type: AWS::DynamoDB::Table
Properties:
  BillingMode: PAY_PER_REQUEST
  AttributeDefinitions:
    - { AttributeName: stream, AttributeType: S }
    - { AttributeName: version, AttributeType: N }
  KeySchema:
    - { AttributeName: stream, KeyType: HASH }
    - { AttributeName: version, KeyType: RANGE }
";

/// Is an engine until the one who has started it is gone.
pub async fn serve() -> crate::Result<()> {
    let text = include_str!("../../template.yaml");
    let mut template: serde_yaml_ng::Value = serde_yaml_ng::from_str(text)?;
    let resources = template["Resources"]
        .as_mapping_mut()
        .ok_or("no resources")?;
    let kept = ["AWS::Kinesis::Stream", "AWS::DynamoDB::Table"];
    resources.retain(|_, resource| kept.iter().any(|kind| resource["Type"] == *kind));
    // For what does not keep Rewind's rules: the events table lets nobody put.
    resources.insert("RawTable".into(), serde_yaml_ng::from_str(RAW_TABLE)?);
    template
        .as_mapping_mut()
        .ok_or("no template")?
        .remove("Outputs");
    let template = Template::parse(&serde_yaml_ng::to_string(&template)?)?;
    let shards = [("StreamMode".to_string(), "ON_DEMAND".to_string())];
    let nobody = Worker {
        program: "/nonexistent".into(),
        args: Vec::new(),
    };
    let mut options = Options::new(template.with_parameters(shards)?, nobody);
    options.port = 0;
    options.state = State::Ephemeral;
    let proxy = TcpListener::bind("127.0.0.1:0").await?;
    let slow = proxy.local_addr()?.to_string();
    options.allowed_hosts.push(slow.clone());
    let system = System::start(options).await?;
    proxy::serve(proxy, system.dynamodb_endpoint());
    let named = |names: [&'static str; 3], of: &dyn Fn(&str) -> Option<String>| {
        let names = names.into_iter();
        names
            .filter_map(|name| Some((name.to_string(), of(name)?)))
            .collect()
    };
    let at = Endpoints {
        dynamodb: system.dynamodb_endpoint().to_string(),
        slow_dynamodb: format!("http://{slow}"),
        kinesis: system.kinesis_endpoint().to_string(),
        tables: named(["EventsTable", "DataTable", "RawTable"], &|name| {
            system.table(name)
        }),
        streams: named(
            ["IncomingStream", "EventsStream", "ReplayStream"],
            &|name| system.stream(name),
        ),
    };
    println!("{}", serde_json::to_string(&at)?);
    // Ends when the other side closes it.
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    system.stop().await;
    Ok(())
}
