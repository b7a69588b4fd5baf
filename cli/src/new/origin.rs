//! Where a repository has Rewind from: a copy on this machine, git, or the
//! registry.

use crate::end::End;
use serde_json::Value;
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// The crates that a repository depends on: the name in its code, the package, and
/// the folder in Rewind's repository.
const CRATES: [(&str, &str, &str); 9] = [
    ("rewind", "rewind-es", "shared/rewind"),
    ("rewind-aws", "rewind-aws", "shared/rewind-aws"),
    ("rewind-cli", "rewind-cli", "cli"),
    ("ingest", "rewind-ingest", "functions/ingest"),
    ("pump", "rewind-pump", "functions/pump"),
    ("write", "rewind-write", "functions/write"),
    ("playback", "rewind-playback", "functions/playback"),
    (
        "microservice",
        "rewind-microservice",
        "functions/microservice",
    ),
    ("query", "rewind-query", "functions/query"),
];

/// Where Rewind is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A copy of its repository, by its absolute path.
    Path(String),
    /// Git's URL of it, with `#` in front of a tag, a branch or a commit.
    Git(String),
    /// The registry, in this program's version.
    Registry,
}

impl Origin {
    /// Reads `--rewind`.
    ///
    /// # Errors
    ///
    /// When it is neither a URL nor a copy of Rewind.
    pub fn given(text: &str) -> Result<Self, End> {
        let wrong = |why: &str| End::Wrong(format!("--rewind: {why}"));
        if text.chars().any(char::is_control) {
            return Err(wrong("expected no control characters"));
        }
        if text.contains("://") {
            return Ok(Self::Git(text.to_owned()));
        }
        let path = Path::new(text).canonicalize();
        let path = path.map_err(|error| wrong(&format!("{text}: {error}")))?;
        if !is_rewind(&path) {
            return Err(wrong(&format!("{text} is no copy of Rewind's repository")));
        }
        let path = path.to_str();
        let path = path.ok_or_else(|| wrong("expected a path in UTF-8"))?;
        Ok(Self::Path(path.to_owned()))
    }

    /// What this program was built from: the copy of the repository, as long as it
    /// is there; git, where cargo has made that copy; or the registry.
    pub fn of_this_program() -> Self {
        let built_in = Path::new(env!("CARGO_MANIFEST_DIR"));
        let Some(repository) = built_in.parent().filter(|path| is_rewind(path)) else {
            return Self::Registry;
        };
        let by_cargo: PathBuf = ["git", "checkouts"].iter().collect();
        let path = repository.to_str().unwrap_or_default();
        match path.contains(&*by_cargo.to_string_lossy()) {
            true => Self::Git(env!("CARGO_PKG_REPOSITORY").to_owned()),
            false => Self::Path(path.to_owned()),
        }
    }

    /// As a record keeps it.
    pub fn recorded(&self) -> Value {
        match self {
            Self::Path(text) | Self::Git(text) => text.as_str().into(),
            Self::Registry => Value::Null,
        }
    }

    /// From what [`recorded`](Self::recorded) has given.
    pub fn of_record(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(Self::Registry),
            Value::String(text) if text.contains("://") => Some(Self::Git(text.clone())),
            Value::String(text) => Some(Self::Path(text.clone())),
            _ => None,
        }
    }

    /// The dependencies of a Cargo workspace.
    pub fn dependencies(&self) -> String {
        let lines = CRATES.map(|(name, package, folder)| {
            let renamed = match name == package {
                true => String::new(),
                false => format!("package = {}, ", quoted(package)),
            };
            format!("{name} = {{ {renamed}{} }}", self.source(folder))
        });
        lines.join("\n")
    }

    fn source(&self, folder: &str) -> String {
        match self {
            Self::Path(path) => format!("path = {}", quoted(&format!("{path}/{folder}"))),
            Self::Git(url) => match url.split_once('#') {
                Some((url, rev)) => format!("git = {}, rev = {}", quoted(url), quoted(rev)),
                None => format!("git = {}", quoted(url)),
            },
            Self::Registry => format!("version = {}", quoted(env!("CARGO_PKG_VERSION"))),
        }
    }
}

/// As a sentence about a dependency ends.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "at {path}"),
            Self::Git(url) => write!(f, "by git from {url}"),
            Self::Registry => write!(f, env!("CARGO_PKG_VERSION")),
        }
    }
}

fn is_rewind(path: &Path) -> bool {
    let folders = CRATES.iter().map(|(.., folder)| folder);
    folders
        .into_iter()
        .all(|folder| path.join(folder).join("Cargo.toml").is_file())
}

/// A text as TOML writes it. JSON's escapes are TOML's as well.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_names_its_package_and_where_it_is() {
        let lines = |origin: &Origin| -> Vec<String> {
            origin.dependencies().lines().map(str::to_owned).collect()
        };
        let path = lines(&Origin::Path("/a \"b\"".into()));
        assert_eq!(
            path[0],
            r#"rewind = { package = "rewind-es", path = "/a \"b\"/shared/rewind" }"#
        );
        assert_eq!(path[2], r#"rewind-cli = { path = "/a \"b\"/cli" }"#);
        let git = lines(&Origin::Git("https://x/y#v1".into()));
        assert_eq!(
            git[3],
            r#"ingest = { package = "rewind-ingest", git = "https://x/y", rev = "v1" }"#
        );
        let registry = lines(&Origin::Registry);
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            registry[1],
            format!(r#"rewind-aws = {{ version = "{version}" }}"#)
        );
    }

    #[test]
    fn an_origin_is_a_url_or_a_copy_of_rewind() {
        let here = Origin::of_this_program();
        let Origin::Path(path) = &here else {
            panic!("{here:?}");
        };
        assert_eq!(Origin::given(path).unwrap(), here);
        for origin in [
            here.clone(),
            Origin::Git("ssh://x/y".into()),
            Origin::Registry,
        ] {
            assert_eq!(Origin::of_record(&origin.recorded()), Some(origin));
        }
        for wrong in ["/tmp", "no such folder", "https://x/\ny"] {
            assert_eq!(Origin::given(wrong).unwrap_err().code(), 2, "{wrong}");
        }
    }
}
