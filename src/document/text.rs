//! Setting text: which glyph each character gets, where lines break, and how wide they are.
//!
//! Chinese breaks anywhere but before what may not begin a line and after what may not end one (禁则); Latin words stay
//! whole unless one is wider than the line. Full-width punctuation takes half its width beside other punctuation and at
//! the edges of a line, as Chinese books are set.

use krilla::color::rgb;
use krilla::geom::Point;
use krilla::num::NormalizedF32;
use krilla::paint::{Fill, FillRule};
use krilla::surface::Surface;
use krilla::text::{GlyphId, KrillaGlyph};

use super::border::stroke;
use super::fonts::{Missing, OpenFonts, Printed};

/// What may not begin a line.
const NOT_FIRST: &str = "，。、；：？！）》」』】〕］｝〉”’…—～·・々ー％‰℃°,.;:?!)]}>%";
/// What may not end one.
const NOT_LAST: &str = "（《「『【〔［｛〈“‘([{<￥¥$№";
/// Full-width punctuation whose right half is empty, and whose left half is.
const EMPTY_RIGHT: &str = "，。、；：）》」』】〕］｝〉";
const EMPTY_LEFT: &str = "（《「『【〔［｛〈";
/// What of a line's width may be left before its characters are spread, in parts of the font size for each gap.
const MAX_SPREAD: f32 = 0.25;

/// How text looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Style {
    /// The font size in points.
    pub(super) size: f32,
    pub(super) bold: bool,
    pub(super) colour: (u8, u8, u8),
    /// Space after each character, in parts of the font size.
    pub(super) tracking: f32,
}

impl Style {
    pub(super) const fn new(size: f32, colour: (u8, u8, u8)) -> Self {
        Self { size, bold: false, colour, tracking: 0.0 }
    }

    pub(super) const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub(super) const fn tracked(self, tracking: f32) -> Self {
        Self { tracking, ..self }
    }
}

/// The fill of a colour.
pub(super) fn fill((red, green, blue): (u8, u8, u8)) -> Fill {
    Fill { paint: rgb::Color::new(red, green, blue).into(), opacity: NormalizedF32::ONE, rule: FillRule::NonZero }
}

/// How a paragraph fills its measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Measure {
    /// The width of a line.
    pub(super) width: f32,
    /// The space before the first line.
    pub(super) indent: f32,
    /// Whether all lines but the last fill the width.
    pub(super) justified: bool,
}

impl Measure {
    pub(super) const fn of(width: f32) -> Self {
        Self { width, indent: 0.0, justified: false }
    }
}

/// One line of text, set.
#[derive(Debug)]
pub(super) struct Line {
    segments: Vec<Segment>,
    /// How wide it is, without spaces at its end.
    pub(super) width: f32,
}

/// A part of a line in one font and style.
#[derive(Debug)]
struct Segment {
    left: f32,
    face: usize,
    style: Style,
    text: String,
    glyphs: Vec<KrillaGlyph>,
}

impl Line {
    /// Draws the line with its left end and its baseline at a point.
    pub(super) fn draw(&self, surface: &mut Surface, fonts: &OpenFonts, left: f32, baseline: f32) {
        for segment in &self.segments {
            let Some(font) = fonts.font(segment.face) else { continue };
            surface.set_fill(Some(fill(segment.style.colour)));
            // The fonts for rare characters have no bold face: a thin outline makes up for it.
            let thin = segment.style.bold && OpenFonts::is_rare(segment.face);
            surface.set_stroke(thin.then(|| stroke(segment.style.colour, segment.style.size * 0.03)));
            let start = Point::from_xy(left + segment.left, baseline);
            surface.draw_glyphs(start, &segment.glyphs, font.clone(), &segment.text, segment.style.size, false);
        }
        surface.set_stroke(None);
    }

    /// The text of the line.
    #[cfg(test)]
    fn text(&self) -> String {
        self.segments.iter().map(|segment| segment.text.as_str()).collect()
    }
}

/// Sets runs of text, one after another, as lines of a measure. A line feed ends a line.
pub(super) fn set(fonts: &OpenFonts, runs: &[(&str, Style)], measure: Measure) -> Result<Vec<Line>, Missing> {
    let pieces = pieces(fonts, runs)?;
    let mut lines = Vec::new();
    let mut rest = pieces.as_slice();
    while !rest.is_empty() {
        let indent = if lines.is_empty() { measure.indent } else { 0.0 };
        let length = line_length(rest, measure.width - indent);
        let (line, after) = rest.split_at(length);
        let last = after.is_empty() || line.last().is_some_and(|piece| piece.character == '\n');
        let fill_to = (measure.justified && !last).then_some(measure.width - indent);
        lines.push(finished(line, indent, fill_to));
        rest = after;
    }
    Ok(lines)
}

/// Whether a character is as wide as it is high: Chinese characters, kana, full-width forms.
pub(super) fn is_wide(character: char) -> bool {
    matches!(u32::from(character), 0x1100..=0x11FF | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE4F
        | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6 | 0x1_6FE0..=0x1_B2FF | 0x2_0000..=0x3_FFFF)
}

/// A character on its way into a line.
#[derive(Debug, Clone, Copy)]
struct Piece {
    character: char,
    printed: Printed,
    style: Style,
    /// Its width in points, and what of it is left out at its left, at its right.
    advance: f32,
    cut: (f32, f32),
}

impl Piece {
    fn width(&self) -> f32 {
        self.advance - self.cut.0 - self.cut.1
    }
}

fn pieces(fonts: &OpenFonts, runs: &[(&str, Style)]) -> Result<Vec<Piece>, Missing> {
    let latin = !runs.iter().any(|(text, _)| text.chars().any(is_wide));
    let mut pieces = Vec::new();
    for (text, style) in runs {
        for (at, character) in text.char_indices() {
            let apostrophe = character == '’' && text[..at].ends_with(|before: char| before.is_ascii_alphabetic());
            // A line feed is printed as a space, so that the words on both sides stay apart when they are copied.
            let shown = if character == '\n' { ' ' } else { character };
            let printed = fonts.glyph(shown, style.bold, latin || apostrophe)?;
            let advance = (printed.advance + style.tracking) * style.size;
            pieces.push(Piece { character, printed, style: *style, advance, cut: (0.0, 0.0) });
        }
    }
    for at in 1..pieces.len() {
        let (before, after) = (pieces[at - 1].character, pieces[at].character);
        if EMPTY_RIGHT.contains(before) && (EMPTY_RIGHT.contains(after) || EMPTY_LEFT.contains(after)) {
            pieces[at - 1].cut.1 = half(&pieces[at - 1]);
        } else if EMPTY_LEFT.contains(before) && EMPTY_LEFT.contains(after) {
            pieces[at].cut.0 = half(&pieces[at]);
        }
    }
    Ok(pieces)
}

fn half(piece: &Piece) -> f32 {
    piece.printed.advance * piece.style.size / 2.0
}

/// How many pieces go into a line of a width: at least one.
fn line_length(pieces: &[Piece], width: f32) -> usize {
    let mut right = -pieces.first().map_or(0.0, edge_cut);
    // Numbers are parted at their hyphens only when a line has no other place.
    let (mut break_at, mut hyphen_at) = (None, None);
    for (at, piece) in pieces.iter().enumerate() {
        if at > 0 && may_break(pieces[at - 1].character, piece.character) {
            break_at = Some(at);
        }
        if at > 0 && pieces[at - 1].character == '-' {
            hyphen_at = Some(at);
        }
        if piece.character == '\n' {
            return at + 1;
        }
        // Spaces, and the empty half of punctuation, may stand out at the end.
        let seen = match piece.character {
            ' ' => 0.0,
            character if EMPTY_RIGHT.contains(character) => piece.width() - half(piece) + piece.cut.1,
            _ => piece.width(),
        };
        if at > 0 && right + seen > width + 0.01 {
            return break_at.or(hyphen_at).unwrap_or(at);
        }
        right += piece.width();
    }
    pieces.len()
}

/// What of a piece's left is left out at the beginning of a line.
fn edge_cut(piece: &Piece) -> f32 {
    if EMPTY_LEFT.contains(piece.character) { half(piece) - piece.cut.0 } else { 0.0 }
}

/// Whether a line may end between two characters.
fn may_break(before: char, after: char) -> bool {
    if after == ' ' || after == '\n' || NOT_FIRST.contains(after) || NOT_LAST.contains(before) {
        return false;
    }
    let dash = |character| matches!(character, '—' | '…');
    before == ' '
        || is_wide(before)
        || is_wide(after)
        || dash(before)
        || (before == '-' && after.is_alphabetic())
        || before == '/' && after.is_alphabetic()
}

/// A line of pieces, spread to a width where one is given.
fn finished(pieces: &[Piece], indent: f32, fill_to: Option<f32>) -> Line {
    let shown = pieces.iter().rposition(|piece| !matches!(piece.character, ' ' | '\n')).map_or(0, |last| last + 1);
    let mut pieces = pieces.to_vec();
    if let Some(first) = pieces.first_mut() {
        first.cut.0 += edge_cut(first);
    }
    if let Some(last) = pieces[..shown].last_mut() {
        last.cut.1 =
            if EMPTY_RIGHT.contains(last.character) { half(last) } else { last.style.tracking * last.style.size };
    }
    let width: f32 = pieces[..shown].iter().map(Piece::width).sum();
    let gap = fill_to.map_or(0.0, |fill_to| gap(&pieces[..shown], fill_to - width));
    let (mut segments, mut left): (Vec<Segment>, f32) = (Vec::new(), indent);
    for (at, piece) in pieces.iter().enumerate() {
        let spread = if at + 1 < shown && is_gap(piece, pieces.get(at + 1)) { gap } else { 0.0 };
        let fits = |last: &Segment| last.face == piece.printed.face && last.style == piece.style;
        if !segments.last().is_some_and(fits) {
            let (face, style) = (piece.printed.face, piece.style);
            segments.push(Segment { left, face, style, text: String::new(), glyphs: Vec::new() });
        }
        if let Some(segment) = segments.last_mut() {
            let start = segment.text.len();
            segment.text.push(if piece.character == '\n' { ' ' } else { piece.character });
            let size = piece.style.size;
            let advance = (piece.width() + spread) / size;
            let glyph = GlyphId::new(piece.printed.glyph);
            let range = start..segment.text.len();
            segment.glyphs.push(KrillaGlyph::new(glyph, advance, -piece.cut.0 / size, 0.0, 0.0, range, None));
        }
        left += piece.width() + spread;
    }
    Line { segments, width: width + indent }
}

/// What each gap of a line gets of the space that is left.
fn gap(pieces: &[Piece], left: f32) -> f32 {
    let gaps = pieces.windows(2).filter(|pair| is_gap(&pair[0], pair.get(1))).count();
    let size = pieces.first().map_or(0.0, |piece| piece.style.size);
    let each = u16::try_from(gaps).ok().filter(|gaps| *gaps > 0).map_or(0.0, |gaps| left / f32::from(gaps));
    if each.abs() <= MAX_SPREAD * size { each } else { 0.0 }
}

/// Whether a line is spread after a piece: between Chinese characters, and at spaces.
fn is_gap(piece: &Piece, next: Option<&Piece>) -> bool {
    piece.character == ' ' || is_wide(piece.character) && next.is_some_and(|next| is_wide(next.character))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::super::Fonts;
    use super::*;

    const STYLE: Style = Style::new(10.0, (0, 0, 0));
    static FONTS: LazyLock<Fonts> = LazyLock::new(|| Fonts::load(None).unwrap());

    /// The lines of a text in a measure of so many Chinese characters.
    fn lines(text: &str, characters: u8) -> Vec<String> {
        let set = set(&FONTS.open(), &[(text, STYLE)], Measure::of(f32::from(characters) * STYLE.size)).unwrap();
        set.iter().map(Line::text).collect()
    }

    #[test]
    fn lines_break_where_the_two_scripts_allow_it() {
        for (text, characters, expected) in [
            ("一二三四五六", 4, vec!["一二三四", "五六"]),
            // No punctuation at a line's beginning; its empty half may stand out at the end.
            ("一二三四。五", 4, vec!["一二三", "四。五"]),
            ("一二三。四五", 4, vec!["一二三。", "四五"]),
            ("一二三》，四五", 4, vec!["一二三》，", "四五"]),
            ("一二三——四", 4, vec!["一二", "三——四"]),
            // None at its end that opens.
            ("一二三（四五", 4, vec!["一二三", "（四五"]),
            // Latin words stay whole, numbers and dates too; a word wider than the line is parted.
            ("word of words", 4, vec!["word of ", "words"]),
            ("于的2026-09-01", 6, vec!["于的", "2026-09-01"]),
            ("1234567-1234567", 5, vec!["1234567-", "1234567"]),
            ("一\n二", 4, vec!["一 ", "二"]),
        ] {
            assert_eq!(lines(text, characters), expected, "{text}");
        }
        let parted = lines("Verantwortungsbewusstsein", 4);
        assert!(parted.len() > 2 && parted.concat() == "Verantwortungsbewusstsein", "{parted:?}");
    }

    #[test]
    fn a_justified_line_fills_its_measure_and_the_last_does_not() {
        let measure = Measure { width: 96.0, indent: 20.0, justified: true };
        let lines = set(&FONTS.open(), &[("一二三四五六七八九十一二三四五六七八", STYLE)], measure).unwrap();
        let right = |line: &Line| {
            let last = line.segments.last().unwrap();
            last.left + last.glyphs.iter().map(|glyph| glyph.x_advance * last.style.size).sum::<f32>()
        };
        assert_eq!(lines[0].segments[0].left, 20.0);
        assert!((right(&lines[0]) - 96.0).abs() < 0.01 && (right(&lines[1]) - 96.0).abs() < 0.01);
        assert!(right(&lines[2]) < 90.0);
    }

    #[test]
    fn an_apostrophe_between_letters_is_narrow() {
        let width = |text| set(&FONTS.open(), &[(text, STYLE)], Measure::of(500.0)).unwrap()[0].width;
        assert!(width("王O’Connor") - width("王OConnor") < 5.0);
        assert!(width("王“王") - width("王王") > 9.0);
    }
}
