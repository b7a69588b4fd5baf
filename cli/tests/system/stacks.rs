//! A deployment is found by its stack, with the access that the options of the
//! AWS command line select; what cannot be found is a sentence.

use crate::aws::{ACCOUNT, Asked, Aws, credentials, outputs, refusal, stack};
use crate::calls::{rewind_in, with_votes};
use crate::support::template_text;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Output},
};

/// What the tests below take for a stack's outputs is what the template declares.
#[test]
fn the_template_has_the_outputs_that_name_a_deployment() {
    let template = template_text();
    let declared = template["Outputs"].as_mapping().unwrap().keys();
    let declared: BTreeSet<&str> = declared.map(|name| name.as_str().unwrap()).collect();
    let known = outputs().into_iter().map(|(name, _)| name).collect();
    assert_eq!(declared, known);
}

/// Runs a command. Returns its exit code, its output and its errors.
fn run(command: &mut Command) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// `rewind` with the services of a local system, and CloudFormation elsewhere.
fn beside(dir: &Path, aws: &Aws, call: &[&str]) -> Command {
    let said = std::fs::read_to_string(dir.join("endpoints.json")).unwrap();
    let said: Value = serde_json::from_str(&said).unwrap();
    let mut command = rewind_in(dir, call);
    for service in ["dynamodb", "kinesis", "lambda"] {
        let name = format!("AWS_ENDPOINT_URL_{}", service.to_uppercase());
        command.env(name, said[service].as_str().unwrap());
    }
    command.env("AWS_ENDPOINT_URL_CLOUDFORMATION", &aws.url);
    command.envs(credentials());
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_names_all_parts_and_the_command_line_overrides_it() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (_process, _) = with_votes(dir).await;
    let aws = Aws::start();
    // What the environment names belongs to another deployment.
    let elsewhere = |command: &mut Command| {
        for name in ["EVENTS_TABLE", "DATA_TABLE", "EVENTS_STREAM"] {
            command.env(name, "nope");
        }
    };
    let mut command = beside(dir, &aws, &["verify", "--stack", "rewind"]);
    elsewhere(&mut command);
    let (code, out, errors) = run(&mut command);
    assert_eq!(code, 0, "{errors}");
    assert!(out.contains("No violation"), "{out}");
    let expected = Asked {
        operation: "DescribeStacks".into(),
        signed: "operator/eu-central-1/cloudformation".into(),
        body: "Action=DescribeStacks&Version=2010-05-15&StackName=rewind".into(),
    };
    assert_eq!(aws.asked(), [expected]);

    // Another name in the stack, and the right one beside it.
    let mut other = outputs();
    other[1].1 = "gone";
    aws.describe(200, stack("CREATE_COMPLETE", &other));
    let call = ["verify", "--stack", "rewind"];
    let (code, _, errors) = run(&mut beside(dir, &aws, &call));
    assert_eq!(code, 2, "{errors}");
    for words in [
        "no table gone",
        "the stack rewind names it",
        "--events-table",
        "region eu-central-1",
        &format!("account {ACCOUNT}"),
    ] {
        assert!(errors.contains(words), "{errors}");
    }
    let overriding = [&call as &[&str], &["--events-table", "rewind-eventstable"]].concat();
    let (code, _, errors) = run(&mut beside(dir, &aws, &overriding));
    assert_eq!(code, 0, "{errors}");

    // By its ARN, and what a followed playback tells to call next.
    let arn = format!("arn:aws:cloudformation:eu-central-1:{ACCOUNT}:stack/rewind/6f3c1a90");
    aws.describe(200, stack("UPDATE_IN_PROGRESS", &outputs()));
    aws.asked();
    let (code, _, errors) = run(&mut beside(dir, &aws, &["verify", "--stack", &arn]));
    assert_eq!(code, 0, "{errors}");
    let body = &aws.asked()[0].body;
    assert!(body.ends_with("StackName=arn%3Aaws%3Acloudformation%3Aeu%2Dcentral%2D1%3A123456789012%3Astack%2Frewind%2F6f3c1a90"), "{body}");
}

#[test]
fn a_stack_that_cannot_be_used_is_a_sentence_with_the_option_to_use() {
    let dir = tempfile::tempdir().unwrap();
    let aws = Aws::start();
    let without = |names: &[&str]| {
        let kept = outputs().into_iter();
        let kept: Vec<_> = kept.filter(|(name, _)| !names.contains(name)).collect();
        stack("UPDATE_COMPLETE", &kept)
    };
    let user = format!("arn:aws:sts::{ACCOUNT}:assumed-role/dev/ann");
    let arn = format!("arn:aws:cloudformation:eu-central-1:{ACCOUNT}:stack/rewind/*");
    let denied = format!(
        "User: {user} is not authorized to perform: cloudformation:DescribeStacks on resource: {arn} because no identity-based policy allows the cloudformation:DescribeStacks action"
    );
    let by_hand = "--aws --events-table, --data-table";
    let cases: [(u16, String, i32, &[&str]); 14] = [
        (
            400,
            refusal("ValidationError", "Stack with id rewind does not exist"),
            2,
            &["there is no stack rewind", "--stack names it", "--region"],
        ),
        (
            200,
            stack("ROLLBACK_COMPLETE", &[]),
            3,
            &["is ROLLBACK_COMPLETE (as told)", by_hand],
        ),
        (
            200,
            stack("DELETE_FAILED", &outputs()),
            3,
            &["is DELETE_FAILED", by_hand],
        ),
        (
            200,
            stack("DELETE_IN_PROGRESS", &outputs()),
            3,
            &["is DELETE_IN_PROGRESS", by_hand],
        ),
        (
            200,
            stack("REVIEW_IN_PROGRESS", &[]),
            3,
            &["is REVIEW_IN_PROGRESS", by_hand],
        ),
        (
            200,
            stack("CREATE_FAILED", &outputs()),
            3,
            &["is CREATE_FAILED", by_hand],
        ),
        (
            200,
            without(&["DataTable"]),
            3,
            &[
                "has no output DataTable",
                "older Rewind",
                "give the name with --data-table",
            ],
        ),
        (
            200,
            without(&["EventsTable", "DataTable", "Url"]),
            3,
            &[
                "no output EventsTable, DataTable",
                "--events-table, --data-table",
            ],
        ),
        (
            403,
            refusal("AccessDenied", &denied),
            3,
            &[
                &user,
                "may not do cloudformation:DescribeStacks",
                &arn,
                "Grant cloudformation:DescribeStacks",
                "leave out --stack",
            ],
        ),
        (
            403,
            refusal(
                "ExpiredToken",
                "The security token included in the request is expired",
            ),
            3,
            &["have expired (ExpiredToken)", "aws sso login"],
        ),
        (
            403,
            refusal(
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
            ),
            3,
            &["refuses the credentials", "--profile", "--region"],
        ),
        (
            400,
            refusal("Throttling", "Rate exceeded"),
            3,
            &["throttles DescribeStacks", "again later"],
        ),
        (
            403,
            refusal(
                "SignatureDoesNotMatch",
                "Signature expired: 20261128T080000Z is now earlier than 20261128T085500Z (20261128T090000Z - 5 min.)",
            ),
            3,
            &["the clock of this machine"],
        ),
        (
            200,
            "<html><body>hello</body></html>".into(),
            3,
            &["is not one of CloudFormation"],
        ),
    ];
    for (status, body, code, said) in cases {
        aws.describe(status, &body);
        let mut command = rewind_in(dir.path(), &["verify", "--stack", "rewind"]);
        aws.lead_here(&mut command);
        let (ended, _, errors) = run(&mut command);
        assert_eq!(ended, code, "{body}: {errors}");
        for words in said.iter().chain(&["eu-central-1", ACCOUNT]) {
            assert!(errors.contains(words), "{words}: {errors}");
        }
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(!errors.contains(" { "), "a dump: {errors}");
        let more = aws.operations();
        let more = more.iter().find(|asked| *asked != "DescribeStacks");
        assert_eq!(more, None, "a part is called after: {errors}");
    }
    // Missing outputs that the verb does not need are no obstacle.
    aws.describe(
        200,
        without(&["IncomingStream", "PlaybackFunction", "DeadLetterBucket"]),
    );
    let mut command = rewind_in(dir.path(), &["verify", "--stack", "rewind"]);
    aws.lead_here(&mut command);
    let (code, _, errors) = run(&mut command);
    assert_eq!(code, 0, "{errors}");
}

#[test]
fn options_that_do_not_go_together_are_refused_before_anything_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let aws = Aws::start();
    for (call, said) in [
        (
            &["verify", "--stack", "s", "--dir", "d"] as &[&str],
            "--dir",
        ),
        (&["verify", "--profile", "p"], "--profile goes with --stack"),
        (&["verify", "--region", "r"], "--region goes with --stack"),
        (
            &["verify", "--aws", "--endpoint", "http://127.0.0.1:9"],
            "two deployments",
        ),
        (
            &[
                "verify",
                "--stack",
                "s",
                "--dynamodb-endpoint",
                "http://127.0.0.1:9",
            ],
            "described at --endpoint",
        ),
    ] {
        let mut command = rewind_in(dir.path(), call);
        aws.lead_here(&mut command);
        let (code, _, errors) = run(&mut command);
        assert_eq!(code, 2, "{call:?}: {errors}");
        assert!(errors.contains(said), "{call:?}: {errors}");
        assert_eq!(aws.asked(), [], "{call:?}");
    }
}

/// Runs `verify` beside the configuration of the AWS command line. Returns who
/// signed the requests to DynamoDB, and the errors.
fn signed(aws: &Aws, dir: &Path, call: &[&str], environment: &[(&str, &str)]) -> (String, String) {
    let (config, keys) = (dir.join("config"), dir.join("credentials"));
    let process = dir.join("process.json");
    let said = r#"{"Version": 1, "AccessKeyId": "PROCESS", "SecretAccessKey": "s"}"#;
    std::fs::write(&process, said).unwrap();
    let profiles = format!(
        "[default]\nregion = eu-west-3\n\
         [profile ann]\nregion = eu-west-1\n\
         [profile process]\nregion = eu-west-2\ncredential_process = cat {}\n\
         [profile sso]\nregion = eu-west-2\nsso_start_url = https://x.awsapps.com/start\n\
         sso_region = eu-west-2\nsso_account_id = 123456789012\nsso_role_name = dev\n",
        process.display()
    );
    std::fs::write(&config, profiles).unwrap();
    std::fs::write(
        &keys,
        "[default]\naws_access_key_id = DEFAULT\naws_secret_access_key = s\n[ann]\naws_access_key_id = ANN\naws_secret_access_key = s\n",
    )
    .unwrap();
    let mut command = rewind_in(dir, &[&["verify"], call].concat());
    command.env("AWS_CONFIG_FILE", config);
    command.env("AWS_SHARED_CREDENTIALS_FILE", keys);
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    // No token of IAM Identity Center is kept there.
    command.env("HOME", dir);
    if !call.contains(&"--endpoint") {
        command.env("AWS_ENDPOINT_URL", &aws.url);
    }
    command.envs(environment.iter().copied());
    let (_, _, errors) = run(&mut command);
    let mut signed: Vec<String> = aws.asked().into_iter().map(|asked| asked.signed).collect();
    signed.retain(|signed| signed.ends_with("/dynamodb"));
    signed.dedup();
    (signed.join(" "), errors)
}

#[test]
fn profile_region_and_environment_mean_what_they_mean_to_the_aws_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let aws = Aws::start();
    let endpoint: &[&str] = &["--endpoint", &aws.url];
    let by_stack_there = [endpoint, &["--stack", "rewind"]].concat();
    let keys = &[("AWS_ACCESS_KEY_ID", "ENV"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let region = &[("AWS_REGION", "eu-central-1")];
    let both = [keys as &[_], region].concat();
    let (ann, west) = (&["--profile", "ann"], &["--region", "us-west-2"]);
    let with = |one: &[&'static str], more: &[&[&'static str]]| -> Vec<&'static str> {
        [one, &more.concat()].concat()
    };
    let at = |more: &[&'static str]| -> Vec<&str> { [endpoint, more].concat() };
    type Variables<'a> = &'a [(&'a str, &'a str)];
    let cases: [(Vec<&str>, Variables<'_>, &str); 15] = [
        (vec!["--aws"], &[], "DEFAULT/eu-west-3"),
        (vec!["--aws"], &both, "ENV/eu-central-1"),
        (vec!["--aws"], &[("AWS_PROFILE", "ann")], "ANN/eu-west-1"),
        (with(&["--aws"], &[ann]), &both, "ANN/eu-central-1"),
        (with(&["--aws"], &[ann]), keys, "ANN/eu-west-1"),
        (with(&["--aws"], &[ann, west]), &both, "ANN/us-west-2"),
        (with(&["--aws"], &[west]), &both, "ENV/us-west-2"),
        (
            with(&["--stack", "rewind"], &[ann]),
            &both,
            "ANN/eu-central-1",
        ),
        // An endpoint does not get the credentials that nobody named for it.
        (at(&[]), &[], "operator/us-east-1"),
        (at(&[]), &[("AWS_PROFILE", "ann")], "operator/us-east-1"),
        (at(&[]), &both, "ENV/eu-central-1"),
        (at(ann), &both, "ANN/eu-central-1"),
        (at(ann), keys, "ANN/eu-west-1"),
        (at(west), keys, "ENV/us-west-2"),
        (by_stack_there, &both, "ENV/eu-central-1"),
    ];
    for (call, environment, expected) in cases {
        let (signed, errors) = signed(&aws, dir.path(), &call, environment);
        assert_eq!(
            signed,
            format!("{expected}/dynamodb"),
            "{call:?} {environment:?}: {errors}"
        );
    }
    for call in [
        vec!["--aws", "--profile", "nope"],
        at(&["--profile", "nope"]),
    ] {
        let (signed, errors) = signed(&aws, dir.path(), &call, &both);
        assert_eq!(signed, "", "{call:?}");
        for words in ["the profile nope gives no credentials", "was not defined"] {
            assert!(errors.contains(words), "{call:?}: {errors}");
        }
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
}

#[test]
fn a_profile_may_ask_a_program_or_iam_identity_center() {
    let dir = tempfile::tempdir().unwrap();
    let aws = Aws::start();
    let run = |profile: &str| signed(&aws, dir.path(), &["--aws", "--profile", profile], &[]);
    let (signed, errors) = run("process");
    assert_eq!(signed, "PROCESS/eu-west-2/dynamodb", "{errors}");
    let (signed, errors) = run("sso");
    assert_eq!(signed, "", "nobody has logged in");
    for words in ["the profile sso gives", "`aws sso login --profile sso`"] {
        assert!(errors.contains(words), "{errors}");
    }
    assert!(!errors.contains("feature"), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
}

#[test]
fn a_region_that_does_not_exist_is_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let call = ["verify", "--stack", "rewind", "--region", "eu-nowhere-9"];
    let mut command = rewind_in(dir.path(), &call);
    command.envs(credentials());
    let (code, _, errors) = run(&mut command);
    assert_eq!(code, 3, "{errors}");
    for words in [
        "CloudFormation cannot be reached",
        "eu-nowhere-9",
        "--region",
    ] {
        assert!(errors.contains(words), "{errors}");
    }
    assert_eq!(errors.lines().count(), 1, "{errors}");
}
