//! The one who issues by itself: after each block it looks at what was sealed, in order.
//!
//! Study that finishes a course brings a certificate; so does any entry, where the rulebook says so. A correction sets the
//! bit of every certificate that holds what it corrects. How far the order was considered is written last, so a crash has
//! some of it considered again: a certificate of the same learner and scope is not issued twice, and a bit not set twice.

use std::sync::{Arc, Weak};
use std::time::Duration;

use uuid::Uuid;

use super::super::Service;
use super::super::access::Actor;
use super::super::error::Error;
use super::super::order::{Place, What, places};
use super::super::places::look_up;
use super::super::tables::{CERTIFICATES, CERTIFICATES_BY_LEARNER, CertificateRow, ISSUED, IssuedRow};
use super::make::Order;
use super::outbox::to_send;
use super::scope::{NOTHING_COUNTS, completion_of, root_of};
use super::sealed::Blocks;
use super::{CertificateState, Issuer, Issuing, Scope};
use crate::ledger::CertificateNumber;
use crate::ledger::entry::{Body, EntryId, LearnerId, RevocationReason, StatusChange};
use crate::standard::rulebook::IssueTrigger;
use crate::store::{Commit, MAX_SCAN_ROWS};

/// Places that are considered before it is written down, and before whoever asks for a certificate has a turn.
const AT_ONCE: u64 = 256;
/// How long is waited for the next block; status lists are renewed in between.
const PAUSE: Duration = Duration::from_secs(60);
/// How long is waited after a round that failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

impl Service {
    /// Issues after each block until the service is dropped.
    pub(in crate::service) async fn run_issuer(service: Weak<Self>) {
        let mut was_failing = false;
        loop {
            let Some(now) = service.upgrade() else { return };
            let mut published = now.published.subscribe();
            let outcome = now.issue_round().await;
            match &outcome {
                Err(error) if !was_failing => tracing::warn!(%error, "issuing has stopped; it is tried again"),
                Ok(()) if was_failing => tracing::info!("issuing goes on"),
                _ => {}
            }
            was_failing = outcome.is_err();
            drop(now);
            let pause = if was_failing { PAUSE_AFTER_FAILURE } else { PAUSE };
            // The sender goes with the service.
            if let Ok(Err(_)) = tokio::time::timeout(pause, published.changed()).await {
                return;
            }
        }
    }

    /// Does all that is to be done now: sends, freezes, considers what was sealed, renews the lists.
    pub async fn issue_round(self: &Arc<Self>) -> Result<(), Error> {
        if self.read_only {
            return Ok(());
        }
        // What the certifying body accepted is sent whether or not certificates are issued.
        self.catch_up().await?;
        let issuer = match self.issuer() {
            Ok(issuer) => issuer,
            // Nothing to sign with: what is sealed meanwhile is considered when there is.
            Err(Error::CannotIssue(_) | Error::ReadOnly) => return Ok(()),
            Err(error) => return Err(error),
        };
        let goal = self.published().total();
        while self.consider(&issuer, goal).await? {}
        let mut issuing = self.issuing.lock().await;
        self.renew_lists(&mut issuing, &issuer).await?;
        self.flush_outbox(&mut issuing).await
    }

    /// Sends what waits, and freezes what is sealed.
    async fn catch_up(self: &Arc<Self>) -> Result<(), Error> {
        let mut issuing = self.issuing.lock().await;
        self.flush_outbox(&mut issuing).await?;
        self.freeze(&mut issuing).await
    }

    /// Looks at the next of what was sealed since it looked last; whether more is left before `goal`. The lock is held for
    /// these alone: after an import of thousands, whoever asks for one certificate does not wait for all of them.
    async fn consider(self: &Arc<Self>, issuer: &Issuer, goal: u64) -> Result<bool, Error> {
        let mut issuing = self.issuing.lock().await;
        let issuing = &mut *issuing;
        let total = self.published().total();
        // A ledger of before has no certificates of its past; they are issued on request.
        let next = issuing.considered.unwrap_or(goal);
        if issuing.considered.is_some_and(|before| before >= goal) {
            return Ok(false);
        }
        let end = goal.min(next + AT_ONCE);
        let sealed = places(&*self.store, next..end).await?;
        self.issue_for(issuing, issuer, total, &sealed).await?;
        for place in &sealed {
            if self.what(place).await? == What::Correction {
                self.correct(issuing, issuer, total, place).await?;
            }
        }
        let event = self.event(&Actor::Operator, "consider", end.to_string());
        self.store.commit(Commit::new(event).write(ISSUED.put(&(), &IssuedRow { before: end })?)).await?;
        issuing.considered = Some(end);
        self.flush_outbox(issuing).await?;
        Ok(end < goal)
    }

    async fn what(&self, place: &Place) -> Result<What, Error> {
        Ok(match place.what {
            What::Unknown => look_up(&*self.store, &self.vault, place.id).await?.1,
            known => known,
        })
    }

    /// Issues what these entries bring.
    async fn issue_for(
        self: &Arc<Self>,
        issuing: &mut Issuing,
        issuer: &Issuer,
        total: u64,
        sealed: &[Place],
    ) -> Result<(), Error> {
        let mut orders = Vec::new();
        for place in sealed {
            let entry = EntryId::try_from(place.id).map_err(Error::internal)?;
            let scope = match (issuer.trigger, self.what(place).await?) {
                (IssueTrigger::CourseCompleted, What::Completion) => Scope::Course { completed_by: entry },
                (IssueTrigger::EntrySealed, What::Study | What::Completion | What::Activity) => Scope::Entry { entry },
                _ => continue,
            };
            let learner = self.learner_of(place).await?;
            if !self.has_certificate(learner, &scope).await? {
                let learner = LearnerId::try_from(learner).map_err(Error::internal)?;
                orders.push(Order { learner, scope, replaces: None, in_place_of: None });
            }
        }
        self.issue_by_itself(issuing, issuer, total, orders).await
    }

    async fn learner_of(&self, place: &Place) -> Result<Uuid, Error> {
        match place.what {
            What::Unknown => Ok(look_up(&*self.store, &self.vault, place.id).await?.0),
            _ => Ok(place.learner),
        }
    }

    /// One that cannot be issued does not stop the others: it is counted, and logged without a name.
    async fn issue_by_itself(
        self: &Arc<Self>,
        issuing: &mut Issuing,
        issuer: &Issuer,
        total: u64,
        orders: Vec<Order>,
    ) -> Result<(), Error> {
        let scopes: Vec<Scope> = orders.iter().map(|order| order.scope.clone()).collect();
        let outcomes = self.issue_all(issuing, issuer, total, orders, &Actor::Operator).await?;
        for (scope, outcome) in scopes.into_iter().zip(outcomes) {
            match outcome {
                Ok(_) => drop(self.figures.certificates_issued.inc()),
                // Nothing is left to say of who was erased, and nothing of what was voided meanwhile.
                Err(Error::Erased(_) | Error::NotFound(_)) => {}
                Err(Error::Invalid(errors)) if errors.0.iter().all(|error| error.field == NOTHING_COUNTS) => {}
                Err(error) => {
                    self.figures.certificates_refused.inc();
                    tracing::warn!(?scope, %error, "no certificate was issued");
                }
            }
        }
        Ok(())
    }

    /// Whether there is a certificate of this scope, in force or not.
    async fn has_certificate(&self, learner: Uuid, scope: &Scope) -> Result<bool, Error> {
        for (number, row) in self.certificates_of(learner).await? {
            match self.open_contents(&number, &row) {
                Ok(contents) if contents.scope == *scope => return Ok(true),
                Ok(_) | Err(Error::Erased(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Every certificate of a learner.
    pub(super) async fn certificates_of(&self, learner: Uuid) -> Result<Vec<(String, CertificateRow)>, Error> {
        let mut found = Vec::new();
        let mut numbers = CERTIFICATES_BY_LEARNER.find(&*self.store, &learner, MAX_SCAN_ROWS).await?;
        while let Some(last) = numbers.last().cloned() {
            for number in numbers {
                if let Some(row) = CERTIFICATES.get(&*self.store, number.as_str()).await? {
                    found.push((number, row.value));
                }
            }
            numbers = CERTIFICATES_BY_LEARNER.find_after(&*self.store, &learner, &last, MAX_SCAN_ROWS).await?;
        }
        Ok(found)
    }

    /// Sets the bit of every certificate that holds what a sealed correction corrects; and issues what was waiting for it.
    async fn correct(
        self: &Arc<Self>,
        issuing: &mut Issuing,
        issuer: &Issuer,
        total: u64,
        place: &Place,
    ) -> Result<(), Error> {
        let learner = LearnerId::try_from(self.learner_of(place).await?).map_err(Error::internal)?;
        let entries = match self.sealed_entries_of(learner, total, &mut Blocks::default()).await {
            Ok(entries) => entries,
            // Whoever was erased has no certificate that anybody could be handed, but the bits of those handed out matter.
            Err(Error::Erased(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        let correction = EntryId::try_from(place.id).map_err(Error::internal)?;
        let found = entries.iter().find(|entry| entry.signed.entry().id == correction);
        let Some(Body::Correction(_, said)) = found.map(|entry| &entry.signed.entry().body) else { return Ok(()) };
        let target = said.target.uuid();
        for (number, mut row) in self.certificates_of(learner.uuid()).await? {
            let contents = self.open_contents(&number, &row)?;
            // One that holds the correction too was issued after it.
            let holds = contents.holds(target) && !contents.holds(place.id);
            if holds && row.head.state == CertificateState::InForce {
                row.head.state = CertificateState::Corrected { at: self.clock.now() };
                self.revoke_row(issuing, issuer, &number, row, RevocationReason::Corrected, &Actor::Operator).await?;
            }
        }
        if issuer.trigger != IssueTrigger::CourseCompleted {
            return Ok(());
        }
        let register = self.keys().register;
        let root = root_of(&entries, correction);
        let Some(completed_by) = root.and_then(|root| completion_of(&entries, &register, root)) else { return Ok(()) };
        let scope = Scope::Course { completed_by };
        if self.has_certificate(learner.uuid(), &scope).await? {
            return Ok(());
        }
        let order = Order { learner, scope, replaces: None, in_place_of: None };
        self.issue_by_itself(issuing, issuer, total, vec![order]).await
    }

    /// One commit: the certificate's new state, and the entry that says so.
    pub(super) async fn revoke_row(
        &self,
        issuing: &mut Issuing,
        issuer: &Issuer,
        number: &str,
        row: CertificateRow,
        reason: RevocationReason,
        actor: &Actor,
    ) -> Result<(), Error> {
        let parsed: CertificateNumber = number.parse().map_err(Error::internal)?;
        let said = issuer.sign(self, Body::Status(StatusChange::Revoke { number: parsed, reason }))?;
        let event = self.event(actor, "revoke", format!("{number} {reason}"));
        let commit = Commit::new(event).write(CERTIFICATES.put(number, &row)?).write(to_send(&said)?);
        self.store.commit(commit).await?;
        issuing.revoke(&row.head);
        Ok(())
    }
}
