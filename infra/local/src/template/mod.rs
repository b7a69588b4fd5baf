//! Reads a SAM template, and says what it declares with all names resolved.
//!
//! [`Template`] is the document, [`Model`] what the local system takes from it. Properties that the local system does
//! not know are left alone; an intrinsic that points nowhere is an error, as it is on deployment.

mod document;
mod error;
mod functions;
mod intrinsics;
mod mappings;
mod model;
mod policies;
mod properties;
mod references;
mod routes;
mod schedules;
mod scope;
mod streams;
mod tables;

use std::path::Path;

pub use error::TemplateError;
pub use model::{
    Attribute, Function, Index, Key, Mapping, Model, Projection, Route, Schedule, StartingPosition,
    Statement, Stream, Table,
};

use intrinsics::Resolver;

/// The region of every ARN of the local system.
pub const REGION: &str = "us-east-1";
/// The account of every ARN of the local system.
pub const ACCOUNT: &str = "000000000000";

/// A SAM template whose syntax and references are sound.
#[derive(Debug, Clone)]
pub struct Template {
    document: serde_json::Value,
}

impl Template {
    /// Parses the text of a template.
    ///
    /// # Errors
    ///
    /// When the text is not YAML, when something refers to what is not declared, or when a resource that the local
    /// system runs lacks what it needs.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let template = Self {
            document: document::parse(text)?,
        };
        // The stack's name changes names only, so that any of them finds every mistake.
        template.model("validation")?;
        Ok(template)
    }

    /// Reads and parses a template's file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, and as [`Template::parse`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, TemplateError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| TemplateError::Missing {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        Self::parse(&text)
    }

    /// What the template declares when it is deployed as `stack`.
    ///
    /// # Errors
    ///
    /// As [`Template::parse`].
    pub fn model(&self, stack: &str) -> Result<Model, TemplateError> {
        let resolver = Resolver::new(&self.document, stack)?;
        resolver.check_references()?;
        let (functions, routes, mappings, schedules) = functions::read(&resolver)?;
        Ok(Model {
            streams: streams::read(&resolver)?,
            tables: tables::read(&resolver)?,
            functions,
            routes,
            mappings,
            schedules,
        })
    }
}
