//! Every part of a page in every state, rendered by a test: `CQO_GALLERY=DIR cargo test --lib gallery` leaves the pages in
//! `DIR`, to be looked at in a browser.

use askama::Template;

use super::form::Form;
use super::page::{Foot, Page, Standing, Tone, Who, role_in_words, ways_of};
use super::parts::{Bar, Chart, Choice, Happening, Pager, Piece, Ring};
use super::words::Words;
use crate::ledger::fields::{FieldErrors, Problem};
use crate::standard::CreditHours;
use crate::web::language::Language;

#[derive(Template)]
#[template(path = "portal/gallery.html")]
struct Gallery {
    page: Page,
    form: Form,
    ring: Ring,
    chart: Chart,
    choices: Vec<Choice>,
    pager: Pager,
    happenings: Vec<Happening>,
}

const LABELS: [(&str, &str); 8] = [
    ("title", "layout-nav-home"),
    ("day", "layout-nav-claims"),
    ("text", "layout-nav-cases"),
    ("role", "layout-switch-role"),
    ("roles", "layout-switch-role"),
    ("one", "layout-choose"),
    ("agree", "layout-foot-promise"),
    ("evidence", "layout-menu"),
];

/// Leaves a page where it can be looked at, when somebody wants to.
pub(super) fn leave(name: &str, language: Language, html: String) {
    if let Some(dir) = std::env::var_os("CQO_GALLERY") {
        std::fs::write(std::path::Path::new(&dir).join(format!("{name}.{}.html", language.word())), html).unwrap();
    }
}

/// What stands around a page, of invented people.
pub(super) fn page(words: Words, role: &str) -> Page {
    let standing = |role: &str, organisation: &str| Standing {
        value: role.to_owned(),
        role: role_in_words(words, role),
        organisation: organisation.to_owned(),
    };
    let mut page = Page::new(words, "/gallery?x=1").titled("layout-nav-home");
    page.lead = words.say("layout-foot-promise");
    page.here = "/body/cqos";
    page.csrf = "csrf".into();
    page.person = Some(Who {
        name: "欧阳𫖮".into(),
        role: standing(role, "云岭质量人才认定中心（示例）"),
        others: vec![standing("learner", "恒远精密机械（云岭）有限公司"), standing("administrator", "")],
    });
    page.nav = ways_of(words, role);
    page.foot = Foot {
        body: "云岭质量人才认定中心（示例）".into(),
        filing: "云网信备00000000000000000号".into(),
        complaints: "/complaints",
    };
    page.notice(Tone::Success, "good").notice(Tone::Warn, "warn").notice(Tone::Error, "bad")
}

fn gallery(words: Words) -> Gallery {
    let errors = FieldErrors::one("title", Problem::Missing);
    let piece = |tone, what: &str, count| Piece { tone, what: words.say(what), count };
    let bar = |key: &str, counts: [u64; 3]| Bar {
        label: words.say(key),
        href: "/".into(),
        pieces: vec![
            piece("good", "layout-yes", counts[0]),
            piece("warn", "layout-no", counts[1]),
            piece("idle", "layout-menu", counts[2]),
        ],
    };
    let happening = |tone, when: &str| Happening {
        when: when.into(),
        what: words.say("layout-foot-promise"),
        detail: words.say("layout-product"),
        tone,
    };
    Gallery {
        page: page(words, "supervisor"),
        form: Form::new(words, &LABELS)
            .filled([("text", "<&>\n\n"), ("role", "b")])
            .wrong(&errors)
            .wrong_with("day", "layout-skip"),
        ring: Ring { done: CreditHours::from_hundredths(850), required: CreditHours::from_hundredths(1_000) },
        chart: Chart {
            caption: words.say("layout-nav-cqos"),
            bars: vec![bar("layout-role-learner", [280, 34, 12]), bar("layout-role-employer", [1_200, 400, 3])],
            shares: true,
        },
        choices: [("a", "layout-nav-home"), ("b", "layout-nav-claims"), ("c", "layout-nav-review")]
            .map(|(value, key)| Choice::new(value, words.say(key)))
            .into(),
        pager: Pager { address: "/gallery?page=".into(), page: 2, pages: 30, rows: 1_234 },
        happenings: vec![
            happening("good", "2026-11-22"),
            happening("warn", "2026-11-23"),
            happening("idle", "2026-11-24"),
        ],
    }
}

#[test]
fn every_part_is_drawn_in_both_languages() {
    for language in Language::ALL {
        let html = gallery(Words::new(language)).render().unwrap();
        assert!(!html.contains('['), "a key has no words: {html}");
        assert!(!html.contains(" style=") && !html.contains("<script"), "{html}");
        assert!(html.contains("&#60;&#38;&#62;\n\n</textarea>"), "{html}");
        for described in html.split("aria-describedby=\"").skip(1) {
            for id in described.split('"').next().unwrap().split(' ') {
                assert!(html.contains(&format!(" id=\"{id}\"")), "nothing is called {id}");
            }
        }
        leave("gallery", language, html);
    }
}
