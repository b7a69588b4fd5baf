//! The files of the page. They are in the program: nothing is to be installed,
//! and nothing is built.

use include_dir::{Dir, include_dir};

static FOLDER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/console");

/// The page itself.
pub const PAGE: &str = "index.html";

/// A file by its path below `/console/`, and its media type.
pub fn file(path: &str) -> Option<(&'static [u8], &'static str)> {
    let file = FOLDER.get_file(path)?;
    Some((file.contents(), media(path)))
}

fn media(path: &str) -> &'static str {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_names_is_there() {
        let mut folders = vec![&FOLDER];
        let mut named = 0;
        while let Some(folder) = folders.pop() {
            folders.extend(folder.dirs());
            for here in folder.files() {
                let text = here.contents_utf8().unwrap();
                // A file names another one by its whole path, in quotes.
                for part in text.split("\"/console/").skip(1) {
                    let path = part.split('"').next().unwrap();
                    let is_file = path.contains('.');
                    assert!(
                        !is_file || file(path).is_some(),
                        "{:?}: {path}",
                        here.path()
                    );
                    named += usize::from(is_file);
                }
            }
        }
        assert!(named > 20, "{named}");
        assert!(file(PAGE).is_some());
        assert!(file("../Cargo.toml").is_none());
    }
}
