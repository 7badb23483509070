//! The certifying body's profile as pages show it, clause by clause of chapter 7.

use super::page::{Notice, Tone};
use super::words::Words;
use crate::service::body::{BodyAlert, BodyClause, CertifyingBody};

/// The profile, in words. What is not filled in is empty.
pub(super) struct BodyView {
    pub(super) name: String,
    pub(super) code: String,
    pub(super) authority_number: String,
    pub(super) authority_issuer: String,
    /// From the first day to the last.
    pub(super) authority_days: String,
    pub(super) supervisor_name: String,
    pub(super) supervisor_code: String,
    /// The declaration: keys of the headings, and paragraphs.
    pub(super) declaration: Vec<(&'static str, Vec<String>)>,
    pub(super) region: String,
    pub(super) icp: String,
    pub(super) blockchain: String,
    pub(super) phone: String,
    pub(super) email: String,
    /// Since when it says this; empty before the first edition.
    pub(super) since: String,
}

impl BodyView {
    pub(super) fn of(words: Words, body: &CertifyingBody) -> Self {
        let profile = &body.profile;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let lines = |text: &Option<String>| text.as_deref().map(super::case_view::paragraphs).unwrap_or_default();
        let authority = profile.authority.as_ref();
        let supervisor = profile.supervisor.as_ref();
        Self {
            name: body.organisation.name.clone(),
            code: body.organisation.code.to_string(),
            authority_number: authority.map(|document| document.number.clone()).unwrap_or_default(),
            authority_issuer: authority.map(|document| document.issuer.clone()).unwrap_or_default(),
            authority_days: authority.map(|document| words.days(document.from, document.until)).unwrap_or_default(),
            supervisor_name: supervisor.map(|one| one.name.clone()).unwrap_or_default(),
            supervisor_code: supervisor.map(|one| one.code.to_string()).unwrap_or_default(),
            declaration: vec![
                ("body-venue", lines(&profile.venue)),
                ("body-equipment", lines(&profile.equipment)),
                ("body-resources", lines(&profile.resources)),
            ],
            region: text(&profile.region),
            icp: text(&profile.icp),
            blockchain: text(&profile.blockchain),
            phone: text(&profile.phone),
            email: text(&profile.email),
            since: body.since.map(|since| words.instant(since)).unwrap_or_default(),
        }
    }
}

/// What is to be seen to, each with its clause.
pub(super) fn alert_in_words(words: Words, alert: &BodyAlert) -> Notice {
    let clause = alert.clause().as_str();
    let (tone, text) = match alert {
        BodyAlert::Incomplete(clause) => (Tone::Warn, words.say(incomplete(*clause))),
        BodyAlert::NotYet { from } => (Tone::Warn, words.with1("body-authority-not-yet", "day", *from)),
        BodyAlert::Expiring { until, days_left, within: _ } => {
            (Tone::Warn, words.with2("body-authority-expiring", "day", *until, "days", *days_left))
        }
        BodyAlert::Expired { until } => (Tone::Error, words.with1("body-authority-expired", "day", *until)),
    };
    Notice { tone, text: words.with2("body-alert", "clause", clause, "text", text) }
}

const fn incomplete(clause: BodyClause) -> &'static str {
    match clause {
        BodyClause::LegalPerson => "body-incomplete-legal-person",
        BodyClause::Authority => "body-incomplete-authority",
        BodyClause::Supervision => "body-incomplete-supervision",
        BodyClause::Resources => "body-incomplete-resources",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::language::Language;

    #[test]
    fn every_alert_names_its_clause() {
        let day = "2027-02-20".parse().unwrap();
        let alerts = [
            BodyAlert::NotYet { from: day },
            BodyAlert::Expiring { until: day, days_left: 1, within: 30 },
            BodyAlert::Expired { until: day },
        ];
        let clauses = BodyClause::ALL.iter().map(|clause| BodyAlert::Incomplete(*clause));
        for alert in alerts.into_iter().chain(clauses) {
            for language in Language::ALL {
                let text = alert_in_words(Words::new(language), &alert).text;
                assert!(text.contains(alert.clause().as_str()) && !text.starts_with('['), "{text}");
            }
        }
    }
}
