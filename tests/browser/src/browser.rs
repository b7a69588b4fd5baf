//! chromedriver as a process, and one session of Chromium in it.

use rewind_cli::client::Client;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, ErrorKind},
    process::{Child, Command, Stdio},
    thread,
};

/// What to say where there is no browser.
const INSTALL: &str = "install it, on Debian with `apt-get install chromium chromium-driver`";

/// What chromedriver prints once it listens, before the port.
const LISTENS: &str = "started successfully on port ";

/// Chromium without a window. It ends with this value.
pub struct Browser {
    driver: Child,
    client: Client,
    session: String,
}

impl Browser {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// Where chromedriver or Chromium are not installed, with a sentence that says
    /// how to install them.
    pub async fn start() -> Self {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdout(Stdio::piped());
        let mut driver = command.spawn().unwrap_or_else(|error| match error.kind() {
            ErrorKind::NotFound => panic!("chromedriver is not installed: {INSTALL}"),
            _ => panic!("chromedriver: {error}"),
        });
        let client = Client::new(format!("http://127.0.0.1:{}", port(&mut driver)));
        let mut browser = Self {
            driver,
            client,
            session: String::new(),
        };
        let options = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": [
                "--headless=new",
                // Chromium's own sandbox needs rights that containers lack.
                "--no-sandbox",
                "--disable-dev-shm-usage",
                "--disable-gpu",
                "--hide-scrollbars",
            ]},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let started = browser.post("/session", &options).await;
        let started = started.unwrap_or_else(|why| {
            panic!("Chromium does not start: {why}. If it is not installed, {INSTALL}")
        });
        browser.session = started["sessionId"].as_str().unwrap().to_owned();
        browser
    }

    /// Sends a command of the session, and returns its value.
    ///
    /// # Errors
    ///
    /// What chromedriver says where the command fails.
    pub async fn send(&self, command: &str, body: &Value) -> Result<Value, String> {
        self.post(&format!("/session/{}/{command}", self.session), body)
            .await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let media = "application/json";
        let answer = self.client.post(path, media, body.to_string()).await?;
        let mut body = answer.body;
        match answer.status {
            200 => Ok(body["value"].take()),
            _ => Err(body["value"]["message"].to_string()),
        }
    }

    /// Ends it, and Chromium with it.
    pub async fn end(mut self) {
        // It answers this with the end of its process, perhaps before the answer.
        let _ = self.client.get("/shutdown").await;
        self.driver.wait().unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Where a test has failed. It may have ended already.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// The port that it listens on, which it prints.
fn port(driver: &mut Child) -> u16 {
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let port = loop {
        let line = lines.next().expect("chromedriver says its port").unwrap();
        if let Some((_, port)) = line.split_once(LISTENS) {
            let digits = port.split(|letter: char| !letter.is_ascii_digit());
            if let Some(Ok(port)) = digits.map(str::parse).next() {
                break port;
            }
        }
    };
    // A full pipe would block it.
    thread::spawn(move || lines.for_each(drop));
    port
}
