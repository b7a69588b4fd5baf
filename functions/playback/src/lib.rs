//! playback: started by hand, streams recorded events back through the replay
//! stream, and goes on in fresh invocations for as long as it takes.
//!
//! It also looks after the system: each minute it lets orphaned playbacks go on,
//! tells how the system is, as metrics, and notes which incidents begin and end;
//! and it keeps a list of the dead letters that S3 tells of. The first invocation
//! of a version that was not seen before notes a deployment. When an operator has
//! dealt with a dead letter, they take it off the list, over HTTP or by hand, with
//! its key as `GET /dead-letters` names it:
//!
//! ```sh
//! aws lambda invoke --function-name rewind-playback --cli-binary-format raw-in-base64-out \
//!   --payload '{"handled": {"deadLetter": "KEY"}}' /dev/stdout
//! ```

mod caller;
pub mod handler;
mod watch;

pub use handler::{Handler, ROUTES, Task};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use rewind::Service;
use rewind_aws::{
    metrics::Metrics, playback::player::Player, project::difference::Differences,
    reverse::reversal::Reverser, wiring::Clients,
};
use serde_json::Value;
pub use watch::Watch;

/// Runs the function under the Lambda runtime.
///
/// # Errors
///
/// When the environment lacks what `template.yaml` declares, or the runtime
/// cannot be reached.
pub async fn run(service: Service, clients: Clients) -> Result<(), Error> {
    let replay = clients.stream("REPLAY_STREAM")?;
    let incoming = clients.stream("INCOMING_STREAM")?;
    let (events, data) = (clients.events()?, clients.data()?);
    let watch = Watch::new(
        service.clone(),
        events.clone(),
        data.clone(),
        incoming.clone(),
    );
    let differences = Differences::new(
        service.clone(),
        events.clone(),
        data.clone(),
        incoming.clone(),
    );
    let reverser = Reverser::new(
        service.clone(),
        events.clone(),
        data.clone(),
        incoming.clone(),
    );
    let player = Player::new(service, events, data, replay).with_incoming(incoming);
    // Lambda itself says who the function is.
    let lambda = lambda_runtime::Config::from_env();
    let itself = clients.function(lambda.function_name);
    let handler = Handler::new(player, reverser, watch, itself).of_version(&lambda.version);
    let handler = handler.telling(differences);
    let handler = &handler.with_metrics(Metrics::from_env());
    // Boxed: the type of a playback's future is too deep for the compiler.
    let invoke =
        |event: LambdaEvent<Value>| Box::pin(handler.handle(event.payload, event.context.deadline));
    Box::pin(lambda_runtime::run(service_fn(invoke))).await
}
