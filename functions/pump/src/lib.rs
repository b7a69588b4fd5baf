//! pump: the sequencer. Gives each accepted event the next dense version of
//! its stream, records it once, then publishes it.

pub mod handler;
mod report;

pub use handler::Handler;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use rewind::Service;
use rewind_aws::aws::trigger::KinesisEvent;
use rewind_aws::{metrics::Metrics, sequence::sequencer::Sequencer, wiring::Clients};

/// Runs the function under the Lambda runtime.
///
/// # Errors
///
/// When the environment lacks what `template.yaml` declares, or the runtime
/// cannot be reached.
pub async fn run(_: Service, clients: Clients) -> Result<(), Error> {
    let sequencer = Sequencer::new(clients.events()?);
    let published = clients.stream("EVENTS_STREAM")?;
    let handler = Handler::new(sequencer, published, clients.data()?);
    let handler = &handler.with_metrics(Metrics::from_env());
    let invoke = |event: LambdaEvent<KinesisEvent>| async move {
        Ok::<_, Error>(handler.handle(event.payload).await)
    };
    Box::pin(lambda_runtime::run(service_fn(invoke))).await
}
