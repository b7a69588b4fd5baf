//! The time of day, in the formats of AWS payloads.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    ms(SystemTime::now())
}

/// A time in milliseconds since 1970.
pub(crate) fn ms(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

/// A time as `2026-11-05T12:00:00.123Z`.
pub(crate) fn rfc3339(ms: u64) -> String {
    format(ms, "%Y-%m-%dT%H:%M:%S%.3fZ")
}

/// A time as EventBridge writes it: `2026-11-05T12:00:00Z`.
pub(crate) fn whole_seconds(ms: u64) -> String {
    format(ms, "%Y-%m-%dT%H:%M:%SZ")
}

/// A time as API Gateway writes it: `05/Nov/2026:12:00:00 +0000`.
pub(crate) fn common_log(ms: u64) -> String {
    format(ms, "%d/%b/%Y:%H:%M:%S +0000")
}

fn format(ms: u64, pattern: &str) -> String {
    jiff::Timestamp::from_millisecond(ms as i64)
        .unwrap_or_default()
        .strftime(pattern)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_aws_writes_them() {
        assert_eq!(rfc3339(1_573_691_886_021), "2019-11-14T00:38:06.021Z");
        assert_eq!(whole_seconds(1_573_691_886_021), "2019-11-14T00:38:06Z");
        assert_eq!(common_log(1_583_348_638_390), "04/Mar/2020:19:03:58 +0000");
    }
}
