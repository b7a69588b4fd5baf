//! The files of the page. They are in the program: nothing is to be installed,
//! and nothing is built.

/// A file: its path below `/console/`, its media type and its text.
pub struct File {
    pub path: &'static str,
    pub media: &'static str,
    pub text: &'static str,
}

macro_rules! files {
    ($($path:literal: $media:expr),* $(,)?) => {
        &[$(File {
            path: $path,
            media: $media,
            text: include_str!(concat!("../../console/", $path)),
        }),*]
    };
}

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// The page itself.
pub const PAGE: &str = include_str!("../../console/index.html");

/// What the page asks for.
pub const FILES: &[File] = files! {
    "app.js": JAVASCRIPT,
};
