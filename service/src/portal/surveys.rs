//! Surveys: a form is made at an outside form service, its address goes out by
//! mail, and feedback comes back through `/inputs/survey`. In the stream
//! `survey-<application>`.

use super::{
    campaigns::{CampaignEvent, Reason},
    id_of,
};
use crate::mails::{Letter, Mails};
use rewind::{
    Adapter, Answer, Emit, Envelope, Event, Gateway, MultiStreamProjection, NewEvent, Rejection,
    Request, Rule, SingleStreamProjection,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

// Events.

/// What happens to the survey of an application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum SurveyEvent {
    /// The form is there.
    FormCreated {
        /// Where it is filled in.
        url: String,
        /// Who is asked.
        owner: String,
    },
    /// The form service has refused.
    FormRefused {
        /// Its status.
        status: u16,
    },
    /// Somebody has answered.
    FeedbackGiven {
        /// The API product that it is about.
        product: String,
        /// From 1 to 5.
        score: u8,
    },
}

impl Event for SurveyEvent {
    const CATEGORY: &'static str = "survey";
}

// The form service.

/// A form to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Form {
    /// The application that it is about: what comes back names it.
    pub application: String,
    /// Who is asked.
    pub owner: String,
    /// Why.
    pub reason: Reason,
}

/// The gateway of the form service.
#[derive(Debug)]
pub struct Forms;

impl Gateway for Forms {
    type Action = Form;
    const NAME: &'static str = "forms";

    fn key(form: &Form) -> String {
        form.application.clone()
    }

    fn request(form: &Form) -> Result<Request, Rejection> {
        let body = json!({"reference": form.application, "topic": form.reason});
        Request::post("/forms", &body)
    }

    fn answered(form: &Form, answer: &Answer) -> Result<Vec<Emit>, Rejection> {
        let (id, owner) = (&form.application, form.owner.clone());
        let Some(url) = answer.body["url"].as_str().filter(|_| answer.is_ok()) else {
            let status = answer.status;
            return Ok(vec![Emit::event(id, &SurveyEvent::FormRefused { status })?]);
        };
        let url = url.to_string();
        let mut emits = vec![Emit::event(
            id,
            &SurveyEvent::FormCreated {
                url: url.clone(),
                owner: owner.clone(),
            },
        )?];
        // An owner is a name, or an address.
        if owner.contains('@') {
            let letter = Letter {
                about: format!("survey-{id}"),
                to: owner,
                subject: "How do you like our API products?".into(),
                text: format!("Please tell us: {url}"),
            };
            emits.push(Emit::call::<Mails>(&letter)?);
        }
        Ok(emits)
    }
}

/// If a survey is begun, then its form is made.
#[derive(Debug)]
pub struct SurveysAsk;

impl Rule for SurveysAsk {
    type Event = CampaignEvent;
    type Emits = Emit;
    const NAME: &'static str = "surveys-ask";

    fn react(event: &Envelope<CampaignEvent>) -> Result<Vec<Emit>, Rejection> {
        match &event.data {
            CampaignEvent::SurveyStarted { owner, reason } => {
                let form = Form {
                    application: id_of(event.stream()),
                    owner: owner.clone(),
                    reason: *reason,
                };
                Ok(vec![Emit::call::<Forms>(&form)?])
            }
            CampaignEvent::CampaignStarted { .. } | CampaignEvent::OfferMade { .. } => Ok(vec![]),
        }
    }
}

// What comes back.

/// What the form service posts.
#[derive(Debug, Deserialize)]
pub struct Filled {
    /// The form's reference: the application.
    pub reference: String,
    /// The API product that it is about.
    pub product: String,
    /// From 1 to 5.
    pub score: u8,
}

/// The adapter of `/inputs/survey`.
#[derive(Debug)]
pub struct Feedback;

impl Adapter for Feedback {
    type Input = Filled;
    type Emits = NewEvent;
    const SOURCE: &'static str = "survey";

    fn partition(input: &Value) -> Option<String> {
        input.get("reference")?.as_str().map(ToString::to_string)
    }

    fn map(input: &Envelope<Filled>) -> Result<Vec<NewEvent>, Rejection> {
        let Filled {
            reference,
            product,
            score,
        } = &input.data;
        if !(1..=5).contains(score) {
            return Err(Rejection::new("`score`: expected 1 to 5"));
        }
        let given = SurveyEvent::FeedbackGiven {
            product: product.clone(),
            score: *score,
        };
        Ok(vec![NewEvent::new(reference, &given)?])
    }
}

// Rows.

/// A survey as readers see it.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SurveyRow {
    /// Where the form is.
    pub url: Option<String>,
    /// How often it was filled in.
    pub answers: u64,
}

/// Each survey. What becomes of a row is told as `survey-insert` and
/// `survey-update`.
#[derive(Debug)]
pub struct Surveys;

impl SingleStreamProjection for Surveys {
    type Event = SurveyEvent;
    type Row = SurveyRow;
    const NAME: &'static str = "surveys";
    const FEED: Option<&'static str> = Some("survey");

    fn apply(row: &mut SurveyRow, event: &Envelope<SurveyEvent>) -> Result<(), Rejection> {
        match &event.data {
            SurveyEvent::FormCreated { url, .. } => row.url = Some(url.clone()),
            SurveyEvent::FormRefused { .. } => row.url = None,
            SurveyEvent::FeedbackGiven { .. } => row.answers += 1,
        }
        Ok(())
    }
}

/// What people think of an API product.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Opinion {
    /// How often each score was given.
    pub scores: BTreeMap<u8, u64>,
}

/// The feedback for each API product, over all surveys.
#[derive(Debug)]
pub struct FeedbackByProduct;

impl MultiStreamProjection for FeedbackByProduct {
    type Event = SurveyEvent;
    type Row = Opinion;
    const NAME: &'static str = "feedback";

    fn keys(event: &Envelope<SurveyEvent>) -> Result<Vec<String>, Rejection> {
        Ok(match &event.data {
            SurveyEvent::FeedbackGiven { product, .. } => vec![product.clone()],
            SurveyEvent::FormCreated { .. } | SurveyEvent::FormRefused { .. } => vec![],
        })
    }

    fn apply(
        _: &str,
        opinion: &mut Opinion,
        event: &Envelope<SurveyEvent>,
    ) -> Result<(), Rejection> {
        if let SurveyEvent::FeedbackGiven { score, .. } = &event.data {
            *opinion.scores.entry(*score).or_default() += 1;
        }
        Ok(())
    }

    fn revert(
        key: &str,
        opinion: &mut Opinion,
        event: &Envelope<SurveyEvent>,
    ) -> Result<(), Rejection> {
        if let SurveyEvent::FeedbackGiven { score, .. } = &event.data {
            let count = opinion.scores.entry(*score).or_default();
            *count = count.checked_sub(1).ok_or_else(|| {
                Rejection::new(format!("`{key}` was not scored {score} that often"))
            })?;
            opinion.scores.retain(|_, count| *count > 0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rewind::testing::{gateway, given, when_input};

    fn form(owner: &str) -> Form {
        Form {
            application: "1".into(),
            owner: owner.into(),
            reason: Reason::LongPaid,
        }
    }

    #[test]
    fn a_survey_that_is_begun_is_a_form_and_a_mail() {
        let started = CampaignEvent::SurveyStarted {
            owner: "ann@example.org".into(),
            reason: Reason::LongPaid,
        };
        let ask = Emit::call::<Forms>(&form("ann@example.org")).unwrap();
        given([started]).then_emits::<SurveysAsk>(&[ask]);
        let created = SurveyEvent::FormCreated {
            url: "https://forms.example/1".into(),
            owner: "ann@example.org".into(),
        };
        let letter = Letter {
            about: "survey-1".into(),
            to: "ann@example.org".into(),
            subject: "How do you like our API products?".into(),
            text: "Please tell us: https://forms.example/1".into(),
        };
        let request = json!({"reference": "1", "topic": "long-paid"});
        gateway::<Forms>(&form("ann@example.org"))
            .then_request(Request::post("/forms", &request).unwrap())
            .answered(201, json!({"url": "https://forms.example/1"}))
            .then([
                Emit::event("1", &created).unwrap(),
                Emit::call::<Mails>(&letter).unwrap(),
            ]);
        let refused = SurveyEvent::FormRefused { status: 403 };
        gateway::<Forms>(&form("ann"))
            .answered(403, json!(null))
            .then([Emit::event("1", &refused).unwrap()]);
    }

    #[test]
    fn feedback_is_counted_for_its_product() {
        let feedback = |score| SurveyEvent::FeedbackGiven {
            product: "tiles".into(),
            score,
        };
        let input = json!({"reference": "1", "product": "tiles", "score": 4});
        let expected = NewEvent::new("1", &feedback(4)).unwrap();
        assert_eq!(when_input::<Feedback>(&input), Ok(vec![expected]));
        let wrong = json!({"reference": "1", "product": "tiles", "score": 6});
        assert!(when_input::<Feedback>(&wrong).is_err());
        let scores = |scores: &[(u8, u64)]| Opinion {
            scores: scores.iter().copied().collect(),
        };
        let given = given([feedback(4), feedback(4), feedback(2)]);
        given.then_rows::<FeedbackByProduct>(&[("tiles", scores(&[(2, 1), (4, 2)]))]);
        let reversed = given.reversed("survey-1", 3);
        reversed.then_rows::<FeedbackByProduct>(&[("tiles", scores(&[(4, 2)]))]);
    }
}
