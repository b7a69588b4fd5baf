//! Reads a schedule of a function.

use std::time::Duration;

use serde::de::IgnoredAny;

use super::properties::Properties;
use super::{Schedule, TemplateError};

/// The expressions that are supported, for errors. As on AWS, 1 takes the singular and other numbers the plural.
const EXPECTED: &str =
    "rate(1 minute), rate(N minutes), or the same in hours or days, was expected";

pub(super) fn read(
    function: &str,
    event: &str,
    properties: &Properties<'_, '_>,
) -> Result<Schedule, TemplateError> {
    let expression = properties.required("Schedule")?;
    if expression.starts_with("cron(") {
        let reason = format!("the local system cannot run cron(...): {EXPECTED}");
        return Err(properties.wrong("Schedule", &reason));
    }
    let input = properties.string("Input")?;
    // EventBridge refuses other input at deployment. Here the function would fail at every invocation.
    if let Some(Err(error)) = input.as_deref().map(serde_json::from_str::<IgnoredAny>) {
        return Err(properties.wrong("Input", &format!("JSON text was expected: {error}")));
    }
    Ok(Schedule {
        id: format!("{function}{event}"),
        function: function.to_owned(),
        every: rate(&expression).ok_or_else(|| properties.wrong("Schedule", EXPECTED))?,
        input,
        is_enabled: properties.boolean("Enabled")?.unwrap_or(true),
    })
}

/// The period of `rate(N unit)`.
fn rate(expression: &str) -> Option<Duration> {
    let (count, unit) = expression
        .strip_prefix("rate(")?
        .strip_suffix(')')?
        .split_once(' ')?;
    // A `u32` of days cannot overflow a `u64` of seconds.
    let count: u32 = count.parse().ok()?;
    let seconds: u64 = match (count, unit) {
        (0, _) => return None,
        (1, "minute") | (2.., "minutes") => 60,
        (1, "hour") | (2.., "hours") => 60 * 60,
        (1, "day") | (2.., "days") => 24 * 60 * 60,
        _ => return None,
    };
    Some(Duration::from_secs(u64::from(count) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_count_of_minutes_hours_or_days() {
        for (expression, seconds) in [
            ("rate(1 minute)", Some(60)),
            ("rate(5 minutes)", Some(300)),
            ("rate(1 hour)", Some(3_600)),
            ("rate(12 hours)", Some(43_200)),
            ("rate(1 day)", Some(86_400)),
            ("rate(4294967295 days)", Some(371_085_174_288_000)),
            ("rate(4294967296 days)", None),
            ("rate(0 minutes)", None),
            ("rate(-1 minutes)", None),
            ("rate(1 minutes)", None),
            ("rate(5 minute)", None),
            ("rate(5  minutes)", None),
            ("rate(5 seconds)", None),
            ("rate(minutes)", None),
            ("rate()", None),
            ("rate(", None),
            ("5 minutes", None),
            ("", None),
        ] {
            assert_eq!(
                rate(expression),
                seconds.map(Duration::from_secs),
                "{expression}"
            );
        }
    }
}
