//! The table of a certificate: cells that wrap, rows that stay whole, a head that is repeated on every page.

use std::num::NonZeroU32;

use krilla::geom::PathBuilder;
use krilla::surface::Surface;
use krilla::tagging::{Artifact, ArtifactType, ContentTag, TableHeaderScope, Tag, TagGroup, TagKind};

use super::border::{draw, rectangle, stroke};
use super::fonts::{Missing, OpenFonts};
use super::text::{Line, Measure, Style, fill, set};
use super::{CREAM, GOLD};

/// The space between a cell's edge and its text.
const PADDING: (f32, f32) = (4.0, 2.3);

/// What a cell is to a reader who hears the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Role {
    ColumnHead,
    RowHead,
    Data,
}

/// Where a cell's lines stand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Align {
    Left,
    Middle,
    Right,
}

/// A cell before it is set.
pub(super) struct Draft<'t> {
    pub(super) role: Role,
    pub(super) align: Align,
    /// How many columns it takes.
    pub(super) span: usize,
    /// Its paragraphs, each of runs with their styles.
    pub(super) text: Vec<Vec<(&'t str, Style)>>,
    /// Its language, where that is not the document's.
    pub(super) language: Option<&'static str>,
}

/// A row of cells, set.
pub(super) struct Row {
    cells: Vec<Cell>,
    pub(super) height: f32,
    shaded: bool,
}

struct Cell {
    role: Role,
    align: Align,
    span: usize,
    language: Option<&'static str>,
    left: f32,
    width: f32,
    lines: Vec<(Line, f32)>,
}

impl Row {
    /// What of a column's width is for text.
    pub(super) fn text_width(column: f32) -> f32 {
        column - 2.0 * PADDING.0
    }

    /// Sets the cells of a row in columns of these widths.
    pub(super) fn set(fonts: &OpenFonts, widths: &[f32], drafts: Vec<Draft>, shaded: bool) -> Result<Self, Missing> {
        let mut cells = Vec::with_capacity(drafts.len());
        let (mut column, mut left) = (0, 0.0);
        for draft in drafts {
            let width: f32 = widths.iter().skip(column).take(draft.span).sum();
            let mut lines = Vec::new();
            for paragraph in &draft.text {
                let size = paragraph.first().map_or(0.0, |(_, style)| style.size);
                let set = set(fonts, paragraph, Measure::of(Self::text_width(width)))?;
                lines.extend(set.into_iter().map(|line| (line, size)));
            }
            let Draft { role, align, span, language, .. } = draft;
            cells.push(Cell { role, align, span, language, left, width, lines });
            column += span;
            left += width;
        }
        let height = cells.iter().map(Cell::height).fold(0.0, f32::max) + 2.0 * PADDING.1;
        Ok(Self { cells, height, shaded })
    }

    /// Draws the row with its upper left corner at a point, tagged as a row of a table.
    pub(super) fn draw(&self, surface: &mut Surface, fonts: &OpenFonts, left: f32, top: f32) -> TagGroup {
        self.shade(surface, left, top);
        let mut row = TagGroup::new(Tag::TR);
        for cell in &self.cells {
            let identifier = surface.start_tagged(ContentTag::Other);
            cell.draw(surface, fonts, left, top, self.height);
            surface.end_tagged();
            row.push(TagGroup::with_children(cell.tag(), vec![identifier.into()]));
        }
        row
    }

    /// Draws the row as a repetition that a reader who hears the table skips.
    pub(super) fn repeat(&self, surface: &mut Surface, fonts: &OpenFonts, left: f32, top: f32) {
        self.shade(surface, left, top);
        surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::PaginationOther)));
        for cell in &self.cells {
            cell.draw(surface, fonts, left, top, self.height);
        }
        surface.end_tagged();
    }

    fn shade(&self, surface: &mut Surface, left: f32, top: f32) {
        surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)));
        let width: f32 = self.cells.iter().map(|cell| cell.width).sum();
        if self.shaded {
            surface.set_fill(Some(fill(CREAM)));
            draw(surface, rectangle(left, top, width, self.height));
        }
        surface.set_fill(None);
        surface.set_stroke(Some(stroke(GOLD, 0.45)));
        let mut rules = PathBuilder::new();
        for x in self.cells.iter().map(|cell| left + cell.left).chain([left + width]) {
            rules.move_to(x, top);
            rules.line_to(x, top + self.height);
        }
        for y in [top, top + self.height] {
            rules.move_to(left, y);
            rules.line_to(left + width, y);
        }
        draw(surface, rules.finish());
        surface.set_stroke(None);
        surface.end_tagged();
    }
}

impl Cell {
    fn height(&self) -> f32 {
        self.lines.iter().map(|(_, size)| leading(*size)).sum()
    }

    fn draw(&self, surface: &mut Surface, fonts: &OpenFonts, left: f32, top: f32, height: f32) {
        let mut y = top + (height - self.height()) / 2.0;
        for (line, size) in &self.lines {
            let room = self.width - line.width;
            let x = match self.align {
                Align::Left => PADDING.0,
                Align::Middle => room / 2.0,
                Align::Right => room - PADDING.0,
            };
            line.draw(surface, fonts, left + self.left + x, y + leading(*size) / 2.0 + size * 0.36);
            y += leading(*size);
        }
    }

    fn tag(&self) -> TagKind {
        let span = u32::try_from(self.span).ok().filter(|span| *span > 1).and_then(NonZeroU32::new);
        let language = self.language.map(str::to_owned);
        let head = |scope| Tag::TH(scope).with_col_span(span).with_lang(language.clone()).into();
        match self.role {
            Role::ColumnHead => head(TableHeaderScope::Column),
            Role::RowHead => head(TableHeaderScope::Row),
            Role::Data => Tag::TD.with_col_span(span).with_lang(language.clone()).into(),
        }
    }
}

/// The height of a line of a font size.
fn leading(size: f32) -> f32 {
    size * 1.3
}
