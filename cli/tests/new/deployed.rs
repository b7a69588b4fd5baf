//! What `sam build` and `sam deploy` find in a new repository.

use crate::made::{Made, ended, rewind};
use serde_json::Value;
use serde_yaml_ng::Value as Yaml;
use std::{fs, process::Command};

/// SAM runs `cargo lambda build --bin BINARY` in the folder `CodeUri`. The test of
/// the first row builds them.
#[test]
fn sam_finds_the_binary_of_each_function() {
    let made = Made::new();
    let template: Yaml = serde_yaml_ng::from_str(&made.read("template.yaml")).unwrap();
    let packages = made.packages();
    let resources = template["Resources"].as_mapping().unwrap();
    let is_function = |resource: &&Yaml| resource["Type"] == "AWS::Serverless::Function";
    let functions: Vec<&Yaml> = resources.values().filter(is_function).collect();
    assert_eq!(functions.len(), 6);
    for function in functions {
        let binary = function["Metadata"]["BuildProperties"]["Binary"].as_str();
        let binary = binary.unwrap();
        let folder = function["Properties"]["CodeUri"].as_str().unwrap();
        let manifest = made.dir().join(folder).join("Cargo.toml");
        let manifest = manifest.canonicalize().unwrap();
        let is_there = |package: &&Value| package["manifest_path"] == manifest.to_str().unwrap();
        let package = packages.iter().find(is_there);
        let package = package.unwrap_or_else(|| panic!("{folder}: no package"));
        let targets = package["targets"].as_array().unwrap();
        let is_built = |target: &&Value| target["name"] == binary && target["kind"][0] == "bin";
        let target = targets.iter().find(is_built);
        let target = target.unwrap_or_else(|| panic!("{folder}: no program {binary}"));
        // Each main hands the team's domain to Rewind, in some ten lines.
        let main = fs::read_to_string(target["src_path"].as_str().unwrap()).unwrap();
        assert!(main.contains("service::service()"), "{main}");
        let code = main.lines().filter(|line| !line.starts_with("//!"));
        assert!(code.count() <= 10, "{main}");
    }
}

/// With the linters that the gate has installed, if it has.
#[test]
fn the_description_of_the_deployment_is_valid() {
    let made = Made::new();
    let tools = rewind().join("target/ci-venv/bin");
    for (tool, arguments) in [
        ("cfn-lint", &["template.yaml"] as &[&str]),
        ("sam", &["validate", "--lint"]),
    ] {
        let program = tools.join(tool);
        if !program.exists() {
            println!("{tool} is not there: .ci/run installs it");
            continue;
        }
        let mut command = Command::new(program);
        command.args(arguments).current_dir(made.dir());
        command.env("SAM_CLI_TELEMETRY", "0");
        command.env("AWS_DEFAULT_REGION", "us-east-1");
        let (code, said, errors) = ended(&mut command);
        assert_eq!(code, 0, "{tool}: {said}{errors}");
    }
    let config = made.read("samconfig.toml");
    for stack in ["my-shop-dev", "my-shop-prod"] {
        assert!(
            config.contains(&format!("stack_name = \"{stack}\"")),
            "{config}"
        );
    }
}
