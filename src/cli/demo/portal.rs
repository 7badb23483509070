//! Somebody at the portal without a browser: a cookie, the token that forms hold, and what comes back.

use std::time::Duration;

use ureq::http::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};

use super::super::Failure;

/// The longest page that is read, in bytes.
const MAX_PAGE: u64 = 8 * 1024 * 1024;
/// The longest wait for one page.
const TIMEOUT: Duration = Duration::from_secs(60);
/// What stands between the parts of a form with files. It must not occur in them.
const BOUNDARY: &str = "cqo-ledger-demo-4f1d2c7b9a";

/// Somebody with a session, or without.
#[derive(Clone)]
pub(super) struct Visitor {
    agent: ureq::Agent,
    base: String,
    cookie: String,
    csrf: String,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Page {
    status: u16,
    /// Where it leads; empty when it leads nowhere.
    pub(super) location: String,
    /// The page.
    pub(super) text: String,
}

/// A file that is sent with a form.
#[derive(Debug, Clone)]
pub(super) struct Upload<'a> {
    /// The field.
    pub(super) field: &'a str,
    /// The file's name.
    pub(super) name: &'a str,
    /// Its bytes.
    pub(super) bytes: &'a [u8],
}

impl Visitor {
    /// Somebody whom the portal does not know.
    pub(super) fn new(url: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(TIMEOUT))
            .build();
        let base = url.trim_end_matches('/').to_owned();
        Self { agent: config.into(), base, cookie: String::new(), csrf: String::new() }
    }

    /// Joins by a one-time code, as the page of the invitation does it.
    pub(super) fn join(&mut self, code: &str, password: &str) -> Result<(), Failure> {
        self.post("/join", &[("code", code), ("password", password), ("again", password)]).map(drop)
    }

    /// Signs in, and remembers the token of the session's forms.
    pub(super) fn sign_in(&mut self, login: &str, password: &str) -> Result<(), Failure> {
        let page = self.post("/sign-in", &[("login", login), ("password", password)])?;
        if page.location != "/home" {
            return Err(Failure::new(format!("{login}: signing in leads to {:?}", page.location)));
        }
        self.learn_token()
    }

    /// Acts in another role of the account: its place in the list of roles.
    pub(super) fn act_as(&mut self, role: usize) -> Result<(), Failure> {
        self.post("/role", &[("role", &role.to_string())])?;
        self.learn_token()
    }

    fn learn_token(&mut self) -> Result<(), Failure> {
        let page = self.get("/account")?;
        self.csrf = page.value("csrf")?.to_owned();
        Ok(())
    }

    /// A page, which must be there.
    pub(super) fn get(&mut self, path: &str) -> Result<Page, Failure> {
        let request = self.agent.get(format!("{}{path}", self.base)).header(COOKIE, &self.cookie);
        let page = self.read(path, request.call())?;
        page.good(path)
    }

    /// Sends a form of a page of the site; what it leads to is not fetched.
    pub(super) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Page, Failure> {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("csrf", &self.csrf)
            .extend_pairs(fields)
            .finish();
        self.send(path, "application/x-www-form-urlencoded", body.as_bytes())
    }

    /// The same with a file.
    pub(super) fn upload(&mut self, path: &str, fields: &[(&str, &str)], file: &Upload<'_>) -> Result<Page, Failure> {
        let mut body = Vec::new();
        for (name, value) in std::iter::once(&("csrf", self.csrf.as_str())).chain(fields) {
            let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(head.as_bytes());
        }
        let Upload { field, name, bytes } = file;
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        self.send(path, &format!("multipart/form-data; boundary={BOUNDARY}"), &body)
    }

    fn send(&mut self, path: &str, content_type: &str, body: &[u8]) -> Result<Page, Failure> {
        let request = self.agent.post(format!("{}{path}", self.base)).header(COOKIE, &self.cookie);
        let answer = request.header(ORIGIN, &self.base).content_type(content_type).send(body);
        let page = self.read(path, answer)?;
        page.good(path)
    }

    fn read(
        &mut self,
        path: &str,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Page, Failure> {
        let fail = |error: ureq::Error| Failure::new(format!("{}{path}: {error}", self.base));
        let mut answer = answer.map_err(fail)?;
        let text = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (location, cookie) = (text(LOCATION).to_owned(), text(SET_COOKIE).to_owned());
        let status = answer.status().as_u16();
        let text = answer.body_mut().with_config().limit(MAX_PAGE).read_to_vec().map_err(fail)?;
        if let Some(pair) = cookie.split(';').next().filter(|pair| !pair.is_empty()) {
            pair.clone_into(&mut self.cookie);
        }
        Ok(Page { status, location, text: String::from_utf8_lossy(&text).into_owned() })
    }
}

impl Page {
    /// The value of a hidden field of its first form that has it.
    pub(super) fn value(&self, field: &str) -> Result<&str, Failure> {
        self.after(&format!("name=\"{field}\" value=\""))
    }

    /// What follows `mark`, up to the next quote or tag.
    pub(super) fn after(&self, mark: &str) -> Result<&str, Failure> {
        let rest = self.text.split_once(mark).map(|(_, rest)| rest);
        let value = rest.and_then(|rest| rest.split(['"', '<']).next());
        value.ok_or_else(|| Failure::new(format!("a page does not hold {mark}")))
    }

    fn good(self, path: &str) -> Result<Self, Failure> {
        if matches!(self.status, 200 | 303) { Ok(self) } else { Err(Failure::new(self.complaint(path))) }
    }

    /// What the page says is wrong, without its tags.
    fn complaint(&self, path: &str) -> String {
        let told = self.text.split_once("class=\"mistakes\"").and_then(|(_, rest)| rest.split("</section>").next());
        let mut plain = String::new();
        let mut in_tag = true;
        for c in told.unwrap_or_default().chars() {
            match c {
                '<' => in_tag = true,
                '>' => in_tag = false,
                _ if !in_tag => plain.push(c),
                _ => {}
            }
        }
        format!("{path}: HTTP {} {}", self.status, plain.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}
