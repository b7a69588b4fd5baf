//! The fixed part of naming: pseudo parameters, default names, and ARNs by resource type.

use serde_json::{Map, Value};

/// The region of every ARN of the local system.
pub const REGION: &str = "us-east-1";
/// The account of every ARN of the local system.
pub const ACCOUNT: &str = "000000000000";

/// The value of a pseudo parameter.
pub(super) fn pseudo_parameter(name: &str, stack: &str) -> Option<String> {
    Some(match name {
        "AWS::Region" => REGION.to_owned(),
        "AWS::AccountId" => ACCOUNT.to_owned(),
        "AWS::Partition" => "aws".to_owned(),
        "AWS::URLSuffix" => "amazonaws.com".to_owned(),
        "AWS::StackName" => stack.to_owned(),
        "AWS::StackId" => format!("arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack}/local"),
        "AWS::NoValue" => String::new(),
        _ => return None,
    })
}

/// The property that holds a resource's physical name, if the template sets one.
pub(super) fn name_property(resource_type: &str) -> &'static str {
    match resource_type {
        "AWS::Kinesis::Stream" => "Name",
        "AWS::DynamoDB::Table" => "TableName",
        "AWS::Serverless::Function" | "AWS::Lambda::Function" => "FunctionName",
        "AWS::S3::Bucket" => "BucketName",
        "AWS::IAM::Role" => "RoleName",
        "AWS::Logs::LogGroup" => "LogGroupName",
        "AWS::SQS::Queue" => "QueueName",
        "AWS::SNS::Topic" => "TopicName",
        _ => "Name",
    }
}

/// The physical name of a resource whose template sets none: `stack-logicalid`.
pub(super) fn default_name(logical_id: &str, stack: &str) -> String {
    format!("{stack}-{}", logical_id.to_ascii_lowercase())
}

/// The ARN of a resource.
pub(super) fn arn(resource_type: &str, name: &str) -> String {
    match resource_type {
        "AWS::Kinesis::Stream" => format!("arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"),
        "AWS::DynamoDB::Table" => format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"),
        "AWS::Serverless::Function" | "AWS::Lambda::Function" => {
            format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
        }
        "AWS::S3::Bucket" => format!("arn:aws:s3:::{name}"),
        "AWS::IAM::Role" => format!("arn:aws:iam::{ACCOUNT}:role/{name}"),
        "AWS::Logs::LogGroup" => format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*"),
        "AWS::SQS::Queue" => format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"),
        "AWS::SNS::Topic" => format!("arn:aws:sns:{REGION}:{ACCOUNT}:{name}"),
        other => {
            let service = other
                .split("::")
                .nth(1)
                .unwrap_or("local")
                .to_ascii_lowercase();
            format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{name}")
        }
    }
}

/// Whether SAM itself makes a resource of this name: the implicit HTTP API, a function's role, a trigger's mapping.
pub(super) fn is_made_by_sam(name: &str, resources: &Map<String, Value>) -> bool {
    name.starts_with("ServerlessHttpApi")
        || name.starts_with("ServerlessRestApi")
        || resources.iter().any(|(logical_id, resource)| {
            resource["Type"]
                .as_str()
                .is_some_and(|resource_type| resource_type.starts_with("AWS::Serverless::"))
                && name.starts_with(logical_id.as_str())
        })
}
