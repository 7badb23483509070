//! People at the portal, from outside: every route as every role, and what keeps strangers and forged forms out.

use cqo_ledger::service::AccountRole;
use cqo_ledger::web::permissions::{self, Side};
use serde_json::json;

use crate::portal::{PASSWORD, Visitor, account, encoded, invite, organisations, start};
use crate::server::{credit_code, run, text};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/PERMISSIONS.md");

#[test]
fn the_document_of_permissions_is_the_programs() {
    if std::env::var_os("CQO_UPDATE").is_some() {
        std::fs::write(DOCUMENT, permissions::document()).unwrap();
    }
    let written = std::fs::read_to_string(DOCUMENT).unwrap();
    assert!(written == permissions::document(), "CQO_UPDATE=1 writes docs/PERMISSIONS.md anew");
}

#[test]
fn every_route_of_the_interface_has_a_row() {
    let ledger = start();
    let description = ledger.get("/openapi.json").json();
    let mut described: Vec<(String, String)> = Vec::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            described.push((method.to_uppercase(), path.clone()));
        }
    }
    let rows = permissions::table().into_iter().filter(|row| row.side == Side::Interface);
    let mut rows: Vec<(String, String)> = rows.map(|row| (row.method, row.path.to_owned())).collect();
    described.sort();
    rows.sort();
    assert_eq!(rows, described);
}

/// A path with something well-formed in its variable parts that is nobody's.
fn path_of(template: &str) -> String {
    let mut path = String::new();
    for part in template.split_inclusive('/') {
        let (name, slash) = part.strip_suffix('/').map_or((part, ""), |name| (name, "/"));
        let value = match name {
            "{number}" => "XS-2026-340100-7K3M9QX2AB-4",
            "{sha256}" | "{file}" => "0000000000000000000000000000000000000000000000000000000000000000",
            name if name.starts_with('{') => "01970000-0000-7000-8000-00000000000a",
            name => name,
        };
        path.push_str(value);
        path.push_str(slash);
    }
    path
}

#[test]
fn every_route_of_the_portal_lets_in_exactly_the_roles_of_the_table() {
    let ledger = start();
    let provider = organisations(&ledger);
    let mut nobody = Visitor::new(&ledger);
    let mut people: Vec<Visitor<'_>> = AccountRole::ALL
        .iter()
        .map(|role| {
            let mut account = account(role.as_str(), "王芳芳");
            if *role == AccountRole::Learner {
                account["name"] = provider.name.as_str().into();
                account["learners"] = json!([provider.learner]);
            }
            Visitor::joined(&ledger, &format!("{role}@example.org"), &account)
        })
        .collect();
    // Signing out comes last: it ends the session that all the others need.
    let mut rows: Vec<_> = permissions::table().into_iter().filter(|row| row.side == Side::Portal).collect();
    rows.sort_by_key(|row| row.path == "/sign-out");
    assert!(rows.len() >= 30, "only {} routes", rows.len());
    for row in rows {
        let path = path_of(row.path);
        let ask = |visitor: &mut Visitor<'_>| match row.method.as_str() {
            "GET" => visitor.get(&path),
            _ => visitor.post(&path, &[]),
        };
        let stranger = ask(&mut nobody);
        let sent_away = stranger.status == 303 && stranger.header("location").starts_with("/sign-in");
        assert!(
            stranger.status < 500 && sent_away != row.public,
            "{} {path} as nobody: {}",
            row.method,
            stranger.status
        );
        for ((person, role), may) in people.iter_mut().zip(AccountRole::ALL).zip(&row.roles) {
            let answer = ask(person);
            let (status, to) = (answer.status, answer.header("location").to_owned());
            assert!(status < 500, "{} {path} as {role}: {status} {}", row.method, answer.text());
            let let_in = status != 403 && (row.path == "/sign-out" || to != "/sign-in");
            assert_eq!(let_in, *may, "{} {path} as {role}: {status} {to}", row.method);
        }
    }
}

#[test]
fn a_form_without_token_or_from_elsewhere_changes_nothing() {
    let ledger = start();
    let mut visitor = Visitor::joined(&ledger, "admin@example.org", &account("administrator", "王芳芳"));
    let csrf = visitor.csrf();
    let here = ledger.url().to_owned();
    let body = |csrf: &str| {
        encoded(&[("csrf", csrf), ("code", "91990000MA00000019"), ("name", "云岭"), ("roles", "employer")])
    };
    let good = body(&csrf);
    for (body, headers, status) in [
        (body(""), vec![("origin", here.as_str())], 403),
        (body(&"0".repeat(32)), vec![("origin", here.as_str())], 403),
        (good.clone(), vec![], 403),
        (good.clone(), vec![("origin", "null")], 403),
        (good.clone(), vec![("origin", "https://evil.example")], 403),
        (good.clone(), vec![("origin", here.as_str()), ("sec-fetch-site", "cross-site")], 403),
        (good.clone(), vec![("sec-fetch-site", "same-origin")], 422),
        (good.clone(), vec![("origin", here.as_str())], 422),
    ] {
        let answer = visitor.ask("POST", "/admin/organisations", Some(&body), &headers);
        assert_eq!(answer.status, status, "{headers:?}");
    }
}

#[test]
fn a_session_is_a_cookie_that_scripts_and_other_sites_do_not_get() {
    let ledger = start();
    let mut visitor = Visitor::new(&ledger);
    let code = invite(&ledger, "admin@example.org", &account("administrator", "王芳芳"));
    visitor.post("/join", &[("code", &code), ("password", PASSWORD), ("again", PASSWORD)]);
    let answer = visitor.post("/sign-in", &[("login", "admin@example.org"), ("password", PASSWORD)]);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("cqo=") && cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let page = visitor.get("/account");
    for (header, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
    ] {
        assert_eq!(page.header(header), value, "{header}");
    }
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let token = visitor.cookies()["cqo"].clone();
    assert_eq!(visitor.post("/sign-out", &[]).status, 303);
    let mut thief = Visitor::new(&ledger);
    let stolen = format!("cqo={token}");
    let answer = thief.ask("GET", "/account", None, &[("cookie", &stolen)]);
    assert_eq!((answer.status, answer.header("location")), (303, "/sign-in?next=%2Faccount"));
}

#[test]
fn a_form_without_files_is_small_and_the_way_back_names_nobody() {
    let ledger = start();
    let mut visitor = Visitor::new(&ledger);
    let padded = |bytes: usize| encoded(&[("login", "wang"), ("password", &"x".repeat(bytes))]);
    let here = ledger.url().to_owned();
    let mut send = |body: &str| visitor.ask("POST", "/sign-in", Some(body), &[("origin", &here)]);
    assert_eq!(send(&padded(60_000)).status, 422);
    let large = send(&padded(70_000));
    assert_eq!(large.status, 413);
    assert!(large.text().contains("<html"), "a page: {}", large.text());
    let away = visitor.get("/body/cqos?name=%E7%8E%8B%E8%8A%B3&year=2026");
    assert_eq!((away.status, away.header("location")), (303, "/sign-in?next=%2Fbody%2Fcqos"));
}

/// What an administrator's browser that was left alone is asked, and what the owner hears of it.
#[test]
fn who_hands_out_rights_shows_again_who_they_are() {
    let ledger = start();
    let mut admin = Visitor::joined(&ledger, "admin@example.org", &account("administrator", "王芳芳"));
    Visitor::joined(&ledger, "clerk@example.org", &account("clerk", "李静"));
    let known = |login: &str| {
        let listed = ledger.get_as(&ledger.operator_token(), "/api/v1/accounts").json();
        let one = listed.as_array().unwrap().iter().find(|account| account["login"] == login).unwrap();
        (one["id"].as_str().unwrap().to_owned(), one["version"].to_string())
    };
    let ((clerk, version), (own, own_version)) = (known("clerk@example.org"), known("admin@example.org"));
    let code = credit_code(1);
    let code = code.as_str();
    let roles = format!("/admin/accounts/{clerk}/roles");
    let change = [("version", version.as_str()), ("role", "supervisor"), ("organisation", code)];
    let given = format!("/admin/accounts/{clerk}/code");
    // Three wrong ones: after five the session is asked no more.
    let again = ("own_password", "wrong");
    assert_eq!(admin.post(&roles, &[&change[..], &[again]].concat()).status, 422);
    assert_eq!(admin.post(&given, &[again]).status, 422);
    let staff = [("login", "new@example.org"), ("name", "赵强"), ("role", "clerk"), ("organisation", code), again];
    assert_eq!(admin.post("/admin/accounts", &staff).status, 422);
    assert_eq!(admin.post(&roles, &change).status, 422, "none at all");
    let shown = ("own_password", PASSWORD);
    let own_roles = [("version", own_version.as_str()), ("role", "clerk"), ("organisation", code), shown];
    assert_eq!(admin.post(&format!("/admin/accounts/{own}/roles"), &own_roles).status, 409);
    assert_eq!(admin.post(&format!("/admin/accounts/{own}/code"), &[shown]).status, 409);
    assert_eq!(admin.post(&given, &[shown]).status, 200);
    assert_eq!(admin.post(&format!("{given}/withdraw"), &[]).status, 303);
    assert_eq!(admin.post(&format!("{given}/withdraw"), &[]).status, 404, "it is gone");
    let (_, version) = known("clerk@example.org");
    let change = [("version", version.as_str()), ("role", "supervisor"), ("organisation", code), shown];
    assert_eq!(admin.post(&roles, &change).status, 303);
    let letters = || std::fs::read_dir(ledger.data().join("mailbox")).unwrap().count();
    let started = std::time::Instant::now();
    while letters() < 2 {
        assert!(started.elapsed().as_secs() < 10, "of the code, and of the roles: {}", letters());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // Whoever left is forgotten, with the letters to them.
    let data = ledger.data();
    let by_hand = |command: &str| run(&["account", "--data", text(&data), command, &clerk]).status.success();
    assert!(!by_hand("erase"), "the account is in use");
    assert!(by_hand("end") && by_hand("erase") && by_hand("erase"), "asked again, it is no error");
    assert_eq!(letters(), 0);
    assert_eq!(admin.get(&format!("/admin/accounts/{clerk}")).status, 404);
}

#[test]
fn a_wrong_password_says_nothing_about_who_exists() {
    let ledger = start();
    Visitor::joined(&ledger, "admin@example.org", &account("administrator", "王芳芳"));
    let refused = |login: &str| {
        let answer = Visitor::new(&ledger).post("/sign-in", &[("login", login), ("password", "wrong")]);
        assert_eq!(answer.status, 422);
        answer.text().replace(login, "")
    };
    assert_eq!(refused("admin@example.org"), refused("nobody@example.org"));
    let forgot = |login: &str| Visitor::new(&ledger).post("/forgot", &[("login", login)]).text();
    assert_eq!(forgot("admin@example.org"), forgot("nobody@example.org"));
    let letters = || std::fs::read_dir(ledger.data().join("mailbox")).unwrap().count();
    let started = std::time::Instant::now();
    while letters() == 0 {
        assert!(started.elapsed().as_secs() < 10, "the letter is in the mailbox");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(letters(), 1, "and only the one of who exists");
}
