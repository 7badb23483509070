//! `certificate`: hour certificates from the command line, through the running service.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::{Answer, Client, ServiceArgs};
use super::{EXIT_OK, Failure, Outcome, say};
use crate::ledger::CertificateNumber;
use crate::ledger::entry::{LearnerId, RevocationReason};
use crate::standard::Day;

/// Under which `type` a service says that it cannot print.
const CANNOT_ISSUE: &str = "urn:cqo-ledger:problem:cannot-issue";
/// How often is asked whether a document's entry is in a block.
const POLL: Duration = Duration::from_millis(100);
/// The longest wait for it.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug, clap::Args)]
#[command(
    after_help = "例 Example:\n  cqo-ledger certificate --url https://ledger.example.org --token-file token issue --learner 01970000-0000-7000-8000-00000000000a --year 2026 --wait\n  cqo-ledger certificate --url https://ledger.example.org --token-file token list --learner 01970000-0000-7000-8000-00000000000a\n  cqo-ledger certificate --url https://ledger.example.org --token-file token fetch XS-2026-340100-7K3M9QX2AB-4 --out certificates\n  cqo-ledger certificate --data ./ledger revoke XS-2026-340100-7K3M9QX2AB-4 --reason error\n课程学完并上链后自动签发，无需此命令。\nA finished course brings its certificate by itself, without this command."
)]
pub(super) struct Args {
    #[command(flatten)]
    service: ServiceArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// 签发一年或一段日期的学时证明 | Issue a certificate for a year, or for a span of days
    Issue {
        /// 学员编号 | The learner's id
        #[arg(long)]
        learner: LearnerId,
        /// 年份 | The calendar year
        #[arg(long, required_unless_present = "first_day", conflicts_with_all = ["first_day", "last_day"])]
        year: Option<i16>,
        /// 起始日期，如 2026-01-01 | The first day of a span
        #[arg(long, requires = "last_day")]
        first_day: Option<Day>,
        /// 截止日期 | Its last day
        #[arg(long, requires = "first_day")]
        last_day: Option<Day>,
        /// 等待上链 | Wait until it is on the chain
        #[arg(long)]
        wait: bool,
    },
    /// 列出学员的全部学时证明 | List all certificates of a learner
    List {
        /// 学员编号 | The learner's id
        #[arg(long)]
        learner: LearnerId,
    },
    /// 下载凭证、PDF、存证证明与状态清单 | Fetch credential, PDFs, their proofs and the status list
    Fetch {
        /// 证书编号 | The certificate's number
        number: CertificateNumber,
        /// 保存到的目录 | The directory to put the files in
        #[arg(long, default_value = ".")]
        out: PathBuf,
    },
    /// 撤销（运营者），不可恢复 | Revoke it for good, as the operator
    Revoke {
        /// 证书编号 | The certificate's number
        number: CertificateNumber,
        /// 原因 | Why: error, fraud, replaced or other
        #[arg(long)]
        reason: RevocationReason,
    },
    /// 按现有记录换发，原证书如有效即撤销 | Issue a new one of what the entries say now; one that was in force is revoked
    Replace {
        /// 原证书编号 | The number of the old one
        number: CertificateNumber,
        /// 等待上链 | Wait until the new one is on the chain
        #[arg(long)]
        wait: bool,
    },
}

pub(super) fn run(args: Args) -> Outcome {
    let client = args.service.client()?;
    match args.command {
        Command::Issue { learner, year, first_day, last_day, wait } => {
            let mut body = json!({"learner": learner.to_string()});
            match (year, first_day, last_day) {
                (Some(year), ..) => body["year"] = year.into(),
                (None, first, last) => {
                    body["first_day"] = first.map(|day| day.to_string()).into();
                    body["last_day"] = last.map(|day| day.to_string()).into();
                }
            }
            let path = awaited("/api/v1/certificates".into(), wait);
            show(&client.post(&path, body.to_string().as_bytes())?.json()?);
        }
        Command::List { learner } => {
            let all = client.get(&format!("/api/v1/certificates?learner={learner}"))?.json()?;
            let all = all.as_array().map_or(&[][..], Vec::as_slice);
            all.iter().for_each(show);
            say(format!("共 {} 份 certificates in all", all.len()));
        }
        Command::Fetch { number, out } => keep(&out, &fetch(&client, &number)?)?,
        Command::Revoke { number, reason } => {
            let body = json!({"reason": reason.as_str()}).to_string();
            show(&client.post(&format!("{}/revocation", path_of(&number)), body.as_bytes())?.json()?);
        }
        Command::Replace { number, wait } => {
            let path = awaited(format!("{}/replacement", path_of(&number)), wait);
            show(&client.post(&path, b"{}")?.json()?);
        }
    }
    Ok(EXIT_OK)
}

/// Everything there is of one certificate, byte for byte as the service hands it out.
pub(super) struct Documents {
    /// Its number.
    pub(super) number: CertificateNumber,
    /// `certificate.json`.
    pub(super) credential: Vec<u8>,
    /// The bundle that proves it.
    pub(super) proof: Vec<u8>,
    /// Each edition on paper: what comes before `.pdf` in its name, the PDF, the bundle that proves it.
    pub(super) papers: Vec<(&'static str, Vec<u8>, Vec<u8>)>,
    /// Why there are no editions on paper, where there are none.
    pub(super) no_papers: Option<String>,
    /// The newest edition of its status list.
    pub(super) status: Vec<u8>,
    /// The bundle that proves that edition.
    pub(super) status_proof: Vec<u8>,
}

/// Fetches them all, and waits where something is not in a block yet.
pub(super) fn fetch(client: &Client, number: &CertificateNumber) -> Result<Documents, Failure> {
    let path = path_of(number);
    let credential = sealed(client, &format!("{path}/credential"))?.good()?;
    let proof = sealed(client, &format!("{path}/proof"))?.good()?;
    let (mut papers, mut no_papers) = (Vec::new(), None);
    // Both first: they share a block.
    for (name, lang) in [("", "zh"), (".en", "en")] {
        let answer = sealed(client, &format!("{path}/pdf?lang={lang}"))?;
        if answer.is_problem(CANNOT_ISSUE) {
            no_papers = Some(answer.problem());
            break;
        }
        papers.push((name, lang, answer.good()?));
    }
    let prove = |(name, lang, pdf): (&'static str, &str, Vec<u8>)| -> Result<_, Failure> {
        let proof = sealed(client, &format!("{path}/pdf/proof?lang={lang}"))?.good()?;
        Ok((name, pdf, proof))
    };
    let papers = papers.into_iter().map(prove).collect::<Result<_, Failure>>()?;
    let known = client.get(&path)?.json()?;
    let list = known["status_list"].as_u64().ok_or_else(|| Failure::new("no status list is named"))?;
    let status = client.get(&format!("/status/{list}"))?.good()?;
    // The proof of this very edition: there may be a newer one meanwhile.
    let edition: Value = serde_json::from_slice(&status).map_err(Failure::new)?;
    let from = edition["validFrom"].as_str().unwrap_or_default();
    let status_proof = sealed(client, &format!("/status/{list}/proof?timestamp={from}"))?.good()?;
    Ok(Documents { number: number.clone(), credential, proof, papers, no_papers, status, status_proof })
}

impl Documents {
    /// Each file with a name that begins with `stem`, and with `status` the list.
    pub(super) fn named(&self, stem: &str, status: &str) -> Vec<(String, &[u8])> {
        let mut files: Vec<(String, &[u8])> =
            vec![(format!("{stem}.json"), &self.credential), (format!("{stem}.proof.json"), &self.proof)];
        for (name, pdf, proof) in &self.papers {
            files.push((format!("{stem}{name}.pdf"), pdf));
            files.push((format!("{stem}{name}.pdf.proof.json"), proof));
        }
        files.push((format!("{status}.json"), &self.status));
        files.push((format!("{status}.proof.json"), &self.status_proof));
        files
    }
}

/// Asks again while the answer is that something is not in a block yet.
fn sealed(client: &Client, path: &str) -> Result<Answer, Failure> {
    let started = Instant::now();
    loop {
        let answer = client.get(path)?;
        if answer.status != 409 || started.elapsed() > PATIENCE {
            return Ok(answer);
        }
        std::thread::sleep(POLL);
    }
}

fn keep(out: &Path, documents: &Documents) -> Result<(), Failure> {
    let fail = |path: &Path, error| Failure::new(format!("无法写入 cannot write {}: {error}", path.display()));
    std::fs::create_dir_all(out).map_err(|error| fail(out, error))?;
    let number = documents.number.as_str();
    for (name, bytes) in documents.named(number, &format!("{number}.status")) {
        let path = out.join(name);
        // One person's hours: for whoever fetched them alone.
        let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(bytes)).map_err(|error| fail(&path, error))?;
        say(format!("已保存 saved {}", path.display()));
    }
    if let Some(why) = &documents.no_papers {
        say(format!("没有 PDF no PDF: {why}"));
    }
    Ok(())
}

fn path_of(number: &CertificateNumber) -> String {
    format!("/api/v1/certificates/{number}")
}

fn awaited(path: String, wait: bool) -> String {
    if wait { path + "?wait=sealed" } else { path }
}

/// A certificate in one line, and a second one where something follows from its state.
fn show(certificate: &Value) {
    let text = |name: &str| certificate[name].as_str().unwrap_or_default();
    let state = match text("state") {
        "in_force" => "有效 in force".to_owned(),
        "corrected" => format!("所载记录已更正 corrected {}", text("since")),
        "revoked" => {
            let reason = text("reason").parse::<RevocationReason>();
            let chinese = reason.map_or("", RevocationReason::chinese);
            format!("已撤销 revoked {}（{chinese} {}）", text("since"), text("reason"))
        }
        other => other.to_owned(),
    };
    let place = match certificate["sealed"].as_bool() {
        Some(true) => format!("存证编号 attestation {}", text("attestation")),
        _ => "未上链 not sealed yet".to_owned(),
    };
    say(format!("{} | {} | {state} | {place}", text("number"), scope_in_words(&certificate["scope"])));
    if let Some(by) = certificate["replaced_by"].as_str() {
        say(format!("  已换发 replaced by {by}"));
    } else if certificate["replacement"].is_string() {
        say(format!("  可换发 a new one can be issued: cqo-ledger certificate replace {}", text("number")));
    }
}

fn scope_in_words(scope: &Value) -> String {
    let text = |name: &str| scope[name].as_str().unwrap_or_default();
    match text("kind") {
        "course" => format!("课程 course {}", text("course")),
        "entry" => format!("记录 entry {}", text("entry")),
        "year" => format!("{} 年 year", scope["year"]),
        "span" => format!("{} – {}", text("first_day"), text("last_day")),
        other => other.to_owned(),
    }
}
