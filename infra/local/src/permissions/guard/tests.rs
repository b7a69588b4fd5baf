use super::*;

fn guard() -> Guard {
    let statement = |is_allow, action: &str, resource: &str| Statement {
        is_allow,
        actions: vec![action.to_owned()],
        resources: vec![resource.to_owned()],
        leading_keys: None,
    };
    Guard {
        functions: HashMap::from([(
            "app-pump".to_owned(),
            vec![statement(true, "dynamodb:*", "arn:table/events")],
        )]),
        resource_policies: vec![(
            "arn:table/events".to_owned(),
            statement(false, "dynamodb:DeleteItem", "*"),
        )],
        partition_keys: HashMap::new(),
        used: Mutex::default(),
    }
}

fn wanted(action: &str, resource: &str) -> Vec<Use> {
    vec![Use::new(action, resource)]
}

#[test]
fn a_function_does_what_its_policies_allow() {
    let guard = guard();
    assert_eq!(
        guard.check(
            Some("app-pump"),
            &wanted("dynamodb:Query", "arn:table/events")
        ),
        Ok(())
    );
    let used = (
        "app-pump".to_owned(),
        "dynamodb:Query".to_owned(),
        "arn:table/events".to_owned(),
    );
    assert_eq!(guard.used(), [used]);
}

#[test]
fn a_function_is_refused_what_none_of_its_policies_allows() {
    let guard = guard();
    let denied = guard
        .check(
            Some("app-pump"),
            &wanted("dynamodb:Query", "arn:table/data"),
        )
        .unwrap_err();
    assert_eq!(
        denied.to_string(),
        "app-pump is not authorized to perform dynamodb:Query on arn:table/data: \
         no statement of this function's Policies in template.yaml allows it"
    );
    assert!(guard.used().is_empty());
}

#[test]
fn a_resource_policy_binds_the_operator_too() {
    let guard = guard();
    assert!(
        guard
            .check(
                Some("AKIA"),
                &wanted("dynamodb:DeleteItem", "arn:table/events")
            )
            .is_err()
    );
    assert!(
        guard
            .check(
                Some("app-pump"),
                &wanted("dynamodb:DeleteItem", "arn:table/events")
            )
            .is_err()
    );
    assert!(
        guard
            .check(
                None,
                &wanted("dynamodb:DeleteItem", "arn:table/events-of-others")
            )
            .is_ok()
    );
    assert!(
        guard
            .check(
                Some("AKIA"),
                &wanted("dynamodb:PutItem", "arn:table/events")
            )
            .is_ok()
    );
}
