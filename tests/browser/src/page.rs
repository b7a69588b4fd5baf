//! The page as a person uses it. Everything waits until it is there.

use crate::Browser;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The time between two looks.
const INTERVAL: Duration = Duration::from_millis(50);

/// What WebDriver calls a reference to an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The elements of a selector that can be seen and that contain a text.
const FOUND: &str = "
    const [selector, text] = arguments;
    const open = document.querySelector('dialog[open]') ?? document;
    return [...open.querySelectorAll(selector)].find((one) =>
        one.checkVisibility() && !one.disabled && one.textContent.trim().includes(text));";

/// What the page says: an open dialog, or all of it.
const TEXT: &str = "return (document.querySelector('dialog[open]') ?? document.body).innerText";

/// Whether it says a text.
const SAYS: &str = "
    const page = document.querySelector('dialog[open]') ?? document.body;
    return page.innerText.includes(arguments[0])";

/// Colours.
#[derive(Debug, Clone, Copy)]
pub enum Scheme {
    /// Dark text on a light ground.
    Light,
    /// Light text on a dark ground.
    Dark,
}

/// A page in a browser, and where pictures of it are kept.
pub struct Page<'a> {
    browser: &'a Browser,
    url: String,
    pictures: PathBuf,
}

impl<'a> Page<'a> {
    /// The console of a system.
    pub fn new(browser: &'a Browser, url: impl Into<String>, pictures: PathBuf) -> Self {
        std::fs::create_dir_all(&pictures).unwrap();
        Self {
            browser,
            url: url.into(),
            pictures,
        }
    }

    /// Goes to an address of the console, such as `#/rows`, and loads it anew.
    pub async fn open(&self, address: &str) {
        // Only the fragment differs otherwise, which loads nothing.
        self.send("url", &json!({"url": "about:blank"})).await;
        let url = format!("{}/console{address}", self.url);
        self.send("url", &json!({"url": url})).await;
    }

    /// Chooses the size of the window and the colours.
    pub async fn look(&self, width: u32, height: u32, scheme: Scheme) {
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics)
            .await;
        let value = match scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
        self.devtools("Emulation.setEmulatedMedia", &media).await;
    }

    /// Runs a script in the page.
    pub async fn run(&self, script: &str, arguments: &Value) -> Value {
        let body = json!({"script": script, "args": arguments});
        self.send("execute/sync", &body).await
    }

    /// Waits until a script returns something that is true, and returns it.
    pub async fn until(&self, what: &str, script: &str, arguments: &Value) -> Value {
        let started = Instant::now();
        loop {
            let found = self.run(script, arguments).await;
            if !matches!(found, Value::Null | Value::Bool(false)) {
                return found;
            }
            if started.elapsed() > PATIENCE {
                self.picture("failed").await;
                let text = self.run(TEXT, &json!([])).await;
                panic!("{what} does not come. The page says:\n{text}");
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Waits until the page, or its open dialog, says a text.
    pub async fn see(&self, text: &str) {
        self.until(&format!("the text {text:?}"), SAYS, &json!([text]))
            .await;
    }

    /// Waits until there is an element of a selector that contains a text.
    pub async fn find(&self, selector: &str, text: &str) -> Value {
        let what = format!("{selector} with {text:?}");
        self.until(&what, FOUND, &json!([selector, text])).await
    }

    /// Clicks what [`Self::find`] finds, once it stays where it is.
    pub async fn click(&self, selector: &str, text: &str) {
        let started = Instant::now();
        loop {
            let found = self.find(selector, text).await;
            let command = format!("element/{}/click", found[ELEMENT].as_str().unwrap());
            match self.browser.send(&command, &json!({})).await {
                Ok(_) => return,
                // It was drawn anew, or something lies above it for a moment.
                Err(_) if started.elapsed() < PATIENCE => tokio::time::sleep(INTERVAL).await,
                Err(why) => panic!("{selector} with {text:?}: {why}"),
            }
        }
    }

    /// Types into a field in place of what stands there.
    pub async fn fill(&self, selector: &str, text: &str) {
        let field = self.find(selector, "").await;
        let field = field[ELEMENT].as_str().unwrap();
        self.send(&format!("element/{field}/clear"), &json!({}))
            .await;
        let typed = json!({"text": text});
        self.send(&format!("element/{field}/value"), &typed).await;
    }

    /// Gives the focus to an element.
    pub async fn focus(&self, selector: &str) {
        let element = self.find(selector, "").await;
        self.run("arguments[0].focus()", &json!([element])).await;
    }

    /// Presses keys, one after the other, where the focus is.
    pub async fn press(&self, keys: &[&str]) {
        let strokes = keys
            .iter()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key})));
        let strokes: Vec<Value> = strokes.collect();
        let actions = json!({"actions": [{"type": "key", "id": "keys", "actions": strokes}]});
        self.send("actions", &actions).await;
    }

    /// Keeps a picture of the whole page.
    pub async fn picture(&self, name: &str) {
        let size =
            "return [innerWidth, Math.max(innerHeight, document.documentElement.scrollHeight)]";
        let size = self.run(size, &json!([])).await;
        let clip = json!({"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1});
        let wanted = json!({"captureBeyondViewport": true, "clip": clip});
        let taken = self.devtools("Page.captureScreenshot", &wanted).await;
        let taken = STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
        std::fs::write(self.pictures.join(format!("{name}.png")), taken).unwrap();
    }

    /// What the browser complains about since the last call: scripts that fail,
    /// and what the content security policy refuses. Answers with an error status
    /// are no such complaint: the page shows them.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.send("se/log", &json!({"type": "browser"})).await;
        let entries = entries.as_array().unwrap().iter();
        let grave =
            entries.filter(|entry| entry["level"] == "SEVERE" && entry["source"] != "network");
        grave.map(|entry| entry["message"].to_string()).collect()
    }

    async fn devtools(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.send("goog/cdp/execute", &body).await
    }

    async fn send(&self, command: &str, body: &Value) -> Value {
        let answer = self.browser.send(command, body).await;
        answer.unwrap_or_else(|why| panic!("{command} {body}: {why}"))
    }
}
