//! A complaint or dispute as pages show it: the same to whoever filed it and to whoever answers it, but for what each is told.

use super::page::role_in_words;
use super::parts::{Choice, Happening};
use super::words::Words;
use crate::service::complaints::{Case, CaseKind, CaseState, CaseSubject};

/// A case, in words.
pub(super) struct CaseView {
    /// Its number.
    pub(super) number: String,
    /// Complaint or dispute.
    pub(super) kind: String,
    /// What it is about.
    pub(super) subject: String,
    /// The tone of its state.
    pub(super) tone: &'static str,
    /// Its state.
    pub(super) state: String,
    /// When it was filed.
    pub(super) filed: String,
    /// The steps.
    pub(super) steps: Vec<Happening>,
    /// Who complains; empty when they did not say.
    pub(super) name: String,
    /// How they can be reached; empty when they did not say.
    pub(super) contact: String,
    /// The complaint, by paragraphs.
    pub(super) text: Vec<String>,
    /// The answer, by paragraphs; empty before there is one.
    pub(super) answer: Vec<String>,
    /// Whether the words were erased.
    pub(super) is_erased: bool,
}

impl CaseView {
    pub(super) fn of(words: Words, case: &Case) -> Self {
        let summary = &case.summary;
        let step = |step: &crate::service::complaints::CaseStep| Happening {
            when: words.instant(step.at),
            what: state_in_words(words, step.state),
            detail: actor_in_words(words, &step.role),
            tone: tone_of(step.state),
        };
        let said = case.words.as_ref();
        Self {
            number: summary.number.to_string(),
            kind: kind_in_words(words, summary.kind),
            subject: subject_in_words(words, summary.subject),
            tone: tone_of(summary.state),
            state: state_in_words(words, summary.state),
            filed: words.instant(summary.filed_at),
            steps: case.history.iter().map(step).collect(),
            name: said.and_then(|said| said.name.clone()).unwrap_or_default(),
            contact: said.and_then(|said| said.contact.clone()).unwrap_or_default(),
            text: said.map(|said| paragraphs(&said.text)).unwrap_or_default(),
            answer: said.and_then(|said| said.answer.as_deref()).map(paragraphs).unwrap_or_default(),
            is_erased: said.is_none(),
        }
    }
}

/// The lines that have something in them.
pub(super) fn paragraphs(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

pub(super) fn kind_in_words(words: Words, kind: CaseKind) -> String {
    words.say(match kind {
        CaseKind::Complaint => "cases-kind-complaint",
        CaseKind::Dispute => "cases-kind-dispute",
    })
}

pub(super) fn state_in_words(words: Words, state: CaseState) -> String {
    words.say(match state {
        CaseState::Received => "cases-state-received",
        CaseState::InProgress => "cases-state-in-progress",
        CaseState::Answered => "cases-state-answered",
    })
}

pub(super) const fn tone_of(state: CaseState) -> &'static str {
    match state {
        CaseState::Received => "warn",
        CaseState::InProgress => "plain",
        CaseState::Answered => "good",
    }
}

pub(super) fn subject_in_words(words: Words, subject: CaseSubject) -> String {
    words.say(match subject {
        CaseSubject::Hours => "cases-subject-hours",
        CaseSubject::Review => "cases-subject-review",
        CaseSubject::Certificate => "cases-subject-certificate",
        CaseSubject::Provider => "cases-subject-provider",
        CaseSubject::Certification => "cases-subject-certification",
        CaseSubject::Conduct => "cases-subject-conduct",
        CaseSubject::Privacy => "cases-subject-privacy",
        CaseSubject::Site => "cases-subject-site",
        CaseSubject::Other => "cases-subject-other",
    })
}

/// What a case can be about, to choose from.
pub(super) fn subjects(words: Words) -> Vec<Choice> {
    let choice = |subject: &CaseSubject| Choice::new(subject.as_str(), subject_in_words(words, *subject));
    CaseSubject::ALL.iter().map(choice).collect()
}

/// Who took a step: a role of accounts, or one of those without an account.
fn actor_in_words(words: Words, role: &str) -> String {
    match role {
        "public" => words.say("cases-by-public"),
        "operator" => words.say("cases-by-operator"),
        role => role_in_words(words, role),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::language::Language;

    #[test]
    fn everything_about_a_case_has_words() {
        let words = Words::new(Language::English);
        let kinds = CaseKind::ALL.iter().map(|kind| kind_in_words(words, *kind));
        let states = CaseState::ALL.iter().map(|state| state_in_words(words, *state));
        let subjects = subjects(words).into_iter().map(|choice| choice.text);
        let actors = ["public", "operator", "clerk"].map(|role| actor_in_words(words, role));
        assert!(kinds.chain(states).chain(subjects).chain(actors).all(|text| !text.starts_with('[')));
        assert_eq!(paragraphs(" a\n\n b \n"), ["a", "b"]);
    }
}
