//! Reads an event source mapping of a function.

use serde_json::Value;

use super::properties::Properties;
use super::{Mapping, StartingPosition, TemplateError};

pub(super) fn read(
    function: &str,
    event: &str,
    properties: &Properties<'_, '_>,
) -> Result<Mapping, TemplateError> {
    if !properties.raw("FilterCriteria").is_null() {
        return Err(properties.wrong(
            "FilterCriteria",
            "the local system cannot filter: filter in the function",
        ));
    }
    let stream_arn = properties.required("Stream")?;
    let stream = stream_arn
        .rsplit_once("stream/")
        .map(|(_, name)| name.to_owned());
    let response_types = properties.strings("FunctionResponseTypes")?;
    if let Some(unknown) = response_types
        .iter()
        .find(|response_type| *response_type != "ReportBatchItemFailures")
    {
        return Err(properties.wrong(
            "FunctionResponseTypes",
            &format!("ReportBatchItemFailures was expected, and not {unknown}"),
        ));
    }
    Ok(Mapping {
        id: format!("{function}{event}"),
        function: function.to_owned(),
        stream: stream.ok_or_else(|| {
            properties.wrong("Stream", "the ARN of a Kinesis stream was expected")
        })?,
        stream_arn,
        is_enabled: properties.boolean("Enabled")?.unwrap_or(true),
        batch_size: properties.number("BatchSize", 1, 10_000)?.unwrap_or(100) as u32,
        window_seconds: properties
            .number("MaximumBatchingWindowInSeconds", 0, 300)?
            .unwrap_or(0) as u32,
        parallelization_factor: properties
            .number("ParallelizationFactor", 1, 10)?
            .unwrap_or(1) as u32,
        starting_position: starting_position(properties)?,
        bisects_on_error: properties
            .boolean("BisectBatchOnFunctionError")?
            .unwrap_or(false),
        // In both, -1 means no limit. It is the default.
        maximum_retries: limit(properties, "MaximumRetryAttempts", 10_000)?,
        maximum_age_seconds: limit(properties, "MaximumRecordAgeInSeconds", 604_800)?,
        reports_item_failures: !response_types.is_empty(),
        on_failure: properties
            .map("DestinationConfig")
            .map("OnFailure")
            .string("Destination")?,
    })
}

fn limit(
    properties: &Properties<'_, '_>,
    property: &str,
    most: i64,
) -> Result<Option<u32>, TemplateError> {
    Ok(properties
        .number(property, -1, most)?
        .and_then(|limit| u32::try_from(limit).ok()))
}

fn starting_position(properties: &Properties<'_, '_>) -> Result<StartingPosition, TemplateError> {
    match properties.required("StartingPosition")?.as_str() {
        "TRIM_HORIZON" => Ok(StartingPosition::TrimHorizon),
        "LATEST" => Ok(StartingPosition::Latest),
        "AT_TIMESTAMP" => match properties.value("StartingPositionTimestamp")? {
            Value::Number(seconds) => Ok(StartingPosition::AtTimestamp(
                seconds.as_f64().unwrap_or(0.0) as i64,
            )),
            _ => Err(properties.wrong(
                "StartingPositionTimestamp",
                "AT_TIMESTAMP needs seconds since 1970",
            )),
        },
        _ => Err(properties.wrong(
            "StartingPosition",
            "TRIM_HORIZON, LATEST or AT_TIMESTAMP was expected",
        )),
    }
}
