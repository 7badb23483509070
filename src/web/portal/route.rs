//! One row of the portal's table of routes: what is asked, who may ask it, and who answers.

use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{self, MethodRouter};

use super::super::App;
use crate::service::Action;

/// The largest form without files, in bytes: what a stranger sends must not hold the budget of all bodies.
const FORM_MAX_BYTES: usize = 64 * 1024;

/// Who may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Anybody.
    Public,
    /// Who has begun to sign in and has something left to do first: a code, a second factor, a new password.
    HalfWay,
    /// Who is signed in, in any role.
    SignedIn,
    /// Who is signed in, in a role that may do this.
    May(Action),
}

/// How often one client may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rate {
    /// As anything.
    Usual,
    /// As look-ups: what could be guessed, or sends letters.
    Lookups,
    /// As tries to get in: those that fail are counted. The answer to one that succeeds holds a `RightTry`.
    Tries,
}

/// One route. The router is built from the table of them alone, so no handler can be reached past its gate.
pub(crate) struct Route {
    /// `GET` or `POST`.
    pub(crate) method: Method,
    /// The path, as the router has it.
    pub(crate) path: &'static str,
    /// Who may come in.
    pub(crate) gate: Gate,
    /// How often one client may ask.
    pub(crate) rate: Rate,
    /// The largest form that is taken, in bytes.
    pub(super) form_max: usize,
    pub(super) handler: MethodRouter<App>,
}

impl Route {
    /// A page.
    pub(crate) fn get<T: 'static>(path: &'static str, gate: Gate, handler: impl Handler<T, App>) -> Self {
        Self {
            method: Method::GET,
            path,
            gate,
            rate: Rate::Usual,
            form_max: FORM_MAX_BYTES,
            handler: routing::get(handler),
        }
    }

    /// A form that is sent. Origin and token are checked, and the form is read, before the handler runs.
    pub(crate) fn post<T: 'static>(path: &'static str, gate: Gate, handler: impl Handler<T, App>) -> Self {
        Self {
            method: Method::POST,
            path,
            gate,
            rate: Rate::Usual,
            form_max: FORM_MAX_BYTES,
            handler: routing::post(handler),
        }
    }

    /// The same, for a form that brings files: as large as any body may be.
    pub(crate) fn with_files(self) -> Self {
        Self { form_max: usize::MAX, ..self }
    }

    /// The same, at the rate of look-ups.
    pub(crate) fn rated(self) -> Self {
        Self { rate: Rate::Lookups, ..self }
    }

    /// The same, at the rate of tries to get in.
    pub(crate) fn tried(self) -> Self {
        Self { rate: Rate::Tries, ..self }
    }
}
