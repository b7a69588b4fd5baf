//! Starts a function's process, and sees it to its end.

use std::io;
use std::os::fd::AsFd;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::process::{Child, Command};

use super::environment;
use super::pool::Pool;
use super::worker::Worker;
use crate::shutdown::stopped;

/// How long the output of a process may outlast it.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Runs one process until it ends or is told to.
pub(super) async fn supervise(pool: Arc<Pool>, worker: Arc<Worker>) {
    let reason = match spawn(&pool, &worker) {
        Ok(child) => wait(&pool, &worker, child).await,
        Err(error) => format!(
            "{} cannot be run: {error}",
            pool.launch.program.program.display()
        ),
    };
    tracing::debug!(
        function = pool.function().name,
        reason,
        "a function's process ended"
    );
    pool.exited(&worker, &reason);
}

/// Where a function's output is found, for people.
pub(super) fn log_name(pool: &Pool) -> String {
    match &pool.log {
        Some(log) => log.path().display().to_string(),
        None => "(none: set RUST_LOG to see it)".to_owned(),
    }
}

async fn wait(pool: &Pool, worker: &Worker, mut child: Child) -> String {
    worker
        .pid
        .store(child.id().unwrap_or_default(), Ordering::Relaxed);
    // The process ends at the end of its input. Keeping our side open until here ties its life to ours, however this
    // process ends.
    let input = child.stdin.take();
    let output = follow(pool, &mut child);
    let status = tokio::select! {
        status = child.wait() => status,
        _ = worker.kill.notified() => kill(&mut child).await,
        // Also when the system is dropped without a stop.
        () = stopped(pool.launch.shutdown.clone()) => kill(&mut child).await,
    };
    drop(input);
    worker.pid.store(0, Ordering::Relaxed);
    // Whoever is told how the process ended finds its last words in the log. A process that it started itself may hold
    // the pipe for longer.
    let _ = tokio::time::timeout(LAST_WORDS, output).await;
    status.map_or_else(|error| error.to_string(), |status| status.to_string())
}

/// Keeps what a process prints, until both of its outputs end.
fn follow(pool: &Pool, child: &mut Child) -> impl Future<Output = ()> + use<> {
    let tasks = pool.log.as_ref().map(|log| {
        let (output, errors) = (child.stdout.take(), child.stderr.take());
        let of_output = output.map(|output| tokio::spawn(log.clone().follow(output)));
        let of_errors = errors.map(|errors| tokio::spawn(log.clone().follow(errors)));
        [of_output, of_errors]
    });
    async move {
        for task in tasks.into_iter().flatten().flatten() {
            let _ = task.await;
        }
    }
}

async fn kill(child: &mut Child) -> io::Result<std::process::ExitStatus> {
    child.start_kill()?;
    child.wait().await
}

fn spawn(pool: &Pool, worker: &Worker) -> io::Result<Child> {
    let launch = &pool.launch;
    let runtime_api = format!("{}/w/{}", pool.runtime_url, worker.id);
    let (output, errors) = match &pool.log {
        Some(_) => (Stdio::piped(), Stdio::piped()),
        // What is kept nowhere is shown to whoever asked for logs, beside what is the caller's own output.
        None if std::env::var_os("RUST_LOG").is_some() => (
            Stdio::from(io::stderr().as_fd().try_clone_to_owned()?),
            Stdio::inherit(),
        ),
        None => (Stdio::null(), Stdio::null()),
    };
    Command::new(&launch.program.program)
        .args(&launch.program.args)
        .arg(&pool.function().binary)
        .env_clear()
        .envs(environment::of(
            pool.function(),
            &runtime_api,
            &launch.endpoints,
            &launch.extra_env,
        ))
        .stdin(Stdio::piped())
        .stdout(output)
        .stderr(errors)
        // Out of the terminal's group: a Ctrl-C is for the system, which lets the functions' work end.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}
