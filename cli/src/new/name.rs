//! Names of repositories. A name is that of a Cargo package, of its program, and
//! the beginning of the names of stacks and functions.

use crate::end::{End, Outcome};

/// Lambda takes 64 bytes for a function's name, such as
/// `NAME-prod-microservice`.
const LONGEST: usize = 64 - "-prod-microservice".len();

/// The repository's other packages and programs.
const TAKEN: [&str; 8] = [
    "service",
    "functions",
    "ingest",
    "pump",
    "write",
    "playback",
    "microservice",
    "query",
];

/// What Cargo or Rust mean something else by: folders of `target`, crates of the
/// standard library, and keywords.
const RESERVED: [&str; 52] = [
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "use",
    "where",
];

/// Checks a name.
///
/// # Errors
///
/// When Cargo, CloudFormation or Lambda would refuse it.
pub fn check(name: &str) -> Outcome {
    let is_letter = |c: char| c.is_ascii_lowercase();
    let is_fine = |c: char| is_letter(c) || c.is_ascii_digit() || c == '-';
    if !name.starts_with(is_letter) || name.ends_with('-') || !name.chars().all(is_fine) {
        return Err(End::Wrong(format!(
            "{name:?} names no repository: expected a lower-case letter, and then lower-case letters, digits and hyphens, such as `my-shop`"
        )));
    }
    if name.len() > LONGEST {
        return Err(End::Wrong(format!(
            "{name:?} names no repository: expected at most {LONGEST} characters, because Lambda takes 64 for `NAME-prod-microservice`"
        )));
    }
    if TAKEN.contains(&name) {
        return Err(End::Wrong(format!(
            "{name:?} names no repository: a package or a program in it has this name"
        )));
    }
    if RESERVED.contains(&name) {
        return Err(End::Wrong(format!(
            "{name:?} names no repository: it means something else to Cargo or Rust"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_cargo_cloudformation_and_lambda() {
        for name in ["shop", "my-shop", "shop2", "a", &"a".repeat(LONGEST)] {
            assert!(check(name).is_ok(), "{name}");
        }
        for (name, why) in [
            ("", "lower-case letter"),
            ("My-Shop", "lower-case letter"),
            ("my_shop", "lower-case letter"),
            ("2shop", "lower-case letter"),
            ("shop-", "lower-case letter"),
            ("läden", "lower-case letter"),
            ("../shop", "lower-case letter"),
            (&"a".repeat(LONGEST + 1), "at most 46"),
            ("ingest", "a program in it"),
            ("match", "Cargo or Rust"),
        ] {
            let end = check(name).unwrap_err();
            assert_eq!(end.code(), 2, "{name}");
            let (_, detail, _) = end.message().unwrap();
            assert!(detail.contains(why), "{name}: {detail}");
        }
    }
}
