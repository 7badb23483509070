//! When the level certificates of one person are valid.

use super::Span;
use crate::standard::Day;

/// The validity of each level certificate of a person, in order; no day lies in two of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms(Vec<Span>);

impl Terms {
    /// What all of these cover together.
    ///
    /// Those that share a day are one term: a certificate that was noted under two names of a person is one all the
    /// same. Those that only follow each other stay two, because a recertification begins a certificate of its own,
    /// and with it the years that count from the day of issue.
    pub fn union(spans: impl IntoIterator<Item = Span>) -> Self {
        let mut spans: Vec<Span> = spans.into_iter().collect();
        spans.sort();
        let mut terms: Vec<Span> = Vec::with_capacity(spans.len());
        for span in spans {
            match terms.last_mut().filter(|term| term.contains(span.first())) {
                Some(term) => *term = term.until(span.last()),
                None => terms.push(span),
            }
        }
        Self(terms)
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them, the earliest first.
    pub fn as_slice(&self) -> &[Span] {
        &self.0
    }

    /// Which of these days are covered; what follows without a gap is one span.
    pub(super) fn within(&self, days: Span) -> Vec<Span> {
        let mut covered: Vec<Span> = Vec::new();
        for part in self.0.iter().filter_map(|term| term.common(days)) {
            match covered.last_mut().filter(|before| before.last().next() == Ok(part.first())) {
                Some(before) => *before = before.until(part.last()),
                None => covered.push(part),
            }
        }
        covered
    }

    /// The term that began last, a day included.
    pub(super) fn begun_by(&self, day: Day) -> Option<Span> {
        self.0.iter().rev().find(|term| term.first() <= day).copied()
    }
}
