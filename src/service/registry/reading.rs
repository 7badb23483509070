//! Reading what is to be registered: batches, whose it is, and names.

use serde_json::Value;

use super::super::Service;
use super::super::access::Actor;
use super::super::error::Error;
use super::organisations::OrganisationRole;
use crate::ledger::fields::{FieldErrors, Fields, Problem};
use crate::standard::CreditCode;

/// Most learners or courses of one request.
pub const MAX_REGISTRY_BATCH: usize = 1_000;

/// Reads one object or an array of them; all bad fields are reported together.
pub(super) fn read_batch<T>(
    input: Value,
    mut read_one: impl FnMut(Value, &str, &mut FieldErrors) -> Option<T>,
) -> Result<Vec<T>, Error> {
    let mut errors = FieldErrors::default();
    let read: Option<Vec<T>> = match input {
        Value::Array(items) if (1..=MAX_REGISTRY_BATCH).contains(&items.len()) => {
            let read: Vec<Option<T>> =
                items.into_iter().enumerate().map(|(i, item)| read_one(item, &format!("[{i}]"), &mut errors)).collect();
            read.into_iter().collect()
        }
        Value::Array(items) if items.is_empty() => {
            return Err(Error::field("document", Problem::Length(1, MAX_REGISTRY_BATCH as u64)));
        }
        Value::Array(_) => return Err(Error::TooLarge { what: "one request", limit: MAX_REGISTRY_BATCH }),
        item => read_one(item, "", &mut errors).map(|one| vec![one]),
    };
    read.filter(|_| errors.0.is_empty()).ok_or(Error::Invalid(errors))
}

impl Service {
    /// A recorder registers its own; the operator names the provider.
    pub(super) fn read_provider(&self, actor: &Actor, fields: &mut Fields<'_, '_>) -> Option<CreditCode> {
        let provider = match actor {
            Actor::Recorder(code) if !fields.has("provider") => code.clone(),
            _ => fields.parsed("provider")?,
        };
        let problem = match self.directory().organisation(&provider) {
            _ if !actor.owns(&provider) => Problem::mismatch("is not your organisation", "不是您的机构"),
            Some(organisation) if organisation.roles.contains(&OrganisationRole::Provider) => return Some(provider),
            _ => Problem::mismatch("is not registered as a provider", "未登记为培训机构"),
        };
        fields.note("provider", problem);
        None
    }
}

/// A name that people can see. The formats know no such rule, because what is visible depends on fonts; but a name of
/// nothing else than fillers or variation selectors is nobody's, and after an ideograph a selector is part of a name.
pub(in crate::service) fn visible(fields: &mut Fields<'_, '_>, max: usize) -> Option<String> {
    let name = fields.text("name", max)?;
    if name.chars().all(is_blank) {
        fields.note("name", Problem::form("must have a visible character", "须含有可见的字符"));
        return None;
    }
    Some(name)
}

/// Spaces, fillers and variation selectors: what `check_string` allows and no font shows by itself.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}')
}
