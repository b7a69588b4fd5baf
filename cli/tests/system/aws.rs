//! A server that plays AWS: it records each request, describes a stack, and
//! answers everything else like empty tables.

use serde_json::json;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{Arc, Mutex},
};

/// The account in the ARN of every stack.
pub const ACCOUNT: &str = "123456789012";

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Its operation, such as `Query`.
    pub operation: String,
    /// Who signed it for which region and service: `KEY/REGION/SERVICE`.
    pub signed: String,
    pub body: String,
}

/// A status and a body.
type Answer = (u16, String);

/// The server.
pub struct Aws {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    described: Arc<Mutex<Answer>>,
}

impl Aws {
    /// Starts it, with a stack that names every part as a local system does.
    pub fn start() -> Self {
        Self::start_with("http", |stream, answering| answering(Box::new(stream)))
    }

    /// As [`start`](Self::start), with a scheme and what wraps a connection.
    pub fn start_with(
        scheme: &str,
        wrap: impl Fn(TcpStream, &dyn Fn(Box<dyn ReadWrite>)) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let described = stack("UPDATE_COMPLETE", &outputs());
        let described = Arc::new(Mutex::new((200, described)));
        let (book, answer, wrap) = (asked.clone(), described.clone(), Arc::new(wrap));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (book, answer, wrap) = (book.clone(), answer.clone(), wrap.clone());
                std::thread::spawn(move || {
                    wrap(stream, &|stream| {
                        serve(stream, &book, &answer.lock().unwrap().clone());
                    });
                });
            }
        });
        Self {
            url,
            asked,
            described,
        }
    }

    /// Answers the next descriptions of a stack with this.
    pub fn describe(&self, status: u16, body: impl Into<String>) {
        *self.described.lock().unwrap() = (status, body.into());
    }

    /// Returns the requests since the last call.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// Returns the operations since the last call.
    pub fn operations(&self) -> Vec<String> {
        let asked = self.asked().into_iter();
        asked.map(|asked| asked.operation).collect()
    }

    /// Sets an environment in which every way to AWS leads to this server.
    pub fn lead_here(&self, command: &mut Command) {
        for proxy in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env(proxy, &self.url);
            command.env(proxy.to_lowercase(), &self.url);
        }
        command.env_remove("NO_PROXY").env_remove("no_proxy");
        for service in [
            "",
            "_CLOUDFORMATION",
            "_DYNAMODB",
            "_KINESIS",
            "_LAMBDA",
            "_STS",
        ] {
            command.env(format!("AWS_ENDPOINT_URL{service}"), &self.url);
        }
        command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &self.url);
        command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &self.url);
        command.envs(credentials());
    }
}

/// A connection.
pub trait ReadWrite: Read + Write {}

impl<T: Read + Write> ReadWrite for T {}

/// Credentials that tell their account, and a region.
pub fn credentials() -> [(&'static str, &'static str); 4] {
    [
        ("AWS_ACCESS_KEY_ID", "operator"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_ACCOUNT_ID", ACCOUNT),
        ("AWS_REGION", "eu-central-1"),
    ]
}

/// The outputs of `template.yaml`, with the names of a local system.
pub fn outputs() -> Vec<(&'static str, &'static str)> {
    vec![
        ("Url", "https://x.execute-api.eu-central-1.amazonaws.com"),
        ("EventsTable", "rewind-eventstable"),
        ("DataTable", "rewind-datatable"),
        ("IncomingStream", "rewind-incomingstream"),
        ("EventsStream", "rewind-eventsstream"),
        ("ReplayStream", "rewind-replaystream"),
        ("PlaybackFunction", "rewind-playback"),
        ("DeadLetterBucket", "rewind-deadletters"),
        (
            "EventStreamUrl",
            "https://x.lambda-url.eu-central-1.on.aws/",
        ),
    ]
}

/// CloudFormation's description of a stack.
pub fn stack(status: &str, outputs: &[(&str, &str)]) -> String {
    let outputs = outputs.iter().map(|(key, value)| {
        format!("<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>")
    });
    let outputs: String = outputs.collect();
    format!(
        r#"<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
  <DescribeStacksResult>
    <Stacks>
      <member>
        <Outputs>{outputs}</Outputs>
        <Capabilities><member>CAPABILITY_IAM</member></Capabilities>
        <CreationTime>2026-11-28T09:00:00.000Z</CreationTime>
        <StackId>arn:aws:cloudformation:eu-central-1:{ACCOUNT}:stack/rewind/6f3c1a90</StackId>
        <StackName>rewind</StackName>
        <StackStatus>{status}</StackStatus>
        <StackStatusReason>as told</StackStatusReason>
        <DisableRollback>false</DisableRollback>
        <Tags/>
      </member>
    </Stacks>
  </DescribeStacksResult>
  <ResponseMetadata><RequestId>b9b4b068-3a41-11e5-94eb-example</RequestId></ResponseMetadata>
</DescribeStacksResponse>"#
    )
}

/// CloudFormation's refusal.
pub fn refusal(code: &str, message: &str) -> String {
    format!(
        r#"<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
  <Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>
  <RequestId>b9b4b068-3a41-11e5-94eb-example</RequestId>
</ErrorResponse>"#
    )
}

fn serve(stream: Box<dyn ReadWrite>, book: &Mutex<Vec<Asked>>, described: &Answer) {
    let mut reader = BufReader::new(stream);
    let (mut operation, mut signed, mut length) = (String::new(), String::new(), 0);
    if reader.read_line(&mut operation).unwrap_or_default() == 0 {
        return;
    }
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim().split_once(": ") else {
            break;
        };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "x-amz-target" => operation = value.rsplit('.').next().unwrap().to_string(),
            "authorization" => signed = signer(value),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    let nothing = json!({"Items": [], "Count": 0, "ScannedCount": 0, "Responses": {}}).to_string();
    let (status, media, answer) = match body.starts_with("Action=") {
        true => {
            let action = body.split('&').next().unwrap();
            operation = action.trim_start_matches("Action=").to_string();
            (described.0, "text/xml", described.1.clone())
        }
        false => (200, "application/x-amz-json-1.0", nothing),
    };
    book.lock().unwrap().push(Asked {
        operation: operation.trim().to_string(),
        signed,
        body,
    });
    // The client may have gone.
    let _ = write!(
        reader.get_mut(),
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-type: {media}\r\ncontent-length: {}\r\n\r\n{answer}",
        answer.len()
    );
    let _ = reader.get_mut().flush();
}

/// `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …`
fn signer(authorization: &str) -> String {
    let scope = authorization
        .split("Credential=")
        .nth(1)
        .unwrap_or_default();
    let parts: Vec<&str> = scope.split('/').collect();
    match parts[..] {
        [key, _, region, service, ..] => format!("{key}/{region}/{service}"),
        _ => String::new(),
    }
}
