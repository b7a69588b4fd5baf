//! Who may call, where the system enforces what the template says. curl is the foreign client: it signs by itself.

mod support;

use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use local::{Options, State, System, Template};
use serde_json::{Value, json};
use support::options;

const TEMPLATE: &str = r#"
Parameters: { Auth: { Type: String, AllowedValues: [iam, jwt, none], Default: iam } }
Conditions: { IsJwt: !Equals [!Ref Auth, jwt] }
Mappings: { Auth: { iam: { Type: AWS_IAM }, jwt: { Type: JWT }, none: { Type: NONE } } }
Resources:
  Web:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: web } }
    Properties: { Timeout: 5 }
  Tokens:
    Type: AWS::ApiGatewayV2::Authorizer
    Condition: IsJwt
    Properties: { JwtConfiguration: { Issuer: "https://issuer.example", Audience: [mine] } }
  WebIntegration:
    Type: AWS::ApiGatewayV2::Integration
    Properties: { IntegrationUri: !Ref Web.Alias }
  Post:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      RouteKey: POST /events
      Target: !Sub "integrations/${WebIntegration}"
      AuthorizationType: !FindInMap [Auth, !Ref Auth, Type]
      AuthorizerId: !If [IsJwt, !Ref Tokens, !Ref AWS::NoValue]
      AuthorizationScopes: !If [IsJwt, [rewind/write], !Ref AWS::NoValue]
  Row:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      RouteKey: "GET /rows/{key+}"
      Target: !Join ["/", [integrations, !Ref WebIntegration]]
      AuthorizationType: !FindInMap [Auth, !Ref Auth, Type]
      AuthorizerId: !If [IsJwt, !Ref Tokens, !Ref AWS::NoValue]
"#;

async fn enforcing(auth: &str) -> System {
    let auth = [("Auth".to_owned(), auth.to_owned())];
    let template = Template::parse(TEMPLATE).unwrap();
    let options = Options {
        enforces_auth: true,
        template: template.with_parameters(auth).unwrap(),
        ..options(TEMPLATE, State::Ephemeral)
    };
    System::start(options).await.unwrap()
}

/// Calls with curl. Returns the status and the body.
fn curl(url: &str, arguments: &[&str]) -> (u16, Value) {
    let output = Command::new("curl")
        .args(["--silent", "--write-out", "\n%{http_code}"])
        .args(arguments)
        .arg(url)
        .output()
        .expect("curl");
    let output = String::from_utf8(output.stdout).unwrap();
    let (body, status) = output.rsplit_once('\n').unwrap();
    let body = serde_json::from_str(body).unwrap_or(Value::Null);
    (status.parse().unwrap(), body)
}

fn refused(answer: (u16, Value), status: u16, why: &str) {
    let (found, body) = answer;
    assert_eq!(found, status, "{body}");
    assert_eq!(body["field"], "authorization", "{body}");
    assert!(body["detail"].as_str().unwrap().contains(why), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_iam_only_a_signed_request_reaches_a_function() {
    let system = enforcing("iam").await;
    let row = format!("{}/rows/a/c?x=1", system.url());
    let post = format!("{}/events", system.url());
    let sigv4 = |region: &'static str| ["--aws-sigv4", region];
    let right = [
        &sigv4("aws:amz:us-east-1:execute-api")[..],
        &["--user", "me:local"],
    ]
    .concat();
    let json = [
        "--header",
        "content-type: application/json",
        "--data",
        "{\"do\": 1}",
    ];

    refused(curl(&row, &[]), 403, "no Authorization header");
    refused(curl(&post, &json), 403, "no Authorization header");
    let (status, body) = curl(&row, &right);
    assert_eq!(status, 201, "{body}");
    assert_eq!(curl(&post, &[&right[..], &json].concat()).0, 201);

    let wrong_key = [&right[..2], &["--user", "me:other"]].concat();
    refused(curl(&row, &wrong_key), 403, "its signature is wrong");
    let elsewhere = [&sigv4("aws:amz:eu-west-1:execute-api")[..], &right[2..]].concat();
    refused(
        curl(&row, &elsewhere),
        403,
        "execute-api in us-east-1 was expected",
    );
    let other_service = [&sigv4("aws:amz:us-east-1:s3")[..], &right[2..]].concat();
    refused(curl(&row, &other_service), 403, "it is signed for s3");
    let basic = ["--user", "me:local"];
    refused(curl(&row, &basic), 403, "of another form");
    // A signature stands for one request and for five minutes.
    let verbose = Command::new("curl")
        .args(&right)
        .args(["-sv", &row])
        .output()
        .unwrap();
    let verbose = String::from_utf8(verbose.stderr).unwrap();
    let sent = |name: &str| {
        let mut lines = verbose.lines().filter_map(|line| line.strip_prefix("> "));
        lines
            .find(|line| line.to_lowercase().starts_with(name))
            .unwrap()
    };
    let (signature, date) = (sent("authorization: "), sent("x-amz-date: "));
    let again = ["--header", signature, "--header", date];
    assert_eq!(curl(&row, &again).0, 201);
    refused(
        curl(&format!("{row}1"), &again),
        403,
        "its signature is wrong",
    );
    let long_ago = [
        "--header",
        signature,
        "--header",
        "X-Amz-Date: 20200101T000000Z",
    ];
    refused(curl(&row, &long_ago), 403, "five minutes");
    system.stop().await;
}

fn token(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(&json!({"alg": "RS256"}));
    format!(
        "authorization: Bearer {header}.{}.c2lnbmF0dXJl",
        part(claims)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn with_jwt_a_token_needs_the_issuer_the_audience_the_time_and_the_scope() {
    let system = enforcing("jwt").await;
    let row = format!("{}/rows/a", system.url());
    let post = format!("{}/events", system.url());
    let right = json!({
        "iss": "https://issuer.example", "aud": "mine", "exp": 4_102_444_800_u64,
        "scope": "rewind/read rewind/write",
    });
    let with = |name: &str, value: Value| {
        let mut claims = right.clone();
        claims[name] = value;
        let token = token(&claims);
        (
            curl(&row, &["--header", &token]),
            curl(&post, &["--header", &token, "--data", ""]),
        )
    };
    let (read, written) = with("sub", json!("me"));
    assert_eq!((read.0, written.0), (201, 201));
    assert_eq!(with("aud", json!(["other", "mine"])).0.0, 201);
    // A token of Cognito has a client id and no audience.
    let mut of_cognito = right.clone();
    of_cognito.as_object_mut().unwrap().remove("aud");
    of_cognito["client_id"] = json!("mine");
    assert_eq!(curl(&row, &["--header", &token(&of_cognito)]).0, 201);

    refused(curl(&row, &[]), 401, "no Authorization header");
    refused(
        curl(&row, &["--header", "authorization: Bearer x"]),
        401,
        "of another form",
    );
    refused(
        with("iss", json!("https://other.example")).0,
        401,
        "another issuer",
    );
    refused(with("aud", json!("yours")).0, 401, "another audience");
    refused(with("exp", json!(1)).0, 401, "has expired");
    refused(
        with("nbf", json!(4_000_000_000_u64)).0,
        401,
        "not valid yet",
    );
    let (read, written) = with("scope", json!("rewind/read"));
    assert_eq!(read.0, 201, "the route needs no scope");
    refused(written, 403, "rewind/write");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_none_everybody_may_call() {
    let system = enforcing("none").await;
    assert_eq!(curl(&format!("{}/rows/a", system.url()), &[]).0, 201);
    system.stop().await;
}
