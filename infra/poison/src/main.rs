//! The write function as it is deployed, but for its domain.

use lambda_runtime::{Error, tracing};
use rewind_aws::wiring::Clients;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    write::run(poison::service(), Clients::from_env().await).await
}
