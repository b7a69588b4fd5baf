//! Trigger: HTTP API, every `GET`.
//! Reads: the tables `EVENTS_TABLE` and `DATA_TABLE`. Writes: nothing.

use lambda_runtime::{Error, tracing};
use rewind_aws::wiring::Clients;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    query::run(service::service(), Clients::from_env().await).await
}
