//! The console: a page in the browser. The local system serves it beside its API,
//! and `rewind console` for a deployment.
//!
//! It knows files and figures. It must not know a table or a stream: the page
//! reads the HTTP API, as everybody does.

mod cloudwatch;
mod figures;
mod files;
mod pages;
mod proxy;
mod series;
mod serve;

pub use figures::Figures;
pub use pages::{System, pages};
pub use serve::{Args, run};
