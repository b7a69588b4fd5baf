//! The location of a deployment. Without options it is the local system of a
//! folder. A verb sends requests to AWS only with `--aws`.

use crate::end::End;
use clap::{Args as ClapArgs, error::ErrorKind};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The file in the state folder in which a running local system publishes its
/// endpoints.
pub const FILE: &str = "endpoints.json";

/// The options that select a deployment.
#[derive(ClapArgs)]
// Without this, its group has the same name as that of the verbs' arguments.
#[group(skip)]
pub struct Options {
    /// An AWS-compatible endpoint of all services, such as LocalStack's.
    #[arg(long, value_name = "URL", env = "REWIND_ENDPOINT")]
    endpoint: Option<String>,
    /// An endpoint of DynamoDB, such as the one that `rewind` prints.
    #[arg(long, value_name = "URL")]
    dynamodb_endpoint: Option<String>,
    /// An endpoint of Kinesis, such as the one that `rewind` prints.
    #[arg(long, value_name = "URL")]
    kinesis_endpoint: Option<String>,
    /// An endpoint of Lambda: the local system's own address.
    #[arg(long, value_name = "URL")]
    lambda_endpoint: Option<String>,
    /// AWS: region, account and credentials as for the AWS command line.
    /// Without this, nothing is sent there.
    #[arg(long)]
    aws: bool,
    /// The folder of the local system.
    #[arg(long, default_value = ".rewind", env = "REWIND_DIR")]
    dir: PathBuf,
}

/// The location of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// The local system of this folder.
    Folder(PathBuf),
    /// These endpoints.
    Endpoints(Endpoints),
    /// AWS, with the region and credentials of the environment.
    Aws,
}

/// The URLs of the services; `None` for an unknown one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints {
    pub dynamodb: Option<String>,
    pub kinesis: Option<String>,
    pub lambda: Option<String>,
}

impl Options {
    /// Returns the selected location. The command line takes precedence over
    /// the environment. `is_given` tells whether the command line has an
    /// option.
    ///
    /// # Errors
    ///
    /// When the command line selects two locations.
    pub fn location(self, is_given: impl Fn(&str) -> bool) -> Result<Location, clap::Error> {
        let endpoints = [
            ("endpoint", "--endpoint"),
            ("dynamodb_endpoint", "--dynamodb-endpoint"),
            ("kinesis_endpoint", "--kinesis-endpoint"),
            ("lambda_endpoint", "--lambda-endpoint"),
        ];
        let endpoint = endpoints.iter().find(|(name, _)| is_given(name));
        let given = [
            endpoint.map(|(_, option)| *option),
            self.aws.then_some("--aws"),
            is_given("dir").then_some("--dir"),
        ];
        let given: Vec<&str> = given.into_iter().flatten().collect();
        if let [one, other, ..] = given[..] {
            let why = format!("{one} and {other} select two deployments: expected one of them\n");
            return Err(clap::Error::raw(ErrorKind::ArgumentConflict, why));
        }
        let is_folder = given == ["--dir"] || (given.is_empty() && self.endpoint.is_none());
        Ok(if self.aws {
            Location::Aws
        } else if is_folder {
            Location::Folder(self.dir)
        } else {
            Location::Endpoints(Endpoints {
                dynamodb: self.dynamodb_endpoint.or(self.endpoint.clone()),
                kinesis: self.kinesis_endpoint.or(self.endpoint.clone()),
                lambda: self.lambda_endpoint.or(self.endpoint),
            })
        })
    }
}

impl Location {
    /// Returns the known endpoints, or `None` for AWS: the SDK knows those.
    ///
    /// # Errors
    ///
    /// When no system runs in the folder.
    pub fn endpoints(&self) -> Result<Option<Endpoints>, End> {
        match self {
            Self::Aws => Ok(None),
            Self::Endpoints(endpoints) => Ok(Some(endpoints.clone())),
            Self::Folder(dir) => of_local_system(dir).map(Some),
        }
    }
}

/// The options that select this location, such as ` --dir state`. Empty for the
/// default folder.
impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Endpoints {
            dynamodb,
            kinesis,
            lambda,
        } = match self {
            Self::Aws => return f.write_str(" --aws"),
            Self::Folder(dir) if dir == Path::new(".rewind") => return Ok(()),
            Self::Folder(dir) => return write!(f, " --dir {}", dir.display()),
            Self::Endpoints(endpoints) => endpoints,
        };
        if let (Some(all), true) = (dynamodb, dynamodb == kinesis && dynamodb == lambda) {
            return write!(f, " --endpoint {all}");
        }
        for (service, url) in [
            ("dynamodb", dynamodb),
            ("kinesis", kinesis),
            ("lambda", lambda),
        ] {
            if let Some(url) = url {
                write!(f, " --{service}-endpoint {url}")?;
            }
        }
        Ok(())
    }
}

/// Publishes the endpoints of a local system in its state folder, for the verbs
/// that are called while it runs.
///
/// # Errors
///
/// When the file cannot be written.
pub fn announce(dir: &Path, dynamodb: &str, kinesis: &str, url: &str) -> std::io::Result<()> {
    let published = json!({"dynamodb": dynamodb, "kinesis": kinesis, "lambda": url});
    local::write_private(&dir.join(FILE), published.to_string())
}

/// Removes the published endpoints when the system stops.
pub fn withdraw(dir: &Path) {
    // If the file stays, a verb reports that its services do not answer.
    let _ = std::fs::remove_file(dir.join(FILE));
}

/// Reads the endpoints of the local system with this state folder.
fn of_local_system(dir: &Path) -> Result<Endpoints, End> {
    let path = dir.join(FILE);
    let Ok(text) = std::fs::read_to_string(&path) else {
        let dir = dir.display();
        return Err(End::Failed(format!(
            "no system runs in {dir}: start one with `cargo run`, or name another place with --dir, --endpoint or --aws"
        )));
    };
    let published: Value = serde_json::from_str(&text).unwrap_or_default();
    let endpoint = |name: &str| published[name].as_str().map(ToString::to_string);
    let endpoints = Endpoints {
        dynamodb: endpoint("dynamodb"),
        kinesis: endpoint("kinesis"),
        lambda: endpoint("lambda"),
    };
    if endpoints.dynamodb.is_none() || endpoints.kinesis.is_none() || endpoints.lambda.is_none() {
        let path = path.display();
        return Err(End::Failed(format!(
            "{path} lacks an endpoint of `dynamodb`, `kinesis` or `lambda`: restart the system with `cargo run`"
        )));
    }
    Ok(endpoints)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_system_says_where_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let nobody = of_local_system(dir.path()).unwrap_err();
        assert!(format!("{nobody:?}").contains("cargo run"), "{nobody:?}");
        let path = dir.path().join(FILE);
        announce(dir.path(), "http://d", "http://k", "http://l").unwrap();
        let endpoints = of_local_system(dir.path()).unwrap();
        assert_eq!(endpoints.dynamodb.as_deref(), Some("http://d"));
        assert_eq!(endpoints.kinesis.as_deref(), Some("http://k"));
        std::fs::write(&path, "{").unwrap();
        assert!(of_local_system(dir.path()).is_err());
    }

    fn location(given: &[&str], environment: Option<&str>) -> Result<Location, clap::Error> {
        let url = |name: &str| given.contains(&name).then(|| "http://e".to_string());
        let options = Options {
            endpoint: url("endpoint").or(environment.map(Into::into)),
            dynamodb_endpoint: url("dynamodb_endpoint"),
            kinesis_endpoint: None,
            lambda_endpoint: None,
            aws: given.contains(&"aws"),
            dir: "d".into(),
        };
        options.location(|name| given.contains(&name))
    }

    #[test]
    fn a_command_line_selects_one_location_and_takes_precedence_over_the_environment() {
        let folder = || Location::Folder("d".into());
        assert_eq!(location(&[], None).unwrap(), folder());
        assert_eq!(location(&["aws"], None).unwrap(), Location::Aws);
        assert_eq!(
            location(&["aws"], Some("http://other")).unwrap(),
            Location::Aws
        );
        assert_eq!(location(&["dir"], Some("http://other")).unwrap(), folder());
        let all = location(&[], Some("http://other")).unwrap();
        assert_eq!(all.to_string(), " --endpoint http://other");
        let one = location(&["dynamodb_endpoint"], None).unwrap();
        assert_eq!(one.to_string(), " --dynamodb-endpoint http://e");
        for two in [["aws", "dir"], ["aws", "endpoint"], ["dir", "endpoint"]] {
            assert!(location(&two, None).is_err(), "{two:?}");
        }
    }
}
