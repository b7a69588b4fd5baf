//! Trigger: the Kinesis stream `incoming`.
//! Reads and writes: the table `EVENTS_TABLE`. Writes: the stream `EVENTS_STREAM`.

use lambda_runtime::{Error, tracing};
use rewind_aws::wiring::Clients;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    pump::run(service::service(), Clients::from_env().await).await
}
