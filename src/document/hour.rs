//! The pages of an hour certificate: what stands where.
//!
//! Everything is set first, then shared out over pages, then drawn, because each page names the number of pages.

use krilla::Document;
use krilla::destination::XyzDestination;
use krilla::geom::{Point, Rect};
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::surface::Surface;
use krilla::tagging::{Artifact, ArtifactType, ContentTag, Tag, TagGroup, TagTree};

use super::border::{Border, INSIDE};
use super::fonts::{Missing, OpenFonts};
use super::text::{Line, Measure, Style, is_wide, set};
use super::words::{self, Words};
use super::{BURGUNDY, DARK_GOLD, DocumentError, GREY, Language, PAGE_HEIGHT, PAGE_WIDTH};
use crate::credential::HourCertificate;
use crate::merkle::Hash;

mod closing;
mod opening;
mod place;
mod rows;

use closing::Closing;
use opening::Opening;
use place::centred;
use rows::Table;

/// The text's left edge and its width.
const LEFT: f32 = 66.0;
const WIDTH: f32 = PAGE_WIDTH - 2.0 * LEFT;
/// Where the text of a page ends, and the baseline of the line below it.
const BOTTOM: f32 = PAGE_HEIGHT - INSIDE - 22.0;
const FOOT: f32 = PAGE_HEIGHT - INSIDE - 9.0;
/// Where the text of the first page begins, and the table of the others.
const TOP: f32 = INSIDE + 25.0;
const NEXT_TOP: f32 = INSIDE + 40.0;
/// Space between the blocks of a page.
const GAP: f32 = 14.0;

const HEADING: Style = Style::new(9.2, BURGUNDY).bold().tracked(0.1);
const NOTE: Style = Style::new(7.2, GREY);

/// Writes the pages, the outline and the structure of a certificate into a document.
pub(super) fn write(
    document: &mut Document,
    fonts: &OpenFonts,
    language: Language,
    certificate: &HourCertificate,
    digest: Hash,
) -> Result<(), DocumentError> {
    let sheet = Sheet { fonts, words: Words::of(language), language, certificate };
    let (opening, table, closing) = (Opening::set(&sheet)?, Table::set(&sheet)?, Closing::set(&sheet, digest)?);
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
            y = opening.draw(&mut surface, fonts, TOP + (spare * 0.1).min(26.0), (spare * 0.08).min(22.0), &mut tags);
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

    fn running_lines(&self, pages: usize) -> Result<Running, DocumentError> {
        let (words, certificate) = (self.words, self.certificate);
        let number = format!("{} {}", words.number, certificate.number);
        let feet = (1..=pages)
            .map(|page| self.line(&format!("{number}    {}", words::page(self.language, page, pages)), NOTE));
        let title = words.title.replace('\n', " ");
        let style = Style::new(8.6, DARK_GOLD);
        let named = format!("{title}    {}{}{}", words.name, words.colon, certificate.learner.name);
        let mut head = self.line(&named, style)?;
        // There is one line: a name too long for it stands on the first page only.
        if head.len() > 1 {
            head = self.line(&title, style)?;
        }
        Ok(Running { head, feet: feet.collect::<Result<_, _>>()? })
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

fn node(text: &str, page: usize, y: f32) -> OutlineNode {
    OutlineNode::new(text.to_owned(), XyzDestination::new(page, Point::from_xy(0.0, y)))
}
