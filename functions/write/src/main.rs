//! Trigger: the Kinesis streams `events` and `replay`.
//! Reads: the table `EVENTS_TABLE`. Reads and writes: the table `DATA_TABLE`.
//! Reads and writes: PostgreSQL, where `READ_MODELS` says how it is reached.
//! Writes: the stream `INCOMING_STREAM`, with what becomes of rows.

use lambda_runtime::Error;
use rewind_aws::{aws::log, wiring::Clients};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    write::run(service::service(), Clients::from_env()).await
}
