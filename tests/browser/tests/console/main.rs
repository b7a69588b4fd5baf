//! The console in a real browser: each view's story, by clicks and by keys.
//! Pictures of it are kept in `target/screenshots`.
//!
//! The program is its own `rewind` command: the system that it looks at, and that
//! system's functions.
//!
//! `REWIND_CONSOLE=http://127.0.0.1:8080` names a system that runs already, to be
//! filled and looked at in place of one of its own.

mod stories;
mod system;

use browser::{Browser, Page, Scheme};
use rewind_cli::client::Client;
use std::{env, process::ExitCode};
use system::{System, fill, root};

fn main() -> ExitCode {
    let first = env::args().nth(1);
    if matches!(first.as_deref(), Some("--port" | "function")) {
        return rewind_cli::run(service::service);
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(tell());
    println!("the console in a browser ... ok");
    ExitCode::SUCCESS
}

async fn tell() {
    let dir = tempfile::tempdir().unwrap();
    let running = env::var("REWIND_CONSOLE").ok();
    let mut own = running.is_none().then(|| System::start(dir.path()));
    let url = running.unwrap_or_else(|| own.as_ref().unwrap().url.clone());
    let browser = Browser::start().await;
    fill(&Client::new(&url)).await;

    let page = Page::new(&browser, &url, root().join("target/screenshots"));
    page.look(1440, 900, Scheme::Light).await;
    stories::home(&page).await;
    stories::modules(&page).await;
    stories::streams(&page).await;
    stories::rows(&page).await;
    stories::rebuild(&page).await;
    stories::waiting(&page).await;
    stories::other_looks(&page).await;
    assert_eq!(page.complaints().await, [""; 0]);
    if let Some(own) = &mut own {
        own.kill();
        page.see("The system is out of reach").await;
        // What was said last is still shown.
        page.find(".panel", "Deadlines of processes").await;
        page.picture("out-of-reach").await;
    }
    browser.end().await;
}
