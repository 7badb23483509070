//! Certificates on request: for a year or a span, in the place of another one; and revoking them.

use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::super::Service;
use super::super::access::{Action, Actor};
use super::super::error::Error;
use super::make::Order;
use super::{Certificate, CertificateState, Scope};
use crate::ledger::CertificateNumber;
use crate::ledger::entry::{LearnerId, RevocationReason};
use crate::ledger::fields::{FieldErrors, Fields, Problem};
use crate::standard::DAY_YEARS;

impl Service {
    /// Issues a certificate as `{"learner", "year"}` or `{"learner", "first_day", "last_day"}` says.
    pub async fn issue(self: &Arc<Self>, actor: &Actor, input: Value) -> Result<Certificate, Error> {
        self.allow(actor, Action::IssueCertificates)?;
        let (learner, scope) = read_request(input)?;
        self.check_is_learner_of(actor, learner)?;
        self.issue_one(actor, Order { learner, scope, replaces: None, in_place_of: None }).await
    }

    /// Whether a certificate in force holds all that a learner has on the chain in a calendar year: another one would say
    /// the same.
    pub async fn is_year_certified(&self, actor: &Actor, learner: LearnerId, year: i16) -> Result<bool, Error> {
        let said = self.said_in(actor, learner, year).await?;
        let own: Vec<Uuid> = said.iter().filter(|said| said.learner == learner).map(|said| said.last.uuid()).collect();
        for (number, row) in self.certificates_of(learner.uuid()).await? {
            let stands = row.head.state == CertificateState::InForce && row.head.replaced_by.is_none();
            if stands && !own.is_empty() {
                let contents = self.open_contents(&number, &row)?;
                if contents.scope == (Scope::Year { year }) && own.iter().all(|entry| contents.holds(*entry)) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Issues a new certificate of the same scope, of what its entries say now.
    pub async fn replace(self: &Arc<Self>, actor: &Actor, number: &CertificateNumber) -> Result<Certificate, Error> {
        self.allow(actor, Action::IssueCertificates)?;
        let row = self.certificate_row(actor, number).await?;
        let learner = LearnerId::try_from(row.head.learner).map_err(Error::internal)?;
        let scope = self.open_contents(number.as_str(), &row)?.scope;
        self.issue_one(actor, Order { learner, scope, replaces: Some(number.clone()), in_place_of: None }).await
    }

    async fn issue_one(self: &Arc<Self>, actor: &Actor, order: Order) -> Result<Certificate, Error> {
        let issuer = self.issuer()?;
        if let Some(not_ready) = self.not_ready() {
            return Err(not_ready);
        }
        let mut issuing = self.issuing.lock().await;
        if let Some(old) = &order.replaces {
            self.check_replaceable(actor, old).await?;
        }
        let total = self.published().total();
        let outcome = self.issue_all(&mut issuing, &issuer, total, vec![order], actor).await?.pop();
        let number = outcome.ok_or_else(|| Error::internal("no certificate came of an order"))??;
        self.figures.certificates_issued.inc();
        // What is durable is answered as issued; what could not be sent yet is sent by a later round.
        let sent = match self.renew_lists(&mut issuing, &issuer).await {
            Ok(()) => self.flush_outbox(&mut issuing).await,
            failed => failed,
        };
        if let Err(error) = sent {
            tracing::warn!(%error, "a certificate's entry waits to be sent");
        }
        drop(issuing);
        self.certificate(actor, &number).await
    }

    async fn check_replaceable(&self, actor: &Actor, number: &CertificateNumber) -> Result<(), Error> {
        let head = self.certificate_row(actor, number).await?.head;
        if let Some(by) = head.replaced_by {
            return Err(Error::Conflict(format!("{by} has taken its place already")));
        }
        if matches!(head.state, CertificateState::Revoked { .. }) {
            return Err(Error::Conflict("it was revoked: ask for a new one of a year or a span".into()));
        }
        Ok(())
    }

    /// Revokes a certificate, as `{"reason"}` says.
    pub async fn revoke(
        self: &Arc<Self>,
        actor: &Actor,
        number: &CertificateNumber,
        input: Value,
    ) -> Result<Certificate, Error> {
        self.allow(actor, Action::RevokeCertificates)?;
        let reason = read_reason(input)?;
        let issuer = self.issuer()?;
        let mut issuing = self.issuing.lock().await;
        let mut row = self.certificate_row(actor, number).await?;
        if matches!(row.head.state, CertificateState::Revoked { .. }) {
            return Err(Error::Conflict("it was revoked before".into()));
        }
        row.head.state = CertificateState::Revoked { reason, at: self.clock.now() };
        self.revoke_row(&mut issuing, &issuer, number.as_str(), row, reason, actor).await?;
        self.renew_lists(&mut issuing, &issuer).await?;
        if let Err(error) = self.flush_outbox(&mut issuing).await {
            tracing::warn!(%error, "the entry of a revocation waits to be sent");
        }
        drop(issuing);
        self.certificate(actor, number).await
    }
}

fn read_request(input: Value) -> Result<(LearnerId, Scope), Error> {
    let mut errors = FieldErrors::default();
    let read = Fields::of(input, "", &mut errors).and_then(|mut fields| {
        let learner = fields.parsed("learner");
        let scope = if fields.has("year") {
            let (least, most) = (*DAY_YEARS.start(), *DAY_YEARS.end());
            let bounds = u64::try_from(least).ok().zip(u64::try_from(most).ok())?;
            let year = fields.integer("year", bounds.0, bounds.1);
            year.and_then(|year| i16::try_from(year).ok()).map(|year| Scope::Year { year })
        } else {
            let (first_day, last_day) = (fields.parsed("first_day"), fields.parsed("last_day"));
            first_day.zip(last_day).map(|(first_day, last_day)| Scope::Span { first_day, last_day })
        };
        fields.finish();
        learner.zip(scope)
    });
    read.filter(|_| errors.0.is_empty()).ok_or(Error::Invalid(errors))
}

fn read_reason(input: Value) -> Result<RevocationReason, Error> {
    let mut errors = FieldErrors::default();
    let reason = Fields::of(input, "", &mut errors).and_then(|mut fields| {
        let reason = fields.word("reason");
        // That one follows from a correction on the chain, and from nothing else.
        if reason == Some(RevocationReason::Corrected) {
            fields.note("reason", Problem::mismatch("is said by a correction alone", "只能由更正记录产生"));
        }
        fields.finish();
        reason
    });
    reason.filter(|_| errors.0.is_empty()).ok_or(Error::Invalid(errors))
}
