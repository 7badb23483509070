//! Checking a PDF (FORMATS sections 16 and 17): its form, and whether the chain vouches for the page.

use super::bundles::Bundles;
use crate::credential::HourCredential;
use crate::credential::pdf::PdfError;
use crate::ledger::entry::DocumentKind;
use crate::ledger::verify::{Message, State, Step, StepReport, Steps};
use crate::merkle::Hash;

const STEPS: &[Step] = &[Step::Form, Step::PrintedPage];

/// `attached` is the certificate in it, as far as that could be read.
pub(super) fn check(
    digest: &Hash,
    error: Option<&PdfError>,
    attached: Option<&HourCredential>,
    bundles: &Bundles<'_>,
) -> Vec<StepReport> {
    let mut steps = Steps::new(STEPS);
    let form = match error {
        Some(error) => Err(Message::new(
            format!("不是本系统签发的 PDF：{}", error.zh()),
            format!("not a PDF of this system's writer: {error}"),
        )),
        None => Ok((Message::new("恰有两个附件", "exactly two attachments"), ())),
    };
    if steps.step(Step::Form, form).is_some() {
        let (state, detail) = judge_page(digest, attached, bundles);
        steps.note(Step::PrintedPage, state, detail);
    }
    steps.close()
}

fn judge_page(digest: &Hash, attached: Option<&HourCredential>, bundles: &Bundles<'_>) -> (State, Message) {
    let proven = attached.map(HourCredential::certificate).and_then(|certificate| {
        bundles
            .issued(&certificate.origin, &certificate.number, DocumentKind::Pdf)
            .find(|issued| issued.issued.sha256 == *digest)
    });
    match proven {
        Some(issued) => {
            let (number, sealed_at) = (issued.entry.attestation_number(), issued.entry.sealed_at);
            let detail = Message::new(
                format!("此 PDF 的摘要已上链（存证编号 {number}，{sealed_at}）"),
                format!("the digest of this very PDF is on the chain ({number}, sealed at {sealed_at})"),
            );
            (State::Passed, detail)
        }
        None => {
            let detail = Message::new(
                "没有证明包证明此 PDF 的摘要：附件有效不等于页面属实，请与下列签名字段逐项比对",
                "no bundle proves the digest of this PDF: sound attachments say nothing about the printed page; compare it with the signed fields",
            );
            (State::Open, detail)
        }
    }
}
