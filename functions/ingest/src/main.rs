//! Trigger: HTTP API, `POST /events` and `POST /inputs/{source}`.
//! Reads: nothing. Writes: the stream `INCOMING_STREAM`.

use lambda_runtime::{Error, tracing};
use rewind_aws::wiring::Clients;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    ingest::run(service::service(), Clients::from_env().await).await
}
