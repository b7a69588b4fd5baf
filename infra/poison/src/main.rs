//! The write function as it is deployed, but for its domain.

use lambda_runtime::{Error, tracing};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    write::run(poison::service()).await
}
