//! The end of a certificate: who issued it, where it is verified, what it shows.

use krilla::geom::Rect;
use krilla::surface::Surface;
use krilla::tagging::{BBox, Tag, TagTree};

use super::super::border::draw;
use super::super::fonts::{Missing, OpenFonts};
use super::super::qr::Code;
use super::super::text::{Line, Measure, Style, fill, set};
use super::super::{DocumentError, GREY, INK, Language, words};
use super::place::{left_aligned, lines_height, push, second_level, tagged};
use super::{HEADING, LEFT, NOTE, Sheet, WIDTH};
use crate::merkle::Hash;
use crate::standard::day_of;

const LABEL: Style = Style::new(8.6, GREY);
const VALUE: Style = Style::new(8.6, INK);
const DIGEST: Style = Style::new(7.4, INK);

/// What stands at the end of the last page.
pub(super) struct Closing {
    name: &'static str,
    heading: Vec<Line>,
    facts: Vec<Fact>,
    label_width: f32,
    code: Code,
    alternative: String,
    scan: Vec<Line>,
    note: Vec<Line>,
    /// The height of the facts and the code beside them.
    upper: f32,
    pub(super) height: f32,
}

/// A label and what it says.
struct Fact {
    label: Vec<Line>,
    value: Vec<Line>,
    language: Option<&'static str>,
}

impl Closing {
    const HEADING: f32 = 18.0;
    const LEADING: f32 = 14.0;
    const NOTE_LEADING: f32 = 10.8;
    /// From the code's quiet zone to the baseline of the line under it.
    const SCAN: f32 = 7.0;

    pub(super) fn set(sheet: &Sheet, digest: Hash) -> Result<Self, DocumentError> {
        let (words, certificate) = (sheet.words, sheet.certificate);
        let address = certificate.site.certificate_url(&certificate.number);
        let code = Code::of(&format!("{address}#{digest}")).ok_or(DocumentError::Address)?;
        let (first, last) = certificate.span;
        let long = |day| words::long_day(sheet.language, day);
        let digest = digest.to_string();
        let (front, back) = digest.split_at(digest.len() / 2);
        let facts = [
            (words.issuer, certificate.issuer.name.clone(), VALUE.bold()),
            (words.date, long(day_of(certificate.issued)?), VALUE),
            (words.span, format!("{} – {}", long(first), long(last)), VALUE),
            (words.address, address.clone(), VALUE),
            (words.digest, format!("SHA-256 {front}\n{back}"), DIGEST),
        ];
        let label_width = if sheet.language == Language::Chinese { 46.0 } else { 62.0 };
        let width = WIDTH - code.side - 2.0 * code.quiet() - label_width;
        let facts = facts.map(|(label, value, style)| {
            let language = sheet.language_of(&value);
            let value = set(sheet.fonts, &[(value.as_str(), style)], Measure::of(width))?;
            Ok(Fact { label: sheet.line(label, LABEL)?, value, language })
        });
        let facts = facts.into_iter().collect::<Result<Vec<_>, Missing>>()?;
        let note = format!("{}{}{}", words::credit_hour(sheet.language, certificate), words.statement, words.how);
        let justified = sheet.language == Language::Chinese;
        let note = set(sheet.fonts, &[(note.as_str(), NOTE)], Measure { width: WIDTH, indent: 0.0, justified })?;
        let lines: usize = facts.iter().map(|fact| fact.value.len()).sum();
        let beside = code.side + code.quiet() + Self::SCAN;
        let upper = (Self::HEADING + lines_height(lines, Self::LEADING)).max(beside);
        let height = upper + 14.0 + lines_height(note.len().saturating_sub(1), Self::NOTE_LEADING) + 3.0;
        let alternative = format!("{}{}{address}", words.code_image, words.colon);
        Ok(Self {
            name: words.check,
            heading: sheet.line(words.check, HEADING)?,
            facts,
            label_width,
            code,
            alternative,
            scan: sheet.line(words.scan, NOTE)?,
            note,
            upper,
            height,
        })
    }

    pub(super) fn draw(&self, surface: &mut Surface, fonts: &OpenFonts, top: f32, page: usize, tags: &mut TagTree) {
        let heading = tagged(surface, |surface| left_aligned(surface, fonts, &self.heading, LEFT, top + 8.0, 16.0));
        push(tags, Tag::Hn(second_level(), Some(self.name.to_owned())), heading);
        let mut y = top + Self::HEADING + 9.0;
        for fact in &self.facts {
            let identifier = tagged(surface, |surface| {
                left_aligned(surface, fonts, &fact.label, LEFT, y, Self::LEADING);
                left_aligned(surface, fonts, &fact.value, LEFT + self.label_width, y, Self::LEADING);
            });
            y += lines_height(fact.value.len(), Self::LEADING);
            push(tags, Tag::P.with_lang(fact.language.map(str::to_owned)), identifier);
        }
        let x = LEFT + WIDTH - self.code.side;
        let figure = tagged(surface, |surface| {
            surface.set_fill(Some(fill((0, 0, 0))));
            draw(surface, self.code.path(x, top));
        });
        let below = top + self.code.side + self.code.quiet() + Self::SCAN;
        let scan = tagged(surface, |surface| {
            for line in &self.scan {
                line.draw(surface, fonts, x + (self.code.side - line.width) / 2.0, below);
            }
        });
        let bbox = Rect::from_xywh(x, top, self.code.side, self.code.side).map(|rect| BBox::new(page, rect));
        push(tags, Tag::Figure(Some(self.alternative.clone())).with_bbox(bbox), figure);
        push(tags, Tag::P, scan);
        let y = top + self.upper + 14.0;
        let note = tagged(surface, |surface| left_aligned(surface, fonts, &self.note, LEFT, y, Self::NOTE_LEADING));
        push(tags, Tag::P, note);
    }
}
