//! Figures that CloudWatch has: `GetMetricData`, in its query protocol.

use super::clients::Clients;
use crate::{
    Error,
    aws::{
        call::{Callee, Refusal, call},
        query_protocol::{self, text},
    },
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError};
use jiff::Timestamp;
use std::{collections::BTreeMap, error::Error as StdError};

const GET: Callee = Callee {
    id: "CloudWatch",
    host: "monitoring",
    operation: "GetMetricData",
};

/// A metric that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its namespace, such as `AWS/Lambda`.
    pub namespace: String,
    /// Its name.
    pub metric: String,
    /// The name and the value of its dimension.
    pub dimension: (String, String),
    /// Its statistic, such as `Sum` or `p99`.
    pub statistic: String,
}

/// The values of a metric: when each period began, in seconds since 1970, and the
/// value.
pub type Figure = Vec<(u64, f64)>;

/// A request: what is wanted, and from when to when in which periods.
type Asked = (Vec<Wanted>, (u64, u64, u64), Option<String>);

/// A page of an answer: values by the number of what was wanted, and where to go
/// on.
type Page = (BTreeMap<usize, Figure>, Option<String>);

impl Clients {
    /// The values of metrics from a second on and before another one, in periods of
    /// so many seconds, in the order in which they are wanted.
    ///
    /// # Errors
    ///
    /// When CloudWatch does not answer, or refuses.
    pub async fn figures(
        &self,
        wanted: Vec<Wanted>,
        span: (u64, u64, u64),
    ) -> Result<Vec<Figure>, Error> {
        let mut figures = vec![Figure::new(); wanted.len()];
        let mut next = None;
        loop {
            // An endpoint that describes the stack has its metrics as well.
            let endpoint = self.cloudformation.as_deref();
            let asked = (wanted.clone(), span, next);
            let answer = call(&self.config, GET, endpoint, (request, answered), asked);
            let (page, more) = answer.await.map_err(Error::service(GET.operation))?;
            for (nth, values) in page {
                if let Some(figure) = figures.get_mut(nth) {
                    figure.extend(values);
                }
            }
            next = more;
            if next.is_none() {
                return Ok(figures);
            }
        }
    }
}

fn request(asked: Asked) -> Result<HttpRequest, Box<dyn StdError + Send + Sync>> {
    let (wanted, (from, to, step), next) = asked;
    let time = |seconds: u64| {
        let time = Timestamp::from_second(seconds as i64);
        time.map_or_else(|error| Err(error.to_string()), |time| Ok(time.to_string()))
    };
    let mut parameters = vec![
        ("StartTime".to_string(), time(from)?),
        ("EndTime".to_string(), time(to)?),
    ];
    parameters.extend(next.map(|next| ("NextToken".to_string(), next)));
    for (nth, wanted) in wanted.into_iter().enumerate() {
        let query = format!("MetricDataQueries.member.{}", nth + 1);
        let metric = format!("{query}.MetricStat.Metric");
        let dimension = format!("{metric}.Dimensions.member.1");
        parameters.extend([
            (format!("{query}.Id"), format!("q{nth}")),
            (format!("{metric}.Namespace"), wanted.namespace),
            (format!("{metric}.MetricName"), wanted.metric),
            (format!("{dimension}.Name"), wanted.dimension.0),
            (format!("{dimension}.Value"), wanted.dimension.1),
            (format!("{query}.MetricStat.Period"), step.to_string()),
            (format!("{query}.MetricStat.Stat"), wanted.statistic),
        ]);
    }
    query_protocol::request(GET.operation, "2010-08-01", &parameters)
}

#[expect(
    clippy::result_large_err,
    reason = "the SDK's own type of what a deserializer returns"
)]
fn answered(response: &HttpResponse) -> Result<Page, OrchestratorError<Refusal>> {
    query_protocol::answered(response, page)
}

/// Reads a page.
fn page(body: &str) -> Result<Page, XmlDecodeError> {
    let mut document = Document::new(body);
    let mut answer = document.root_element()?;
    let (mut figures, mut next) = (BTreeMap::new(), None);
    let mut is_answer = false;
    while let Some(mut result) = answer.next_tag() {
        if !result.start_el().matches("GetMetricDataResult") {
            continue;
        }
        is_answer = true;
        while let Some(mut part) = result.next_tag() {
            match part.start_el().local() {
                "NextToken" => next = Some(text(&mut part)?).filter(|token| !token.is_empty()),
                "MetricDataResults" => {
                    while let Some(mut member) = part.next_tag() {
                        let (nth, figure) = figure(&mut member)?;
                        figures.insert(nth, figure);
                    }
                }
                _ => {}
            }
        }
    }
    match is_answer {
        true => Ok((figures, next)),
        false => Err(XmlDecodeError::custom("it holds no metrics")),
    }
}

fn figure(member: &mut ScopedDecoder<'_, '_>) -> Result<(usize, Figure), XmlDecodeError> {
    let (mut id, mut times, mut values) = (String::new(), Vec::new(), Vec::new());
    while let Some(mut part) = member.next_tag() {
        match part.start_el().local() {
            "Id" => id = text(&mut part)?,
            "Timestamps" => {
                while let Some(mut time) = part.next_tag() {
                    let time: Timestamp = text(&mut time)?.parse().map_err(|_| no("time"))?;
                    times.push(time.as_second().max(0).unsigned_abs());
                }
            }
            "Values" => {
                while let Some(mut value) = part.next_tag() {
                    values.push(text(&mut value)?.parse().map_err(|_| no("number"))?);
                }
            }
            _ => {}
        }
    }
    let nth = id.strip_prefix('q').and_then(|nth| nth.parse().ok());
    let nth = nth.ok_or_else(|| no("number of a query"))?;
    Ok((nth, times.into_iter().zip(values).collect()))
}

fn no(what: &str) -> XmlDecodeError {
    XmlDecodeError::custom(format!("expected a {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_what_was_wanted() {
        let body = r#"<GetMetricDataResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/">
  <GetMetricDataResult>
    <NextToken>more</NextToken>
    <MetricDataResults>
      <member><Id>q1</Id><Label>Errors</Label><StatusCode>Complete</StatusCode><Timestamps/><Values/></member>
      <member>
        <Timestamps><member>2026-11-30T09:01:00Z</member><member>2026-11-30T09:00:00Z</member></Timestamps>
        <Values><member>2.5</member><member>1.0E1</member></Values><Id>q0</Id>
      </member>
    </MetricDataResults>
  </GetMetricDataResult>
</GetMetricDataResponse>"#;
        let (figures, next) = page(body).unwrap();
        assert_eq!(next.as_deref(), Some("more"));
        assert_eq!(figures[&1], []);
        let nine = "2026-11-30T09:00:00Z".parse::<Timestamp>().unwrap();
        let nine = nine.as_second() as u64;
        assert_eq!(figures[&0], [(nine + 60, 2.5), (nine, 10.0)]);
        for strange in ["", "{}", "<html/>"] {
            assert!(page(strange).is_err(), "{strange}");
        }
    }
}
