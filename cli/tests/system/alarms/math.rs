//! The part of CloudWatch's metric math that the template's alarms use, at one
//! point in time. A metric without a value then is missing, and so is all that
//! is computed of it, unless `FILL` puts something in its place.

/// The value of an expression, where it has one. `value` gives that of a metric.
///
/// # Panics
///
/// When the expression uses anything else: then this module has to learn it.
pub fn evaluate(expression: &str, value: &dyn Fn(&str) -> Option<f64>) -> Option<f64> {
    let mut reader = Reader {
        expression,
        rest: expression,
        value,
    };
    let result = reader.both();
    assert!(
        reader.rest.trim().is_empty(),
        "{expression}: {}",
        reader.rest
    );
    result
}

struct Reader<'a> {
    expression: &'a str,
    rest: &'a str,
    value: &'a dyn Fn(&str) -> Option<f64>,
}

impl Reader<'_> {
    fn takes(&mut self, text: &str) -> bool {
        let rest = self.rest.trim_start();
        match rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expects(&mut self, text: &str) {
        assert!(
            self.takes(text),
            "{}: {text} at {:?}",
            self.expression,
            self.rest
        );
    }

    /// Comparisons that all hold.
    fn both(&mut self) -> Option<f64> {
        let mut result = self.comparison();
        while self.takes("AND ") {
            let other = self.comparison();
            let both = |a: f64| other.map(|b| f64::from(u8::from(a != 0.0 && b != 0.0)));
            result = result.and_then(both);
        }
        result
    }

    fn comparison(&mut self) -> Option<f64> {
        let left = self.sum();
        let compares: fn(f64, f64) -> bool = if self.takes("==") {
            |a, b| a == b
        } else if self.takes(">") {
            |a, b| a > b
        } else {
            return left;
        };
        let right = self.sum();
        Some(f64::from(u8::from(compares(left?, right?))))
    }

    fn sum(&mut self) -> Option<f64> {
        let mut sum = self.term();
        while self.takes("+") {
            let term = self.term();
            sum = sum.and_then(|sum| Some(sum + term?));
        }
        sum
    }

    fn term(&mut self) -> Option<f64> {
        if self.takes("FILL(") {
            let filled = self.both();
            self.expects(",");
            let with = self.both();
            self.expects(")");
            return filled.or(with);
        }
        if self.takes("IF(") {
            let condition = self.both();
            self.expects(",");
            let yes = self.both();
            self.expects(",");
            let no = self.both();
            self.expects(")");
            return if condition? == 0.0 { no } else { yes };
        }
        let rest = self.rest.trim_start();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(length);
        assert!(!word.is_empty(), "{}: a term at {rest:?}", self.expression);
        self.rest = rest;
        match word.parse() {
            Ok(number) => Some(number),
            Err(_) => (self.value)(word),
        }
    }
}

#[test]
fn what_is_missing_makes_all_of_it_missing_unless_it_is_filled() {
    let value = |name: &str| match name {
        "m0" => Some(2.0),
        "m1" => None,
        _ => panic!("{name}"),
    };
    let results = [
        ("m0 + 1", Some(3.0)),
        ("m0 + m1", None),
        ("FILL(m0, 0) + FILL(m1, 0)", Some(2.0)),
        ("m0 > 1 AND FILL(m1, 0) + FILL(m1, 0) == 0", Some(1.0)),
        ("IF(m0 > 2 AND FILL(m1, 0) == 0, 1, 0)", Some(0.0)),
        ("IF(m1 > 2, 1, 0)", None),
    ];
    for (expression, result) in results {
        assert_eq!(evaluate(expression, &value), result, "{expression}");
    }
}
