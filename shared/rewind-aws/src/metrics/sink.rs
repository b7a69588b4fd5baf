//! Where lines go.

use super::{Line, emf};
use std::{
    io::Write,
    sync::{Arc, Mutex, PoisonError},
};

/// The environment variable with the stack's name, which `template.yaml` sets.
const VARIABLE: &str = "STACK";

/// Where a function writes its metrics.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    stack: Option<String>,
    sink: Sink,
}

/// The lines that were written, for tests.
#[derive(Debug, Clone, Default)]
pub struct Written(Arc<Mutex<Vec<String>>>);

#[derive(Debug, Clone, Default)]
enum Sink {
    #[default]
    Output,
    Memory(Written),
}

impl Metrics {
    /// To standard output, under the stack that the variable `STACK` names.
    /// Without it there are no metrics: a function that nobody has deployed has
    /// no stack, and metrics cost money for each name and dimension.
    pub fn from_env() -> Self {
        let stack = std::env::var(VARIABLE).ok();
        Self {
            stack: stack.filter(|stack| !stack.is_empty()),
            sink: Sink::Output,
        }
    }

    /// None: what handlers have that are not told otherwise.
    pub fn none() -> Self {
        Self::default()
    }

    /// Into memory, for a test.
    pub fn in_memory(stack: &str) -> (Self, Written) {
        let written = Written::default();
        let metrics = Self {
            stack: Some(stack.to_string()),
            sink: Sink::Memory(written.clone()),
        };
        (metrics, written)
    }

    /// Writes a line. What cannot be written is left out: metrics never make
    /// an invocation fail.
    pub fn write(&self, line: &Line) {
        let Some(stack) = &self.stack else {
            return;
        };
        if line.values.is_empty() {
            return;
        }
        let text = match emf::text(stack, line) {
            Ok(text) => text,
            Err(error) => return tracing::warn!(error, "metrics are left out"),
        };
        match &self.sink {
            // One write for the whole line: log lines cannot come in between.
            Sink::Output => {
                let mut output = std::io::stdout().lock();
                if let Err(error) = output.write_all(&text).and_then(|()| output.flush()) {
                    tracing::warn!(%error, "metrics are left out");
                }
            }
            Sink::Memory(written) => written.push(String::from_utf8_lossy(&text).into_owned()),
        }
    }
}

impl Written {
    /// The lines since the last call.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn push(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line);
    }
}
