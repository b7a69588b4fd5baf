//! What a PartiQL statement does, as IAM sees it.

/// The action's name and the table, perhaps with an index, of a statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub action: &'static str,
    pub table: String,
    pub index: Option<String>,
}

/// Reads a statement's verb and its table; [`None`] when it is none that DynamoDB knows.
pub(super) fn read(statement: &str) -> Option<Statement> {
    let tokens = tokens(statement);
    let mut words = tokens.iter().enumerate().filter(|(_, token)| token.is_word);
    // A transaction may hold EXISTS(SELECT …), which is a read.
    let (_, verb) = words.find(|(_, token)| !token.text.eq_ignore_ascii_case("exists"))?;
    let (action, before_table) = match verb.text.to_ascii_lowercase().as_str() {
        "select" => ("PartiQLSelect", "from"),
        "insert" => ("PartiQLInsert", "into"),
        "update" => ("PartiQLUpdate", "update"),
        "delete" => ("PartiQLDelete", "from"),
        _ => return None,
    };
    let at = tokens
        .iter()
        .position(|token| token.is_word && token.text.eq_ignore_ascii_case(before_table))?;
    let table = tokens.get(at + 1)?.text.to_owned();
    let index = match (tokens.get(at + 2), tokens.get(at + 3)) {
        (Some(dot), Some(index)) if dot.text == "." && action == "PartiQLSelect" => {
            Some(index.text.to_owned())
        }
        _ => None,
    };
    Some(Statement {
        action,
        table,
        index,
    })
}

struct Token<'a> {
    text: &'a str,
    is_word: bool,
}

fn tokens(statement: &str) -> Vec<Token<'_>> {
    let is_of_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-');
    let mut tokens = Vec::new();
    let mut rest = statement;
    while let Some(first) = rest.trim_start().chars().next() {
        rest = rest.trim_start();
        let (text, length, is_word) = match first {
            '"' | '\'' => {
                let inner = &rest[1..];
                let end = inner.find(first).unwrap_or(inner.len());
                (&inner[..end], (end + 2).min(rest.len()), false)
            }
            letter if is_of_word(letter) => {
                let end = rest
                    .find(|letter| !is_of_word(letter))
                    .unwrap_or(rest.len());
                (&rest[..end], end, true)
            }
            other => (&rest[..other.len_utf8()], other.len_utf8(), false),
        };
        tokens.push(Token { text, is_word });
        rest = &rest[length..];
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(statement: &str, action: &'static str, table: &str, index: Option<&str>) {
        let expected = Statement {
            action,
            table: table.to_owned(),
            index: index.map(str::to_owned),
        };
        assert_eq!(read(statement), Some(expected), "{statement}");
    }

    #[test]
    fn the_verb_is_the_action_and_the_table_is_found() {
        is(
            r#"INSERT INTO "events" VALUE {'a': 'from "b"'}"#,
            "PartiQLInsert",
            "events",
            None,
        );
        is(
            "select a, \"from\" from events where b = 'c'",
            "PartiQLSelect",
            "events",
            None,
        );
        is(
            r#"SELECT * FROM "events"."by-position" WHERE a = ?"#,
            "PartiQLSelect",
            "events",
            Some("by-position"),
        );
        is(
            r#"UPDATE "events" SET a = ?"#,
            "PartiQLUpdate",
            "events",
            None,
        );
        is("DELETE FROM events", "PartiQLDelete", "events", None);
        is(
            "EXISTS(SELECT * FROM events)",
            "PartiQLSelect",
            "events",
            None,
        );
    }

    #[test]
    fn nonsense_is_nothing() {
        for nonsense in ["", "TRUNCATE events", "\"", "select", "insert into"] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }
}
