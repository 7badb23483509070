//! The QR code of a certificate: its verification address with the digest of the credential, as one vector path.

use fast_qr::ECL;
use fast_qr::qr::{QRBuilder, QRCode};
use krilla::geom::{Path, PathBuilder, Rect};

/// The least side of the code, quiet zone not included: 28 mm.
const MIN_SIDE: f32 = 28.0 * super::MM;
/// The least side of a module: a long address gets a larger code, not finer modules.
const MIN_MODULE: f32 = 0.72 * super::MM;

/// A QR code, ready to draw.
pub(super) struct Code {
    code: QRCode,
    /// Its side, quiet zone not included.
    pub(super) side: f32,
}

impl Code {
    /// The code of a text at error level M; none when the text is too long for any version.
    pub(super) fn of(text: &str) -> Option<Self> {
        let code = QRBuilder::new(text).ecl(ECL::M).build().ok()?;
        let side = MIN_SIDE.max(modules(code.size) * MIN_MODULE);
        Some(Self { code, side })
    }

    /// The width of the quiet zone around it: four modules (ISO/IEC 18004 clause 6.3.8).
    pub(super) fn quiet(&self) -> f32 {
        4.0 * self.side / modules(self.code.size)
    }

    /// The dark modules with the upper left corner at a point. Neighbours in a row are one rectangle.
    pub(super) fn path(&self, left: f32, top: f32) -> Option<Path> {
        let module = self.side / modules(self.code.size);
        let mut path = PathBuilder::new();
        for y in 0..self.code.size {
            let row = &self.code[y];
            let mut x = 0;
            while x < self.code.size {
                let dark = row.iter().skip(x).take(self.code.size - x).take_while(|module| module.value()).count();
                if dark > 0 {
                    let (at, width) = (left + modules(x) * module, modules(dark) * module);
                    path.push_rect(Rect::from_xywh(at, top + modules(y) * module, width, module)?);
                }
                x += dark.max(1);
            }
        }
        path.finish()
    }
}

/// A number of modules, at most 177.
fn modules(count: usize) -> f32 {
    u16::try_from(count).map_or(0.0, f32::from)
}
