//! Explains a failed call of the SDK in one sentence that names the address,
//! the resource and the option.

mod cause;
mod denied;

use super::{
    local::FILE,
    location::{Location, Place},
    names::{Names, Part},
};
use crate::end::End;
use cause::{Cause, call, cause, without_dump};
use denied::Denied;
use std::time::Duration;

/// A deployment, as far as its errors name it.
pub struct Explainer<'a> {
    pub place: &'a Place,
    pub names: &'a Names,
    /// The region, once it is known.
    pub region: Option<&'a str>,
    /// The account, once it is known.
    pub account: Option<&'a str>,
}

/// The message for a deployment that has not answered within this time, in the
/// form of the SDK's messages.
pub fn no_answer(operation: &str, patience: Duration) -> String {
    let seconds = patience.as_secs();
    format!("{operation} failed: dispatch failure: no answer within {seconds} s")
}

impl Explainer<'_> {
    /// Explains a failed call: `text` is its message, and `before` stands
    /// before the explanation. `part` is the part that was called, where the
    /// caller knows it.
    pub fn explained(&self, part: Option<Part>, before: &str, text: &str) -> End {
        let Some((words, operation, reason)) = call(text) else {
            return End::Failed(format!("{before}{text}"));
        };
        let before = format!("{before}{words}");
        let part = part.or(match operation {
            "Invoke" => Some(Part::PlaybackFunction),
            "GetObject" => Some(Part::DeadLetterBucket),
            _ => None,
        });
        let service = match operation {
            "DescribeStacks" => "CloudFormation",
            "PutRecords" | "ListShards" | "GetShardIterator" | "GetRecords" => "Kinesis",
            "Invoke" => "Lambda",
            "GetObject" => "S3",
            _ => "DynamoDB",
        };
        let cause = cause(reason);
        if let Cause::Missing(words) = cause {
            let missing = self.missing(part.or_else(|| self.names.part_in(words)));
            let what = missing.unwrap_or_else(|| {
                let address = self.address(service);
                format!("{operation} needs something that does not exist {address}: {words}")
            });
            return End::Wrong(format!("{before}{what}"));
        }
        let why = self.failed(service, operation, &cause);
        // The way out where the caller may not describe stacks.
        let way_out = match (operation, &cause) {
            ("DescribeStacks", Cause::Denied(..)) => {
                ", or leave out --stack and give the names one by one, with --aws, --events-table, --data-table and so on"
            }
            _ => "",
        };
        End::Failed(format!("{before}{why}{way_out}"))
    }

    /// The message for missing credentials.
    pub fn no_credentials(&self, why: &str) -> String {
        let why = without_dump(why).trim_end_matches('.');
        let why = match why.strip_prefix("the credential provider was not enabled") {
            Some("") => "it is not defined, or has none",
            Some(why) => why.trim_start_matches(": "),
            None => why,
        };
        match &self.place.access.profile {
            Some(profile) => format!(
                "the profile {profile} gives no credentials ({why}): --profile names another; `aws sso login --profile {profile}` renews those of IAM Identity Center"
            ),
            None => format!(
                "no AWS credentials were found ({why}): name a profile that has some with --profile or AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            ),
        }
    }

    /// The message for a part that does not exist.
    fn missing(&self, part: Option<Part>) -> Option<String> {
        let part = part?;
        let (what, option, name) = (part.what(), part.option(), self.names.of(part));
        let address = self.address(match part {
            Part::EventsTable | Part::DataTable => "DynamoDB",
            Part::PlaybackFunction => "Lambda",
            Part::DeadLetterBucket => "S3",
            _ => "Kinesis",
        });
        let advice = match (&self.place.stack, &self.place.location) {
            (Some(stack), _) if !self.names.is_given(part) => {
                format!("the stack {stack} names it, so it was deleted; {option} names another")
            }
            (None, Location::Aws) => {
                format!("{option} names it, --region says where; --stack finds all names")
            }
            _ => format!("{option} names it"),
        };
        Some(format!("there is no {what} {name} {address}: {advice}"))
    }

    fn failed(&self, service: &str, operation: &str, cause: &Cause<'_>) -> String {
        let address = self.address(service);
        match cause {
            Cause::Unreachable(why) => {
                let (at, question) = match &self.place.location {
                    Location::Folder(dir) => {
                        let file = dir.join(FILE);
                        let file = format!(", which {} names", file.display());
                        (file, "is `cargo run` running?")
                    }
                    Location::Endpoints(_) => {
                        (String::new(), "is the endpoint right, and does it run?")
                    }
                    Location::Aws => (
                        String::new(),
                        "is the region right (--region), and is there a network?",
                    ),
                };
                format!("{service} cannot be reached {address}{at}: {why}; {question}")
            }
            Cause::Untrusted(why) => format!(
                "the certificate of {service} {address} is not trusted ({why}): the file that SSL_CERT_FILE names, if any, is the list of trusted certificates"
            ),
            Cause::NoCredentials(why) => self.no_credentials(why),
            Cause::Denied(code, why) => match Denied::read(why) {
                Some(denied) => format!("{service} {address}: {}", denied.words()),
                None => format!("{service} {address} refuses the credentials ({code}): {why}"),
            },
            Cause::Expired(code) => {
                let login = match &self.place.access.profile {
                    Some(profile) => format!("`aws sso login --profile {profile}`"),
                    None => "`aws sso login`".into(),
                };
                format!(
                    "the credentials for {service} {address} have expired ({code}): renew them, such as with {login}"
                )
            }
            Cause::Unknown(code, why) => format!(
                "{service} {address} refuses the credentials ({code}): {why} Are they of this account (--profile), and is this region enabled there (--region)?"
            ),
            Cause::Skewed(why) => format!(
                "the clock of this machine differs from that of {service} {address}: set the clock ({why})"
            ),
            Cause::Throttled(code) => format!(
                "{service} {address} throttles {operation} ({code}): there are too many calls. Call again later"
            ),
            Cause::Missing(why) | Cause::Strange(why) => {
                format!("the answer {address} to {operation} is not one of {service} ({why})")
            }
            Cause::Refused(code, why) => {
                format!("{service} {address} refuses {operation} ({code}): {why}")
            }
        }
    }

    /// Returns the address of a service: `at http://… (region …)`,
    /// `on AWS (region …, account …)`.
    pub fn address(&self, service: &str) -> String {
        let endpoints = self.place.location.endpoints();
        let endpoints = endpoints.ok().flatten();
        let url = endpoints.and_then(|endpoints| match service {
            "CloudFormation" | "S3" => endpoints.cloudformation,
            "Kinesis" => endpoints.kinesis,
            "Lambda" => endpoints.lambda,
            _ => endpoints.dynamodb,
        });
        let url = url.or_else(|| {
            if self.place.location != Location::Aws {
                return None;
            }
            // On AWS, the SDK reads these variables.
            let name = format!("AWS_ENDPOINT_URL_{}", service.to_uppercase());
            let url = std::env::var(name);
            url.or_else(|_| std::env::var("AWS_ENDPOINT_URL")).ok()
        });
        let at = url.map_or("on AWS".into(), |url| format!("at {url}"));
        let region = self.region.map(|region| format!("region {region}"));
        let account = self.account.map(|account| format!("account {account}"));
        let more: Vec<String> = region.into_iter().chain(account).collect();
        match more.is_empty() {
            true => at,
            false => format!("{at} ({})", more.join(", ")),
        }
    }
}
