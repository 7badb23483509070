//! What the parts of a page are drawn from (`templates/portal/parts.html`): plain data, with the arithmetic of the drawings.

use super::words::Words;
use crate::standard::CreditHours;

/// One choice of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// What the form sends.
    pub(crate) value: String,
    /// What the reader sees.
    pub(crate) text: String,
}

/// The year's ring of credit hours: how far the required ones are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ring {
    /// What counts.
    pub(crate) done: CreditHours,
    /// What is required.
    pub(crate) required: CreditHours,
}

/// A row of a bar chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bar {
    /// What the row is of.
    pub(crate) label: String,
    /// Where the label leads; empty for nowhere.
    pub(crate) href: String,
    /// Its pieces from the left.
    pub(crate) pieces: Vec<Piece>,
}

/// A piece of a bar: one of the tones `good`, `warn`, `bad`, `idle`, `plain`, `unknown`, and its count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The tone, which is never all that tells pieces apart: the legend has the words, the row the numbers.
    pub(crate) tone: &'static str,
    /// What it counts, in words.
    pub(crate) what: String,
    /// How many.
    pub(crate) count: u64,
}

/// A bar chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chart {
    /// What it shows, in words.
    pub(crate) caption: String,
    /// The rows.
    pub(crate) bars: Vec<Bar>,
    /// Whether every bar fills the width, for shares; else the longest does, for amounts.
    pub(crate) shares: bool,
}

/// One page of a long list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pager {
    /// The address with everything but the page's number, up to `page=`.
    pub(crate) address: String,
    /// This page, from 1.
    pub(crate) page: u64,
    /// How many there are.
    pub(crate) pages: u64,
    /// How many rows there are on all.
    pub(crate) rows: u64,
}

/// Something that happened, in a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Happening {
    /// When, in words.
    pub(crate) when: String,
    /// What, in words.
    pub(crate) what: String,
    /// More about it; empty for nothing.
    pub(crate) detail: String,
    /// `good`, `warn`, `bad` or `idle`.
    pub(crate) tone: &'static str,
}

/// The width of a drawing, in thousandths.
const WHOLE: u64 = 1_000;

impl Choice {
    /// A choice and its words.
    pub(crate) fn new(value: impl Into<String>, text: impl Into<String>) -> Self {
        Self { value: value.into(), text: text.into() }
    }

    /// Whether it is the one of this value.
    pub(crate) fn is(&self, value: impl AsRef<str>) -> bool {
        self.value == value.as_ref()
    }
}

impl Ring {
    /// How much of the ring is drawn, in thousandths: never full before all is done, and nothing only when nothing is.
    pub(crate) fn thousandths(&self) -> u64 {
        let [done, required] = [self.done, self.required].map(|hours| u64::from(hours.hundredths()));
        if done >= required { WHOLE } else { (done * WHOLE / required).max(u64::from(done > 0)) }
    }

    /// Whether everything required is done.
    pub(crate) fn is_full(&self) -> bool {
        self.done >= self.required
    }

    /// What is read aloud instead of the drawing.
    pub(crate) fn name(&self, words: &Words) -> String {
        words.with2("layout-ring", "done", self.done, "required", self.required)
    }
}

impl Bar {
    /// What the pieces count together.
    pub(crate) fn total(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.count).sum()
    }
}

impl Chart {
    /// Where each piece of a bar begins and how wide it is, in thousandths, with its tone.
    pub(crate) fn drawn(&self, bar: &Bar) -> Vec<(u64, u64, &'static str)> {
        let most = self.bars.iter().map(Bar::total).max().unwrap_or_default();
        let full = if self.shares { bar.total() } else { most }.max(1);
        let mut before = 0;
        let mut drawn = Vec::with_capacity(bar.pieces.len());
        for piece in &bar.pieces {
            let [from, to] = [before, before + piece.count].map(|count| count * WHOLE / full);
            drawn.push((from, to - from, piece.tone));
            before += piece.count;
        }
        drawn
    }

    /// The tones with their words, each once.
    pub(crate) fn legend(&self) -> Vec<(&'static str, &str)> {
        let mut legend: Vec<(&'static str, &str)> = Vec::new();
        for piece in self.bars.iter().flat_map(|bar| &bar.pieces) {
            if !legend.contains(&(piece.tone, piece.what.as_str())) {
                legend.push((piece.tone, &piece.what));
            }
        }
        legend
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_full_when_all_is_done_and_not_before() {
        for (done, required, expected) in [
            (0, 1_000, 0),
            (1, 1_000_000, 1),
            (150, 1_000, 150),
            (999, 1_000, 999),
            (99_999, 100_000, 999),
            (1_000, 1_000, 1_000),
            (2_000, 1_000, 1_000),
            (0, 0, 1_000),
        ] {
            let [done, required] = [done, required].map(CreditHours::from_hundredths);
            assert_eq!(Ring { done, required }.thousandths(), expected, "{done}/{required}");
        }
    }

    #[test]
    fn pieces_follow_each_other_and_fill_their_share() {
        let piece = |tone, count| Piece { tone, what: tone.to_owned(), count };
        let bar = |pieces: &[Piece]| Bar { label: "x".into(), href: String::new(), pieces: pieces.to_vec() };
        let bars = vec![bar(&[piece("good", 1), piece("bad", 2)]), bar(&[piece("good", 6)]), bar(&[])];
        let mut chart = Chart { caption: String::new(), bars: bars.clone(), shares: true };
        assert_eq!(chart.drawn(&bars[0]), [(0, 333, "good"), (333, 667, "bad")]);
        assert_eq!(chart.drawn(&bars[2]), []);
        assert_eq!(chart.legend(), [("good", "good"), ("bad", "bad")]);
        chart.shares = false;
        assert_eq!(chart.drawn(&bars[0]), [(0, 166, "good"), (166, 334, "bad")]);
        assert_eq!(chart.drawn(&bars[1]), [(0, 1_000, "good")]);
    }
}
