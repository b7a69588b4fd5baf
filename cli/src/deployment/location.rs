//! The location of a deployment: a folder, endpoints, or AWS.

use super::local;
use crate::end::End;
use rewind_aws::wiring::{Access, Endpoints};
use std::{
    fmt::{self, Display, Formatter},
    path::{Path, PathBuf},
};

/// Hosts of AWS end with one of these.
const DOMAINS: [&str; 4] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".api.aws",
];

/// The location of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// The local system of this folder.
    Folder(PathBuf),
    /// These endpoints.
    Endpoints(Endpoints),
    /// AWS.
    Aws,
}

/// Which deployment: its location, its stack, and the access to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where it is.
    pub location: Location,
    /// The stack that names its parts. Otherwise they are named one by one.
    pub stack: Option<String>,
    /// For whom and in which region it is called.
    pub access: Access,
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
            Self::Folder(dir) => local::of_local_system(dir).map(Some),
        }
    }
}

impl Place {
    /// Whether a change here needs a confirmation: on AWS, whatever the URL, and
    /// in a stack.
    pub fn asks(&self) -> bool {
        let is_aws = match &self.location {
            Location::Aws => true,
            Location::Folder(_) => false,
            Location::Endpoints(endpoints) => {
                let urls = [&endpoints.dynamodb, &endpoints.kinesis, &endpoints.lambda];
                urls.into_iter().flatten().any(|url| is_of_aws(url))
            }
        };
        is_aws || self.stack.is_some()
    }
}

/// Whether a URL is one of AWS.
fn is_of_aws(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    DOMAINS.iter().any(|domain| host.ends_with(domain))
}

/// The options that select this place, such as ` --dir state`. Empty for the
/// default folder.
impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.location {
            // A stack without an endpoint is on AWS.
            Location::Aws if self.stack.is_none() => f.write_str(" --aws")?,
            Location::Aws => {}
            Location::Folder(dir) if dir == Path::new(".rewind") => {}
            Location::Folder(dir) => write!(f, " --dir {}", dir.display())?,
            Location::Endpoints(endpoints) => show_endpoints(endpoints, f)?,
        }
        let Access { profile, region } = &self.access;
        for (option, value) in [
            ("stack", &self.stack),
            ("profile", profile),
            ("region", region),
        ] {
            if let Some(value) = value {
                write!(f, " --{option} {value}")?;
            }
        }
        Ok(())
    }
}

fn show_endpoints(endpoints: &Endpoints, f: &mut Formatter<'_>) -> fmt::Result {
    let Endpoints {
        dynamodb,
        kinesis,
        lambda,
        cloudformation,
    } = endpoints;
    let mut known = cloudformation;
    if known.is_none() && dynamodb == kinesis && dynamodb == lambda {
        known = dynamodb;
    }
    if let Some(all) = known {
        write!(f, " --endpoint {all}")?;
    }
    for (service, url) in [
        ("dynamodb", dynamodb),
        ("kinesis", kinesis),
        ("lambda", lambda),
    ] {
        if let Some(url) = url.as_ref().filter(|url| Some(*url) != known.as_ref()) {
            write!(f, " --{service}-endpoint {url}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_aws_is_known_and_no_other() {
        for url in [
            "https://dynamodb.eu-central-1.amazonaws.com",
            "https://vpce-1.kinesis.us-east-1.vpce.amazonaws.com:443/",
            "http://DYNAMODB.cn-north-1.amazonaws.com.cn",
            "https://lambda.us-east-1.api.aws./x",
        ] {
            assert!(is_of_aws(url), "{url}");
        }
        for url in [
            "http://127.0.0.1:4566",
            "http://localhost.localstack.cloud:4566",
            "http://amazonaws.com.example:80",
            "http://x/?.amazonaws.com",
        ] {
            assert!(!is_of_aws(url), "{url}");
        }
    }
}
