//! Lists the actions and resources of a request to Kinesis, as IAM names them.

use std::collections::BTreeSet;

use ferrokinesis::shard_iterator::decode_shard_iterator;
use serde_json::Value;

use super::Use;
use crate::template::{ACCOUNT, REGION};

/// The action of a Kinesis request on every stream that it names: by name, by ARN, or in an iterator.
pub(crate) fn kinesis_uses(operation: &str, request: &Value) -> Vec<Use> {
    let text = |field: &str| request[field].as_str();
    let of_iterator = || {
        let (_, stream, _, _) = decode_shard_iterator(text("ShardIterator")?).ok()?;
        Some(stream_arn(&stream))
    };
    let named = [
        text("StreamARN").map(str::to_owned),
        text("StreamName").map(stream_arn),
        of_iterator(),
    ];
    let mut resources: BTreeSet<String> = named.into_iter().flatten().collect();
    if resources.is_empty() {
        resources.insert("*".to_owned());
    }
    resources
        .into_iter()
        .map(|resource| Use::new(format!("kinesis:{operation}"), resource))
        .collect()
}

fn stream_arn(name: &str) -> String {
    format!("arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_request_is_about_every_stream_that_it_names() {
        let arn = stream_arn("a");
        let uses = kinesis_uses(
            "GetRecords",
            &json!({ "StreamARN": arn, "StreamName": "b" }),
        );
        let resources: Vec<String> = uses.into_iter().map(|done| done.resource).collect();
        assert_eq!(resources, [stream_arn("a"), stream_arn("b")]);
        let of_name = kinesis_uses("PutRecords", &json!({ "StreamName": "a" }));
        assert_eq!(of_name[0].resource, arn);
        assert_eq!(kinesis_uses("ListStreams", &json!({}))[0].resource, "*");
    }
}
