//! An audit sample as pages show it, to everybody and to those who look at what was drawn.

use super::words::Words;
use crate::service::samples::{Sample, SampleKind};

/// A sample, in words.
pub(super) struct SampleView {
    pub(super) id: String,
    /// The year of the blocks.
    pub(super) year: String,
    pub(super) kind: String,
    pub(super) size: String,
    pub(super) count: String,
    pub(super) announced: String,
    /// The last block whose entries belong to the population.
    pub(super) tip: u64,
    /// The block that decides.
    pub(super) height: u64,
    pub(super) digest: String,
    pub(super) tone: &'static str,
    pub(super) state: String,
    /// SHA-256 of the deciding block's text; empty before it is there.
    pub(super) seed: String,
    /// What was drawn, in the order of the ranks.
    pub(super) members: Vec<String>,
}

impl SampleView {
    pub(super) fn of(words: Words, sample: &Sample) -> Self {
        let head = &sample.head;
        let result = head.result.as_ref();
        let (tone, state) = match result {
            Some(_) => ("good", "body-sample-drawn"),
            None => ("warn", "body-sample-waits"),
        };
        Self {
            id: sample.id.to_string(),
            year: head.year.to_string(),
            kind: kind_in_words(words, head.kind),
            size: words.number(head.size),
            count: words.number(head.count),
            announced: words.instant(head.announced_at),
            tip: head.tip,
            height: head.height,
            digest: head.digest.to_string(),
            tone,
            state: words.say(state),
            seed: result.map(|result| result.seed.to_string()).unwrap_or_default(),
            members: result.map(|result| result.members.iter().map(ToString::to_string).collect()).unwrap_or_default(),
        }
    }
}

pub(super) fn kind_in_words(words: Words, kind: SampleKind) -> String {
    words.say(match kind {
        SampleKind::All => "body-sample-all",
        SampleKind::Study => "body-sample-study",
        SampleKind::Activity => "body-sample-activity",
    })
}
