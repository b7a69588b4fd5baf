//! Reads the action and the table of a PartiQL statement, as IAM names them.
//!
//! It reads a statement exactly as the engine does, comments and quotes included. Otherwise a caller could get around the
//! guard. A statement that it cannot read is not run.

/// The IAM action of a statement, its table and perhaps an index.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub action: &'static str,
    pub table: String,
    pub index: Option<String>,
}

/// Reads a statement's verb and its table; [`None`] when either is unknown.
pub(crate) fn read(statement: &str) -> Option<Access> {
    let mut tokens = tokens(statement)?.into_iter().peekable();
    let mut verb = tokens.next()?;
    // A transaction may contain EXISTS(SELECT …), which is a read.
    if verb.is_word("exists") {
        tokens.next_if(|token| *token == Token::Symbol('('))?;
        verb = tokens.next().filter(|verb| verb.is_word("select"))?;
    }
    let action = match &verb {
        Token::Word(verb) => match verb.to_ascii_lowercase().as_str() {
            "select" => {
                tokens.find(|token| token.is_word("from"))?;
                "PartiQLSelect"
            }
            "insert" => {
                tokens.next_if(|token| token.is_word("into"))?;
                "PartiQLInsert"
            }
            "delete" => {
                tokens.next_if(|token| token.is_word("from"))?;
                "PartiQLDelete"
            }
            // FROM "table" SET … is another form of UPDATE.
            "update" | "from" => "PartiQLUpdate",
            _ => return None,
        },
        _ => return None,
    };
    let table = tokens.next()?.name()?;
    let index = match tokens.next_if(|token| *token == Token::Symbol('.')) {
        Some(_) => Some(tokens.next()?.name()?),
        None => None,
    };
    Some(Access {
        action,
        table,
        index,
    })
}

/// What a statement compares an attribute with, or gives it in an insert: a text in quotes, or a parameter by its place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Operand {
    Text(String),
    Parameter(usize),
}

/// The operands of an attribute, in order; none when the statement cannot be read.
pub(crate) fn operands(statement: &str, attribute: &str) -> Vec<Operand> {
    let tokens = tokens(statement).unwrap_or_default();
    let mut operands = Vec::new();
    let mut parameters = 0;
    for (at, token) in tokens.iter().enumerate() {
        let is_of_attribute = || match &tokens[..at] {
            [.., name, Token::Symbol('=' | ':')] => name.is_name(attribute),
            _ => false,
        };
        match token {
            Token::Symbol('?') => {
                if is_of_attribute() {
                    operands.push(Operand::Parameter(parameters));
                }
                parameters += 1;
            }
            Token::Quoted(text) if is_of_attribute() => operands.push(Operand::Text(text.clone())),
            _ => {}
        }
    }
    operands
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Symbol(char),
}

impl Token {
    fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(found) if found.eq_ignore_ascii_case(word))
    }

    fn is_name(&self, name: &str) -> bool {
        matches!(self, Self::Word(found) | Self::Quoted(found) if found == name)
    }

    fn name(self) -> Option<String> {
        match self {
            Self::Word(name) | Self::Quoted(name) if !name.is_empty() => Some(name),
            _ => None,
        }
    }
}

/// The tokens of a statement; [`None`] when a quote or a comment does not end, or a character is unknown.
fn tokens(statement: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = statement;
    while let Some(first) = rest.chars().next() {
        if first.is_ascii_whitespace() {
            rest = &rest[1..];
        } else if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/")?.1;
        } else if matches!(first, '"' | '\'') {
            let (text, after) = quoted(&rest[1..], first)?;
            tokens.push(Token::Quoted(text));
            rest = after;
        } else if first == '`' {
            let (_, after) = rest[1..].split_once('`')?;
            tokens.push(Token::Symbol('`'));
            rest = after;
        } else if first.is_ascii_digit() {
            tokens.push(Token::Symbol('0'));
            rest = after_number(rest);
        } else if first.is_ascii_alphabetic() || first == '_' {
            let is_of_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            let end = rest
                .find(|letter| !is_of_word(letter))
                .unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        } else if first.is_ascii() && first != '#' {
            tokens.push(Token::Symbol(first));
            rest = &rest[1..];
        } else {
            return None;
        }
    }
    Some(tokens)
}

/// The text behind a number. A word may follow it without a space.
fn after_number(text: &str) -> &str {
    let is_digit = |letter: char| letter.is_ascii_digit();
    let rest = text.trim_start_matches(is_digit);
    let rest = rest
        .strip_prefix('.')
        .map_or(rest, |fraction| fraction.trim_start_matches(is_digit));
    let exponent = rest.strip_prefix(['e', 'E']);
    let exponent = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
    match exponent {
        Some(digits) if digits.starts_with(is_digit) => digits.trim_start_matches(is_digit),
        _ => rest,
    }
}

/// The text up to a quote that is not doubled, and the text behind that quote.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut inner = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once(quote)?;
        inner.push_str(part);
        match after.strip_prefix(quote) {
            Some(more) => {
                inner.push(quote);
                rest = more;
            }
            None => return Some((inner, after)),
        }
    }
}

#[cfg(test)]
mod tests;
