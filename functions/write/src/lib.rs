//! write: folds recorded events, live or replayed, into the data store.

pub mod handler;

use aws_lambda_events::kinesis::KinesisEvent;
pub use handler::Handler;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use rewind::Service;
use rewind_aws::{metrics::Metrics, project::projector::Projector, wiring::Clients};

/// Runs the function under the Lambda runtime.
///
/// # Errors
///
/// When the environment lacks what `template.yaml` declares, or the runtime
/// cannot be reached.
pub async fn run(service: Service, clients: Clients) -> Result<(), Error> {
    let projector = Projector::new(service.clone(), clients.events()?, clients.data()?);
    let projector = projector.telling(clients.stream("INCOMING_STREAM")?);
    let handler = Handler::new(projector, service, clients.data()?);
    let handler = &handler.with_metrics(Metrics::from_env());
    // Boxed: the type of the future is too deep for the compiler.
    let invoke = |event: LambdaEvent<KinesisEvent>| Box::pin(handler.handle(event.payload));
    Box::pin(lambda_runtime::run(service_fn(invoke))).await
}
