//! Commands and aggregates over HTTP, as API Gateway hands them over.

use aws_lambda_events::encodings::Body;
use local::{Options, State, System, Template, Worker};
use microservice::Handler;
use rewind::{Aggregate, Batch, Command, Decision, Delivery, Envelope, Event, Service, Timestamp};
use rewind_aws::{
    aws::http::{Request, Response},
    command::commands::Commands,
    sequence::sequencer::Sequencer,
    wiring::Clients,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
enum BookEvent {
    BookBorrowed { by: String },
    BookReturned {},
}

impl Event for BookEvent {
    const CATEGORY: &'static str = "book";
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[expect(
    clippy::enum_variant_names,
    reason = "commands are named in the imperative"
)]
enum BookCommand {
    BorrowBook { by: String },
    ReturnBook {},
    BurnBook {},
}

impl Command for BookCommand {
    type Aggregate = Book;
}

#[derive(Debug, Serialize, thiserror::Error)]
enum BookRejection {
    #[error("{by} has the book")]
    Lent { by: String },
    #[error("nobody has borrowed the book")]
    NotLent,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Book {
    by: Option<String>,
}

impl Aggregate for Book {
    type Command = BookCommand;
    type Event = BookEvent;
    type Rejection = BookRejection;

    fn decide(&self, command: BookCommand, _: Timestamp) -> Result<Decision<Self>, BookRejection> {
        match (command, &self.by) {
            (BookCommand::BurnBook {}, _) => panic!("books do not burn"),
            (BookCommand::BorrowBook { .. }, Some(by)) => {
                Err(BookRejection::Lent { by: by.clone() })
            }
            (BookCommand::BorrowBook { by }, None) => Ok([BookEvent::BookBorrowed { by }].into()),
            (BookCommand::ReturnBook {}, Some(_)) => Ok([BookEvent::BookReturned {}].into()),
            (BookCommand::ReturnBook {}, None) => Err(BookRejection::NotLent),
        }
    }

    fn evolve(&mut self, event: &Envelope<BookEvent>) {
        self.by = match &event.data {
            BookEvent::BookBorrowed { by } => Some(by.clone()),
            BookEvent::BookReturned {} => None,
        };
    }
}

struct Library {
    system: System,
    clients: Clients,
    handler: Handler,
}

impl Library {
    async fn start() -> Self {
        let text = include_str!("../../../template.yaml");
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
        let mut options = Options::new(Template::parse(&text).unwrap(), nobody);
        options.port = 0;
        options.state = State::Ephemeral;
        let system = System::start(options).await.unwrap();
        let clients = Clients::at(system.dynamodb_endpoint(), system.kinesis_endpoint()).await;
        let stream = |name: &str| clients.stream_named(system.stream(name).unwrap());
        let events = clients.event_store(system.table("EventsTable").unwrap());
        let data = clients.data_store(system.table("DataTable").unwrap());
        let service = Service::new().aggregate::<Book>();
        let commands = Commands::new(service, events, data, stream("EventsStream"));
        let handler = Handler::new(commands, stream("IncomingStream"));
        Self {
            handler,
            clients,
            system,
        }
    }

    async fn send(&self, request: &Request) -> (i64, Value, Response) {
        let response = self.handler.answer(request).await;
        let Some(Body::Text(text)) = &response.body else {
            panic!("no text");
        };
        (
            response.status_code,
            serde_json::from_str(text).unwrap(),
            response,
        )
    }

    async fn post(
        &self,
        id: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> (i64, Value, Response) {
        let key = "POST /commands/{category}/{id}";
        let path = json!({"category": "book", "id": id});
        self.send(&request(key, &path, headers, "", &body.to_string()))
            .await
    }

    async fn known(&self, id: &str, headers: &[(&str, &str)]) -> (i64, Value) {
        let key = "GET /commands/{id}";
        let asked = request(key, &json!({"id": id}), headers, "", "");
        let (status, body, _) = self.send(&asked).await;
        (status, body)
    }

    async fn aggregate(&self, category: &str, query: &str) -> (i64, Value) {
        let key = "GET /aggregates/{category}/{id}";
        let path = json!({"category": category, "id": "7"});
        let (status, body, _) = self.send(&request(key, &path, &[], query, "")).await;
        (status, body)
    }
}

fn request(key: &str, path: &Value, headers: &[(&str, &str)], query: &str, body: &str) -> Request {
    let mut all = serde_json::Map::from_iter([("content-type".into(), json!("application/json"))]);
    all.extend(
        headers
            .iter()
            .map(|(name, value)| ((*name).to_string(), json!(value))),
    );
    let request = json!({
        "version": "2.0",
        "routeKey": key,
        "rawPath": "/",
        "rawQueryString": query,
        "headers": all,
        "requestContext": {"http": {"method": "GET"}},
        "pathParameters": path,
        "body": body,
        "isBase64Encoded": false,
    });
    serde_json::from_value(request).unwrap()
}

fn borrow(by: &str) -> Value {
    json!({"type": "borrow-book", "data": {"by": by}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_answered_with_what_was_recorded() {
    let library = Library::start().await;
    let (status, body, response) = library.post("7", &[], &borrow("ann")).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["outcome"], "applied");
    assert_eq!(
        (&body["stream"], &body["version"]),
        (&json!("book-7"), &json!(1))
    );
    assert_eq!(response.headers["etag"], "\"1\"");
    let event = &body["events"][0];
    assert_eq!(
        (&event["type"], &event["version"]),
        (&json!("book-borrowed"), &json!(1))
    );
    assert_eq!(event["data"], json!({"by": "ann"}));

    let (status, problem, response) = library.post("7", &[], &borrow("ben")).await;
    assert_eq!(status, 422);
    assert_eq!(response.headers["content-type"], "application/problem+json");
    assert_eq!(problem["type"], "urn:rewind:problem:rejected");
    assert_eq!(problem["title"], "lent");
    assert_eq!(problem["detail"], "ann has the book");
    assert_eq!(
        problem["rejection"],
        json!({"name": "lent", "data": {"by": "ann"}})
    );

    let give_back = json!({"type": "return-book"});
    let (status, problem, _) = library
        .post("7", &[("if-match", "\"7\"")], &give_back)
        .await;
    assert_eq!(status, 412);
    assert_eq!(
        (&problem["expected"], &problem["actual"]),
        (&json!(7), &json!(1))
    );
    let (status, _, _) = library
        .post("7", &[("if-match", "\"1\"")], &give_back)
        .await;
    assert_eq!(status, 200);
    library.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_answered_alike_for_ever() {
    let library = Library::start().await;
    let key = [("idempotency-key", "k-1")];
    let (_, first, _) = library.post("7", &key, &borrow("ann")).await;
    let (status, again, _) = library.post("7", &key, &borrow("ann")).await;
    assert_eq!((status, again), (200, first.clone()));
    // The body's id is the same key.
    let mut with_id = borrow("ann");
    with_id["id"] = json!("k-1");
    assert_eq!(library.post("7", &[], &with_id).await.1, first);
    let (status, problem, _) = library.post("7", &key, &borrow("ben")).await;
    assert_eq!(
        (status, &problem["type"]),
        (422, &json!("urn:rewind:problem:key-reused"))
    );
    let (status, refused, _) = library
        .post("7", &[("idempotency-key", "k-2")], &borrow("ben"))
        .await;
    assert_eq!((status, &refused["title"]), (422, &json!("lent")));
    library
        .post("7", &[], &json!({"type": "return-book"}))
        .await;
    let (_, again, _) = library
        .post("7", &[("idempotency-key", "k-2")], &borrow("ben"))
        .await;
    assert_eq!(again, refused);
    let (status, known) = library.known("k-1", &[]).await;
    assert_eq!((status, &known["outcome"]), (200, &json!("applied")));
    assert_eq!(known["events"], first["events"]);
    let (_, known) = library.known("k-2", &[]).await;
    assert_eq!(
        (&known["outcome"], &known["rejection"]["name"]),
        (&json!("rejected"), &json!("lent"))
    );
    assert_eq!(library.known("nobody", &[]).await.0, 404);
    library.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_may_wait_to_be_decided() {
    let library = Library::start().await;
    let headers = [("prefer", "respond-async"), ("idempotency-key", "later/1")];
    let (status, body, response) = library.post("7", &headers, &borrow("ann")).await;
    assert_eq!(
        (status, &body["outcome"]),
        (202, &json!("pending")),
        "{body}"
    );
    assert_eq!(response.headers["location"], "/commands/later%2F1");
    // As pump and the trigger do.
    let clients = &library.clients;
    let events = clients.event_store(library.system.table("EventsTable").unwrap());
    let received: Value = json!({"type": "borrow-book", "data": {"by": "ann"}, "stream": "book-7"});
    let batch = json!({"events": [{
        "specversion": "1.0", "id": "later/1", "source": "/rewind/command/received",
        "type": "command-received", "subject": "rewind:command-later_x2F1",
        "time": "2026-11-29T09:00:00Z", "data": received,
    }]});
    let batch = Batch::decode(batch.to_string().as_bytes()).unwrap();
    let outcomes = Sequencer::new(events.clone()).record(&batch.events).await;
    let (_, waiting) = library.known("later/1", &[]).await;
    assert_eq!(waiting, json!({"id": "later/1", "outcome": "pending"}));
    // The same again is the same; with another body the key is taken.
    let (status, body, _) = library.post("7", &headers, &borrow("ann")).await;
    assert_eq!((status, &body["outcome"]), (202, &json!("pending")));
    let (status, body, _) = library.post("7", &headers, &borrow("ben")).await;
    assert_eq!(status, 422, "{body}");
    assert_eq!(body["type"], "urn:rewind:problem:key-reused");
    let stream = rewind::StreamName::new("rewind:command-later_x2F1").unwrap();
    let (recorded, _) = events.read_events(&stream, 0, 10).await.unwrap();
    assert_eq!((recorded.len(), outcomes.len()), (1, 1));
    let packed = Delivery::encode(&recorded, None);
    let data = base64(packed[0].text.as_bytes());
    let record = json!({"Records": [{
        "kinesis": {"sequenceNumber": "1", "data": data, "partitionKey": "k",
            "approximateArrivalTimestamp": 1.0, "kinesisSchemaVersion": "1.0"},
        "eventSourceARN": "arn:aws:kinesis:us-east-1:1:stream/events", "eventID": "shardId-0:1",
    }]});
    let asks = library.known("later/1", &[("prefer", "wait=10")]);
    let decides = library
        .handler
        .handle(serde_json::from_value(record).unwrap());
    let ((status, known), answer) = tokio::join!(asks, decides);
    assert!(answer.unwrap().batch_item_failures.is_empty());
    assert_eq!(
        (status, &known["outcome"]),
        (200, &json!("applied")),
        "{known}"
    );
    assert_eq!(known["events"][0]["time"], "2026-11-29T09:00:00Z");
    assert_eq!(
        (&known["stream"], &known["version"]),
        (&json!("book-7"), &json!(1))
    );
    // Who asks again, at once or for later, hears the outcome.
    let (status, body, _) = library.post("7", &headers, &borrow("ann")).await;
    assert_eq!((status, &body["events"]), (200, &known["events"]), "{body}");
    library.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_is_too_large_is_refused_at_the_door() {
    let library = Library::start().await;
    let most = rewind::command::MAX_COMMAND_DATA - r#"{"by":""}"#.len();
    for prefer in ["respond-async", "wait=1"] {
        let headers = [("prefer", prefer), ("idempotency-key", prefer)];
        let (status, body, _) = library
            .post("7", &headers, &borrow(&"x".repeat(most + 1)))
            .await;
        assert_eq!((status, &body["field"]), (413, &json!("data")), "{body}");
    }
    let (status, body, _) = library.post("7", &[], &borrow(&"x".repeat(most))).await;
    assert_eq!(status, 200, "{}", body["detail"]);
    library.system.stop().await;
}

fn base64(bytes: &[u8]) -> String {
    use ::base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aggregate_tells_what_it_would_take() {
    let library = Library::start().await;
    let (status, body) = library.aggregate("book", "").await;
    assert_eq!((status, &body["version"]), (200, &json!(0)));
    let takes: Vec<&Value> = body["commands"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["takes"])
        .collect();
    assert_eq!(takes, [&json!(null), &json!(false), &json!(false)]);
    assert_eq!(body["commands"][1]["rejection"]["name"], "not-lent");
    library.post("7", &[], &borrow("ann")).await;
    let (_, body) = library.aggregate("book", "").await;
    assert_eq!(
        (&body["state"], &body["version"]),
        (&json!({"by": "ann"}), &json!(1))
    );
    assert_eq!(body["commands"][1]["takes"], json!(true));
    assert_eq!(body["commands"][1]["events"], json!(["book-returned"]));
    let asked = "type=borrow-book&data=%7B%22by%22%3A%22ben%22%7D";
    let (_, body) = library.aggregate("book", asked).await;
    assert_eq!(body["commands"][0]["rejection"]["name"], "lent");
    assert_eq!(body["commands"].as_array().unwrap().len(), 1);
    for (category, query, status, field) in [
        ("poll", "", 404, "category"),
        ("book", "type=fly", 422, "type"),
        ("book", "type=borrow-book", 422, "data"),
        ("book", "data=1", 400, "data"),
        ("book", "type=borrow-book&data=x", 400, "data"),
        ("book", "colour=red", 400, "colour"),
    ] {
        let (answered, problem) = library.aggregate(category, query).await;
        assert_eq!(
            (answered, &problem["field"]),
            (status, &json!(field)),
            "{query}: {problem}"
        );
    }
    library.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_command_is_refused_by_its_member() {
    let library = Library::start().await;
    let too_long = "x".repeat(257);
    for (headers, body, status, field) in [
        (vec![], json!({}), 422, "type"),
        (vec![], json!([]), 422, "body"),
        (vec![], json!({"type": "fly"}), 422, "type"),
        (
            vec![],
            json!({"type": "borrow-book", "data": {}}),
            422,
            "data",
        ),
        (
            vec![],
            json!({"type": "borrow-book", "data": {"by": 7}}),
            422,
            "data.by",
        ),
        (
            vec![],
            json!({"type": "borrow-book", "data": {"by": "a"}, "colour": 1}),
            422,
            "colour",
        ),
        (vec![], json!({"type": 7}), 422, "type"),
        (vec![("if-match", "*")], borrow("ann"), 400, "if-match"),
        (
            vec![("idempotency-key", "a,b")],
            borrow("ann"),
            422,
            "idempotency-key",
        ),
        (
            vec![("idempotency-key", &too_long)],
            borrow("ann"),
            422,
            "idempotency-key",
        ),
        (
            vec![("idempotency-key", "")],
            borrow("ann"),
            422,
            "idempotency-key",
        ),
        (
            vec![("prefer", "respond-async, wait=x")],
            borrow("ann"),
            400,
            "prefer",
        ),
        (
            vec![("content-type", "text/plain")],
            borrow("ann"),
            415,
            "content-type",
        ),
        (
            vec![("idempotency-key", "a")],
            json!({"type": "return-book", "id": "b"}),
            422,
            "id",
        ),
    ] {
        let (answered, problem, _) = library.post("7", &headers, &body).await;
        assert_eq!(
            (answered, &problem["field"]),
            (status, &json!(field)),
            "{body}: {problem}"
        );
    }
    let (status, problem, _) = library.post("", &[], &borrow("ann")).await;
    assert_eq!((status, &problem["field"]), (422, &json!("id")));
    let (status, problem, _) = library.post("7", &[], &json!({"type": "burn-book"})).await;
    assert_eq!(
        (status, &problem["type"]),
        (500, &json!("urn:rewind:problem:undecided"))
    );
    assert!(!problem.to_string().contains("burn"), "{problem}");
    library.system.stop().await;
}
