//! Who calls, as API Gateway's authorizer says.

use rewind_aws::aws::http::Request;

/// The ARN of who has signed the request, or the subject of the token.
pub fn of(request: &Request) -> Option<String> {
    let authorizer = request.request_context.authorizer.as_ref()?;
    let signed = authorizer.iam.as_ref().and_then(|iam| iam.user_arn.clone());
    signed.or_else(|| authorizer.jwt.as_ref()?.claims.get("sub").cloned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn called(authorizer: Value) -> Option<String> {
        let mut request: Value =
            serde_json::from_str(include_str!("../../../events/ingest-events.json")).unwrap();
        request["requestContext"]["authorizer"] = authorizer;
        of(&serde_json::from_value(request).unwrap())
    }

    #[test]
    fn a_caller_has_signed_or_shows_a_token() {
        let arn = "arn:aws:iam::123456789012:user/ann";
        assert_eq!(
            called(json!({"iam": {"userArn": arn}})).as_deref(),
            Some(arn)
        );
        let token = json!({"jwt": {"claims": {"sub": "ann", "aud": "x"}, "scopes": null}});
        assert_eq!(called(token).as_deref(), Some("ann"));
        assert_eq!(called(json!({})), None);
        assert_eq!(called(Value::Null), None);
    }
}
