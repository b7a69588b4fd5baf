//! Whether a row fits a DynamoDB item: what does not would be refused there,
//! again and again, and hold up everything behind it.

use super::row::MAX_ROW_BYTES;
use rewind::Rejection;
use serde_json::{Number, Value};

/// How deep a row may nest: DynamoDB allows 32 levels, the row's own attribute
/// included (AWS documentation).
const MAX_DEPTH: usize = 31;

/// Magnitudes of numbers (AWS documentation: 1E-130 to 9.99E+125).
const MAGNITUDES: std::ops::Range<f64> = 1e-130..1e126;

/// Why a row does not fit an item, if it does not.
pub(crate) fn exceeded(state: &Value) -> Option<Rejection> {
    let mut bytes = 0;
    let refused = measure(state, 0, &mut bytes).err();
    let too_large = || {
        (bytes > MAX_ROW_BYTES).then(|| {
            Rejection::new(format!(
                "the row would take {bytes} bytes; at most {MAX_ROW_BYTES} fit an item: keep less in a row, or spread it over rows of a projection over many streams"
            ))
        })
    };
    refused.or_else(too_large)
}

/// Why a row does not fit an item together with the one before it, if it does
/// not: both are stored until the change is told.
pub(crate) fn exceeded_together(old: Option<&Value>, new: Option<&Value>) -> Option<Rejection> {
    let mut bytes = 0;
    for state in [old, new].into_iter().flatten() {
        if let Err(refused) = measure(state, 0, &mut bytes) {
            return Some(refused);
        }
    }
    (bytes > MAX_ROW_BYTES).then(|| {
        Rejection::new(format!(
            "the row and the one before it would take {bytes} bytes; at most {MAX_ROW_BYTES} fit an item, where changes are told: keep less in the row"
        ))
    })
}

/// Adds up what a value takes (AWS documentation: names and texts their UTF-8
/// bytes, numbers a byte for two digits and one more, lists and maps 3 and 1
/// for each element).
fn measure(value: &Value, depth: usize, bytes: &mut usize) -> Result<(), Rejection> {
    if depth > MAX_DEPTH {
        return Err(Rejection::new(format!(
            "the row nests deeper than {MAX_DEPTH} levels, which an item does not hold"
        )));
    }
    match value {
        Value::Null | Value::Bool(_) => *bytes += 1,
        Value::Number(number) => {
            check(number)?;
            *bytes += number.to_string().len().div_ceil(2) + 1;
        }
        Value::String(text) => *bytes += text.len(),
        Value::Array(values) => {
            *bytes += 3 + values.len();
            for value in values {
                measure(value, depth + 1, bytes)?;
            }
        }
        Value::Object(fields) => {
            *bytes += 3 + fields.len();
            for (name, value) in fields {
                *bytes += name.len();
                measure(value, depth + 1, bytes)?;
            }
        }
    }
    Ok(())
}

fn check(number: &Number) -> Result<(), Rejection> {
    let magnitude = number.as_f64().unwrap_or(f64::INFINITY).abs();
    match magnitude == 0.0 || MAGNITUDES.contains(&magnitude) {
        true => Ok(()),
        false => Err(Rejection::new(
            "the row holds a number beyond 1e-130 to 1e126, which an item does not: keep it as text",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reason(state: &Value) -> String {
        exceeded(state).map_or(String::new(), |refused| refused.reason)
    }

    #[test]
    fn what_an_item_holds_fits() {
        for state in [
            json!(null),
            json!({"a": [1, -2.5, 0, u64::MAX, 1e125, "text", {}]}),
            json!("x".repeat(MAX_ROW_BYTES)),
        ] {
            assert_eq!(exceeded(&state), None);
        }
    }

    #[test]
    fn what_it_does_not_hold_is_refused_with_the_reason() {
        // 380,000 bytes of JSON are more as an item, digit by digit.
        let digits = json!(vec![1; MAX_ROW_BYTES / 2]);
        assert!(digits.to_string().len() < MAX_ROW_BYTES + 10);
        assert!(reason(&digits).contains("spread it"), "{}", reason(&digits));
        assert!(reason(&json!("x".repeat(MAX_ROW_BYTES + 1))).contains("spread it"));
        assert!(reason(&json!({"n": 1e200})).contains("as text"));
        assert!(reason(&json!([1e-200])).contains("as text"));
        let mut deep = json!(1);
        for _ in 0..40 {
            deep = json!([deep]);
        }
        assert!(reason(&deep).contains("deeper"));
    }
}
