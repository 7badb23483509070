//! Where lines stand, and how content is marked for readers who hear a document.

use std::num::NonZeroU16;

use krilla::surface::Surface;
use krilla::tagging::{ContentTag, Identifier, TagGroup, TagKind, TagTree};

use super::super::PAGE_WIDTH;
use super::super::fonts::OpenFonts;
use super::super::text::Line;

/// Draws content that belongs to the structure of the document.
pub(super) fn tagged(surface: &mut Surface, content: impl FnOnce(&mut Surface)) -> Identifier {
    let identifier = surface.start_tagged(ContentTag::Other);
    content(surface);
    surface.end_tagged();
    identifier
}

/// Adds content to the structure under a tag.
pub(super) fn push(tags: &mut TagTree, tag: impl Into<TagKind>, content: Identifier) {
    tags.push(TagGroup::with_children(tag, vec![content.into()]));
}

/// Draws lines in the middle of the page.
pub(super) fn centred(surface: &mut Surface, fonts: &OpenFonts, lines: &[Line], baseline: f32, leading: f32) {
    let mut y = baseline;
    for line in lines {
        line.draw(surface, fonts, (PAGE_WIDTH - line.width) / 2.0, y);
        y += leading;
    }
}

/// Draws lines that begin at the same place.
pub(super) fn left_aligned(
    surface: &mut Surface,
    fonts: &OpenFonts,
    lines: &[Line],
    left: f32,
    baseline: f32,
    leading: f32,
) {
    let mut y = baseline;
    for line in lines {
        line.draw(surface, fonts, left, y);
        y += leading;
    }
}

/// How high so many lines are.
pub(super) fn lines_height(lines: usize, leading: f32) -> f32 {
    u16::try_from(lines).map_or(0.0, f32::from) * leading
}

/// The level of the headings below the title.
pub(super) fn second_level() -> NonZeroU16 {
    NonZeroU16::MIN.saturating_add(1)
}
