//! Trigger: the Kinesis stream `events`.
//! Reads: the table `EVENTS_TABLE`. Reads and writes: the table `DATA_TABLE`.
//! Writes: the stream `INCOMING_STREAM`.

use lambda_runtime::{Error, tracing};
use rewind_aws::wiring::Clients;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    microservice::run(service::service(), Clients::from_env().await).await
}
