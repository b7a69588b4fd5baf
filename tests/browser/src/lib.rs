//! A browser for tests: Chromium, driven by chromedriver over WebDriver, and the
//! page in it as a person uses it, by texts and keys.

mod browser;
mod page;

pub use browser::Browser;
pub use page::{Page, Scheme};
