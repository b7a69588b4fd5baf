//! write: folds recorded events, live or replayed, into the data store.

pub mod handler;
mod invocation;

pub use handler::Handler;
pub use invocation::Invocation;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use rewind::Service;
use rewind_aws::{
    elsewhere::{read_models::ReadModels, settings::Settings},
    metrics::Metrics,
    project::projector::Projector,
    wiring::Clients,
};

/// Runs the function under the Lambda runtime.
///
/// # Errors
///
/// When the environment lacks what `template.yaml` declares, or the runtime
/// cannot be reached.
pub async fn run(service: Service, clients: Clients) -> Result<(), Error> {
    let projector = Projector::new(service.clone(), clients.events()?, clients.data()?);
    let projector = projector.telling(clients.stream("INCOMING_STREAM")?);
    let models = match Settings::from_env()? {
        Some(settings) => {
            let (events, data) = (clients.events()?, clients.data()?);
            Some(ReadModels::new(&service, events, data, settings))
        }
        None => None,
    };
    let handler = Handler::new(projector, service, clients.data()?).with_read_models(models);
    let handler = &handler.with_metrics(Metrics::from_env());
    // Boxed: the type of the future is too deep for the compiler.
    let invoke = |event: LambdaEvent<Invocation>| {
        let deadline = event.context.deadline();
        Box::pin(handler.invoke(event.payload, deadline))
    };
    Box::pin(lambda_runtime::run(service_fn(invoke))).await
}
