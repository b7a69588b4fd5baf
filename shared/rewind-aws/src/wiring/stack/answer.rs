//! CloudFormation's answers: stacks.

use crate::aws::{call::Refusal, query_protocol::text};
use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError};
use std::collections::BTreeMap;

/// A stack as CloudFormation describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stack {
    /// Its ARN.
    pub id: String,
    /// Its state, such as `UPDATE_COMPLETE`.
    pub status: String,
    /// Why it is in this state, where CloudFormation says so.
    pub reason: Option<String>,
    /// The values of its outputs, by their names.
    pub outputs: BTreeMap<String, String>,
}

impl Stack {
    /// The account that owns it, from its ARN.
    pub fn account(&self) -> Option<&str> {
        self.id.split(':').nth(4).filter(|part| !part.is_empty())
    }
}

/// Whether a refusal says that the stack does not exist. There is no error code
/// for that.
pub fn is_about_a_missing_stack(refusal: &Refusal) -> bool {
    refusal.code == "ValidationError" && refusal.message.ends_with("does not exist")
}

/// Reads the first stack of an answer. A name selects at most one.
///
/// # Errors
///
/// When it is not an answer of CloudFormation.
pub fn stack_of(body: &str) -> Result<Option<Stack>, XmlDecodeError> {
    let mut document = Document::new(body);
    let mut answer = document.root_element()?;
    let mut stack = None;
    let mut is_described = false;
    while let Some(mut result) = answer.next_tag() {
        if !result.start_el().matches("DescribeStacksResult") {
            continue;
        }
        is_described = true;
        while let Some(mut stacks) = result.next_tag() {
            while let Some(mut member) = stacks.next_tag() {
                let read = read_stack(&mut member)?;
                stack = stack.or(Some(read));
            }
        }
    }
    match is_described {
        true => Ok(stack),
        false => Err(XmlDecodeError::custom("it describes no stacks")),
    }
}

fn read_stack(member: &mut ScopedDecoder<'_, '_>) -> Result<Stack, XmlDecodeError> {
    let mut stack = Stack::default();
    while let Some(mut part) = member.next_tag() {
        match part.start_el().local() {
            "StackId" => stack.id = text(&mut part)?,
            "StackStatus" => stack.status = text(&mut part)?,
            "StackStatusReason" => stack.reason = Some(text(&mut part)?),
            "Outputs" => {
                while let Some(mut output) = part.next_tag() {
                    let (mut key, mut value) = (String::new(), String::new());
                    while let Some(mut half) = output.next_tag() {
                        match half.start_el().local() {
                            "OutputKey" => key = text(&mut half)?,
                            "OutputValue" => value = text(&mut half)?,
                            _ => {}
                        }
                    }
                    stack.outputs.insert(key, value);
                }
            }
            _ => {}
        }
    }
    Ok(stack)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::query_protocol::refusal_of;

    #[test]
    fn a_stack_is_read_whatever_stands_around_its_outputs() {
        let body = r#"<?xml version="1.0"?>
<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
  <DescribeStacksResult><Stacks><member>
    <Outputs>
      <member><Description>In &amp; out.</Description><OutputKey>Url</OutputKey><OutputValue>https://a?b&amp;c</OutputValue><ExportName>x</ExportName></member>
      <member><OutputValue>t</OutputValue><OutputKey>EventsTable</OutputKey></member>
    </Outputs>
    <Parameters><member><ParameterKey>Url</ParameterKey></member></Parameters>
    <Capabilities/>
    <StackId>arn:aws:cloudformation:eu-central-1:123456789012:stack/rewind/1</StackId>
    <StackName>rewind</StackName>
    <StackStatus>UPDATE_COMPLETE</StackStatus>
  </member></Stacks></DescribeStacksResult>
  <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
</DescribeStacksResponse>"#;
        let stack = stack_of(body).unwrap().unwrap();
        assert_eq!(stack.status, "UPDATE_COMPLETE");
        assert_eq!(stack.reason, None);
        assert_eq!(stack.account(), Some("123456789012"));
        assert_eq!(stack.outputs["Url"], "https://a?b&c");
        assert_eq!(stack.outputs["EventsTable"], "t");
        let none = "<DescribeStacksResponse><DescribeStacksResult><Stacks/></DescribeStacksResult></DescribeStacksResponse>";
        assert_eq!(stack_of(none).unwrap(), None);
        for strange in ["", "{}", "<html><body>hello</body></html>"] {
            assert!(stack_of(strange).is_err(), "{strange}");
        }
    }

    #[test]
    fn a_missing_stack_is_told_from_another_wrong_call() {
        let body = |message: &str| {
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
            )
        };
        let missing = refusal_of(&body("Stack with id nope does not exist")).unwrap();
        assert!(is_about_a_missing_stack(&missing));
        let other = refusal_of(&body("1 validation error detected")).unwrap();
        assert!(!is_about_a_missing_stack(&other));
        assert_eq!(other.code, "ValidationError");
        assert!(refusal_of("<html></html>").is_err());
    }
}
