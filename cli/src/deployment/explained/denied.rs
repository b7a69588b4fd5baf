//! A denial of IAM: who may not do what on which resource, and what to grant.

/// A denial, read from IAM's message.
#[derive(Debug, PartialEq, Eq)]
pub struct Denied<'a> {
    /// The caller, an ARN.
    user: &'a str,
    /// The action, such as `dynamodb:Query`.
    action: &'a str,
    /// The resource, an ARN, where the message names it.
    resource: Option<&'a str>,
    /// The kind of the policy that denies it explicitly, such as
    /// `resource-based policy`. Otherwise no policy allows it.
    policy: Option<&'a str>,
}

impl<'a> Denied<'a> {
    /// Reads `User: U is not authorized to perform: A on resource: R with an
    /// explicit deny in a P` or the like. `None` for other words.
    pub fn read(message: &'a str) -> Option<Self> {
        let (_, rest) = message.split_once("User: ")?;
        let (user, rest) = rest.split_once(" is not authorized to perform: ")?;
        let (action, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let resource = rest.split_once("on resource: ");
        let resource = resource.and_then(|(_, rest)| rest.split(' ').next());
        let policy = rest.split_once("explicit deny in a");
        let policy = policy.map(|(_, rest)| {
            let rest = rest.trim_start_matches('n').trim_start();
            rest.split(':').next().unwrap_or(rest).trim_end()
        });
        Some(Self {
            user,
            action,
            resource: resource.map(|resource| resource.trim_end_matches('.')),
            policy,
        })
    }

    /// The denial in words: `U may not do A on R: …`.
    pub fn words(&self) -> String {
        let Self {
            user,
            action,
            resource,
            policy,
        } = self;
        let on = resource.map_or(String::new(), |resource| format!(" on {resource}"));
        match policy {
            Some(policy) => format!("{user} may not do {action}{on}: the {policy} denies it"),
            None => format!(
                "{user} may not do {action}{on}: no policy allows it. Grant {action} on that resource to that user or role"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_names_the_action_and_the_resource_and_what_to_grant() {
        let user = "arn:aws:sts::123456789012:assumed-role/dev/ann";
        let table = "arn:aws:dynamodb:eu-central-1:123456789012:table/t";
        let implicit = format!(
            "User: {user} is not authorized to perform: dynamodb:Query on resource: {table} because no identity-based policy allows the dynamodb:Query action"
        );
        let words = Denied::read(&implicit).unwrap().words();
        let expected = format!(
            "{user} may not do dynamodb:Query on {table}: no policy allows it. Grant dynamodb:Query on that resource to that user or role"
        );
        assert_eq!(words, expected);
        for (end, policy) in [
            ("a resource-based policy", "resource-based policy"),
            (
                "a service control policy: arn:aws:organizations::1:policy/o/p",
                "service control policy",
            ),
            ("an identity-based policy", "identity-based policy"),
        ] {
            let explicit = format!(
                "User: {user} is not authorized to perform: dynamodb:DeleteItem on resource: {table} with an explicit deny in {end}"
            );
            let words = Denied::read(&explicit).unwrap().words();
            let expected =
                format!("{user} may not do dynamodb:DeleteItem on {table}: the {policy} denies it");
            assert_eq!(words, expected);
        }
        let short = format!("User: {user} is not authorized to perform: kinesis:PutRecords");
        let words = Denied::read(&short).unwrap().words();
        assert!(words.contains("may not do kinesis:PutRecords: "), "{words}");
        assert_eq!(Denied::read("access is denied"), None);
    }
}
