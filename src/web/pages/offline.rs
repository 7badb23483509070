//! The verification page as one file that checks from disk: script, style and trust policy inside, and a policy of its own
//! that lets it load nothing else and speak to nobody.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::super::language::Language;
use super::template::{escaped, fill};
use super::{PAGE_SCRIPTS, STYLE, VERIFIER, VERIFY_PAGE, verify_title};
use crate::merkle::Hash;

const SITE_NAME: &str = r#"<span lang="zh-CN">首席质量官培训学时存证 · 离线核验</span><span lang="en">CQO training hours · offline check</span>"#;
const SAVED_NOTE: &str = r#"<p><span lang="zh-CN">本文件不连接任何网站，断网也能使用；信任策略已固定在其中。</span><span lang="en">This file connects to no site and works without a network; its trust policy is pinned in it.</span></p>"#;

/// The page with `policy` pinned.
pub(super) fn page(language: Language, policy: &str) -> String {
    let script = one_script();
    // What may run is named by its hash; there is no source for anything else, so nothing can leave.
    let content_policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; base-uri 'none'; form-action 'none'",
        source_hash(&script),
        source_hash(STYLE)
    );
    let head = format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"{content_policy}\">\n<style>{STYLE}</style>\n<link rel=\"icon\" href=\"data:,\">"
    );
    let digest = Hash::of(&[policy.as_bytes()]).to_string();
    fill(
        VERIFY_PAGE,
        &[
            ("lang", language.tag()),
            ("mode", "file"),
            ("head", &head),
            ("title", verify_title(language)),
            ("home", SITE_NAME),
            ("policy", &escaped(policy)),
            ("policy_digest", &digest),
            ("save", SAVED_NOTE),
            ("scripts", &format!("<script type=\"module\">{script}</script>")),
        ],
    )
}

/// All modules as one: a module inside a page cannot import another, so the exports of the verifier become its own names,
/// and the page's modules, together in a block of their own, see them and each other's.
fn one_script() -> String {
    let page: Vec<String> = PAGE_SCRIPTS.iter().map(|(_, text)| without_module_words(text)).collect();
    format!("{}\n{{\n{}\n}}\n", without_module_words(VERIFIER), page.join("\n"))
}

/// A module without its lines of `import`, and without the word `export`.
fn without_module_words(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("import "));
    lines.map(|line| line.strip_prefix("export ").unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// The source expression of an inline script or style (Content Security Policy Level 3, section 2.3.1).
fn source_hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::pages::template::names;

    #[test]
    fn the_script_is_one_module_that_ends_where_it_should() {
        let script = one_script();
        assert!(script.lines().all(|line| !line.starts_with("import ") && !line.starts_with("export ")));
        assert!(VERIFIER.lines().all(|line| !line.starts_with("import ")), "a module in a page imports nothing");
        for text in [&script, STYLE] {
            let lower = text.to_ascii_lowercase();
            for end in ["</script", "</style", "<!--"] {
                assert!(!lower.contains(end), "{end} would end it, or begin what has another end");
            }
        }
    }

    #[test]
    fn the_pinned_policy_stands_in_the_page_as_text() {
        let page = page(Language::English, "log <&>\nquorum none\n");
        assert!(page.contains("log &lt;&amp;&gt;\nquorum none\n</pre>"), "{page}");
        assert!(page.contains(&Hash::of(&[b"log <&>\nquorum none\n"]).to_string()));
        assert!(!page.contains("{{"), "every place is filled");
        assert!(!page.contains("src=\"") && !page.contains("href=\"/"), "it loads nothing");
        assert_eq!(names(VERIFY_PAGE).len(), 9);
    }
}
