//! Hour certificates: how long those of a whole nation are in the making, and how fast one is signed and verified.

use std::hint::black_box;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cqo_ledger::credential::HourCredential;
use cqo_ledger::credential::verify::{File, Question, verify_files};
use cqo_ledger::ledger::entry::Body;
use cqo_ledger::ledger::signed::SignedEntry;
use cqo_ledger::merkle::TrustPolicy;
use cqo_ledger::service::keyfile;
use serde_json::Value;

use super::machine::{bytes_below, cpu_seconds, memory_mib};
use super::{Bench, Outcome, PROGRAM, count, entry, study};

/// Entries of each learner's course; the last one finishes it.
pub(crate) const COURSE: usize = 3;
/// Rows of the certificate that is signed and verified many times.
const ROWS: usize = 7;
/// Entries of a request, and keep-alive connections.
const REQUEST: (usize, usize) = (1_000, 4);
/// How many certificates are downloaded in the end.
const SAMPLE: usize = 1_000;
/// How often is looked whether all are issued, and for how long.
const POLL: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(1_200);
const RUNS: u32 = 500;
const PROCESS_RUNS: u32 = 20;
/// The counter of issued certificates in the metrics.
const ISSUED: &str = "cqo_ledger_certificates_issued_total ";
const NODE_MODULES: &str = "target/node/node_modules";

/// What one certificate comes with, in files.
struct Files {
    dir: PathBuf,
    credential: Vec<u8>,
    proof: Vec<u8>,
    status: Vec<u8>,
    status_proof: Vec<u8>,
    policy: Vec<u8>,
}

impl Bench {
    /// (e) A finished course for each of so many learners, until all their certificates can be downloaded; then one
    /// certificate of [`ROWS`] rows over and over.
    pub(crate) fn certificates(self, wanted: usize) -> Outcome<()> {
        let mut out = std::io::stdout();
        let learners: Vec<(usize, usize)> = (0..self.providers.len())
            .flat_map(|p| (0..self.providers[p].learners.len()).map(move |l| (p, l)))
            .take(wanted)
            .collect();
        writeln!(out, "signing {} entries of {} learners beforehand ...", learners.len() * COURSE, learners.len())?;
        let signed = self.sign_in_parts(learners.len() * COURSE, |i| {
            let (provider, learner) = learners[i / COURSE];
            (provider, learner, i % COURSE + 1 == COURSE)
        })?;
        writeln!(out, "submitting (server process {}) ...", self.server.child.id())?;
        let requests = self.requests(&signed, REQUEST.0);
        let (server, started, begun) = (self.server_cpu()?, Instant::now(), self.server.total()?);
        self.submit(&requests, REQUEST.1)?;
        let accepted_s = started.elapsed().as_secs_f64();
        let entries = u64::try_from(signed.len())?;
        let (mut sealed_s, certificates) = (0.0, u64::try_from(learners.len())?);
        // Certificates come in the order of their entries, so those of each provider's last learner come last.
        while self.issued()? < certificates
            || self.server.total()? < begun + entries + certificates
            || !self.last_is_there()?
        {
            if sealed_s == 0.0 && self.server.total()? >= begun + entries {
                sealed_s = started.elapsed().as_secs_f64();
            }
            if started.elapsed() > PATIENCE {
                return Err(format!("{} of {certificates} certificates were issued", self.issued()?).into());
            }
            std::thread::sleep(POLL);
        }
        let done_s = started.elapsed().as_secs_f64();
        let server_s = self.server_cpu()? - server;
        let (now, most) = memory_mib(self.server.child.id())?;
        let downloading = Instant::now();
        for (provider, learner) in learners.iter().step_by((learners.len() / SAMPLE).max(1)) {
            let number = self.number_of(*provider, *learner)?.ok_or("a certificate is missing")?;
            let credential = HourCredential::from_bytes(&self.file_of(&number, "credential")?)?;
            if credential.certificate().rows.len() > COURSE
                || credential.verify_jcs().is_err()
                || credential.verify_rdfc().is_err()
            {
                return Err(format!("{number} does not hold").into());
            }
            self.file_of(&number, "proof")?;
        }
        let downloaded_s = downloading.elapsed().as_secs_f64();

        writeln!(out, "\n| what | figure |\n|---|---|")?;
        writeln!(out, "| certificates issued, of {COURSE} rows each | {} |", self.issued()?)?;
        writeln!(out, "| all {entries} entries accepted | {accepted_s:.1} s |")?;
        writeln!(out, "| all of them sealed, or a certificate beside them | {sealed_s:.1} s |")?;
        writeln!(out, "| all certificates signed, sealed and to be had | **{done_s:.1} s** |")?;
        writeln!(
            out,
            "| server CPU in all | {server_s:.1} s, {:.2} ms a certificate |",
            server_s / count(learners.len()) * 1e3
        )?;
        writeln!(out, "| server memory at the end, most so far | {now:.0}, {most:.0} MiB |")?;
        writeln!(out, "| journal, index | {}, {} MiB |", self.mib("store/journal")?, self.mib("store/index")?)?;
        writeln!(
            out,
            "| credential and proof of {} certificates, one after the other | {downloaded_s:.1} s |",
            SAMPLE.min(learners.len())
        )?;
        self.one_certificate(&mut out)
    }

    fn server_cpu(&self) -> Outcome<f64> {
        cpu_seconds(&self.server.child.id().to_string())
    }

    fn mib(&self, path: &str) -> Outcome<u64> {
        Ok(bytes_below(&self.data.join(path))? / 1024 / 1024)
    }

    /// How many certificates the metrics say were issued.
    fn issued(&self) -> Outcome<u64> {
        let metrics = String::from_utf8(self.server.get(&self.operator, "/metrics")?)?;
        Ok(metrics.lines().find_map(|line| line.strip_prefix(ISSUED)).ok_or("no such metric")?.parse()?)
    }

    /// Whether the certificates of each provider's last learner can be had.
    fn last_is_there(&self) -> Outcome<bool> {
        for (place, provider) in self.providers.iter().enumerate() {
            match self.newest_of(place, provider.learners.len() - 1)? {
                Some(newest) if newest["sealed"] == true => {}
                // Fewer certificates than learners were asked for.
                None => {}
                Some(_) => return Ok(false),
            }
        }
        Ok(true)
    }

    fn newest_of(&self, provider: usize, learner: usize) -> Outcome<Option<Value>> {
        let path = format!("/api/v1/certificates?learner={}", self.providers[provider].learners[learner].id);
        let all: Vec<Value> = serde_json::from_slice(&self.server.get(&self.providers[provider].token, &path)?)?;
        Ok(all.into_iter().next_back())
    }

    fn number_of(&self, provider: usize, learner: usize) -> Outcome<Option<String>> {
        Ok(self.newest_of(provider, learner)?.and_then(|newest| newest["number"].as_str().map(str::to_owned)))
    }

    fn file_of(&self, number: &str, what: &str) -> Outcome<Vec<u8>> {
        self.server.get(&self.operator, &format!("/api/v1/certificates/{number}/{what}"))
    }

    /// One more course of the first learner's, of [`ROWS`] rows: signed and verified many times.
    fn one_certificate(&self, out: &mut impl std::io::Write) -> Outcome<()> {
        let provider = &self.providers[0];
        let before = self.newest_of(0, 0)?;
        for i in 0..ROWS {
            let mut study = study()?;
            study.completes = i + 1 == ROWS;
            let body = Body::Study(provider.learners[0].clone(), study);
            let signed = SignedEntry::sign(entry(&provider.code, body)?, &[&provider.key]);
            self.server.post(&provider.token, "/api/v1/entries?wait=sealed", signed.bytes())?;
        }
        let started = Instant::now();
        let newest = loop {
            let newest = self.newest_of(0, 0)?.filter(|newest| newest["sealed"] == true);
            match newest.filter(|newest| before.as_ref().is_none_or(|before| before["number"] != newest["number"])) {
                Some(newest) => break newest,
                None if started.elapsed() > PATIENCE => return Err("the certificate does not come".into()),
                None => std::thread::sleep(POLL),
            }
        };
        let files = self.files(&newest)?;
        let certificate = HourCredential::from_bytes(&files.credential)?.certificate().clone();
        if certificate.rows.len() != ROWS {
            return Err(format!("the certificate has {} rows", certificate.rows.len()).into());
        }
        let key = keyfile::generate()?;
        let sign = mean_ms(RUNS, || Ok(certificate.sign(&key)?))?;
        let read = mean_ms(RUNS, || Ok(HourCredential::from_bytes(&files.credential)?))?;
        let verify = mean_ms(RUNS, || files.verify())?;
        writeln!(out, "| sign a certificate of {ROWS} rows, with reading it back | {sign:.3} ms |")?;
        writeln!(out, "| reading it back alone | {read:.3} ms |")?;
        writeln!(out, "| verify certificate, bundle, status list and its bundle, in process | {verify:.2} ms |")?;
        for name in ["certificate.pdf", "certificate.json"] {
            let mut command = Command::new(PROGRAM);
            command.arg("verify").args(files.arguments(name));
            writeln!(out, "| `cqo-ledger verify {name}`, start to end | {:.1} ms |", run(command)?)?;
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new("node");
        command.arg(root.join("proofs/verify.mjs")).args(files.arguments("certificate.pdf"));
        writeln!(out, "| `node verify.mjs certificate.pdf`, start to end | {:.0} ms |", run(command)?)?;
        let modules = root.join(NODE_MODULES);
        if modules.join("@digitalbazaar/vc").is_dir() {
            let script = root.join("benches/load/digitalbazaar.mjs");
            let contexts = root.join("src/credential/contexts");
            let said = Command::new("node")
                .arg(script)
                .args([&files.dir.join("certificate.json"), &modules, &contexts])
                .output()?;
            if !said.status.success() {
                return Err(String::from_utf8_lossy(&said.stderr).into());
            }
            let said = String::from_utf8_lossy(&said.stdout).trim_end().to_owned();
            writeln!(out, "| `@digitalbazaar/vc`, both proofs, in a running node | {said} ms |")?;
        }
        Ok(())
    }

    fn files(&self, told: &Value) -> Outcome<Files> {
        let number = told["number"].as_str().ok_or("no number")?;
        let list = told["status_list"].as_u64().ok_or("no list")?;
        let dir = self.data.join("one");
        std::fs::create_dir(&dir)?;
        let get = |path: &str| self.server.get(&self.operator, path);
        let files = Files {
            credential: self.file_of(number, "credential")?,
            proof: self.file_of(number, "proof")?,
            status: get(&format!("/status/{list}"))?,
            status_proof: get(&format!("/status/{list}/proof"))?,
            policy: get("/policy")?,
            dir,
        };
        for (name, bytes) in [
            ("certificate.pdf", &self.file_of(number, "pdf")?),
            ("certificate.json", &files.credential),
            ("certificate.proof.json", &files.proof),
            ("status.json", &files.status),
            ("status.proof.json", &files.status_proof),
            ("policy.txt", &files.policy),
        ] {
            std::fs::write(files.dir.join(name), bytes)?;
        }
        Ok(files)
    }
}

impl Files {
    /// Verifies all four files; every step must be checked but those that only the policy's witnesses would show.
    fn verify(&self) -> Outcome<()> {
        let policy = TrustPolicy::parse(&self.policy)?;
        let status = [File { name: "status.json", bytes: Ok(&self.status) }];
        let files = [
            File { name: "certificate.json", bytes: Ok(&self.credential) },
            File { name: "certificate.proof.json", bytes: Ok(&self.proof) },
            File { name: "status.proof.json", bytes: Ok(&self.status_proof) },
        ];
        let now = HourCredential::from_bytes(&self.credential)?.certificate().issued;
        let verdict =
            verify_files(&files, Question { policy: Some(&policy), at: None, leaf: None, status: &status, now });
        if matches!(verdict.exit, 0 | 3) { Ok(()) } else { Err(format!("exit {}", verdict.exit).into()) }
    }

    /// The same for a program, with the certificate as a PDF or as JSON.
    fn arguments(&self, name: &str) -> Vec<std::ffi::OsString> {
        let path = |name: &str| self.dir.join(name).into_os_string();
        let mut arguments =
            vec!["--policy".into(), path("policy.txt"), "--status".into(), path("status.json"), path(name)];
        if name.ends_with(".json") {
            arguments.push(path("certificate.proof.json"));
        }
        arguments.push(path("status.proof.json"));
        arguments
    }
}

fn mean_ms<T>(runs: u32, mut work: impl FnMut() -> Outcome<T>) -> Outcome<f64> {
    let started = Instant::now();
    for _ in 0..runs {
        black_box(work()?);
    }
    Ok(started.elapsed().as_secs_f64() / f64::from(runs) * 1e3)
}

/// Milliseconds of a program that verifies, from start to end.
fn run(mut command: Command) -> Outcome<f64> {
    command.stdout(Stdio::null());
    mean_ms(PROCESS_RUNS, || match command.status()?.code() {
        Some(0 | 3) => Ok(()),
        code => Err(format!("it ended with {code:?}").into()),
    })
}
