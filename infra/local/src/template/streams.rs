//! Reads the template's Kinesis streams.

use super::intrinsics::Resolver;
use super::properties::Properties;
use super::{Stream, TemplateError};

/// The number of shards of a new on-demand stream on AWS.
/// Source: "Data stream modes" in the Kinesis developer guide (a new stream takes 4 MB/s).
const ON_DEMAND_SHARDS: i64 = 4;

pub(super) fn read(resolver: &Resolver<'_>) -> Result<Vec<Stream>, TemplateError> {
    let mut streams = Vec::new();
    for (logical_id, resource) in Properties::of_resources(resolver, "AWS::Kinesis::Stream") {
        let properties = resource.map("Properties");
        let shard_count = properties.number("ShardCount", 1, 10_000)?;
        let mode = properties.map("StreamModeDetails").string("StreamMode")?;
        let is_on_demand = match mode.as_deref() {
            Some("ON_DEMAND") => true,
            Some("PROVISIONED") => false,
            None => shard_count.is_none(),
            Some(_) => {
                return Err(
                    properties.wrong("StreamModeDetails", "ON_DEMAND or PROVISIONED was expected")
                );
            }
        };
        let shards = match (is_on_demand, shard_count) {
            (true, _) => ON_DEMAND_SHARDS,
            (false, Some(count)) => count,
            (false, None) => {
                return Err(properties.wrong("ShardCount", "a PROVISIONED stream needs it"));
            }
        };
        streams.push(Stream {
            logical_id: logical_id.to_owned(),
            name: resolver.name(logical_id)?,
            arn: resolver.arn(logical_id)?,
            shards: shards as u32,
            is_on_demand,
            retention_hours: properties
                .number("RetentionPeriodHours", 24, 8_760)?
                .unwrap_or(24) as u32,
        });
    }
    Ok(streams)
}
