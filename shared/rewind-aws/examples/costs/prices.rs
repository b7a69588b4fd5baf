//! Prices in US dollars: US East (N. Virginia), on demand, without AWS's free
//! tier, as the project noted them from AWS's price pages in November 2026.
//! Where another date stands, that is how old the price is. Check them before
//! you quote a sum.

/// A million.
const MILLION: f64 = 1e6;

/// DynamoDB, a write unit: 1 KB written.
pub const WRITE_UNIT: f64 = 0.625 / MILLION;
/// DynamoDB, a read unit: 4 KB read consistently.
pub const READ_UNIT: f64 = 0.125 / MILLION;
/// DynamoDB, a GB stored for a month.
pub const STORED_GB: f64 = 0.25;
/// DynamoDB, a GB kept restorable to any second for a month (list price of 2023).
pub const RESTORABLE_GB: f64 = 0.20;

/// Kinesis, a provisioned shard for an hour.
pub const SHARD_HOUR: f64 = 0.015;
/// Kinesis, more for an hour of a provisioned shard that keeps records for two
/// to seven days (list price of 2023).
pub const LONG_SHARD_HOUR: f64 = 0.020;
/// Kinesis provisioned, a record put: each begun 25 KB.
pub const PAYLOAD_UNIT: f64 = 0.014 / MILLION;
/// Kinesis, an on-demand stream for an hour.
pub const STREAM_HOUR: f64 = 0.04;
/// Kinesis on demand, a GB put: each record counts for each begun KB.
pub const GB_IN: f64 = 0.08;
/// Kinesis on demand, a GB read by one function.
pub const GB_OUT: f64 = 0.04;
/// Kinesis on demand, a GB kept for a month, beyond the first day (list price of
/// 2023).
pub const KEPT_GB: f64 = 0.10;

/// API Gateway, a request to an HTTP API: each begun 512 KB.
pub const API_REQUEST: f64 = 1.0 / MILLION;

/// Lambda, an invocation.
pub const INVOCATION: f64 = 0.20 / MILLION;
/// Lambda on arm64, a GB of memory for a second.
pub const GB_SECOND: f64 = 0.000_013_333_4;

/// CloudWatch, a metric that an alarm watches, for a month.
pub const ALARM: f64 = 0.10;
/// CloudWatch, a dashboard for a month.
pub const DASHBOARD: f64 = 3.0;
/// CloudWatch, a metric of one's own for a month.
pub const METRIC: f64 = 0.30;
/// CloudWatch, a GB of logs taken in.
pub const LOGGED_GB: f64 = 0.50;

/// Hours of a month, as AWS reckons.
pub const MONTH_HOURS: f64 = 730.0;
