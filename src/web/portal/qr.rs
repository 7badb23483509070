//! A QR code as the data of one SVG path, one unit a module.

use std::fmt::Write as _;

use fast_qr::ECL;
use fast_qr::qr::QRBuilder;

/// Modules of quiet zone around a code (ISO/IEC 18004 clause 6.3.8).
const QUIET: usize = 4;

/// A code for people's cameras.
pub(super) struct Qr {
    /// The side of the drawing in modules, quiet zone included.
    pub(super) side: usize,
    /// The dark modules.
    pub(super) path: String,
}

/// The code of a text; none when the text is too long for any version.
pub(super) fn qr(text: &str) -> Option<Qr> {
    let code = QRBuilder::new(text).ecl(ECL::M).build().ok()?;
    let mut path = String::new();
    for y in 0..code.size {
        for x in (0..code.size).filter(|x| code[y][*x].value()) {
            // Writing to a String cannot fail.
            let _ = write!(path, "M{} {}h1v1h-1z", x + QUIET, y + QUIET);
        }
    }
    Some(Qr { side: code.size + 2 * QUIET, path })
}
