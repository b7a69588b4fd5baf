//! Takes pictures of views of a console that runs, such as that of what torture has
//! left:
//!
//! ```sh
//! cargo run --release -p torture -- --events 100000 --dir /tmp/tortured
//! cargo run --release -- --dir /tmp/tortured
//! cargo run -p browser --example pictures -- http://127.0.0.1:4000 /tmp/pictures \
//!     home= streams=#/streams rows=#/rows/carts
//! ```

use browser::{Browser, Page, Scheme};
use std::{path::PathBuf, time::Duration};

/// How long a view may take to show all that it shows.
const SETTLES: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(folder)) = (arguments.next(), arguments.next()) else {
        eprintln!("pictures URL FOLDER NAME=#/ADDRESS…");
        std::process::exit(2);
    };
    let browser = Browser::start().await;
    let page = Page::new(&browser, url, PathBuf::from(folder));
    page.look(1280, 1000, Scheme::Light).await;
    for view in arguments {
        let (name, address) = view.split_once('=').unwrap_or((&view, ""));
        page.open(address).await;
        tokio::time::sleep(SETTLES).await;
        page.picture(name).await;
        eprintln!("{name}: {address}");
    }
}
