//! query's handler, and requests for it. Each answer is checked against the
//! document that describes it.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod described;

use aws_lambda_events::encodings::Body;
use local::{Options, State, System, Template, Worker};
use rewind_aws::{
    aws::http::{Request, Response},
    wiring::Clients,
};
use serde_json::{Value, json};

/// query's handler, whose answers are all as the document says.
pub struct Handler(query::Handler);

impl Handler {
    pub async fn handle(&self, request: &Request) -> Response {
        let response = self.0.handle(request).await;
        described::check(request, &response);
        response
    }
}

/// query in front of a DynamoDB that is not there: what reaches it is answered
/// with 503.
pub async fn nowhere() -> Handler {
    let clients = Clients::at("http://127.0.0.1:9", "http://127.0.0.1:9").await;
    let (events, data) = (clients.event_store("events"), clients.data_store("data"));
    let incoming = clients.stream_named("incoming");
    Handler(query::Handler::new(
        service::service(),
        events,
        data,
        incoming,
    ))
}

/// The template's tables in an embedded DynamoDB, without functions.
pub struct Tables {
    pub system: System,
    pub clients: Clients,
}

impl Tables {
    pub async fn start() -> Self {
        let text = include_str!("../../../../template.yaml");
        let mut template: serde_yaml_ng::Value = serde_yaml_ng::from_str(text).unwrap();
        let resources = template["Resources"].as_mapping_mut().unwrap();
        let kept = ["AWS::Kinesis::Stream", "AWS::DynamoDB::Table"];
        resources.retain(|_, resource| kept.contains(&resource["Type"].as_str().unwrap()));
        template.as_mapping_mut().unwrap().remove("Outputs");
        let text = serde_yaml_ng::to_string(&template).unwrap();
        let nobody = Worker {
            program: "/nonexistent".into(),
            args: Vec::new(),
        };
        let shards = [("StreamMode".to_string(), "ON_DEMAND".to_string())];
        let template = Template::parse(&text).unwrap().with_parameters(shards);
        let mut options = Options::new(template.unwrap(), nobody);
        options.port = 0;
        options.state = State::Ephemeral;
        let system = System::start(options).await.unwrap();
        let clients = Clients::at(system.dynamodb_endpoint(), system.kinesis_endpoint()).await;
        Self { system, clients }
    }

    pub fn events(&self) -> rewind_aws::event_table::event_store::EventStore {
        let table = self.system.table("EventsTable").unwrap();
        self.clients.event_store(table)
    }

    pub fn data(&self) -> rewind_aws::data_table::data_store::DataStore {
        let table = self.system.table("DataTable").unwrap();
        self.clients.data_store(table)
    }

    pub fn handler(&self) -> Handler {
        let incoming = self.system.stream("IncomingStream").unwrap();
        let incoming = self.clients.stream_named(incoming);
        let service = service::service();
        Handler(query::Handler::new(
            service,
            self.events(),
            self.data(),
            incoming,
        ))
    }
}

/// A request as API Gateway hands it over: the path's parameters decoded, the
/// query string as it was sent.
pub fn request(route: &str, path: &[(&str, &str)], query: &str) -> Request {
    let path: serde_json::Map<String, Value> = path
        .iter()
        .map(|(name, value)| ((*name).to_string(), json!(value)))
        .collect();
    let request = json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": "/",
        "rawQueryString": query,
        "headers": {},
        "requestContext": {"http": {"method": "GET"}},
        "pathParameters": path,
        "isBase64Encoded": false,
    });
    serde_json::from_value(request).unwrap()
}

/// A status and a body.
pub fn read(response: &Response) -> (i64, Value) {
    let Some(Body::Text(text)) = &response.body else {
        panic!("no text");
    };
    let body = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    (response.status_code, body)
}

pub const ROWS: &str = "GET /projections/{name}";
pub const ROW: &str = "GET /projections/{name}/{key+}";
pub const STREAM: &str = "GET /streams/{stream}";
pub const COMPARISON: &str = "GET /comparisons/{name}";
pub const PLAYBACK: &str = "GET /playbacks/{id}";

/// Percent-encodes a text for a query string.
pub fn encoded(text: &str) -> String {
    let bytes = text.bytes().map(|byte| format!("%{byte:02X}"));
    bytes.collect()
}
