//! Stories of people at the portal, by role, in a real Chromium: what each comes to do, done from the first page to the
//! last one as a person does it, in Chinese.
//!
//! Every page on the way is looked at ([`guest::Guest::look`]): axe finds nothing, nothing is wider than the window, no word
//! is missing, a thumb hits every button. `CQO_SCREENSHOTS=DIR` writes a picture of each for people to look at.

mod cqo;
mod guest;
mod hands;
mod staff;

use std::path::PathBuf;

use crate::server::Ledger;

/// A document of one page that says something.
fn pdf(ledger: &Ledger, name: &str, words: &str) -> PathBuf {
    let content = format!("BT /F1 24 Tf 72 720 Td ({words}) Tj ET");
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>".to_owned(),
        format!("<</Length {}>>stream\n{content}\nendstream", content.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
    ];
    let (mut file, mut places) = (String::from("%PDF-1.4\n"), String::new());
    for (n, object) in objects.iter().enumerate() {
        places.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.push_str(&format!("{} 0 obj{object}endobj\n", n + 1));
    }
    let start = file.len();
    file.push_str(&format!(
        "xref\n0 6\n0000000000 65535 f \n{places}trailer<</Size 6/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n"
    ));
    ledger.write(name, file)
}
