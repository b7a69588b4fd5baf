//! Parses a request's body into the engine's request, and words errors as DynamoDB does.

use dynoxide::DynoxideError;
use serde::de::DeserializeOwned;

/// The engine's prefixes for the type of an error. They never reach a caller.
const AS_READ: [&str; 2] = ["SERIALIZATION_AS_READ:", "VALIDATION_AS_READ:"];
const SERIALIZATION: &str = "SERIALIZATION:";
const VALIDATION: &str = "VALIDATION:";
const OF_REQUEST: &str = "VALIDATION_REQUEST:";

/// Reads the body of a request of `operation`.
pub(super) fn request<T: DeserializeOwned>(
    operation: &str,
    body: &[u8],
) -> Result<T, DynoxideError> {
    serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        if text.contains("recursion limit exceeded") {
            let message = "Nesting Levels have exceeded supported limits";
            return DynoxideError::ValidationException(message.to_owned());
        }
        if !error.is_data() {
            // DynamoDB gives no message for a body that is not JSON.
            return DynoxideError::SerializationException(String::new());
        }
        for (mark, error) in AS_READ.into_iter().zip([
            DynoxideError::SerializationException as fn(String) -> DynoxideError,
            DynoxideError::ValidationException,
        ]) {
            if let Some(message) = text.strip_prefix(mark) {
                return error(message.to_owned());
            }
        }
        let place = format!(" at line {} column {}", error.line(), error.column());
        of_data(operation, text.strip_suffix(&place).unwrap_or(&text))
    })
}

fn of_data(operation: &str, text: &str) -> DynoxideError {
    if let Some(message) = text.strip_prefix(OF_REQUEST) {
        return enveloped(
            operation,
            DynoxideError::EnvelopedValidation(message.to_owned()),
        );
    }
    if let Some(message) = text.strip_prefix(VALIDATION) {
        return DynoxideError::ValidationException(message.to_owned());
    }
    if let Some(message) = text.strip_prefix(SERIALIZATION) {
        return DynoxideError::SerializationException(message.to_owned());
    }
    let is_of_value = ["missing field", "unknown variant", "invalid type: null"]
        .iter()
        .any(|words| text.contains(words))
        || text.contains("AttributeValue");
    if is_of_value {
        return DynoxideError::ValidationException(text.to_owned());
    }
    DynoxideError::SerializationException(wrong_type(text))
}

/// DynamoDB's message for a value of the wrong type. It does not quote the value.
fn wrong_type(text: &str) -> String {
    let Some((found, expected)) = text
        .strip_prefix("invalid type: ")
        .and_then(|rest| rest.rsplit_once(", expected "))
    else {
        return "the request cannot be read".to_owned();
    };
    let found = match found.split_whitespace().next().unwrap_or_default() {
        "string" => "STRING_VALUE",
        "integer" | "floating" => "NUMBER_VALUE",
        "boolean" => "TRUE_VALUE or FALSE_VALUE",
        "map" => "Start of structure or map found where not expected",
        "sequence" => "Unrecognized collection type",
        _ => "The value",
    };
    format!("{found} cannot be converted to {expected}")
}

/// An error of the engine in the form that reaches the caller. Three operations add a prefix to a validation error.
pub(super) fn enveloped(operation: &str, error: DynoxideError) -> DynoxideError {
    match error {
        DynoxideError::EnvelopedValidation(message) => {
            let is_wrapped = matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem");
            DynoxideError::ValidationException(if is_wrapped {
                format!("1 validation error detected: {message}")
            } else {
                message
            })
        }
        DynoxideError::ConditionalCheckFailedException(message, Some(item))
            if operation == "ExecuteStatement" =>
        {
            DynoxideError::StatementConditionalCheckFailed(message, item)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dynoxide::actions::put_item::PutItemRequest;
    use dynoxide::actions::query::QueryRequest;

    fn refused<T: DeserializeOwned>(operation: &str, body: &str) -> (String, String) {
        match request::<T>(operation, body.as_bytes()) {
            Ok(_) => panic!("{body} is taken"),
            Err(error) => {
                let error_type = error.error_type().rsplit_once('#').unwrap().1;
                (error_type.to_owned(), error.to_string())
            }
        }
    }

    #[test]
    fn an_invalid_request_is_refused_as_dynamodb_does_and_without_its_values() {
        let (error_type, message) = refused::<QueryRequest>("Query", "{");
        assert_eq!((&*error_type, &*message), ("SerializationException", ""));
        let body = r#"{"TableName":"table","Limit":"secret"}"#;
        let (error_type, message) = refused::<QueryRequest>("Query", body);
        assert_eq!(error_type, "SerializationException");
        assert!(!message.contains("secret"), "{message}");
        assert!(!message.contains("line 1"), "{message}");
        let deep = format!(
            r#"{{"TableName":"table","Item":{{"a":{}"#,
            r#"{"L":["#.repeat(200)
        );
        let (error_type, message) = refused::<PutItemRequest>("PutItem", &deep);
        assert_eq!(error_type, "ValidationException", "{message}");
        let body = r#"{"TableName":"table","Item":{"a":{"N":"one"}}}"#;
        let (error_type, message) = refused::<PutItemRequest>("PutItem", body);
        assert_eq!(error_type, "ValidationException");
        assert!(!message.contains("VALIDATION"), "{message}");
    }
}
