//! The options that select a deployment. Without one it is the local system of
//! a folder. A verb sends requests to AWS only with `--stack` or `--aws`.

use super::location::{Location, Place};
use clap::{Args as ClapArgs, error::ErrorKind};
use rewind_aws::wiring::{Access, Endpoints};
use std::path::PathBuf;

/// The options that select a deployment.
#[derive(ClapArgs)]
// Without this, its group has the same name as that of the verbs' arguments.
#[group(skip)]
pub struct Options {
    /// The CloudFormation stack of the deployment: its outputs name all parts.
    /// On AWS, or at `--endpoint`.
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,
    /// AWS, with the names of the parts given one by one. Without `--stack` or
    /// this, nothing is sent there.
    #[arg(long)]
    aws: bool,
    /// A profile of the AWS configuration, as for the AWS command line. Goes
    /// with `--stack`, `--aws` or an endpoint.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// The region, as for the AWS command line: before AWS_REGION, and that
    /// before the profile's.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// An AWS-compatible endpoint of all services, such as LocalStack's. Its
    /// credentials are those of `--profile` or of AWS_ACCESS_KEY_ID, if any.
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
    /// The folder of the local system.
    #[arg(long, default_value = ".rewind", env = "REWIND_DIR")]
    dir: PathBuf,
}

impl Options {
    /// Returns the selected place. The command line takes precedence over the
    /// environment. `is_given` tells whether the command line has an option.
    ///
    /// # Errors
    ///
    /// When the command line selects two locations, or has options that do not
    /// go together.
    pub fn place(self, is_given: impl Fn(&str) -> bool) -> Result<Place, clap::Error> {
        let endpoints = [
            ("endpoint", "--endpoint"),
            ("dynamodb_endpoint", "--dynamodb-endpoint"),
            ("kinesis_endpoint", "--kinesis-endpoint"),
            ("lambda_endpoint", "--lambda-endpoint"),
        ];
        let endpoint = endpoints.iter().find(|(name, _)| is_given(name));
        let endpoint = endpoint.map(|(_, option)| *option);
        let dir = is_given("dir").then_some("--dir");
        let stack = self.stack.as_ref().map(|_| "--stack");
        let aws = self.aws.then_some("--aws");
        // A stack can be on AWS or at an endpoint, not in a folder.
        let of_a_folder = dir.and(stack);
        let given = [endpoint, aws, dir, of_a_folder];
        let given: Vec<&str> = given.into_iter().flatten().collect();
        if let [one, other, ..] = given[..] {
            let why = format!("{one} and {other} select two deployments: expected one of them");
            return Err(conflict(&why));
        }
        let location = self.location(given.is_empty() && stack.is_none(), dir.is_some());
        if let Location::Folder(_) = &location {
            let profile = self.profile.as_ref().map(|_| "--profile");
            let region = self.region.as_ref().map(|_| "--region");
            if let Some(option) = profile.or(region) {
                let why = format!(
                    "{option} goes with --stack, --aws or --endpoint: a local system has neither profile nor region"
                );
                return Err(conflict(&why));
            }
        }
        if let (Location::Endpoints(endpoints), Some(_)) = (&location, stack)
            && endpoints.cloudformation.is_none()
        {
            let why = "--stack is described at --endpoint: expected that beside endpoints of single services";
            return Err(conflict(why));
        }
        Ok(Place {
            location,
            stack: self.stack,
            access: Access {
                profile: self.profile,
                region: self.region,
            },
        })
    }

    fn location(&self, is_nothing_given: bool, is_dir_given: bool) -> Location {
        let endpoint = || self.endpoint.clone();
        let endpoints = Endpoints {
            dynamodb: self.dynamodb_endpoint.clone().or_else(endpoint),
            kinesis: self.kinesis_endpoint.clone().or_else(endpoint),
            lambda: self.lambda_endpoint.clone().or_else(endpoint),
            cloudformation: endpoint(),
        };
        let is_nowhere = endpoints == Endpoints::default();
        if is_dir_given || (is_nothing_given && is_nowhere) {
            Location::Folder(self.dir.clone())
        } else if self.aws || is_nowhere {
            Location::Aws
        } else {
            Location::Endpoints(endpoints)
        }
    }
}

fn conflict(why: &str) -> clap::Error {
    clap::Error::raw(ErrorKind::ArgumentConflict, format!("{why}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(given: &[&str], environment: Option<&str>) -> Result<Place, clap::Error> {
        let value = |name: &str, value: &str| given.contains(&name).then(|| value.to_string());
        let options = Options {
            stack: value("stack", "s"),
            aws: given.contains(&"aws"),
            profile: value("profile", "p"),
            region: value("region", "r"),
            endpoint: value("endpoint", "http://e").or(environment.map(Into::into)),
            dynamodb_endpoint: value("dynamodb_endpoint", "http://d"),
            kinesis_endpoint: None,
            lambda_endpoint: None,
            dir: "d".into(),
        };
        options.place(|name| given.contains(&name))
    }

    #[test]
    fn a_command_line_selects_one_place_and_takes_precedence_over_the_environment() {
        for (given, environment, selected) in [
            (&[] as &[&str], None, " --dir d"),
            (&["aws"], None, " --aws"),
            (&["aws"], Some("http://other"), " --aws"),
            (&["dir"], Some("http://other"), " --dir d"),
            (&[], Some("http://other"), " --endpoint http://other"),
            (
                &["dynamodb_endpoint"],
                None,
                " --dynamodb-endpoint http://d",
            ),
            (&["stack"], None, " --stack s"),
            (&["stack", "aws"], Some("http://other"), " --stack s"),
            (
                &["stack"],
                Some("http://other"),
                " --endpoint http://other --stack s",
            ),
            (
                &["stack", "endpoint", "dynamodb_endpoint"],
                None,
                " --endpoint http://e --dynamodb-endpoint http://d --stack s",
            ),
            (
                &["stack", "profile", "region"],
                None,
                " --stack s --profile p --region r",
            ),
            (&["aws", "region"], None, " --aws --region r"),
        ] {
            let place = place(given, environment).unwrap();
            assert_eq!(place.to_string(), selected, "{given:?} {environment:?}");
            let asks = given.contains(&"aws") || given.contains(&"stack");
            assert_eq!(place.asks(), asks, "{given:?}");
        }
    }

    #[test]
    fn options_that_do_not_go_together_are_refused() {
        for given in [
            &["aws", "dir"] as &[&str],
            &["aws", "endpoint"],
            &["dir", "endpoint"],
            &["dir", "stack"],
            &["stack", "aws", "endpoint"],
            &["stack", "dynamodb_endpoint"],
            &["profile"],
            &["region"],
            &["region", "dir"],
        ] {
            assert!(place(given, None).is_err(), "{given:?}");
        }
    }
}
