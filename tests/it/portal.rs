//! Somebody at the portal without a browser: a cookie, forms, and what comes back.

use std::collections::BTreeMap;

use serde_json::json;

use crate::server::{Answer, Ledger, credit_code};

/// The password of every account in these tests.
pub(crate) const PASSWORD: &str = "Yunling-2026";

/// Starts a ledger for the portal: nobody needs a second factor, and nothing is refused for its rate.
pub(crate) fn start() -> Ledger {
    Ledger::start_with(&[
        "--seal-interval-ms",
        "20",
        "--rate-per-second",
        "0",
        "--lookups-per-minute",
        "0",
        "--second-factor",
        "off",
    ])
}

/// Somebody with a cookie, or without.
pub(crate) struct Visitor<'a> {
    ledger: &'a Ledger,
    cookies: BTreeMap<String, String>,
}

impl<'a> Visitor<'a> {
    pub(crate) fn new(ledger: &'a Ledger) -> Self {
        Self { ledger, cookies: BTreeMap::new() }
    }

    /// Makes an account by the operator's token, joins and signs in.
    pub(crate) fn joined(ledger: &'a Ledger, login: &str, account: &serde_json::Value) -> Self {
        let code = invite(ledger, login, account);
        let mut visitor = Self::new(ledger);
        let joined = visitor.post("/join", &[("code", &code), ("password", PASSWORD), ("again", PASSWORD)]);
        assert_eq!(joined.status, 200, "{}", joined.text());
        visitor.sign_in(login);
        visitor
    }

    pub(crate) fn sign_in(&mut self, login: &str) {
        let answer = self.post("/sign-in", &[("login", login), ("password", PASSWORD)]);
        assert_eq!((answer.status, answer.header("location")), (303, "/home"), "{}", answer.text());
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, None, &[])
    }

    /// Sends a form as a page of the site would, with the token of the session.
    pub(crate) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf();
        let mut all = fields.to_vec();
        all.push(("csrf", &csrf));
        self.ask("POST", path, Some(&encoded(&all)), &[("origin", self.ledger.url())])
    }

    /// Sends a form with a file, as a page of the site would.
    pub(crate) fn upload(&mut self, path: &str, fields: &[(&str, &str)], file: (&str, &str, &[u8])) -> Answer {
        let csrf = self.csrf();
        let mut body = Vec::new();
        for (name, value) in fields.iter().chain([&("csrf", csrf.as_str())]) {
            body.extend(format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
        }
        let (field, name, bytes) = file;
        let head = format!("--XX\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n");
        body.extend(head.bytes());
        body.extend(b"Content-Type: application/octet-stream\r\n\r\n");
        body.extend(bytes);
        body.extend(b"\r\n--XX--\r\n");
        let from = self.ledger.url().to_owned();
        let headers = [("origin", from.as_str()), ("content-type", "multipart/form-data; boundary=XX")];
        self.ask_with("POST", path, Some(&body), &headers)
    }

    /// The token that forms of this session hold; none without a session.
    pub(crate) fn csrf(&mut self) -> String {
        if self.cookies.is_empty() {
            return String::new();
        }
        let mut page = self.get("/account");
        // Who has something left to do first finds the forms for that.
        if page.status == 303 && page.header("location").starts_with("/sign-in/") {
            page = self.get(page.header("location"));
        }
        page.text().split_once("name=\"csrf\" value=\"").map_or(String::new(), |(_, rest)| rest[..32].to_owned())
    }

    /// One request; redirections are not followed.
    pub(crate) fn ask(&mut self, method: &str, path: &str, body: Option<&str>, headers: &[(&str, &str)]) -> Answer {
        self.ask_with(method, path, body.map(str::as_bytes), headers)
    }

    fn ask_with(&mut self, method: &str, path: &str, body: Option<&[u8]>, headers: &[(&str, &str)]) -> Answer {
        let cookie: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookie = cookie.join("; ");
        let mut all = headers.to_vec();
        if !cookie.is_empty() {
            all.push(("cookie", &cookie));
        }
        let answer = self.ledger.ask_as_browser(method, path, body, &all);
        for value in answer.headers.get_all("set-cookie") {
            let pair = value.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            match value {
                "" => drop(self.cookies.remove(name)),
                _ => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
            }
        }
        answer
    }

    pub(crate) fn cookies(&self) -> &BTreeMap<String, String> {
        &self.cookies
    }
}

/// The one-time code of a new account.
pub(crate) fn invite(ledger: &Ledger, login: &str, account: &serde_json::Value) -> String {
    let mut account = account.clone();
    account["login"] = login.into();
    let answer = ledger.post_as(&ledger.operator_token(), "/api/v1/accounts", account.to_string().as_bytes());
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["code"].as_str().unwrap().to_owned()
}

/// An account of a role, in the organisation of these tests that has such roles.
pub(crate) fn account(role: &str, name: &str) -> serde_json::Value {
    let organisation = match role {
        "provider_staff" => credit_code(2),
        "employer" => credit_code(4),
        "competent_authority" => credit_code(5),
        _ => credit_code(1),
    };
    json!({"name": name, "grants": [{"role": role, "organisation": organisation}]})
}

/// Registers the organisations that [`account`] names: provider 2 with key and learner, employer 4, authority 5.
pub(crate) fn organisations(ledger: &Ledger) -> crate::server::Provider {
    let provider = ledger.provider(2);
    for (n, name, role) in [(4, "恒远精密机械有限公司", "employer"), (5, "云岭市场监督管理局", "competent_authority")]
    {
        let body = json!({"code": credit_code(n), "name": name, "roles": [role]}).to_string();
        let answer = ledger.post_as(&ledger.operator_token(), "/api/v1/organisations", body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    provider
}

/// Fields as a browser sends them.
pub(crate) fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
