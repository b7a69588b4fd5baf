//! Trigger: the Kinesis stream `incoming`.
//! Reads and writes: the table `EVENTS_TABLE`. Writes: the stream `EVENTS_STREAM`.

use lambda_runtime::Error;
use rewind_aws::{aws::log, wiring::Clients};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    pump::run(service::service(), Clients::from_env()).await
}
