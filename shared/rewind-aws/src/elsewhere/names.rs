//! Names in SQL: of the tables and of the view that a projection has.
//!
//! A table's name and its columns' were checked at registration, and all names
//! are quoted all the same. Values never stand in SQL: they are parameters.

use crate::data_table::key::Key;
use rewind::{KeptTable, Target};

/// The schema of what teams do not query: their view stands where they look.
pub(super) const SCHEMA: &str = "rewind";

/// What lies at a key of the data store, as PostgreSQL keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub target: Target,
    pub kind: Kind,
    pub id: String,
}

/// What a fold belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// A row.
    Row,
    /// A stream: its checkpoint.
    Stream,
}

impl Kind {
    pub fn text(self) -> &'static str {
        match self {
            Self::Row => "row",
            Self::Stream => "stream",
        }
    }
}

/// The place of a row or checkpoint; `None` for any other key.
pub(super) fn place(key: &Key) -> Option<Place> {
    let at = key.pk.rfind(['#', '~'])?;
    let (owner, rest) = key.pk.split_at(at);
    let (projection, generation) = owner.rsplit_once('@')?;
    Some(Place {
        target: Target {
            projection: projection.to_string(),
            generation: generation.parse().ok()?,
        },
        kind: match rest.starts_with('#') {
            true => Kind::Row,
            false => Kind::Stream,
        },
        id: key.sk.clone(),
    })
}

/// The table of a generation, with the columns that the projection declares.
pub(super) fn table(table: &KeptTable, generation: u64) -> String {
    quoted(&format!("{}_g{generation}", table.name))
}

/// What stands beside it: rows as they are folded, watermarks and checkpoints.
pub(super) fn folds(table: &KeptTable, generation: u64) -> String {
    quoted(&format!("{}_g{generation}_folds", table.name))
}

fn quoted(name: &str) -> String {
    format!("{SCHEMA}.{}", quote(name))
}

/// A name in quotes.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_rows_and_checkpoints_are_told_apart() {
        let target = Target {
            projection: "a.b-c".into(),
            generation: 12,
        };
        let row = place(&Key::row(&target, "x@1#~/y")).unwrap();
        assert_eq!((row.kind, row.id.as_str()), (Kind::Row, "x@1#~/y"));
        assert_eq!(row.target, target);
        let checkpoint = place(&Key::checkpoint("a.b-c@12", "cart-1")).unwrap();
        assert_eq!(checkpoint.kind, Kind::Stream);
        assert_eq!(checkpoint.target, target);
        let report = Key {
            pk: "rewind#stalls".into(),
            sk: "a@1 cart-1".into(),
        };
        assert_eq!(place(&report), None);
        assert_eq!(place(&Key::kept_fold(&target, "x")), None);
    }

    #[test]
    fn a_quoted_name_stays_one_name() {
        assert_eq!(quote(r#"a"; DROP"#), r#""a""; DROP""#);
    }
}
