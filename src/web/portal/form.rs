//! A form as a page shows it: labels, what was typed, and what is wrong with it, beside the field and at the top.

use super::words::Words;
use crate::ledger::fields::{FieldErrors, Problem};

/// A form with the names of its fields and the keys of their labels, in the order of the page.
pub(crate) struct Form {
    words: Words,
    labels: &'static [(&'static str, &'static str)],
    values: Vec<(String, String)>,
    mistakes: Vec<Mistake>,
}

/// What is wrong with one field.
pub(crate) struct Mistake {
    /// The field's name.
    pub(crate) field: String,
    /// The whole sentence, label and all.
    pub(crate) text: String,
}

impl Form {
    /// An empty form: names of fields with the keys of their labels.
    pub(crate) fn new(words: Words, labels: &'static [(&'static str, &'static str)]) -> Self {
        Self { words, labels, values: Vec::new(), mistakes: Vec::new() }
    }

    /// With what was typed, or what is there already. A name may come more than once.
    pub(crate) fn filled<N: Into<String>, V: Into<String>>(mut self, values: impl IntoIterator<Item = (N, V)>) -> Self {
        self.values.extend(values.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// With what a use case or a domain type found wrong. A member inside a field is the field's: `evidence[2]` is `evidence`.
    pub(crate) fn wrong(mut self, errors: &FieldErrors) -> Self {
        for error in &errors.0 {
            let field = error.field.split(['.', '[']).next().unwrap_or_default();
            let text = self.sentence(field, &error.problem);
            self.mistakes.push(Mistake { field: field.to_owned(), text });
        }
        self
    }

    /// With one mistake in the portal's own words.
    pub(crate) fn wrong_with(mut self, field: &str, key: &str) -> Self {
        self.mistakes.push(Mistake { field: field.to_owned(), text: self.words.say(key) });
        self
    }

    /// The language's words.
    pub(crate) fn words(&self) -> Words {
        self.words
    }

    /// Everything that is wrong, in the order in which it was found.
    pub(crate) fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// Whether anything is wrong.
    pub(crate) fn is_wrong(&self) -> bool {
        !self.mistakes.is_empty()
    }

    /// The label of a field.
    pub(crate) fn label(&self, name: &str) -> String {
        let key = self.labels.iter().find(|(known, _)| *known == name).map_or(name, |(_, key)| key);
        self.words.say(key)
    }

    /// What was typed; empty when nothing was.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.values.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Whether this choice of a field was taken.
    pub(crate) fn chose(&self, name: &str, value: &str) -> bool {
        self.values.iter().any(|(known, chosen)| known == name && chosen == value)
    }

    /// What is wrong with a field; empty when nothing is.
    pub(crate) fn mistake(&self, name: &str) -> &str {
        self.mistakes.iter().find(|mistake| mistake.field == name).map_or("", |mistake| &mistake.text)
    }

    /// The ids that describe a field: its hint, and what is wrong with it.
    pub(crate) fn described_by(&self, name: &str, hint: &str) -> String {
        let hint = if hint.is_empty() { String::new() } else { format!("{name}-hint ") };
        let mistake = if self.mistake(name).is_empty() { String::new() } else { format!("{name}-mistake") };
        format!("{hint}{mistake}").trim_end().to_owned()
    }

    fn sentence(&self, field: &str, problem: &Problem) -> String {
        let problem = match self.words.tag() {
            "en" => problem.to_string(),
            _ => problem.zh(),
        };
        self.words.with2("layout-mistake", "field", self.label(field), "problem", problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::language::Language;

    const LABELS: [(&str, &str); 2] = [("name", "layout-menu"), ("days", "layout-sign-out")];

    #[test]
    fn what_was_typed_is_kept_and_mistakes_name_their_fields() {
        let errors = FieldErrors::one("days[1]", Problem::Missing);
        let form = Form::new(Words::new(Language::English), &LABELS)
            .filled([("name", "A"), ("days", "1"), ("days", "2")])
            .wrong(&errors);
        assert_eq!((form.value("name"), form.value("days"), form.value("nothing")), ("A", "1", ""));
        assert!(form.chose("days", "2") && !form.chose("days", "3"));
        assert_eq!(form.mistake("days"), "Sign out is missing");
        assert_eq!((form.mistake("name"), form.is_wrong()), ("", true));
        assert_eq!(form.described_by("days", "layout-menu"), "days-hint days-mistake");
        assert_eq!(form.described_by("name", ""), "");
    }
}
