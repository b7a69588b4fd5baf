//! A wrong fold is found and mended in the console, click by click. The slider shows
//! since which event a row is wrong. The fold is mended, a rebuild shows the
//! difference, and the right rows serve.
//!
//! The program is its own `rewind` command. Under another name it has another domain:
//! what a build after the mend would be.

mod shop;
#[allow(dead_code, reason = "this test fills a shop of its own")]
#[path = "../console/system.rs"]
mod system;

use browser::{Browser, Page, Scheme};
use rewind_cli::client::Client;
use serde_json::{Value, json};
use std::{env, process::ExitCode};
use system::{System, root};

/// The name of the program whose fold is mended.
const MENDED: &str = "mended";

const LEFT: &str = "\u{e012}";

fn main() -> ExitCode {
    let first = env::args().nth(1);
    if matches!(first.as_deref(), Some("--port" | "function")) {
        return match env::current_exe().unwrap().file_name() {
            Some(name) if name == MENDED => rewind_cli::run(shop::mended),
            _ => rewind_cli::run(shop::broken),
        };
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(tell());
    println!("a fold is mended in the browser ... ok");
    ExitCode::SUCCESS
}

async fn tell() {
    let dir = tempfile::tempdir().unwrap();
    let browser = Browser::start().await;
    let mut today = System::start(dir.path());
    fill(&Client::new(&today.url)).await;
    let page = Page::new(&browser, &today.url, root().join("target/screenshots"));
    page.look(1440, 900, Scheme::Light).await;

    // The cart holds what was taken out of it.
    page.open("#/rows/carts/456").await;
    page.see("version 4 of 4").await;
    page.find(".json", "tea").await;
    // The slider goes back, step by step, to the event that changed nothing.
    page.focus("input[type=range]").await;
    page.press(&[LEFT]).await;
    page.see("version 3 of 4").await;
    page.press(&[LEFT]).await;
    page.see("version 2 of 4").await;
    page.find(".made-by", "product-removed-from-cart").await;
    page.picture("hook-broken").await;

    // The fold is mended, and the program is started again.
    today.kill();
    let program = env::current_exe().unwrap();
    let folder = tempfile::tempdir_in(program.parent().unwrap()).unwrap();
    let rebuilt = folder.path().join(MENDED);
    std::fs::hard_link(&program, &rebuilt).unwrap();
    let mended = System::start_program(&rebuilt, dir.path());
    let page = Page::new(&browser, &mended.url, root().join("target/screenshots"));
    page.open("#/rebuild").await;
    page.find(".tag", "rebuild due").await;
    page.click("button", "Choose what is due").await;
    page.click("summary", "How:").await;
    page.click("input[value=by-hand]", "").await;
    page.click("button", "Start…").await;
    page.click("button", "Start it").await;
    page.click(".playbacks a", "Compare, then activate").await;
    // Only the cart that the fault has touched differs, in what it touched.
    page.find(".held", "different in both").await;
    page.find(".row-change a", "456").await;
    page.find(".row-change", "tea").await;
    page.picture("hook-difference").await;
    page.click(".comparison button", "Activate 2…").await;
    page.click("button.primary", "Activate").await;
    page.see("carts@2 serves").await;

    let client = Client::new(&mended.url);
    let row = client.get_ok("/projections/carts/456").await.unwrap();
    assert_eq!(row["state"]["products"], json!({"milk": 1}));
    page.open("#/rows/carts/456").await;
    page.see("version 4 of 4").await;
    page.find(".json", "milk").await;
    page.picture("hook-mended").await;
    assert_eq!(page.complaints().await, [""; 0]);
    browser.end().await;
}

/// Two carts: in one of them, something is taken out.
async fn fill(client: &Client) {
    let added = "product-added-to-cart";
    let events: Vec<Value> = [
        ("456", added, "tea"),
        ("456", "product-removed-from-cart", "tea"),
        ("456", added, "milk"),
        ("457", added, "bread"),
    ]
    .iter()
    .enumerate()
    .map(|(nth, (cart, kind, product))| {
        json!({"specversion": "1.0", "id": format!("hook/{nth}"), "source": "/hook", "type": kind,
            "subject": format!("cart-{cart}"), "data": {"product": product}})
    })
    .collect();
    let batch = "application/cloudevents-batch+json";
    client
        .post_ok("/events", batch, &json!(events), 202)
        .await
        .unwrap();
    let order = json!({"specversion": "1.0", "id": "hook/order", "source": "/hook",
        "type": "order-placed", "subject": "cart-456", "data": {"order": "789"}});
    client
        .post_ok("/events", "application/cloudevents+json", &order, 202)
        .await
        .unwrap();
    let wanted = "/projections/carts/456?at_least=4";
    client.get_ok(wanted).await.unwrap();
}
