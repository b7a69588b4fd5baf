//! Runs a function's process in the operating system, from its start to its end.
//!
//! It knows pipes, signals and exit codes. It does not know invocations, nor why a process is started or killed.

use std::io;
use std::os::fd::AsFd;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::process::{Child, Command};

use super::launch::Program;
use super::process::Process;
use crate::shutdown::stopped;

/// How long the output of a process may outlast the process.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// Runs a process until it ends or is killed. Returns how it ended, in words.
pub(super) async fn run(program: &Program, process: &Process) -> String {
    let reason = match spawn(program, process.id) {
        Ok(child) => wait(program, process, child).await,
        Err(error) => format!(
            "{} cannot be run: {error}",
            program.launch.worker.program.display()
        ),
    };
    tracing::debug!(
        function = program.function.name,
        reason,
        "a function's process ended"
    );
    reason
}

async fn wait(program: &Program, process: &Process, mut child: Child) -> String {
    process
        .pid
        .store(child.id().unwrap_or_default(), Ordering::Relaxed);
    // A function's process ends when its input does. Our side stays open until the process has ended: so it also ends
    // with this process, whatever ends this one.
    let input = child.stdin.take();
    let output = follow(program, &mut child);
    let status = tokio::select! {
        status = child.wait() => status,
        () = process.kill.notified() => kill(&mut child).await,
        // This covers a system that is dropped without a stop.
        () = stopped(program.launch.shutdown.clone()) => kill(&mut child).await,
    };
    drop(input);
    process.pid.store(0, Ordering::Relaxed);
    // The log is complete before anybody learns that the process ended. A process that the function started may hold
    // the pipe for longer.
    let _ = tokio::time::timeout(LAST_OUTPUT, output).await;
    status.map_or_else(|error| error.to_string(), |status| status.to_string())
}

/// Keeps what a process prints, until both of its outputs end.
fn follow(program: &Program, child: &mut Child) -> impl Future<Output = ()> + use<> {
    let tasks = program.log.as_ref().map(|log| {
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

async fn kill(child: &mut Child) -> io::Result<ExitStatus> {
    child.start_kill()?;
    child.wait().await
}

fn spawn(program: &Program, id: u64) -> io::Result<Child> {
    let (output, errors) = match &program.log {
        Some(_) => (Stdio::piped(), Stdio::piped()),
        // Without a log, whoever sets RUST_LOG sees the output among the system's own.
        None if std::env::var_os("RUST_LOG").is_some() => (
            Stdio::from(io::stderr().as_fd().try_clone_to_owned()?),
            Stdio::inherit(),
        ),
        None => (Stdio::null(), Stdio::null()),
    };
    let worker = &program.launch.worker;
    Command::new(&worker.program)
        .args(&worker.args)
        .arg(&program.function.binary)
        .env_clear()
        .envs(program.environment(id))
        .stdin(Stdio::piped())
        .stdout(output)
        .stderr(errors)
        // A process group of its own: Ctrl-C reaches the system only, which lets the functions finish their work.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}
