//! A PostgreSQL server of the test's own, which can be killed and started again.

use rewind_aws::elsewhere::settings::Settings;
use serde_json::json;
use std::{
    fs,
    net::TcpListener,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

pub struct Server {
    folder: TempDir,
    bin: PathBuf,
    port: u16,
}

impl Server {
    /// Makes a cluster and starts it.
    pub async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp");
        let port = free_port();
        let server = Self {
            folder: folder.unwrap(),
            bin: programs(),
            port,
        };
        if let Some((user, group)) = other_user() {
            chown(server.folder.path(), Some(user), Some(group)).unwrap();
        }
        let data = server.data();
        let data = data.to_str().unwrap();
        server.run(
            "initdb",
            &[
                "--no-sync",
                "-A",
                "trust",
                "-U",
                "rewind",
                "-E",
                "UTF8",
                "--locale=C",
                "-D",
                data,
            ],
        );
        server.begin();
        server
    }

    /// Starts it after a stop.
    pub fn begin(&self) {
        let (data, log) = (self.data(), self.folder.path().join("log"));
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off",
            self.port,
            self.folder.path().display()
        );
        let [data, log] = [data.to_str().unwrap(), log.to_str().unwrap()];
        self.run(
            "pg_ctl",
            &["start", "-w", "-D", data, "-l", log, "-o", &options],
        );
    }

    /// Ends it in the middle of whatever it does.
    pub fn kill(&self) {
        let data = self.data();
        let data = data.to_str().unwrap();
        self.run("pg_ctl", &["stop", "-m", "immediate", "-w", "-D", data]);
    }

    pub fn settings(&self) -> Settings {
        Settings::read(&json!({ "url": self.url() }).to_string()).unwrap()
    }

    /// A client as a team has it.
    pub async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    pub fn url(&self) -> String {
        let port = self.port;
        format!("postgres://rewind@127.0.0.1:{port}/postgres?sslmode=disable")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn run(&self, program: &str, args: &[&str]) {
        let program = self.bin.join(program);
        let mut command = match other_user() {
            Some((user, group)) => {
                let mut command = Command::new("setpriv");
                command.arg(format!("--reuid={user}"));
                command.arg(format!("--regid={group}"));
                command.arg("--clear-groups").arg("--").arg(program);
                command
            }
            None => Command::new(program),
        };
        // The server itself goes on, and must not hold a pipe.
        let said = self.folder.path().join("said");
        let out = fs::File::options().create(true).append(true).open(&said);
        let out = out.unwrap();
        command.args(args).stdin(Stdio::null()).current_dir("/");
        command.stdout(out.try_clone().unwrap()).stderr(out);
        let status = command.status().unwrap();
        assert!(
            status.success(),
            "{}",
            fs::read_to_string(said).unwrap_or_default()
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.data().join("postmaster.pid").exists() {
            self.kill();
        }
    }
}

/// A port that nobody listens at.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Where the server's programs are.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let folders = versions.flatten().map(|version| version.path().join("bin"));
    let mut found: Vec<PathBuf> = folders.filter(|bin| bin.join("initdb").exists()).collect();
    found.sort();
    found.pop().expect(
        "PostgreSQL's server is not installed: apt-get install --no-install-recommends postgresql",
    )
}

/// The user that the server runs as, where that is not whoever tests: it does
/// not run as root.
fn other_user() -> Option<(u32, u32)> {
    let me = fs::metadata("/proc/self").unwrap().uid();
    if me != 0 {
        return None;
    }
    let users = fs::read_to_string(Path::new("/etc/passwd")).unwrap();
    let postgres = users
        .lines()
        .find_map(|line| line.strip_prefix("postgres:"));
    let postgres = postgres.expect("Debian's package `postgresql` makes the user `postgres`");
    let mut numbers = postgres
        .split(':')
        .skip(1)
        .map(|number| number.parse().unwrap());
    numbers.next().zip(numbers.next())
}
