//! Log lines: JSON on standard output, each with the request id of the
//! invocation that it belongs to.

use lambda_runtime::tracing::{
    Subscriber,
    subscriber::{
        self,
        filter::{LevelFilter, Targets},
        fmt::MakeWriter,
        layer::SubscriberExt,
        util::SubscriberInitExt,
    },
};
use std::{env, io};

/// Lambda's runtime opens a span with the request id around each invocation.
/// Without this target it would open none where only warnings are asked for.
const REQUEST_ID: &str = "lambda_runtime::layers::trace";

/// Writes log lines as Lambda's logging controls say: `AWS_LAMBDA_LOG_LEVEL`
/// (before it `RUST_LOG`, which can name targets; `INFO` without them) and
/// `AWS_LAMBDA_LOG_FORMAT`. A line names its spans once, in the list `spans`: the subscriber of Lambda's
/// runtime names the innermost one twice.
pub fn init() {
    let level = env::var("RUST_LOG").or_else(|_| env::var("AWS_LAMBDA_LOG_LEVEL"));
    let format = env::var("AWS_LAMBDA_LOG_FORMAT").unwrap_or_default();
    let is_json = format.eq_ignore_ascii_case("json");
    lines(level.as_deref().unwrap_or("INFO"), is_json, io::stdout).init();
}

fn lines<W>(level: &str, is_json: bool, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // A level, or levels of targets as in RUST_LOG. `EnvFilter` reads more than
    // that, and needs regular expressions for it.
    let targets: Targets = level.parse().unwrap_or_default();
    let default = targets.default_level().unwrap_or(LevelFilter::INFO);
    let targets = targets
        .with_default(default)
        .with_target(REQUEST_ID, LevelFilter::INFO);
    let lines = subscriber::fmt::layer()
        .with_target(false)
        .without_time()
        .with_ansi(false)
        .with_writer(writer);
    let registry = subscriber::registry().with(targets);
    match is_json {
        true => Box::new(registry.with(lines.json().with_current_span(false))),
        false => Box::new(registry.with(lines)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: &str, work: impl FnOnce()) -> Vec<Value> {
        let lines = Lines::default();
        let into = lines.clone();
        let subscriber = super::lines(level, true, move || into.clone());
        tracing::subscriber::with_default(subscriber, work);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The span of Lambda's runtime.
    macro_rules! invocation {
        () => {
            tracing::info_span!(
                target: "lambda_runtime::layers::trace",
                "Lambda runtime invoke",
                requestId = "r-1"
            )
        };
    }

    #[test]
    fn a_line_names_the_request_id_once() {
        let lines = logged("INFO", || {
            let _open = invocation!().entered();
            tracing::warn!(stream = "cart-1", "not folded");
        });
        assert_eq!(
            lines,
            [json!({
                "level": "WARN",
                "fields": {"message": "not folded", "stream": "cart-1"},
                "spans": [{"name": "Lambda runtime invoke", "requestId": "r-1"}],
            })]
        );
    }

    #[test]
    fn the_request_id_is_there_where_only_errors_are_asked_for() {
        let lines = logged("ERROR", || {
            let _open = invocation!().entered();
            tracing::warn!("left out");
            // What another library opens in between does not hide it.
            let _inner = tracing::error_span!("inner").entered();
            tracing::error!("stalled");
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["spans"][0]["requestId"], "r-1");
    }
}
