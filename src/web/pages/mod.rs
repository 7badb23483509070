//! The pages for everybody: the verification page with its script and style, and the same page saved as one file with its
//! trust policy pinned. What the portal's pages load is here, too.
//!
//! Nothing here reads a document: the check runs in the visitor's browser, by `proofs/verify.mjs` as it is published. The
//! fragment of a certificate's address never reaches the server, and the number in it is not looked at. What the server
//! itself checks, when it is asked to, is in [`check`].

pub(super) mod check;
pub(super) mod multipart;
mod offline;
mod template;

use axum::Router;
use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::App;
use super::language::Language;
use crate::merkle::Hash;
use template::fill;

pub(super) const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const VERIFY_PAGE: &str = include_str!("verify.html");
/// The page's own modules, each after those that it imports.
const PAGE_SCRIPTS: [(&str, &str); 4] = [
    ("/assets/view.js", include_str!("view.js")),
    ("/assets/lookups.js", include_str!("lookups.js")),
    ("/assets/report.js", include_str!("report.js")),
    ("/assets/verify.js", include_str!("verify.js")),
];
/// Signs corrections in the browser of a provider's staff.
const SIGN_SCRIPT: &str = include_str!("sign-entry.js");
const STYLE: &str = include_str!("style.css");
const PORTAL_STYLE: &str = include_str!("portal.css");
const CSS: &str = "text/css; charset=utf-8";
const NAMES_STYLE: &str = include_str!("rare-names.css");
/// Glyphs of rare characters in names. Its licence is beside it; examples/rare-names.py makes it.
const NAMES_FONT: &[u8] = include_bytes!("fonts/rare-names.woff2");
const SEAL: &str = include_str!("seal.svg");
/// The verifier that is published for third parties, as it stands.
const VERIFIER: &str = include_str!("../../../proofs/verify.mjs");

/// What a page may load, and where it may be shown: everything from here, nothing inline, in nobody's frame.
pub(super) const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

pub(super) const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
pub(super) const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The pages' routes, which are the same for every actor.
pub(super) fn router() -> Router<App> {
    let script = |router: Router<App>, (path, text)| {
        router.route(path, get(move |headers: HeaderMap| async move { asset(&headers, SCRIPT, text) }))
    };
    PAGE_SCRIPTS
        .into_iter()
        .fold(Router::new(), script)
        .route("/verify", get(verify))
        .route("/v/{number}", get(verify))
        .route("/verify/offline.html", get(save))
        .route("/verify.mjs", get(|headers: HeaderMap| async move { asset(&headers, SCRIPT, VERIFIER) }))
        .route("/assets/sign-entry.js", get(|headers: HeaderMap| async move { asset(&headers, SCRIPT, SIGN_SCRIPT) }))
        .route("/assets/style.css", get(|headers: HeaderMap| async move { asset(&headers, CSS, STYLE) }))
        .route("/assets/portal.css", get(|headers: HeaderMap| async move { asset(&headers, CSS, PORTAL_STYLE) }))
        .route("/assets/rare-names.css", get(|headers: HeaderMap| async move { asset(&headers, CSS, NAMES_STYLE) }))
        .route("/assets/rare-names.woff2", get(names_font))
        .route("/assets/seal.svg", get(|headers: HeaderMap| async move { asset(&headers, "image/svg+xml", SEAL) }))
}

/// What every page of this site has in its head.
const HEAD: &str = r#"<link rel="stylesheet" href="/assets/style.css">
<link rel="stylesheet" href="/assets/rare-names.css">
<link rel="icon" href="/assets/seal.svg" type="image/svg+xml">"#;

/// The verification page, also where a QR code leads.
async fn verify(language: Language) -> Response {
    page(fill(
        VERIFY_PAGE,
        &[
            ("lang", language.tag()),
            ("mode", "online"),
            ("head", HEAD),
            ("title", verify_title(language)),
            (
                "home",
                r#"<a href="/"><span lang="zh-CN">首席质量官培训学时存证</span><span lang="en">CQO training hours</span></a>"#,
            ),
            ("policy", ""),
            ("policy_digest", ""),
            ("save", SAVE_LINK),
            ("scripts", r#"<script type="module" src="/assets/verify.js"></script>"#),
        ],
    ))
}

const SAVE_LINK: &str = r#"<p><span lang="zh-CN">不想依赖本网站？把本页保存成一个文件，断网也能核验。</span><span lang="en">Rather not depend on this site? Save this page as one file, which checks without a network.</span></p>
<p class="actions"><a class="button quiet" href="/verify/offline.html" download="cqo-verify.html"><span lang="zh-CN">保存离线核验页</span><span lang="en">Save the offline page</span></a></p>"#;

const fn verify_title(language: Language) -> &'static str {
    language.choose("核验学时证明 · cqo-ledger", "Check an hour certificate · cqo-ledger")
}

/// The verification page as one file, with the policy that is suggested now.
async fn save(State(app): State<App>, language: Language) -> Response {
    let html = offline::page(language, &app.service.suggested_policy());
    ([(CONTENT_DISPOSITION, "attachment; filename=\"cqo-verify.html\"")], page(html)).into_response()
}

fn page(html: String) -> Response {
    let headers = [
        (CONTENT_TYPE, HTML),
        (CACHE_CONTROL, "no-cache"),
        (VARY, "accept-language, cookie"),
        (CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (OPENER_POLICY, "same-origin"),
        (RESOURCE_POLICY, "same-origin"),
    ];
    (headers, html).into_response()
}

/// The font never changes under its name.
async fn names_font() -> Response {
    let head = [
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (CONTENT_TYPE, "font/woff2"),
        (RESOURCE_POLICY, "same-origin"),
    ];
    (head, NAMES_FONT).into_response()
}

/// A file that changes only with the program: kept by browsers, and asked for again by its digest.
fn asset(headers: &HeaderMap, content_type: &'static str, text: &'static str) -> Response {
    let tag = format!("\"{}\"", Hash::of(&[text.as_bytes()]));
    let known = headers.get(IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let head = [(CACHE_CONTROL, "no-cache"), (CONTENT_TYPE, content_type), (RESOURCE_POLICY, "same-origin")];
    let tag = [(ETAG, tag)];
    match known {
        true => (StatusCode::NOT_MODIFIED, tag, head).into_response(),
        false => (tag, head, text).into_response(),
    }
}
