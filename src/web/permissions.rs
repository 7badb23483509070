//! Who may ask for what, route by route: what docs/PERMISSIONS.md shows, and what the test of every route by every role
//! holds against the running service.
//!
//! The portal's rows come from the table its router is built of. The interface's rows are written here, since its handlers
//! ask their use case; the test fails for a route of the interface that has no row.

use std::fmt::Write as _;

use super::portal::{self, Gate};
use crate::service::{AccountId, AccountRole, Action, Actor, Person};
use crate::standard::CreditCode;

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The JSON interface, for programs with tokens. It knows no sessions.
    Interface,
    /// The portal, for people with sessions. It knows no tokens.
    Portal,
}

/// One route, and who may ask for it.
#[derive(Debug, Clone)]
pub struct Permission {
    /// Which side it is on.
    pub side: Side,
    /// The method.
    pub method: String,
    /// The path, with the names of its variable parts in braces.
    pub path: &'static str,
    /// Whether anybody may.
    pub public: bool,
    /// Whether a recorder's token may.
    pub recorder: bool,
    /// Whether the operator's token may.
    pub operator: bool,
    /// Whether each role may, in the order of [`AccountRole::ALL`].
    pub roles: Vec<bool>,
}

const PUBLIC: Option<Action> = None;

/// The interface: method, path, and the action that its use case asks for; none where anybody may ask.
#[rustfmt::skip]
const INTERFACE: &[(&str, &str, Option<Action>)] = &[
    ("POST", "/api/v1/entries", Some(Action::SubmitEntries)),
    ("GET", "/api/v1/entries/{id}", Some(Action::ReadEntry)),
    ("GET", "/api/v1/entries/{id}/proof", Some(Action::ReadEntry)),
    ("POST", "/api/v1/proofs", Some(Action::ReadEntry)),
    ("GET", "/api/v1/organisations", Some(Action::ReadOrganisations)),
    ("POST", "/api/v1/organisations", Some(Action::WriteOrganisations)),
    ("GET", "/api/v1/learners", Some(Action::ReadRegistry)),
    ("POST", "/api/v1/learners", Some(Action::WriteRegistry)),
    ("GET", "/api/v1/learners/{id}", Some(Action::ReadRegistry)),
    ("PUT", "/api/v1/learners/{id}", Some(Action::WriteRegistry)),
    ("GET", "/api/v1/courses", Some(Action::ReadRegistry)),
    ("POST", "/api/v1/courses", Some(Action::WriteRegistry)),
    ("POST", "/api/v1/tokens", Some(Action::WriteTokens)),
    ("DELETE", "/api/v1/tokens/{id}", Some(Action::WriteTokens)),
    ("GET", "/api/v1/accounts", Some(Action::ReadAccounts)),
    ("POST", "/api/v1/accounts", Some(Action::WriteAccounts)),
    ("POST", "/api/v1/accounts/{id}/code", Some(Action::WriteAccounts)),
    ("DELETE", "/api/v1/accounts/{id}/code", Some(Action::WriteAccounts)),
    ("DELETE", "/api/v1/accounts/{id}", Some(Action::WriteAccounts)),
    ("DELETE", "/api/v1/accounts/{id}/data", Some(Action::Erase)),
    ("DELETE", "/api/v1/accounts/{id}/factor", Some(Action::WriteAccounts)),
    ("GET", "/api/v1/erasures", Some(Action::Erase)),
    ("POST", "/api/v1/erasures", Some(Action::Erase)),
    ("DELETE", "/api/v1/cases/{number}", Some(Action::Erase)),
    ("POST", "/api/v1/certificates", Some(Action::IssueCertificates)),
    ("GET", "/api/v1/certificates", Some(Action::ReadCertificates)),
    ("GET", "/api/v1/certificates/{number}", Some(Action::ReadCertificates)),
    ("GET", "/api/v1/certificates/{number}/credential", Some(Action::ReadCertificates)),
    ("GET", "/api/v1/certificates/{number}/proof", Some(Action::ReadCertificates)),
    ("GET", "/api/v1/certificates/{number}/pdf", Some(Action::ReadCertificates)),
    ("GET", "/api/v1/certificates/{number}/pdf/proof", Some(Action::ReadCertificates)),
    ("POST", "/api/v1/certificates/{number}/revocation", Some(Action::RevokeCertificates)),
    ("POST", "/api/v1/certificates/{number}/replacement", Some(Action::IssueCertificates)),
    ("GET", "/api/v1/blocks", PUBLIC),
    ("GET", "/api/v1/blocks/{height}", PUBLIC),
    ("GET", "/api/v1/blocks/{height}/proof", PUBLIC),
    ("GET", "/checkpoint", PUBLIC),
    ("GET", "/tile/{path}", PUBLIC),
    ("GET", "/batch/{height}", PUBLIC),
    ("GET", "/keys/{height}", PUBLIC),
    ("GET", "/policy", PUBLIC),
    ("GET", "/status/{list}", PUBLIC),
    ("GET", "/status/{list}/proof", PUBLIC),
    ("GET", "/.well-known/did.json", PUBLIC),
    ("POST", "/api/v1/verify", PUBLIC),
    ("GET", "/api/v1/attestations/{what}", PUBLIC),
    ("GET", "/api/v1/attestations/{what}/proof", PUBLIC),
    ("GET", "/api/v1/attestations/certificates/{number}", PUBLIC),
    ("POST", "/api/v1/attestations/search", PUBLIC),
    ("GET", "/healthz", PUBLIC),
    ("GET", "/readyz", PUBLIC),
];

/// Every route of both sides.
pub fn table() -> Vec<Permission> {
    let interface = INTERFACE.iter().map(|(method, path, action)| {
        let may = |actor: &Actor| action.is_none_or(|action| actor.may(action));
        Permission {
            side: Side::Interface,
            method: (*method).to_owned(),
            path,
            public: action.is_none(),
            recorder: may(&Actor::Recorder(somewhere())),
            operator: may(&Actor::Operator),
            roles: vec![action.is_none(); AccountRole::ALL.len()],
        }
    });
    let portal = portal::routes().into_iter().map(|route| {
        let open = route.gate == Gate::Public;
        let may = |role: &AccountRole| match route.gate {
            Gate::May(action) => in_role(*role).may(action),
            Gate::Public | Gate::HalfWay | Gate::SignedIn => true,
        };
        Permission {
            side: Side::Portal,
            method: route.method.to_string(),
            path: route.path,
            public: open,
            recorder: open,
            operator: open,
            roles: AccountRole::ALL.iter().map(may).collect(),
        }
    });
    interface.chain(portal).collect()
}

fn in_role(role: AccountRole) -> Actor {
    let account = AccountId::try_from(uuid::Uuid::from_u128(0x0197_0000_0000_7000_8000_0000_0000_0000));
    match account {
        Ok(account) => {
            let (organisation, learners, affiliations) = (somewhere(), Vec::new(), Vec::new());
            Actor::Person(Person { account, role, organisation, learners, affiliations })
        }
        Err(_) => Actor::Public,
    }
}

/// An organisation of the table's own: the table says what roles may do, not whose rows they see.
fn somewhere() -> CreditCode {
    CreditCode::with_check("91110000600037341").expect("its form is right")
}

/// docs/PERMISSIONS.md.
pub fn document() -> String {
    let mut text = String::from(
        "# Who may do what\n\nMade by the program (`CQO_UPDATE=1 cargo test --test it people::`), and held against the running service by the same test: every \
         route, as everybody. A tick says that the role gets in; whose rows it sees then, the use case decides (`Actor::owns`, \
         `Actor::is_learner`): a learner their own, provider staff their organisation's, an employer its own people, the certifying body's \
         roles all.\n\nA person acts in one role at a time. The interface knows tokens and no sessions, the portal sessions and no tokens.\n",
    );
    let header = |text: &mut String| {
        text.push_str("\n| route | public | recorder's token | operator's token |");
        for role in AccountRole::ALL {
            let _ = write!(text, " {} {} |", role.chinese(), role);
        }
        text.push_str("\n|---|---|---|---|");
        text.push_str(&"---|".repeat(AccountRole::ALL.len()));
        text.push('\n');
    };
    for (side, title) in [(Side::Portal, "The portal 门户"), (Side::Interface, "The interface 接口")] {
        let _ = writeln!(text, "\n## {title}");
        header(&mut text);
        for row in table().into_iter().filter(|row| row.side == side) {
            let tick = |may: bool| if may { "✓" } else { "" };
            let _ = write!(
                text,
                "| `{} {}` | {} | {} | {} |",
                row.method,
                row.path,
                tick(row.public),
                tick(row.recorder),
                tick(row.operator)
            );
            for may in row.roles {
                let _ = write!(text, " {} |", tick(may));
            }
            text.push('\n');
        }
    }
    text
}
