//! Reading the members of a JSON object so that all bad fields are reported together.
//!
//! One pattern for every form of the product: a wire object becomes a domain type, or a list of [`FieldError`]s.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::forms::Form;
use super::json::{self, Json, TextError};
use crate::standard::UnknownWord;

/// Most bad fields that are reported of one document.
const MAX_ERRORS: usize = 100;
/// How much of an unknown member's name an error repeats, in characters.
const MAX_SHOWN_NAME: usize = 64;

/// One field that is wrong, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Where: members joined by dots, indices in brackets, as in `learner.name` or `evidence[2]`.
    pub field: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a field. `Display` is the English text, [`Problem::zh`] the Chinese one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The member is not there.
    Missing,
    /// No such member exists here.
    Unknown,
    /// The member does not go with the values of others.
    NotAllowedHere,
    /// Another JSON type was expected: its English name.
    Type(&'static str),
    /// A number outside its bounds (inclusive).
    Range(u64, u64),
    /// A text or list whose length is outside its bounds (inclusive).
    Length(u64, u64),
    /// A string that breaks the rules for text.
    Text(TextError),
    /// A text that begins or ends with a space.
    SpaceAtEdge,
    /// Not one of the words of a code list.
    Choice(String),
    /// Not of the required form, with the form in words (English, Chinese).
    Form(String, String),
    /// A list that is not strictly ascending.
    NotAscending,
    /// Contradicts another field or a registered fact (English, Chinese).
    Mismatch(String, String),
}

impl Problem {
    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::NotAllowedHere => "not_allowed_here",
            Self::Type(_) => "type",
            Self::Range(..) => "range",
            Self::Length(..) => "length",
            Self::Text(_) => "text",
            Self::SpaceAtEdge => "space_at_edge",
            Self::Choice(_) => "choice",
            Self::Form(..) => "form",
            Self::NotAscending => "not_ascending",
            Self::Mismatch(..) => "mismatch",
        }
    }

    /// A contradiction, in English and Chinese.
    pub fn mismatch(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self::Mismatch(en.into(), zh.into())
    }

    /// A wrong form, in English and Chinese.
    pub fn form(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self::Form(en.into(), zh.into())
    }

    /// The Chinese text.
    pub fn zh(&self) -> String {
        match self {
            Self::Missing => "缺少此项".into(),
            Self::Unknown => "没有这一项".into(),
            Self::NotAllowedHere => "与其他项不能同时出现".into(),
            Self::Type(name) => format!("类型不对，应为 {name}"),
            Self::Range(min, max) => format!("应在 {min} 到 {max} 之间"),
            Self::Length(min, max) => format!("长度应在 {min} 到 {max} 之间"),
            Self::Text(TextError::Character(code)) => format!("含有不允许的字符 U+{code:04X}"),
            Self::Text(TextError::NotNfc) => "不是 Unicode NFC 规范形式".into(),
            Self::SpaceAtEdge => "首尾不能有空格".into(),
            Self::Choice(words) => format!("应为下列之一：{words}"),
            Self::NotAscending => "应按升序排列且不重复".into(),
            Self::Form(_, zh) | Self::Mismatch(_, zh) => zh.clone(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is missing"),
            Self::Unknown => f.write_str("is not a known field"),
            Self::NotAllowedHere => f.write_str("does not go with the other fields"),
            Self::Type(name) => write!(f, "must be {name}"),
            Self::Range(min, max) => write!(f, "must be from {min} to {max}"),
            Self::Length(min, max) => write!(f, "must have a length from {min} to {max}"),
            Self::Text(error) => error.fmt(f),
            Self::SpaceAtEdge => f.write_str("must not begin or end with a space"),
            Self::Choice(words) => write!(f, "must be one of: {words}"),
            Self::NotAscending => f.write_str("must be strictly ascending"),
            Self::Form(en, _) | Self::Mismatch(en, _) => f.write_str(en),
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.problem)
    }
}

/// All bad fields of one document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldErrors(pub Vec<FieldError>);

impl FieldErrors {
    /// The errors of a single field.
    pub fn one(field: impl Into<String>, problem: Problem) -> Self {
        Self(vec![FieldError { field: field.into(), problem }])
    }
}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for FieldErrors {}

/// Reads the members of one object. Every `take` method removes a member, notes what is wrong with it, and
/// returns `None` then; [`Fields::finish`] notes the members that nobody took.
#[derive(Debug)]
pub struct Fields<'e, 'v> {
    path: String,
    members: Vec<(Cow<'v, str>, Json<'v>)>,
    errors: &'e mut FieldErrors,
}

impl<'e, 'v> Fields<'e, 'v> {
    /// Starts on `value`, which must be an object; `path` names it in errors (empty for the document itself).
    pub fn of(value: impl Into<Json<'v>>, path: &str, errors: &'e mut FieldErrors) -> Option<Self> {
        match value.into() {
            Json::Object(members) => Some(Self { path: path.to_owned(), members, errors }),
            _ => {
                let field = if path.is_empty() { "document" } else { path };
                errors.0.push(FieldError { field: field.to_owned(), problem: Problem::Type("object") });
                None
            }
        }
    }

    /// Notes a problem of the member `name`; after [`MAX_ERRORS`] of a document, no more of them.
    pub fn note(&mut self, name: &str, problem: Problem) {
        if self.errors.0.len() < MAX_ERRORS {
            let field = self.path_of(name);
            self.errors.0.push(FieldError { field, problem });
        }
    }

    /// The errors noted so far, to start on a nested object.
    pub fn errors(&mut self) -> &mut FieldErrors {
        self.errors
    }

    /// The full path of the member `name`.
    pub fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Whether the member is there.
    pub fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(known, _)| known == name)
    }

    /// A member that must be there.
    pub fn value(&mut self, name: &str) -> Option<Json<'v>> {
        let nth = self.members.iter().position(|(known, _)| known == name);
        if nth.is_none() {
            self.note(name, Problem::Missing);
        }
        nth.map(|nth| self.members.remove(nth).1)
    }

    /// A boolean.
    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Json::Bool(value) => Some(value),
            _ => {
                self.note(name, Problem::Type("boolean"));
                None
            }
        }
    }

    /// An integer from `min` to `max`.
    pub fn integer(&mut self, name: &str, min: u64, max: u64) -> Option<u64> {
        let Json::Integer(number) = self.value(name)? else {
            self.note(name, Problem::Type("integer"));
            return None;
        };
        let number = u64::try_from(number).ok().filter(|n| (min..=max).contains(n));
        if number.is_none() {
            self.note(name, Problem::Range(min, max));
        }
        number
    }

    /// A string with characters that are allowed in it.
    pub fn string(&mut self, name: &str) -> Option<String> {
        self.checked_string(name, false).map(Cow::into_owned)
    }

    /// A string that may contain line feeds: a block, a signed note.
    pub fn lines(&mut self, name: &str) -> Option<String> {
        self.checked_string(name, true).map(Cow::into_owned)
    }

    fn checked_string(&mut self, name: &str, allow_newline: bool) -> Option<Cow<'v, str>> {
        let Json::Text(text) = self.value(name)? else {
            self.note(name, Problem::Type("string"));
            return None;
        };
        if let Err(error) = json::check_string(&text, allow_newline) {
            self.note(name, Problem::Text(error));
            return None;
        }
        Some(text)
    }

    /// A text of 1 to `max` code points that neither begins nor ends with a space.
    pub fn text(&mut self, name: &str, max: usize) -> Option<String> {
        let text = self.string(name)?;
        match check_text(&text, max) {
            Ok(()) => Some(text),
            Err(problem) => {
                self.note(name, problem);
                None
            }
        }
    }

    /// A string that `T` reads.
    pub fn parsed<T: Form>(&mut self, name: &str) -> Option<T> {
        let text = self.checked_string(name, false)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.note(name, Problem::form(T::EN, T::ZH));
        }
        parsed
    }

    /// A word of a code list.
    pub fn word<T: FromStr<Err = UnknownWord>>(&mut self, name: &str) -> Option<T> {
        let text = self.checked_string(name, false)?;
        match text.parse() {
            Ok(word) => Some(word),
            Err(unknown) => {
                self.note(name, Problem::Choice(unknown.expected));
                None
            }
        }
    }

    /// An array of `min` to `max` items.
    pub fn array(&mut self, name: &str, min: usize, max: usize) -> Option<Vec<Json<'v>>> {
        let Json::Array(items) = self.value(name)? else {
            self.note(name, Problem::Type("array"));
            return None;
        };
        if !(min..=max).contains(&items.len()) {
            self.note(name, Problem::Length(min as u64, max as u64));
            return None;
        }
        Some(items)
    }

    /// An array of strings that `T` reads, `min` to `max` of them.
    pub fn list<T: Form>(&mut self, name: &str, min: usize, max: usize) -> Option<Vec<T>> {
        let items = self.array(name, min, max)?;
        let mut list = Vec::with_capacity(items.len());
        for (i, item) in items.into_iter().enumerate() {
            match item.as_str().and_then(|text| text.parse().ok()) {
                Some(parsed) => list.push(parsed),
                None => {
                    self.note(&format!("{name}[{i}]"), Problem::form(T::EN, T::ZH));
                    return None;
                }
            }
        }
        Some(list)
    }

    /// An array as [`Fields::list`], which must be strictly ascending.
    pub fn ascending<T: Form + Ord>(&mut self, name: &str, min: usize, max: usize) -> Option<Vec<T>> {
        let list = self.list(name, min, max)?;
        if !list.is_sorted_by(|a: &T, b: &T| a < b) {
            self.note(name, Problem::NotAscending);
            return None;
        }
        Some(list)
    }

    /// Notes every member that was not taken.
    pub fn finish(mut self) {
        for (name, _) in std::mem::take(&mut self.members).into_iter().take(MAX_ERRORS) {
            let shown: String = name.escape_debug().take(MAX_SHOWN_NAME).collect();
            self.note(&shown, Problem::Unknown);
        }
    }
}

/// Checks length and edges of a text (FORMATS section 2, rule 6). Its characters are checked by [`json::check_string`].
pub fn check_text(text: &str, max: usize) -> Result<(), Problem> {
    const SPACES: [char; 2] = [' ', '\u{3000}'];
    if !(1..=max).contains(&text.chars().count()) {
        return Err(Problem::Length(1, max as u64));
    }
    if text.starts_with(SPACES) || text.ends_with(SPACES) {
        return Err(Problem::SpaceAtEdge);
    }
    Ok(())
}
