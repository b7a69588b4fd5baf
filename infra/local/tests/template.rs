//! Templates: how references resolve, and what is refused.

use std::time::Duration;

use local::Template;
use local::template::{Projection, Schedule, StartingPosition};

/// The template that is deployed, and that the local system runs.
const DEPLOYED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");

#[test]
fn the_deployed_template_is_understood() {
    let model = Template::read(DEPLOYED).unwrap().model("rewind").unwrap();
    assert!(!model.streams.is_empty() && !model.tables.is_empty() && !model.routes.is_empty());
    for function in &model.functions {
        assert!(
            !function.policies.is_empty(),
            "{} may do nothing",
            function.name
        );
        assert!(function.name.starts_with("rewind-"), "{}", function.name);
    }
    for mapping in &model.mappings {
        assert!(
            model
                .streams
                .iter()
                .any(|stream| stream.name == mapping.stream),
            "{}",
            mapping.id
        );
        assert!(
            mapping.reports_item_failures && mapping.on_failure.is_some(),
            "{}",
            mapping.id
        );
    }
}

const TEMPLATE: &str = r#"
Parameters: { Stage: { Type: String, Default: dev, AllowedValues: [dev, prod] }, Hosts: { Type: CommaDelimitedList, Default: "" } }
Mappings: { Hours: { dev: { Kept: 48 }, prod: { Kept: 168 } } }
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  HasHosts: !Not [!Equals [!Join ["", !Ref Hosts], ""]]
  IsOpenProd: !And [!Condition IsProd, !Or [!Condition HasHosts, !Equals [a, b]]]
Globals: { Function: { Timeout: 7, Environment: { Variables: { STAGE: !Ref Stage, OVER: globals } } } }
Resources:
  MyStream: { Type: AWS::Kinesis::Stream, Properties: { RetentionPeriodHours: !FindInMap [Hours, !Ref Stage, Kept], ShardCount: !If [IsProd, 3, !Ref AWS::NoValue] } }
  Extra: { Type: AWS::Kinesis::Stream, Condition: IsOpenProd, Properties: { ShardCount: 1 } }
  Fixed: { Type: AWS::Kinesis::Stream, Properties: { Name: by-hand, ShardCount: 2 } }
  Rows:
    Type: AWS::DynamoDB::Table
    Properties:
      SomethingNew: { Of: [the, future] }
      AttributeDefinitions: [{ AttributeName: pk, AttributeType: S }, { AttributeName: sk, AttributeType: N }]
      KeySchema: [{ AttributeName: pk, KeyType: HASH }, { AttributeName: sk, KeyType: RANGE }]
      GlobalSecondaryIndexes:
        - IndexName: by-sk
          KeySchema: [{ AttributeName: sk, KeyType: HASH }]
          Projection: { ProjectionType: INCLUDE, NonKeyAttributes: [a, b] }
  Alarm: { Type: AWS::CloudWatch::Alarm, Properties: { Actions: !If [IsProd, b, c] } }
  ReaderRole:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyDocument: { Statement: [{ Effect: Allow, Action: "kinesis:*", Resource: !GetAtt Fixed.Arn }] }
  Reader:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: reader } }
    Properties:
      Role: !GetAtt ReaderRole.Arn
      Environment:
        Variables:
          OVER: own
          TABLE: { Ref: Rows }
          URL: { "Fn::Sub": "https://${ServerlessHttpApi}.${AWS::URLSuffix}/${!literal}" }
          MAPPED: !Sub ["${Name}-${AWS::Region}", { Name: !GetAtt Rows.Arn }]
          JOINED: !Join [":", [a, !Ref Fixed]]
          COUNT: 3
      Policies:
        - AWSLambdaBasicExecutionRole
        - Statement: [{ Effect: Allow, Action: [dynamodb:Query], Resource: [!Sub "${Rows.Arn}/index/*"] }]
      Events:
        Tail:
          Type: Kinesis
          Properties: { Stream: !GetAtt MyStream.Arn, StartingPosition: AT_TIMESTAMP, StartingPositionTimestamp: 5 }
        Tend:
          Type: Schedule
          Properties: { Schedule: rate(2 hours), Input: '{"tend": {}}', Name: of-no-use-here }
        Daily: { Type: Schedule, Properties: { Schedule: rate(1 day), Enabled: false } }
"#;

#[test]
fn references_resolve_in_the_short_form_and_in_the_long_one() {
    let model = Template::parse(TEMPLATE).unwrap().model("app").unwrap();
    let reader = &model.functions[0];
    let expected = [
        ("COUNT", "3"),
        ("JOINED", "a:by-hand"),
        (
            "MAPPED",
            "arn:aws:dynamodb:us-east-1:000000000000:table/app-rows-us-east-1",
        ),
        ("OVER", "own"),
        ("STAGE", "dev"),
        ("TABLE", "app-rows"),
        (
            "URL",
            "https://app-serverlesshttpapi.amazonaws.com/${literal}",
        ),
    ];
    let found: Vec<_> = reader
        .environment
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(
        (
            reader.name.as_str(),
            reader.timeout_seconds,
            reader.memory_mb
        ),
        ("app-reader", 7, 128)
    );
}

#[test]
fn streams_have_the_shards_that_aws_gives_them() {
    let model = Template::parse(TEMPLATE).unwrap().model("app").unwrap();
    let streams: Vec<_> = model
        .streams
        .iter()
        .map(|s| (s.name.as_str(), s.shards, s.retention_hours))
        .collect();
    assert_eq!(streams, [("by-hand", 2, 24), ("app-mystream", 4, 48)]);
}

#[test]
fn parameters_choose_branches_values_and_resources() {
    let streams = |parameters: &[(&str, &str)]| {
        let parameters = parameters.iter();
        let parameters = parameters.map(|(name, value)| (name.to_string(), value.to_string()));
        let template = Template::parse(TEMPLATE).unwrap();
        let template = template.with_parameters(parameters)?;
        let model = template.model("app").unwrap();
        let streams = model.streams.into_iter();
        let streams = streams.map(|stream| (stream.name, stream.shards, stream.retention_hours));
        let streams = streams.filter(|(name, ..)| name != "by-hand");
        Ok::<_, local::TemplateError>(streams.collect::<Vec<_>>())
    };
    let stream = |name: &str, shards, hours| (name.to_string(), shards, hours);
    let dev = vec![stream("app-mystream", 4, 48)];
    let prod = stream("app-mystream", 3, 168);
    assert_eq!(streams(&[]).unwrap(), dev);
    assert_eq!(streams(&[("Hosts", "a,b")]).unwrap(), dev);
    assert_eq!(
        streams(&[("Stage", "prod")]).unwrap(),
        std::slice::from_ref(&prod)
    );
    let both = [("Stage", "prod"), ("Hosts", "a,b")];
    let extra = stream("app-extra", 1, 24);
    assert_eq!(streams(&both).unwrap(), [extra, prod]);
    for (parameter, why) in [
        (
            ("Stage", "test"),
            "expected one of dev, prod, found \"test\"",
        ),
        (
            ("Stge", "prod"),
            "the template declares no parameter of this name",
        ),
    ] {
        let refused = streams(&[parameter]).unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
}

#[test]
fn a_branch_needs_a_condition_that_is_declared() {
    let of = |conditions: &str| {
        let text = format!(
            "Conditions: {conditions}\nResources: {{ A: {{ Type: AWS::Kinesis::Stream, Condition: C }} }}"
        );
        Template::parse(&text).unwrap_err().to_string()
    };
    let undeclared = of("{ B: !Equals [a, a] }");
    assert!(undeclared.contains("A.Condition"), "{undeclared}");
    assert!(undeclared.contains("condition C"), "{undeclared}");
    let circle = of("{ C: !Not [!Condition C] }");
    assert!(circle.contains("it refers to itself"), "{circle}");
    let other = of("{ C: !Ref C }");
    assert!(other.contains("Fn::Equals"), "{other}");
}

#[test]
fn tables_have_their_keys_and_indexes() {
    let model = Template::parse(TEMPLATE).unwrap().model("app").unwrap();
    let table = &model.tables[0];
    assert_eq!(table.key.to_string(), "(pk, sk)");
    assert_eq!(
        table.indexes[0].projection,
        Projection::Include(vec!["a".to_owned(), "b".to_owned()])
    );
}

#[test]
fn permissions_are_those_of_the_function_and_of_its_role() {
    let model = Template::parse(TEMPLATE).unwrap().model("app").unwrap();
    let policies = &model.functions[0].policies;
    assert_eq!(
        policies[0].resources,
        ["arn:aws:dynamodb:us-east-1:000000000000:table/app-rows/index/*"]
    );
    assert_eq!(
        policies[1].resources,
        ["arn:aws:kinesis:us-east-1:000000000000:stream/by-hand"]
    );
}

#[test]
fn a_mapping_has_the_defaults_of_lambda() {
    let model = Template::parse(TEMPLATE).unwrap().model("app").unwrap();
    let mapping = &model.mappings[0];
    assert_eq!(
        (mapping.id.as_str(), mapping.stream.as_str()),
        ("ReaderTail", "app-mystream")
    );
    assert_eq!(
        (
            mapping.batch_size,
            mapping.window_seconds,
            mapping.parallelization_factor
        ),
        (100, 0, 1)
    );
    assert_eq!(
        (mapping.maximum_retries, mapping.maximum_age_seconds),
        (None, None)
    );
    assert_eq!(mapping.starting_position, StartingPosition::AtTimestamp(5));
    assert!(mapping.is_enabled && !mapping.bisects_on_error && !mapping.reports_item_failures);
}

#[test]
fn a_schedule_has_its_period_and_its_input() {
    let model = Template::parse(TEMPLATE).unwrap().model("app").unwrap();
    let schedule = |id: &str, hours: u64, input: Option<&str>, is_enabled| Schedule {
        id: id.to_owned(),
        function: "Reader".to_owned(),
        every: Duration::from_secs(hours * 3_600),
        input: input.map(str::to_owned),
        is_enabled,
    };
    assert_eq!(
        model.schedules,
        [
            schedule("ReaderDaily", 24, None, false),
            schedule("ReaderTend", 2, Some(r#"{"tend": {}}"#), true),
        ]
    );
}

#[test]
fn a_mistake_is_named_with_its_resource_and_property() {
    for (from, to, place, reason) in [
        (
            "TABLE: { Ref: Rows }",
            "TABLE: !Ref Row",
            "Reader.",
            "it refers to Row, which the template does not declare",
        ),
        (
            "Actions: !If [IsProd, b, c]",
            "Actions: [!GetAtt Gone.Arn]",
            "Alarm.",
            "it refers to Gone",
        ),
        (
            "ShardCount: 2",
            "ShardCount: many",
            "Fixed.ShardCount",
            "a whole number from 1 to 10000 was expected",
        ),
        (
            "Binary: reader",
            "Other: reader",
            "Reader.Metadata.BuildProperties.Binary",
            "it is missing",
        ),
        (
            "JOINED: !Join",
            "JOINED: !Select",
            "Reader.",
            "Fn::Select is not supported",
        ),
        (
            "StartingPositionTimestamp: 5",
            "FilterCriteria: {}",
            "Reader.",
            "the local system cannot filter",
        ),
        (
            "AT_TIMESTAMP",
            "SOMEWHERE",
            "StartingPosition",
            "TRIM_HORIZON, LATEST or AT_TIMESTAMP was expected",
        ),
        (
            "rate(2 hours)",
            "'cron(0 12 * * ? *)'",
            "Reader.Events.Tend.Properties.Schedule",
            "the local system cannot run cron(...): rate(1 minute)",
        ),
        (
            "rate(2 hours)",
            "rate(2 hour)",
            "Reader.Events.Tend.Properties.Schedule",
            "rate(N minutes), or the same in hours or days, was expected",
        ),
        (
            "Schedule: rate(1 day), ",
            "",
            "Reader.Events.Daily.Properties.Schedule",
            "it is missing",
        ),
        (
            r#"'{"tend": {}}'"#,
            r#"'{"tend": '"#,
            "Reader.Events.Tend.Properties.Input",
            "JSON text was expected",
        ),
        (
            "Enabled: false",
            "Enabled: sometimes",
            "Reader.Events.Daily.Properties.Enabled",
            "true or false was expected",
        ),
        (
            "AttributeName: sk, KeyType: RANGE",
            "AttributeName: no, KeyType: RANGE",
            "Rows.KeySchema[1]",
            "declare no",
        ),
        (
            "Resources:",
            "Things:",
            "",
            "the template has no map of Resources",
        ),
    ] {
        let text = TEMPLATE.replace(from, to);
        assert_ne!(text, TEMPLATE, "{from}");
        let error = Template::parse(&text).unwrap_err().to_string();
        assert!(
            error.contains(place) && error.contains(reason),
            "{to}: {error}"
        );
        assert!(!error.contains('\n'), "{error}");
    }
}
