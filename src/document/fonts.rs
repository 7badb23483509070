//! The fonts of the certificates: Noto Serif CJK SC, regular and bold, and HanaMin for the characters that it lacks.
//!
//! Fonts are read once, whole, when the program starts or first needs them. A character that no font has is an error
//! that names it, never a blank box.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use krilla::text::Font;
use skrifa::charmap::Charmap;
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::string::StringId;
use skrifa::{FontRef, MetadataProvider};

use crate::merkle::Hash;

/// Where Debian, Fedora and Arch Linux put these fonts.
const SYSTEM_PLACES: &[&str] = &[
    "/usr/share/fonts/opentype/noto",
    "/usr/share/fonts/truetype/hanazono",
    "/usr/share/fonts/google-noto-serif-cjk-fonts",
    "/usr/share/fonts/hanazono-fonts",
    "/usr/share/fonts/noto-cjk",
    "/usr/share/fonts/TTF",
    "/usr/local/share/fonts",
];

/// The fonts in the order in which they are asked for a character, apart from the two of Noto, which weight decides.
const REGULAR: Wanted = Wanted { file: "NotoSerifCJK-Regular.ttc", name: "NotoSerifCJKsc-Regular" };
const BOLD: Wanted = Wanted { file: "NotoSerifCJK-Bold.ttc", name: "NotoSerifCJKsc-Bold" };
const RARE: &[Wanted] =
    &[Wanted { file: "HanaMinA.ttf", name: "HanaMinA" }, Wanted { file: "HanaMinB.ttf", name: "HanaMinB" }];

/// The most faces that a collection is searched for: Noto's have five.
const MAX_FACES: u32 = 16;

/// Noto's Korean faces share all glyphs with the Chinese ones, and set these marks as narrow as Latin text needs them.
const NARROW: &[(&str, &str)] =
    &[("NotoSerifCJKsc-Regular", "NotoSerifCJKkr-Regular"), ("NotoSerifCJKsc-Bold", "NotoSerifCJKkr-Bold")];
const NARROW_MARKS: &str = "‘’“”—…·";

/// How many faces come before those for rare characters: the regular and the bold one.
const MAIN_FACES: usize = 2;

/// A font file, and the PostScript name of the face in it.
struct Wanted {
    file: &'static str,
    name: &'static str,
}

/// The fonts that certificates are set in.
pub struct Fonts {
    /// Noto's regular and bold face, then those for rare characters.
    faces: Vec<Face>,
    digest: Hash,
}

/// One face, ready for embedding.
struct Face {
    font: Font,
    file: Arc<Vec<u8>>,
    index: u32,
    /// The face of the same file that maps [`NARROW_MARKS`] to narrow glyphs.
    narrow: Option<u32>,
}

/// Why there are no fonts, and so no PDFs.
#[derive(Debug, thiserror::Error)]
pub enum FontError {
    /// A font file is in none of the places.
    #[error(
        "the font file {file} is in none of: {places}; install the packages fonts-noto-cjk and fonts-hanazono, or name \
         a directory that has it"
    )]
    NotFound {
        /// Its name.
        file: &'static str,
        /// The directories, separated by commas.
        places: String,
    },
    /// A font file is there, but could not be read.
    #[error("the font file {}: {error}", path.display())]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A file of the right name holds something else.
    #[error("the font file {} does not hold the face {name}", path.display())]
    Foreign {
        /// Where it is.
        path: PathBuf,
        /// The PostScript name that was looked for.
        name: &'static str,
    },
}

impl FontError {
    /// The reason in Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::NotFound { file, places } => {
                format!(
                    "在 {places} 中找不到字体文件 {file}；请安装 fonts-noto-cjk 与 fonts-hanazono，或指定其所在目录"
                )
            }
            Self::Unreadable { path, error } => format!("无法读取字体文件 {}：{error}", path.display()),
            Self::Foreign { path, name } => format!("字体文件 {} 中没有字体 {name}", path.display()),
        }
    }
}

/// A character that no font has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no font has the character {character} (U+{:04X})", u32::from(*character))]
pub struct Missing {
    /// The character.
    pub character: char,
}

impl Missing {
    /// The same in Chinese.
    pub fn zh(&self) -> String {
        format!("字体中没有“{}”字（U+{:04X}）", self.character, u32::from(self.character))
    }
}

impl Fonts {
    /// Reads the fonts from the configured directory, otherwise from the known places of the system: whoever names a
    /// directory gets the fonts in it and no others, so that a certificate stays the same bytes.
    ///
    /// Without the fonts for rare characters there are still certificates: a name that needs one is then refused, with
    /// the character named.
    pub fn load(configured: Option<&Path>) -> Result<Self, FontError> {
        let mut files = Files::new(configured);
        let mut faces = vec![files.face(&REGULAR)?, files.face(&BOLD)?];
        for wanted in RARE {
            match files.face(wanted) {
                Ok(face) => faces.push(face),
                Err(FontError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let digests: Vec<Hash> = files.read.values().map(|file| Hash::of(&[file])).collect();
        let parts: Vec<&[u8]> = digests.iter().map(|digest| digest.as_bytes().as_slice()).collect();
        Ok(Self { faces, digest: Hash::of(&parts) })
    }

    /// Whether the files are there without which nothing is printed; they are not read.
    pub fn find(configured: Option<&Path>) -> Result<(), FontError> {
        let files = Files::new(configured);
        [&REGULAR, &BOLD].into_iter().try_for_each(|wanted| files.find(wanted).map(drop))
    }

    /// SHA-256 of the SHA-256 digests of the font files, in the order of their names: for the log.
    pub fn digest(&self) -> Hash {
        self.digest
    }

    /// How many fonts for rare characters there are.
    pub fn rare_fonts(&self) -> usize {
        self.faces.len().saturating_sub(MAIN_FACES)
    }

    /// Whether every character of a text can be printed; otherwise the first that cannot.
    pub fn covers(&self, text: &str) -> Result<(), Missing> {
        let open = self.open();
        text.chars().try_for_each(|character| open.glyph(character, false, false).map(drop))
    }

    /// The faces with their tables at hand, for the time of one document.
    pub(super) fn open(&self) -> OpenFonts<'_> {
        let open = |face| OpenFace::of(face);
        OpenFonts { faces: self.faces.iter().filter_map(open).collect() }
    }
}

impl fmt::Debug for Fonts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fonts").field("digest", &self.digest).finish_non_exhaustive()
    }
}

/// The fonts with their tables at hand.
pub(super) struct OpenFonts<'a> {
    faces: Vec<OpenFace<'a>>,
}

struct OpenFace<'a> {
    font: &'a Font,
    characters: Charmap<'a>,
    narrow: Option<Charmap<'a>>,
    metrics: GlyphMetrics<'a>,
    units_per_em: f32,
}

/// How one character is printed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Printed {
    /// Which font, for [`OpenFonts::font`].
    pub(super) face: usize,
    /// The glyph in it.
    pub(super) glyph: u32,
    /// Its width, in parts of the font size.
    pub(super) advance: f32,
}

impl<'a> OpenFonts<'a> {
    /// Whether a font is one for rare characters, which has no bold face.
    pub(super) fn is_rare(face: usize) -> bool {
        face >= MAIN_FACES
    }

    /// The font of that number.
    pub(super) fn font(&self, face: usize) -> Option<&'a Font> {
        self.faces.get(face).map(|face| face.font)
    }

    /// How a character is printed, in bold where its font has a bold face, and narrow where it stands in Latin text.
    pub(super) fn glyph(&self, character: char, bold: bool, latin: bool) -> Result<Printed, Missing> {
        let main = usize::from(bold);
        let order = std::iter::once(main).chain(MAIN_FACES..self.faces.len());
        // A private use character means something else everywhere; PDF/A-3a forbids it.
        let private = matches!(u32::from(character), 0xE000..=0xF8FF | 0xF_0000..);
        let found = order.filter(|_| !private).find_map(|at| self.faces.get(at)?.printed(at, character, latin));
        found.ok_or(Missing { character })
    }
}

impl<'a> OpenFace<'a> {
    fn of(face: &'a Face) -> Option<Self> {
        let font = FontRef::from_index(&face.file, face.index).ok()?;
        let metrics = font.glyph_metrics(Size::unscaled(), LocationRef::default());
        let narrow = face.narrow.and_then(|index| FontRef::from_index(&face.file, index).ok());
        let narrow = narrow.map(|font| font.charmap());
        let units_per_em = face.font.units_per_em();
        Some(Self { font: &face.font, characters: font.charmap(), narrow, metrics, units_per_em })
    }

    fn printed(&self, face: usize, character: char, latin: bool) -> Option<Printed> {
        let narrow = self.narrow.as_ref().filter(|_| latin && NARROW_MARKS.contains(character));
        let characters = narrow.unwrap_or(&self.characters);
        let glyph = characters.map(character).filter(|glyph| glyph.to_u32() != 0)?;
        let advance = self.metrics.advance_width(glyph)? / self.units_per_em;
        Some(Printed { face, glyph: glyph.to_u32(), advance })
    }
}

/// Where fonts are looked for, and the files read so far.
struct Files {
    places: Vec<PathBuf>,
    read: BTreeMap<&'static str, Arc<Vec<u8>>>,
}

impl Files {
    fn new(configured: Option<&Path>) -> Self {
        let system = || SYSTEM_PLACES.iter().map(PathBuf::from).collect();
        Self { places: configured.map_or_else(system, |place| vec![place.to_owned()]), read: BTreeMap::new() }
    }

    fn find(&self, wanted: &Wanted) -> Result<PathBuf, FontError> {
        let path = self.places.iter().map(|place| place.join(wanted.file)).find(|path| path.is_file());
        path.ok_or_else(|| FontError::NotFound { file: wanted.file, places: self.listed() })
    }

    fn face(&mut self, wanted: &Wanted) -> Result<Face, FontError> {
        let path = self.find(wanted)?;
        let file = match std::fs::read(&path) {
            Ok(file) => Arc::new(file),
            Err(error) => return Err(FontError::Unreadable { path, error }),
        };
        let index = index_of(&file, wanted.name);
        let font = index.and_then(|index| Some((index, Font::new(Arc::clone(&file).into(), index)?)));
        let Some((index, font)) = font else { return Err(FontError::Foreign { path, name: wanted.name }) };
        self.read.insert(wanted.file, Arc::clone(&file));
        let narrow = NARROW.iter().find(|(name, _)| *name == wanted.name).and_then(|(_, name)| index_of(&file, name));
        Ok(Face { font, file, index, narrow })
    }

    fn listed(&self) -> String {
        let places: Vec<String> = self.places.iter().map(|place| place.display().to_string()).collect();
        places.join(", ")
    }
}

/// Whether a text has only characters that every font asked for here has: ASCII, the dot of names, and the ideographs of
/// Unicode's first version. What else there is, [`Fonts::covers`] tells.
pub fn is_common(text: &str) -> bool {
    text.chars().all(|character| matches!(character, ' '..='~' | '·' | '\u{4E00}'..='\u{9FA5}'))
}

/// Which face of a file has a PostScript name.
fn index_of(file: &[u8], name: &str) -> Option<u32> {
    (0..MAX_FACES).map_while(|index| Some((index, FontRef::from_index(file, index).ok()?))).find_map(|(index, font)| {
        let found = font.localized_strings(StringId::POSTSCRIPT_NAME).any(|each| each.chars().eq(name.chars()));
        found.then_some(index)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fonts_are_shared_by_threads_and_found_by_name() {
        fn shared<T: Send + Sync>(_: &T) {}
        let fonts = Fonts::load(None).unwrap();
        shared(&fonts);
        assert_eq!(fonts.rare_fonts(), 2);
        let open = fonts.open();
        let face = |character, bold| open.glyph(character, bold, false).map(|printed| printed.face);
        assert_eq!([face('质', false), face('质', true), face('\u{2B820}', true)], [Ok(0), Ok(1), Ok(3)]);
        assert_eq!(face('\u{E000}', false), Err(Missing { character: '\u{E000}' }));
    }

    #[test]
    fn common_characters_are_all_there() {
        let all: String = ('\0'..=char::MAX).filter(|character| is_common(&character.to_string())).collect();
        assert!(all.chars().count() > 20_000 && !is_common("𬭎"));
        Fonts::load(None).unwrap().covers(&all).unwrap();
    }

    #[test]
    fn a_place_without_the_fonts_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = Files { places: vec![dir.path().to_owned()], read: BTreeMap::new() };
        let place = dir.path().display().to_string();
        let error = files.face(&REGULAR).err().unwrap();
        assert!(error.to_string().contains(&place) && error.zh().contains(&place), "{error}");
        std::fs::write(dir.path().join(REGULAR.file), b"no font").unwrap();
        assert!(matches!(files.face(&REGULAR).err(), Some(FontError::Foreign { .. })));
    }
}
