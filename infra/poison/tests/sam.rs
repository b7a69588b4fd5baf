//! What SAM makes of template.yaml. For each function it runs
//! `cargo lambda build --release --arm64 --bin BINARY` in the folder `CodeUri`,
//! and takes nothing else from the function's `Metadata`.

use serde_yaml_ng::Value;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A function of the template, as SAM sees it.
struct Function {
    name: String,
    folder: PathBuf,
    metadata: Value,
}

impl Function {
    fn binary(&self) -> &str {
        self.metadata["BuildProperties"]["Binary"].as_str().unwrap()
    }
}

fn functions() -> Vec<Function> {
    let text = std::fs::read_to_string(root().join("template.yaml")).unwrap();
    let template: Value = serde_yaml_ng::from_str(&text).unwrap();
    let resources = template["Resources"].as_mapping().unwrap();
    let functions = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function");
    functions
        .map(|(name, function)| Function {
            name: name.as_str().unwrap().to_owned(),
            folder: root().join(function["Properties"]["CodeUri"].as_str().unwrap()),
            metadata: function["Metadata"].clone(),
        })
        .collect()
}

/// What cargo prints in a folder.
fn cargo(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn sam_finds_the_binary_of_each_function() {
    let functions = functions();
    assert_eq!(functions.len(), 6);
    for function in functions {
        let metadata = ["metadata", "--no-deps", "--locked", "--format-version", "1"];
        let metadata: serde_json::Value =
            serde_json::from_str(&cargo(&function.folder, &metadata)).unwrap();
        let manifest = function.folder.join("Cargo.toml").canonicalize().unwrap();
        let is_there = |package: &&serde_json::Value| {
            package["manifest_path"].as_str().map(Path::new) == Some(&manifest)
        };
        // Without a package of its own, the folder would build `default-members`.
        let packages = metadata["packages"].as_array().unwrap();
        let package = packages.iter().find(is_there);
        let package = package.unwrap_or_else(|| panic!("{}: no package", function.name));
        let is_built = |target: &serde_json::Value| {
            target["name"] == function.binary() && target["kind"][0] == "bin"
        };
        let targets = package["targets"].as_array().unwrap();
        assert!(targets.iter().any(is_built), "{}", function.name);
    }
}

#[test]
fn nothing_is_asked_of_sam_that_it_ignores() {
    for function in functions() {
        let binary = function.binary();
        let expected =
            format!("BuildMethod: rust-cargolambda\nBuildProperties:\n  Binary: {binary}\n");
        let found = serde_yaml_ng::to_string(&function.metadata).unwrap();
        assert_eq!(found, expected, "{}", function.name);
    }
}

/// The fault layer is a package that only tests depend on. What is deployed and
/// what is installed are found by what their folders build.
#[test]
fn nothing_that_is_deployed_or_installed_has_the_fault_layer() {
    let deployed = functions().into_iter().map(|function| function.folder);
    for folder in deployed.chain([root(), root().join("cli")]) {
        let tree = [
            "tree",
            "--locked",
            "--target=all",
            "--edges=normal,build",
            "--prefix=none",
        ];
        let tree = cargo(&folder, &tree);
        let name = folder.display();
        assert!(tree.contains("rewind-aws v"), "{name}: {tree}");
        assert!(!tree.contains("fault-layer v"), "{name}: {tree}");
    }
}
