//! Trigger: HTTP API, `POST /events` and `POST /inputs/{source}`.
//! Reads: nothing. Writes: the stream `INCOMING_STREAM`.

use lambda_runtime::{Error, tracing};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    ingest::run(service::service()).await
}
