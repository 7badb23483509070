//! Many people behind one address who sign in, and somebody there who guesses.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use crate::portal::{PASSWORD, Visitor, account, encoded, invite};
use crate::server::{Answer, Ledger};

/// A ledger that lets so many tries fail at once, and as many a minute; behind a proxy, so that there are several addresses.
fn office(tries: &str) -> Ledger {
    let rates = ["--rate-per-second", "0", "--lookups-per-minute", tries, "--second-factor", "off"];
    let proxied = ["--trusted-proxies", "127.0.0.1", "--site", "http://ledger.example.cn"];
    Ledger::start_with(&[&rates[..], &proxied].concat())
}

fn form(login: &str, password: &str) -> String {
    encoded(&[("login", login), ("password", password)])
}

/// One try from an address.
fn from(ledger: &Ledger, address: &str, path: &str, form: &str) -> Answer {
    let headers = [("origin", ledger.url()), ("x-forwarded-for", address), ("accept", "text/html")];
    ledger.ask_as_browser("POST", path, Some(form.as_bytes()), &headers)
}

/// An account that can be signed in to. Joining is a right try of it, too.
fn joined(ledger: &Ledger, login: &str) {
    let code = invite(ledger, login, &account("clerk", "孙立新"));
    let form = [("code", code.as_str()), ("password", PASSWORD), ("again", PASSWORD)];
    assert_eq!(Visitor::new(ledger).post("/join", &form).status, 200);
}

#[test]
fn an_office_behind_one_address_signs_in_together() {
    let ledger = office("2");
    let clerk = account("clerk", "孙立新");
    let mut office: Vec<Visitor<'_>> =
        (0..8).map(|n| Visitor::joined(&ledger, &format!("sun{n}@example.org"), &clerk)).collect();
    for visitor in &mut office {
        assert_eq!(visitor.get("/account").status, 200);
    }
}

#[test]
fn whoever_guesses_is_slowed_down_whatever_succeeds_in_between() {
    let ledger = office("2");
    joined(&ledger, "sun@example.org");
    let (right, guesser, other) = (form("sun@example.org", PASSWORD), "192.0.2.1", "192.0.2.2");
    for n in 0..2 {
        assert_eq!(from(&ledger, guesser, "/sign-in", &form(&format!("nobody{n}"), "wrong")).status, 422);
    }
    for path in ["/sign-in", "/join"] {
        let refused = from(&ledger, guesser, path, &right);
        assert_eq!(refused.status, 429, "{path}: the right password neither");
        let wait = refused.header("retry-after").parse::<u64>().unwrap();
        assert!((1..=30).contains(&wait) && refused.text().contains(&format!("请等 {wait} 秒")), "{}", refused.text());
    }
    assert_eq!(from(&ledger, other, "/sign-in", &right).status, 303, "another address");
    assert_eq!(from(&ledger, guesser, "/forgot", "login=nobody").status, 200, "look-ups are counted apart");

    let (ledger, mut statuses) = (office("2"), Vec::new());
    joined(&ledger, "sun@example.org");
    for form in [form("nobody", "wrong"), right.clone(), form("nobody", "wrong"), right] {
        statuses.push(from(&ledger, guesser, "/sign-in", &form).status);
    }
    assert_eq!(statuses, [422, 303, 422, 429], "a right one takes no wrong one back");
}

/// Each has a password hashed: nobody has that done without end, not even who knows one.
#[test]
fn one_account_does_not_sign_in_without_end() {
    let ledger = office("3");
    joined(&ledger, "sun@example.org");
    let right = form("sun@example.org", PASSWORD);
    let statuses: Vec<u16> = (0..20).map(|_| from(&ledger, "192.0.2.1", "/sign-in", &right).status).collect();
    assert!(statuses.contains(&429) && statuses[..2] == [303, 303], "{statuses:?}");
}

#[test]
fn who_hangs_up_before_the_answer_has_tried_all_the_same() {
    let ledger = office("20");
    joined(&ledger, "sun@example.org");
    let address = ledger.url().trim_start_matches("http://");
    for n in 0..60 {
        let body = form(&format!("nobody{n}"), "wrong");
        let request = format!(
            "POST /sign-in HTTP/1.1\r\nhost: {address}\r\norigin: http://{address}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        TcpStream::connect(address).unwrap().write_all(request.as_bytes()).unwrap();
    }
    // Right ones, which do not count: there are fewer of them than an account has.
    let right = form("sun@example.org", PASSWORD);
    let refused = (0..15).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        from(&ledger, "127.0.0.1", "/sign-in", &right).status == 429
    });
    assert!(refused, "sixty tries were not counted");
}
