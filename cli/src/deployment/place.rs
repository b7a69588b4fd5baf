//! Where a deployment is. Nobody gets to AWS who does not say so: without a
//! word it is the local system of a folder, or nowhere.

use crate::exit::End;
use clap::{Args as ClapArgs, error::ErrorKind};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What a running local system says about itself in its state folder.
pub const FILE: &str = "endpoints.json";

/// The options that say where a deployment is.
#[derive(ClapArgs)]
// The verbs' own arguments are named alike.
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

/// Where a deployment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The local system of this folder.
    Folder(PathBuf),
    /// Behind these endpoints.
    Endpoints(Endpoints),
    /// On AWS, as the environment says.
    Aws,
}

/// Where the services are; `None` where nobody says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints {
    pub dynamodb: Option<String>,
    pub kinesis: Option<String>,
    pub lambda: Option<String>,
}

impl Options {
    /// The one place that is meant. What the command line says goes before what
    /// the environment says; two places are none.
    pub fn place(self, is_said: impl Fn(&str) -> bool) -> Result<Place, clap::Error> {
        let endpoints = [
            ("endpoint", "--endpoint"),
            ("dynamodb_endpoint", "--dynamodb-endpoint"),
            ("kinesis_endpoint", "--kinesis-endpoint"),
            ("lambda_endpoint", "--lambda-endpoint"),
        ];
        let endpoint = endpoints.iter().find(|(name, _)| is_said(name));
        let said = [
            endpoint.map(|(_, option)| *option),
            self.aws.then_some("--aws"),
            is_said("dir").then_some("--dir"),
        ];
        let said: Vec<&str> = said.into_iter().flatten().collect();
        if let [one, other, ..] = said[..] {
            let why = format!("{one} and {other} name two deployments: expected one of them\n");
            return Err(clap::Error::raw(ErrorKind::ArgumentConflict, why));
        }
        let is_folder = said == ["--dir"] || (said.is_empty() && self.endpoint.is_none());
        Ok(if self.aws {
            Place::Aws
        } else if is_folder {
            Place::Folder(self.dir)
        } else {
            Place::Endpoints(Endpoints {
                dynamodb: self.dynamodb_endpoint.or(self.endpoint.clone()),
                kinesis: self.kinesis_endpoint.or(self.endpoint.clone()),
                lambda: self.lambda_endpoint.or(self.endpoint),
            })
        })
    }
}

impl Place {
    /// The endpoints, as far as they are known; `None` for AWS, whose
    /// endpoints the SDK knows.
    pub fn endpoints(&self) -> Result<Option<Endpoints>, End> {
        match self {
            Self::Aws => Ok(None),
            Self::Endpoints(endpoints) => Ok(Some(endpoints.clone())),
            Self::Folder(dir) => of_local_system(dir).map(Some),
        }
    }
}

/// How a command line names this place: ` --dir state`, or nothing.
impl std::fmt::Display for Place {
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

/// Says in the state folder where a local system's services are, for the verbs
/// that are called while it runs.
pub fn announce(dir: &Path, dynamodb: &str, kinesis: &str, url: &str) -> std::io::Result<()> {
    let said = json!({"dynamodb": dynamodb, "kinesis": kinesis, "lambda": url});
    local::write_private(&dir.join(FILE), said.to_string())
}

/// Takes that back when the system stops.
pub fn withdraw(dir: &Path) {
    // A file that stays names services that do not answer: the verbs say so.
    let _ = std::fs::remove_file(dir.join(FILE));
}

/// The endpoints of the local system with this state folder.
fn of_local_system(dir: &Path) -> Result<Endpoints, End> {
    let path = dir.join(FILE);
    let Ok(text) = std::fs::read_to_string(&path) else {
        let dir = dir.display();
        return Err(End::Failed(format!(
            "no system runs in {dir}: start one with `cargo run`, or name another place with --dir, --endpoint or --aws"
        )));
    };
    let said: Value = serde_json::from_str(&text).unwrap_or_default();
    let endpoint = |name: &str| said[name].as_str().map(ToString::to_string);
    let endpoints = Endpoints {
        dynamodb: endpoint("dynamodb"),
        kinesis: endpoint("kinesis"),
        lambda: endpoint("lambda"),
    };
    if endpoints.dynamodb.is_none() || endpoints.kinesis.is_none() || endpoints.lambda.is_none() {
        let path = path.display();
        return Err(End::Failed(format!(
            "{path} does not say where `dynamodb`, `kinesis` and `lambda` are: start the system anew with `cargo run`"
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

    fn place(said: &[&str], environment: Option<&str>) -> Result<Place, clap::Error> {
        let url = |name: &str| said.contains(&name).then(|| "http://e".to_string());
        let options = Options {
            endpoint: url("endpoint").or(environment.map(Into::into)),
            dynamodb_endpoint: url("dynamodb_endpoint"),
            kinesis_endpoint: None,
            lambda_endpoint: None,
            aws: said.contains(&"aws"),
            dir: "d".into(),
        };
        options.place(|name| said.contains(&name))
    }

    #[test]
    fn a_command_line_names_one_place_and_the_environment_gives_way() {
        let folder = || Place::Folder("d".into());
        assert_eq!(place(&[], None).unwrap(), folder());
        assert_eq!(place(&["aws"], None).unwrap(), Place::Aws);
        assert_eq!(place(&["aws"], Some("http://other")).unwrap(), Place::Aws);
        assert_eq!(place(&["dir"], Some("http://other")).unwrap(), folder());
        let all = place(&[], Some("http://other")).unwrap();
        assert_eq!(all.to_string(), " --endpoint http://other");
        let one = place(&["dynamodb_endpoint"], None).unwrap();
        assert_eq!(one.to_string(), " --dynamodb-endpoint http://e");
        for two in [["aws", "dir"], ["aws", "endpoint"], ["dir", "endpoint"]] {
            assert!(place(&two, None).is_err(), "{two:?}");
        }
    }
}
