//! The head of the first page: the number, the title in both languages, the sentence.

use std::num::NonZeroU16;

use krilla::surface::Surface;
use krilla::tagging::{Tag, TagTree};

use super::super::fonts::OpenFonts;
use super::super::text::{Line, Measure, Style, set};
use super::super::{BURGUNDY, DARK_GOLD, DocumentError, GREY, INK, Language, words};
use super::place::{centred, left_aligned, lines_height, push, tagged};
use super::{GAP, LEFT, Sheet, WIDTH};

/// From the number's baseline to the title's, on to the line under it, and to the sentence.
const TO_TITLE: f32 = 40.0;
const TO_SUBTITLE: f32 = 24.0;
const TO_BODY: f32 = 32.0;
/// What of the sentence's last line is no part of its block.
const LAST_DESCENT: f32 = 0.55;
/// More lines than this are set smaller.
const LARGE_LINES: usize = 6;

const NUMBER: Style = Style::new(9.0, GREY);
const SUBTITLE: Style = Style::new(10.5, DARK_GOLD);

/// The title and the sentence of the first page.
pub(super) struct Opening {
    /// The title on one line.
    pub(super) name: String,
    number: Vec<Line>,
    title: (Vec<Line>, f32),
    subtitle: (Vec<Line>, &'static str),
    body: (Vec<Line>, f32),
    pub(super) height: f32,
}

impl Opening {
    pub(super) fn set(sheet: &Sheet) -> Result<Self, DocumentError> {
        let words = sheet.words;
        let chinese = sheet.language == Language::Chinese;
        let number = format!("{}{}{}", words.number, if chinese { words.colon } else { " " }, sheet.certificate.number);
        let title = Style::new(if chinese { 30.0 } else { 21.0 }, BURGUNDY).bold();
        let title = title.tracked(if chinese { 0.13 } else { 0.03 });
        let subtitle = SUBTITLE.tracked(if chinese { 0.12 } else { 0.3 });
        let parts = words::body(sheet.language, sheet.certificate);
        let body = |size: f32| {
            let plain = Style::new(size, INK);
            let runs = parts.iter().map(|(text, bold)| (text.as_str(), if *bold { plain.bold() } else { plain }));
            let runs: Vec<(&str, Style)> = runs.collect();
            let indent = if chinese { 2.0 * size } else { 0.0 };
            set(sheet.fonts, &runs, Measure { width: WIDTH, indent, justified: chinese })
        };
        let (mut size, leading) = if chinese { (12.4, 1.8) } else { (11.4, 1.68) };
        let mut lines = body(size)?;
        if lines.len() > LARGE_LINES {
            (size, lines) = (10.2, body(10.2)?);
        }
        let title_leading = title.size * 1.34;
        let title = sheet.line(words.title, title)?;
        let body_leading = size * leading;
        let above = TO_TITLE + lines_height(title.len().saturating_sub(1), title_leading) + TO_SUBTITLE + TO_BODY;
        let height = above + lines_height(lines.len(), body_leading) - body_leading * LAST_DESCENT;
        Ok(Self {
            name: words.title.replace('\n', " "),
            number: sheet.line(&number, NUMBER)?,
            title: (title, title_leading),
            subtitle: (sheet.line(words.other_title, subtitle)?, words.other_code),
            body: (lines, body_leading),
            height,
        })
    }

    /// Draws the head, with some space more between its blocks; says where the next block begins.
    pub(super) fn draw(
        &self,
        surface: &mut Surface,
        fonts: &OpenFonts,
        top: f32,
        loose: f32,
        tags: &mut TagTree,
    ) -> f32 {
        let number = tagged(surface, |surface| centred(surface, fonts, &self.number, top, 12.0));
        let mut y = top + TO_TITLE + loose * 0.5;
        let (title, leading) = &self.title;
        let heading = tagged(surface, |surface| centred(surface, fonts, title, y, *leading));
        y += lines_height(title.len().saturating_sub(1), *leading) + TO_SUBTITLE;
        let subtitle = tagged(surface, |surface| centred(surface, fonts, &self.subtitle.0, y, 14.0));
        y += TO_BODY + loose * 0.5;
        let (lines, leading) = &self.body;
        let body = tagged(surface, |surface| left_aligned(surface, fonts, lines, LEFT, y, *leading));
        push(tags, Tag::Hn(NonZeroU16::MIN, Some(self.name.clone())), heading);
        push(tags, Tag::P.with_lang(Some(self.subtitle.1.to_owned())), subtitle);
        push(tags, Tag::P, number);
        push(tags, Tag::P, body);
        y + lines_height(lines.len(), *leading) - leading * LAST_DESCENT + GAP + loose
    }
}
