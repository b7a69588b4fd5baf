//! The policies of `template.yaml`, judged by an IAM evaluator that nobody here wrote, and by the guard: what each
//! function may do is what `allowed.txt` says, and the two judges agree in every case.

use std::collections::{BTreeMap, BTreeSet};

use iam_rs::{
    Arn, Context, ContextValue, Decision, IAMPolicy, IAMRequest, Principal, PrincipalId,
    evaluate_policies,
};
use serde_json::Value;

use super::*;
use crate::template::{ACCOUNT, Template};

const ALLOWED: &str = include_str!("allowed.txt");
const STACK: &str = "rewind";

/// What any function could want to do.
const ACTIONS: &[(&str, &[&str])] = &[
    (
        "dynamodb",
        &[
            "BatchGetItem",
            "BatchWriteItem",
            "ConditionCheckItem",
            "CreateTable",
            "DeleteItem",
            "DeleteResourcePolicy",
            "DeleteTable",
            "DescribeTable",
            "GetItem",
            "PartiQLDelete",
            "PartiQLInsert",
            "PartiQLSelect",
            "PartiQLUpdate",
            "PutItem",
            "PutResourcePolicy",
            "Query",
            "Scan",
            "UpdateItem",
            "UpdateTable",
            "UpdateTimeToLive",
        ],
    ),
    (
        "kinesis",
        &[
            "DecreaseStreamRetentionPeriod",
            "DeleteStream",
            "DescribeStream",
            "DescribeStreamSummary",
            "GetRecords",
            "GetShardIterator",
            "ListShards",
            "MergeShards",
            "PutRecord",
            "PutRecords",
            "SplitShard",
        ],
    ),
    (
        "s3",
        &["DeleteObject", "GetObject", "ListBucket", "PutObject"],
    ),
    ("lambda", &["InvokeFunction", "UpdateFunctionCode"]),
    (
        "logs",
        &["CreateLogStream", "DeleteLogGroup", "PutLogEvents"],
    ),
];

/// Keys of the data store, one of each shape.
const KEYS: [&str; 26] = [
    "adapter/shop~3",
    "carts@2#7",
    "carts@2~7",
    "command/later~3",
    "gateway/shop~3",
    "journal/shop~3",
    "process/shop~3",
    "rewind#appenders",
    "rewind#behind",
    "rewind#calls/3",
    "rewind#dead-letters",
    "rewind#deadlines/3",
    "rewind#differences/p",
    "rewind#failing",
    "rewind#folds/carts@2",
    "rewind#listeners",
    "rewind#playbacks",
    "rewind#progress/p",
    "rewind#projections",
    "rewind#reached",
    "rewind#running",
    "rewind#stalls",
    "rewind#sweep",
    "rewind#undeclared",
    "rule/shop~3",
    "snapshot/cart~3",
];

/// The template's policies.
struct Policies {
    guard: Guard,
    /// Those of each function's role, by the function's name.
    roles: BTreeMap<String, Vec<IAMPolicy>>,
    /// That of the events table.
    of_events: IAMPolicy,
    /// What actions are about: a name, an ARN, and the keys of items.
    resources: Vec<(String, String, Vec<&'static str>)>,
}

fn policies(template: &Template) -> Policies {
    let model = template.model(STACK).unwrap();
    let resolved = |resource_type| template.resolved(STACK, resource_type).unwrap();
    let policy = |document: &Value| IAMPolicy::from_json(&document.to_string()).unwrap();
    let roles = resolved("AWS::IAM::Role");
    let roles = model.functions.iter().map(|function| {
        let role = &roles[&format!("{}Role", function.logical_id)];
        let documents = role["Policies"].as_array().unwrap();
        let documents = documents.iter().map(|policy| &policy["PolicyDocument"]);
        (function.name.clone(), documents.map(policy).collect())
    });
    let tables = resolved("AWS::DynamoDB::Table");
    let mut resources = Vec::new();
    for table in &model.tables {
        let keys = match table.logical_id.as_str() {
            "DataTable" => KEYS.to_vec(),
            _ => Vec::new(),
        };
        resources.push((table.logical_id.clone(), table.arn.clone(), keys));
        for index in &table.indexes {
            let (name, index) = (&table.logical_id, &index.name);
            let arn = format!("{}/index/{index}", table.arn);
            resources.push((format!("{name}/{index}"), arn, Vec::new()));
        }
    }
    for stream in &model.streams {
        resources.push((stream.logical_id.clone(), stream.arn.clone(), Vec::new()));
    }
    for function in &model.functions {
        let (name, arn) = (&function.logical_id, &function.arn);
        resources.push((name.clone(), arn.clone(), Vec::new()));
        let log = format!(
            "arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda/{}:log-stream:a",
            function.name
        );
        resources.push((format!("{name}Logs"), log, Vec::new()));
    }
    let bucket = format!("arn:aws:s3:::{STACK}-deadletters");
    resources.push(("DeadLetters".into(), bucket.clone(), Vec::new()));
    resources.push((
        "DeadLetters/*".into(),
        format!("{bucket}/letter"),
        Vec::new(),
    ));
    Policies {
        guard: Guard::new(&model),
        roles: roles.collect(),
        of_events: policy(&tables["EventsTable"]["ResourcePolicy"]["PolicyDocument"]),
        resources,
    }
}

impl Policies {
    /// Whether a function's role lets it do something. The guard has to decide as
    /// both policies together do.
    fn grant(&self, function: &str, wanted: &Use) -> bool {
        let by_guard = self
            .guard
            .check(Some(function), std::slice::from_ref(wanted));
        let principal = format!("arn:aws:iam::{ACCOUNT}:role/{function}");
        let granted = decide(&self.roles[function], &principal, wanted) == Decision::Allow;
        let is_allowed = granted && !self.deny(wanted);
        assert_eq!(by_guard.is_ok(), is_allowed, "{function}: {wanted:?}");
        granted
    }

    /// Whether the events table's own policy denies it to everybody.
    fn deny(&self, wanted: &Use) -> bool {
        let is_about_events = self
            .resources
            .iter()
            .any(|(name, arn, _)| name.starts_with("EventsTable") && *arn == wanted.resource);
        let anybody = format!("arn:aws:iam::{ACCOUNT}:user/anybody");
        let of_events = std::slice::from_ref(&self.of_events);
        is_about_events && decide(of_events, &anybody, wanted) == Decision::Deny
    }

    /// All that the roles grant, a line each.
    fn allowed(&self) -> BTreeSet<String> {
        let mut allowed = BTreeSet::new();
        for function in self.roles.keys() {
            for (service, actions) in ACTIONS {
                let of_service = format!("arn:aws:{service}:");
                let resources = self.resources.iter();
                for (name, arn, keys) in
                    resources.filter(|(_, arn, _)| arn.starts_with(&of_service))
                {
                    for action in *actions {
                        let action = format!("{service}:{action}");
                        let mut wanted = Use::new(&action, arn);
                        let line = format!("{function} {action} {name}");
                        if keys.is_empty() {
                            allowed.extend(self.grant(function, &wanted).then_some(line));
                            continue;
                        }
                        let keys = keys.iter().filter(|key| {
                            wanted.keys = vec![key.to_string()];
                            self.grant(function, &wanted)
                        });
                        let keys: Vec<&str> = keys.copied().collect();
                        if keys.len() == KEYS.len() {
                            allowed.insert(line);
                        } else {
                            allowed.extend(keys.iter().map(|key| format!("{line} {key}")));
                        }
                    }
                }
            }
        }
        allowed
    }
}

fn decide(policies: &[IAMPolicy], principal: &str, wanted: &Use) -> Decision {
    let mut context = Context::new();
    if !wanted.keys.is_empty() {
        let keys = ContextValue::StringList(wanted.keys.clone());
        context.insert("dynamodb:LeadingKeys".to_owned(), keys);
    }
    let principal = Principal::Aws(PrincipalId::String(principal.to_owned()));
    let arn = Arn::parse(&wanted.resource).unwrap();
    let request = IAMRequest::new_with_context(principal, &wanted.action, arn, context);
    evaluate_policies(policies, &request).unwrap()
}

fn template() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn each_function_may_do_what_the_table_says_and_nothing_else() {
    let allowed = policies(&Template::parse(&template()).unwrap()).allowed();
    let allowed: Vec<&str> = allowed.iter().map(String::as_str).collect();
    let expected: BTreeSet<&str> = ALLOWED.lines().collect();
    let expected: Vec<&str> = expected.into_iter().collect();
    assert_eq!(allowed, expected, "\n{}\n", allowed.join("\n"));
}

#[test]
fn nobody_may_change_or_delete_an_event() {
    let policies = policies(&Template::parse(&template()).unwrap());
    let (_, events, _) = &policies
        .resources
        .iter()
        .find(|(name, ..)| name == "EventsTable")
        .unwrap();
    for action in [
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "BatchWriteItem",
        "PartiQLUpdate",
        "PartiQLDelete",
        "UpdateTimeToLive",
        "DeleteTable",
    ] {
        let wanted = Use::new(format!("dynamodb:{action}"), events);
        assert!(
            policies.deny(&wanted),
            "{action} is not denied to everybody"
        );
        let operator = policies
            .guard
            .check(Some("AKIAOPERATOR"), std::slice::from_ref(&wanted));
        assert!(operator.is_err(), "the guard lets an operator {action}");
    }
}

/// A grant that the table does not have shows, even one that the events table's
/// own policy denies.
#[test]
fn a_role_that_may_put_an_event_is_found() {
    let one = "[dynamodb:BatchGetItem, dynamodb:PartiQLInsert, dynamodb:Query]";
    let more = "[dynamodb:BatchGetItem, dynamodb:PartiQLInsert, dynamodb:PutItem, dynamodb:Query]";
    let text = template();
    assert!(text.contains(one), "pump's statement has changed");
    let allowed = policies(&Template::parse(&text.replace(one, more)).unwrap()).allowed();
    let expected: BTreeSet<String> = ALLOWED.lines().map(str::to_owned).collect();
    let found: Vec<&String> = allowed.difference(&expected).collect();
    assert_eq!(
        found,
        [
            "rewind-microservice dynamodb:PutItem EventsTable",
            "rewind-pump dynamodb:PutItem EventsTable"
        ]
    );
}
