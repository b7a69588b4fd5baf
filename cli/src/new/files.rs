//! The files of a new repository. Those that this repository has as well are
//! links in `cli/templates`: there is one `template.yaml`.

use super::origin::Origin;

/// A file, with `/` between the parts of its path.
pub struct File {
    pub path: String,
    pub text: String,
    /// The team's own from the first minute on: no upgrade touches it.
    pub is_theirs: bool,
}

macro_rules! template {
    ($file:literal) => {
        include_str!(concat!("../../templates/", $file))
    };
}

/// What upgrades look after.
const KEPT: [(&str, &str); 14] = [
    ("Cargo.toml", template!("workspace.toml")),
    ("template.yaml", template!("template.yaml")),
    ("samconfig.toml", template!("samconfig.toml")),
    ("rust-toolchain.toml", template!("rust-toolchain.toml")),
    (".gitignore", template!("gitignore")),
    (".github/workflows/ci.yml", template!("ci.yml")),
    ("src/main.rs", template!("main.rs")),
    ("functions/Cargo.toml", template!("functions.toml")),
    (
        "functions/ingest/src/main.rs",
        template!("functions/ingest.rs"),
    ),
    ("functions/pump/src/main.rs", template!("functions/pump.rs")),
    (
        "functions/write/src/main.rs",
        template!("functions/write.rs"),
    ),
    (
        "functions/playback/src/main.rs",
        template!("functions/playback.rs"),
    ),
    (
        "functions/microservice/src/main.rs",
        template!("functions/microservice.rs"),
    ),
    (
        "functions/query/src/main.rs",
        template!("functions/query.rs"),
    ),
];

/// What is the team's.
const THEIRS: [(&str, &str); 5] = [
    ("README.md", template!("README.md")),
    ("service/Cargo.toml", template!("service/service.toml")),
    ("service/src/lib.rs", template!("service/lib.rs")),
    ("service/src/stock.rs", template!("service/stock.rs")),
    ("tests/system.rs", template!("tests/system.rs")),
];

/// All files of a repository with this name.
pub fn rendered(name: &str, origin: &Origin) -> Vec<File> {
    let file = |(path, text): (&str, &str), is_theirs| File {
        path: path.to_owned(),
        text: text_of(path, text, name, origin),
        is_theirs,
    };
    let kept = KEPT.into_iter().map(|kept| file(kept, false));
    let theirs = THEIRS.into_iter().map(|theirs| file(theirs, true));
    kept.chain(theirs).collect()
}

fn text_of(path: &str, text: &str, name: &str, origin: &Origin) -> String {
    match path {
        // Only the names of its stacks differ, and where the guides are.
        "samconfig.toml" => text.replace("\"rewind-", &format!("\"{name}-")).replace(
            "# docs/",
            concat!("# ", env!("CARGO_PKG_REPOSITORY"), "/tree/main/docs/"),
        ),
        // A team's code has the licence that the team gives it.
        "functions/Cargo.toml" => text.replace("license.workspace = true\n", ""),
        "template.yaml" => text.to_owned(),
        _ => text
            .replace("@NAME@", name)
            .replace("@REWIND@", &origin.dependencies())
            .replace("@DOCS@", env!("CARGO_PKG_REPOSITORY")),
    }
}

#[cfg(test)]
mod tests;
