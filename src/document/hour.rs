//! The pages of an hour certificate: what stands where.
//!
//! Everything is set first, then shared out over pages, then drawn, because each page names the number of pages.

use std::num::NonZeroU16;

use krilla::Document;
use krilla::destination::XyzDestination;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::surface::Surface;
use krilla::tagging::{Artifact, ArtifactType, BBox, ContentTag, Identifier, Tag, TagGroup, TagKind, TagTree};

use super::border::{Border, INSIDE, draw};
use super::fonts::{Missing, OpenFonts};
use super::qr::Code;
use super::table::{Align, Draft, Role, Row};
use super::text::{Line, Measure, Style, fill, is_wide, set};
use super::words::{self, Words, beijing};
use super::{BURGUNDY, DARK_GOLD, DocumentError, GOLD, GREY, INK, Language, PAGE_HEIGHT, PAGE_WIDTH};
use crate::credential::{HourCertificate, Row as HourRow};
use crate::merkle::Hash;
use crate::standard::day_of;

/// The text's left edge and its width.
const LEFT: f32 = 66.0;
const WIDTH: f32 = PAGE_WIDTH - 2.0 * LEFT;
/// Where the text of a page ends, and the baseline of the line below it.
const BOTTOM: f32 = PAGE_HEIGHT - INSIDE - 22.0;
const FOOT: f32 = PAGE_HEIGHT - INSIDE - 11.0;
/// Where the text of the first page begins, and the table of the others.
const TOP: f32 = INSIDE + 27.0;
const NEXT_TOP: f32 = INSIDE + 42.0;
/// Space between the blocks of a page.
const GAP: f32 = 16.0;
/// From the number's baseline to the title's, on to the line under it, to the rule, and to the sentence.
const TO_TITLE: f32 = 48.0;
const TO_SUBTITLE: f32 = 24.0;
const TO_RULE: f32 = 15.0;
const TO_BODY: f32 = 29.0;
/// What of the sentence's last line is no part of its block.
const LAST_DESCENT: f32 = 0.55;
/// More lines than this are set smaller.
const LARGE_LINES: usize = 6;

const NUMBER: Style = Style::new(9.0, GREY);
const SUBTITLE: Style = Style::new(11.5, DARK_GOLD).tracked(0.09);
const HEADING: Style = Style::new(9.6, BURGUNDY).bold().tracked(0.12);
const HEAD: Style = Style::new(7.8, INK).bold();
const CELL: Style = Style::new(8.0, INK);
const DETAIL: Style = Style::new(7.0, GREY);
const TOTAL: Style = Style::new(9.2, INK).bold();
const LABEL: Style = Style::new(8.8, GREY);
const VALUE: Style = Style::new(8.8, INK);
const NOTE: Style = Style::new(7.4, GREY);

/// The widths of the columns: course, provider, form, dates, hours, time on chain, attestation number.
const CHINESE_COLUMNS: [f32; 7] = [141.276, 74.0, 44.0, 62.0, 34.0, 54.0, 54.0];
const ENGLISH_COLUMNS: [f32; 7] = [115.276, 78.0, 54.0, 60.0, 36.0, 64.0, 56.0];

/// Writes the pages, the outline and the structure of a certificate into a document.
pub(super) fn write(
    document: &mut Document,
    fonts: &OpenFonts,
    language: Language,
    certificate: &HourCertificate,
    digest: Hash,
) -> Result<(), DocumentError> {
    let sheet = Sheet { fonts, words: Words::of(language), language, certificate };
    let (opening, table, closing) = (sheet.opening()?, sheet.table()?, sheet.closing(digest)?);
    let pages = share_out(&opening, &table, &closing);
    let running = sheet.running_lines(pages.len())?;
    let mut tags = TagTree::new().with_lang(Some(sheet.words.code.to_owned()));
    let mut outline = Outline::new();
    let mut table_tag = TagGroup::new(Tag::Table.with_summary(Some(sheet.words.rows.to_owned())));
    let mut body_tag = TagGroup::new(Tag::TBody);
    let mut border = None;
    for (at, rows) in pages.iter().enumerate() {
        let settings = PageSettings::from_wh(PAGE_WIDTH, PAGE_HEIGHT).unwrap_or_default();
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        ornament(&mut surface, &mut border);
        let (first, last) = (at == 0, at + 1 == pages.len());
        // What a single page has to spare goes above and between its blocks.
        let spare =
            if pages.len() == 1 { BOTTOM - opening.height - table.height() - closing.height - GAP - TOP } else { 0.0 };
        let mut y = NEXT_TOP;
        if first {
            y = opening.draw(&mut surface, fonts, TOP + (spare * 0.1).min(26.0), (spare * 0.06).min(16.0), &mut tags);
            outline.push_child(node(&opening.name, at, TOP));
        }
        if !rows.is_empty() {
            if rows.start == 0 {
                y = table.draw_heading(&mut surface, fonts, y, &mut tags);
                let head = table.head.draw(&mut surface, fonts, LEFT, y);
                table_tag.push(TagGroup::with_children(Tag::THead, vec![head.into()]));
            } else {
                table.head.repeat(&mut surface, fonts, LEFT, y);
            }
            y += table.head.height;
            for row in &table.rows[rows.clone()] {
                body_tag.push(row.draw(&mut surface, fonts, LEFT, y));
                y += row.height;
            }
        }
        if last {
            let total = table.total.draw(&mut surface, fonts, LEFT, y);
            table_tag.push(std::mem::replace(&mut body_tag, TagGroup::new(Tag::TBody)));
            table_tag.push(TagGroup::with_children(Tag::TFoot, vec![total.into()]));
            tags.push(std::mem::replace(&mut table_tag, TagGroup::new(Tag::Table)));
            let top = BOTTOM - closing.height;
            closing.draw(&mut surface, fonts, top, at, &mut tags);
        }
        running.draw(&mut surface, fonts, at);
        surface.finish();
        page.finish();
    }
    document.set_outline(outline);
    document.set_tag_tree(tags);
    Ok(())
}

/// Which rows stand on which page. The last row, the total and what follows them stay together.
fn share_out(opening: &Opening, table: &Table, closing: &Closing) -> Vec<std::ops::Range<usize>> {
    let mut pages = Vec::new();
    let (mut start, mut y) = (0, TOP + opening.height + GAP + table.heading_height() + table.head.height);
    for (at, row) in table.rows.iter().enumerate() {
        let last = at + 1 == table.rows.len();
        let after = if last { table.total.height + GAP + closing.height } else { 0.0 };
        if y + row.height + after > BOTTOM {
            pages.push(start..at);
            (start, y) = (at, NEXT_TOP + table.head.height);
            if at == 0 {
                y += table.heading_height();
            }
        }
        y += row.height;
    }
    pages.push(start..table.rows.len());
    pages
}

/// One certificate in one edition.
struct Sheet<'a> {
    fonts: &'a OpenFonts<'a>,
    words: &'static Words,
    language: Language,
    certificate: &'a HourCertificate,
}

impl Sheet<'_> {
    fn line(&self, text: &str, style: Style) -> Result<Vec<Line>, Missing> {
        set(self.fonts, &[(text, style)], Measure::of(WIDTH))
    }

    /// The language of a text, where it is not the document's.
    fn language_of(&self, text: &str) -> Option<&'static str> {
        (self.language == Language::English && text.chars().any(is_wide)).then_some("zh-CN")
    }

    fn opening(&self) -> Result<Opening, DocumentError> {
        let chinese = self.language == Language::Chinese;
        let number = format!("{}{}{}", self.words.number, self.words.colon, self.certificate.number);
        let title =
            if chinese { Style::new(31.0, BURGUNDY).tracked(0.13) } else { Style::new(22.5, BURGUNDY).tracked(0.015) };
        let subtitle = if chinese { SUBTITLE } else { SUBTITLE.tracked(0.3) };
        let parts = words::body(self.language, self.certificate);
        let body = |size: f32| {
            let plain = Style::new(size, INK);
            let runs = parts.iter().map(|(text, bold)| (text.as_str(), if *bold { plain.bold() } else { plain }));
            let runs: Vec<(&str, Style)> = runs.collect();
            let indent = if chinese { 2.0 * size } else { 0.0 };
            set(self.fonts, &runs, Measure { width: WIDTH, indent, justified: chinese })
        };
        let mut size = if chinese { 13.0 } else { 12.0 };
        let mut lines = body(size)?;
        if lines.len() > LARGE_LINES {
            (size, lines) = (10.4, body(10.4)?);
        }
        let title_leading = title.size * 1.38;
        let title = self.line(self.words.title, title.bold())?;
        let body_leading = size * 1.84;
        let above =
            TO_TITLE + lines_height(title.len().saturating_sub(1), title_leading) + TO_SUBTITLE + TO_RULE + TO_BODY;
        let height = above + lines_height(lines.len(), body_leading) - body_leading * LAST_DESCENT;
        Ok(Opening {
            name: self.words.title.replace('\n', " "),
            number: self.line(&number, NUMBER)?,
            title: (title, title_leading),
            subtitle: (self.line(self.words.other_title, subtitle)?, self.words.other_code),
            body: (lines, body_leading),
            height,
        })
    }

    fn table(&self) -> Result<Table, DocumentError> {
        let widths = match self.language {
            Language::Chinese => CHINESE_COLUMNS,
            Language::English => ENGLISH_COLUMNS,
        };
        let head = self.words.columns.map(|text| Draft {
            role: Role::ColumnHead,
            align: Align::Middle,
            span: 1,
            text: vec![(text, HEAD)],
            language: None,
        });
        let rows = self.certificate.rows.iter().map(|row| self.row(row, &widths)).collect::<Result<_, _>>()?;
        let sum = words::total(self.certificate).to_string();
        let activities = words::activities(self.language, self.certificate.activities());
        let cell = |role, align, span, text| Draft { role, align, span, text: vec![(text, TOTAL)], language: None };
        let total = vec![
            cell(Role::RowHead, Align::Right, 3, self.words.total),
            cell(Role::Data, Align::Right, 2, sum.as_str()),
            Draft { text: vec![(activities.as_str(), HEAD)], ..cell(Role::Data, Align::Middle, 2, "") },
        ];
        Ok(Table {
            name: self.words.rows,
            heading: self.line(self.words.rows, HEADING)?,
            head: Row::set(self.fonts, &widths, head.into_iter().collect(), true)?,
            rows,
            total: Row::set(self.fonts, &widths, total, true)?,
        })
    }

    fn row(&self, row: &HourRow, widths: &[f32]) -> Result<Row, DocumentError> {
        let details = words::details(self.language, row);
        let mut course = vec![(row.title.as_str(), CELL)];
        course.extend(details.iter().map(|detail| (detail.as_str(), DETAIL)));
        let (day, time) = beijing(row.sealed_at)?;
        let (days, hours) = (words::days(self.language, row), words::hours(row));
        let (sealed, number) = (format!("{day}\n{time}"), row.attestation_number());
        let data = |align, text| Draft { role: Role::Data, align, span: 1, text, language: None };
        let cells = vec![
            Draft { language: self.language_of(&row.title), ..data(Align::Left, course) },
            Draft {
                language: self.language_of(&row.provider),
                ..data(Align::Left, vec![(row.provider.as_str(), CELL)])
            },
            data(Align::Middle, vec![(words::form(self.language, row.form), CELL)]),
            data(Align::Middle, vec![(days.as_str(), CELL)]),
            data(Align::Right, vec![(hours.as_str(), CELL)]),
            data(Align::Middle, vec![(sealed.as_str(), CELL)]),
            data(Align::Middle, vec![(number.as_str(), CELL)]),
        ];
        Ok(Row::set(self.fonts, widths, cells, false)?)
    }

    fn closing(&self, digest: Hash) -> Result<Closing, DocumentError> {
        let (words, certificate) = (self.words, self.certificate);
        let address = certificate.site.certificate_url(&certificate.number);
        let code = Code::of(&format!("{address}#{digest}")).ok_or(DocumentError::Address)?;
        let (first, last) = certificate.span;
        let long = |day| words::long_day(self.language, day);
        let digest = digest.to_string();
        let (front, back) = digest.split_at(digest.len() / 2);
        let facts = [
            (words.issuer, certificate.issuer.name.clone(), VALUE.bold()),
            (words.date, long(day_of(certificate.issued)?), VALUE),
            (words.span, format!("{} – {}", long(first), long(last)), VALUE),
            (words.address, address.clone(), VALUE),
            (words.digest, format!("SHA-256 {front}\n{back}"), Style::new(7.6, INK)),
        ];
        let label_width = if self.language == Language::Chinese { 48.0 } else { 74.0 };
        let width = WIDTH - code.side - 18.0 - label_width;
        let facts = facts.map(|(label, value, style)| {
            let language = self.language_of(&value);
            let value = set(self.fonts, &[(value.as_str(), style)], Measure::of(width))?;
            Ok(Fact { label: self.line(label, LABEL)?, value, language })
        });
        let facts = facts.into_iter().collect::<Result<Vec<_>, Missing>>()?;
        let note = format!("{}{}{}", words::credit_hour(self.language, certificate), words.statement, words.how);
        let justified = self.language == Language::Chinese;
        let note = set(self.fonts, &[(note.as_str(), NOTE)], Measure { width: WIDTH, indent: 0.0, justified })?;
        let scan = self.line(words.scan, NOTE)?;
        let lines: usize = facts.iter().map(|fact| fact.value.len()).sum();
        let upper = lines_height(lines, Closing::LEADING).max(code.side + 14.0);
        let height = Closing::HEADING + upper + 12.0 + lines_height(note.len(), Closing::NOTE_LEADING);
        let alternative = format!("{}{}{address}", words.code_image, words.colon);
        Ok(Closing {
            name: words.check,
            heading: self.line(words.check, HEADING)?,
            facts,
            label_width,
            code,
            alternative,
            scan,
            note,
            upper,
            height,
        })
    }

    fn running_lines(&self, pages: usize) -> Result<Running, DocumentError> {
        let (words, certificate) = (self.words, self.certificate);
        let number = format!("{} {}", words.number, certificate.number);
        let feet = (1..=pages)
            .map(|page| self.line(&format!("{number}    {}", words::page(self.language, page, pages)), NOTE));
        let head =
            format!("{}    {}{}{}", words.title.replace('\n', " "), words.name, words.colon, certificate.learner.name);
        Ok(Running { head: self.line(&head, Style::new(8.6, DARK_GOLD))?, feet: feet.collect::<Result<_, _>>()? })
    }
}

/// The title and the sentence of the first page.
struct Opening {
    /// The title on one line.
    name: String,
    number: Vec<Line>,
    title: (Vec<Line>, f32),
    subtitle: (Vec<Line>, &'static str),
    body: (Vec<Line>, f32),
    height: f32,
}

impl Opening {
    fn draw(&self, surface: &mut Surface, fonts: &OpenFonts, top: f32, loose: f32, tags: &mut TagTree) -> f32 {
        let number = tagged(surface, |surface| centred(surface, fonts, &self.number, top, 12.0));
        let mut y = top + TO_TITLE;
        let (title, leading) = &self.title;
        let heading = tagged(surface, |surface| centred(surface, fonts, title, y, *leading));
        y += lines_height(title.len().saturating_sub(1), *leading) + TO_SUBTITLE;
        let subtitle = tagged(surface, |surface| centred(surface, fonts, &self.subtitle.0, y, 14.0));
        y += TO_RULE + loose * 0.5;
        flourish(surface, y);
        y += TO_BODY + loose * 0.5;
        let (lines, leading) = &self.body;
        let body = tagged(surface, |surface| {
            for line in lines {
                line.draw(surface, fonts, LEFT, y);
                y += leading;
            }
        });
        push(tags, Tag::Hn(NonZeroU16::MIN, Some(self.name.clone())), heading);
        push(tags, Tag::P.with_lang(Some(self.subtitle.1.to_owned())), subtitle);
        push(tags, Tag::P, number);
        push(tags, Tag::P, body);
        y - leading * LAST_DESCENT + GAP + loose
    }
}

/// The hours.
struct Table {
    name: &'static str,
    heading: Vec<Line>,
    head: Row,
    rows: Vec<Row>,
    total: Row,
}

impl Table {
    fn heading_height(&self) -> f32 {
        lines_height(self.heading.len(), 16.0)
    }

    fn height(&self) -> f32 {
        let rows: f32 = self.rows.iter().map(|row| row.height).sum();
        GAP + self.heading_height() + self.head.height + rows + self.total.height
    }

    fn draw_heading(&self, surface: &mut Surface, fonts: &OpenFonts, top: f32, tags: &mut TagTree) -> f32 {
        let heading = tagged(surface, |surface| left_aligned(surface, fonts, &self.heading, LEFT, top + 8.0, 16.0));
        push(tags, Tag::Hn(second_level(), Some(self.name.to_owned())), heading);
        top + self.heading_height()
    }
}

/// What stands at the end: who issued it, where it is verified, what it shows.
struct Closing {
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
    height: f32,
}

/// A label and what it says.
struct Fact {
    label: Vec<Line>,
    value: Vec<Line>,
    language: Option<&'static str>,
}

impl Closing {
    const HEADING: f32 = 18.0;
    const LEADING: f32 = 14.8;
    const NOTE_LEADING: f32 = 11.6;

    fn draw(&self, surface: &mut Surface, fonts: &OpenFonts, top: f32, page: usize, tags: &mut TagTree) {
        let heading = tagged(surface, |surface| left_aligned(surface, fonts, &self.heading, LEFT, top + 9.0, 16.0));
        push(tags, Tag::Hn(second_level(), Some(self.name.to_owned())), heading);
        let mut y = top + Self::HEADING + 11.0;
        for fact in &self.facts {
            let identifier = tagged(surface, |surface| {
                left_aligned(surface, fonts, &fact.label, LEFT, y, Self::LEADING);
                left_aligned(surface, fonts, &fact.value, LEFT + self.label_width, y, Self::LEADING);
            });
            y += lines_height(fact.value.len(), Self::LEADING);
            push(tags, Tag::P.with_lang(fact.language.map(str::to_owned)), identifier);
        }
        let (x, y) = (LEFT + WIDTH - self.code.side, top + Self::HEADING);
        let figure = tagged(surface, |surface| {
            surface.set_fill(Some(fill((0, 0, 0))));
            draw(surface, self.code.path(x, y));
        });
        let scan = tagged(surface, |surface| {
            for line in &self.scan {
                line.draw(surface, fonts, x + (self.code.side - line.width) / 2.0, y + self.code.side + 11.0);
            }
        });
        let bbox = Rect::from_xywh(x, y, self.code.side, self.code.side).map(|rect| BBox::new(page, rect));
        push(tags, Tag::Figure(Some(self.alternative.clone())).with_bbox(bbox), figure);
        push(tags, Tag::P, scan);
        let y = top + Self::HEADING + self.upper + 14.0;
        let note = tagged(surface, |surface| left_aligned(surface, fonts, &self.note, LEFT, y, Self::NOTE_LEADING));
        push(tags, Tag::P, note);
    }
}

/// What every page repeats, so that its sheets belong together.
struct Running {
    head: Vec<Line>,
    feet: Vec<Vec<Line>>,
}

impl Running {
    fn draw(&self, surface: &mut Surface, fonts: &OpenFonts, page: usize) {
        let artifact = |kind| ContentTag::Artifact(Artifact::with_kind(kind));
        if page > 0 {
            surface.start_tagged(artifact(ArtifactType::Header));
            centred(surface, fonts, &self.head, INSIDE + 26.0, 12.0);
            surface.end_tagged();
        }
        surface.start_tagged(artifact(ArtifactType::Footer));
        centred(surface, fonts, self.feet.get(page).map_or(&[], Vec::as_slice), FOOT, 12.0);
        surface.end_tagged();
    }
}

fn ornament(surface: &mut Surface, border: &mut Option<Border>) {
    let whole = Rect::from_xywh(0.0, 0.0, PAGE_WIDTH, PAGE_HEIGHT);
    let border = border.get_or_insert_with(|| Border::new(surface));
    surface.start_tagged(ContentTag::Artifact(Artifact::new(ArtifactType::Background, whole)));
    border.draw(surface);
    surface.end_tagged();
}

/// A rule with a lozenge under the title.
fn flourish(surface: &mut Surface, y: f32) {
    surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)));
    let middle = PAGE_WIDTH / 2.0;
    let mut path = PathBuilder::new();
    for (from, to) in [(-112.0, -8.0), (8.0, 112.0)] {
        path.move_to(middle + from, y);
        path.line_to(middle + to, y);
    }
    surface.set_fill(None);
    surface.set_stroke(Some(super::border::stroke(GOLD, 0.6)));
    draw(surface, path.finish());
    surface.set_stroke(None);
    surface.set_fill(Some(fill(GOLD)));
    let mut lozenge = PathBuilder::new();
    lozenge.move_to(middle - 3.4, y);
    for (x, dy) in [(0.0, -3.4), (3.4, 0.0), (0.0, 3.4)] {
        lozenge.line_to(middle + x, y + dy);
    }
    lozenge.close();
    draw(surface, lozenge.finish());
    surface.end_tagged();
}

/// Draws content that belongs to the structure of the document.
fn tagged(surface: &mut Surface, content: impl FnOnce(&mut Surface)) -> Identifier {
    let identifier = surface.start_tagged(ContentTag::Other);
    content(surface);
    surface.end_tagged();
    identifier
}

fn push(tags: &mut TagTree, tag: impl Into<TagKind>, content: Identifier) {
    tags.push(TagGroup::with_children(tag, vec![content.into()]));
}

fn centred(surface: &mut Surface, fonts: &OpenFonts, lines: &[Line], baseline: f32, leading: f32) {
    let mut y = baseline;
    for line in lines {
        line.draw(surface, fonts, (PAGE_WIDTH - line.width) / 2.0, y);
        y += leading;
    }
}

fn left_aligned(surface: &mut Surface, fonts: &OpenFonts, lines: &[Line], left: f32, baseline: f32, leading: f32) {
    let mut y = baseline;
    for line in lines {
        line.draw(surface, fonts, left, y);
        y += leading;
    }
}

fn lines_height(lines: usize, leading: f32) -> f32 {
    u16::try_from(lines).map_or(0.0, f32::from) * leading
}

fn second_level() -> NonZeroU16 {
    NonZeroU16::MIN.saturating_add(1)
}

fn node(text: &str, page: usize, y: f32) -> OutlineNode {
    OutlineNode::new(text.to_owned(), XyzDestination::new(page, Point::from_xy(0.0, y)))
}
