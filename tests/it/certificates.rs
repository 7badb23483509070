//! The life of a certificate, from outside: issued, fetched, printed, checked by three programs, corrected, revoked,
//! looked up and erased.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cqo_ledger::ledger::entry::{Body, Correction, CorrectionReason, Entry, Learner, Record};
use cqo_ledger::ledger::signed::SignedEntry;
use cqo_ledger::merkle::Hash;
use cqo_ledger::standard::{CreditHours, UnixMillis};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::server::{Answer, Ledger, PROGRAM, Provider, array, stderr, stdout, text};

/// How long a certificate may take to be there.
const PATIENCE: Duration = Duration::from_secs(20);
/// A name that would be found wherever it is told.
const NAME: &str = "欧阳靖雯";

/// A ledger with a learner who completed a course, and the certificate that followed.
pub(crate) struct Certified {
    pub(crate) ledger: Ledger,
    pub(crate) provider: Provider,
    pub(crate) entry: SignedEntry,
    pub(crate) number: String,
}

/// The entry, as one that finishes its course.
fn finished(mut entry: Entry) -> Entry {
    if let Body::Study(_, study) = &mut entry.body {
        study.completes = true;
    }
    entry
}

impl Certified {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(options: &[&str]) -> Self {
        let options = [&["--seal-interval-ms", "20", "--rate-per-second", "0"], options].concat();
        let ledger = Ledger::start_with(&options);
        // A learner with an employer and a number, beside the one that the harness has registered.
        let learner = Uuid::now_v7().try_into().unwrap();
        let provider = Provider { name: NAME.into(), learner, ..ledger.provider(2) };
        let employers = json!([{"name": "青岚精密制造", "from": "2020-01-01"}]);
        let body = json!({"id": learner, "name": NAME, "employers": employers, "id_number": "11010519491231002X"});
        let answer = ledger.post_as(&provider.token, "/api/v1/learners", body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        let entry = provider.sign(finished(provider.study()));
        let mut certified = Self { ledger, provider, entry, number: String::new() };
        certified.record(&certified.entry);
        certified.number = certified.eventually(|certified| {
            let all = certified.certificates();
            all[0]["sealed"].as_bool().filter(|sealed| *sealed)?;
            Some(all[0]["number"].as_str().unwrap().to_owned())
        });
        certified
    }

    fn record(&self, entry: &SignedEntry) {
        let sent = std::slice::from_ref(entry);
        let answer = self.ledger.post_as(&self.provider.token, "/api/v1/entries?wait=sealed", &array(sent));
        assert_eq!((answer.json()["sealed"].as_bool(), answer.status), (Some(true), 200), "{}", answer.text());
    }

    fn eventually<T>(&self, look: impl Fn(&Self) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(started.elapsed() < PATIENCE, "it never comes; the log: {}", self.ledger.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn get(&self, path: &str) -> Answer {
        self.ledger.get_as(&self.provider.token, path)
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        self.ledger.post_as(&self.provider.token, path, body.to_string().as_bytes())
    }

    /// All certificates of the learner.
    fn certificates(&self) -> Value {
        let answer = self.get(&format!("/api/v1/certificates?learner={}", self.provider.learner));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    fn certificate(&self, number: &str) -> Value {
        let answer = self.get(&format!("/api/v1/certificates/{number}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// A document as it is handed out, waited for while its entry is on the way into a block.
    fn document(&self, number: &str, what: &str) -> Vec<u8> {
        self.eventually(|certified| {
            let answer = certified.get(&format!("/api/v1/certificates/{number}/{what}"));
            match answer.status {
                409 => None,
                200 => Some(answer.body),
                status => panic!("{what}: {status} {}", answer.text()),
            }
        })
    }

    /// The newest edition of the list of a certificate.
    fn list(&self, at: &str) -> Answer {
        self.ledger.get(&format!("/status/1{at}"))
    }

    /// Documents of a certificate in files.
    pub(crate) fn files(&self, number: &str) -> Files {
        let file = |name: &str, what: &str| self.ledger.write(&format!("{number}.{name}"), self.document(number, what));
        Files {
            credential: file("json", "credential"),
            proof: file("proof.json", "proof"),
            pdf: file("pdf", "pdf"),
            pdf_proof: file("pdf.proof.json", "pdf/proof"),
            policy: self.ledger.policy(),
        }
    }

    pub(crate) fn list_file(&self, name: &str, at: &str) -> PathBuf {
        let answer = self.list(at);
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.ledger.write(name, answer.body)
    }

    /// The commitment of the entry, in hexadecimal digits.
    fn commitment(&self) -> String {
        let read = self.get(&format!("/api/v1/entries/{}", self.entry.entry().id)).json();
        read["commitment"].as_str().unwrap().to_owned()
    }

    /// Corrects the entry, to this many hundredths of an hour.
    pub(crate) fn correct(&self, hundredths: u32) {
        let target_commitment = self.commitment().parse().unwrap();
        let mut entry = finished(self.provider.study());
        let Body::Study(_, mut study) = entry.body else { unreachable!("a study") };
        study.hours = CreditHours::from_hundredths(hundredths);
        let learner = Learner { id: self.provider.learner, name: NAME.into() };
        let replacement = Some(Record::Study(study));
        let correction = Correction {
            target: self.entry.entry().id,
            target_commitment,
            reason: CorrectionReason::Hours,
            replacement,
        };
        entry.body = Body::Correction(learner, correction);
        self.record(&self.provider.sign(entry));
    }

    pub(crate) fn revoke(&self, reason: &str) -> Answer {
        let path = format!("/api/v1/certificates/{}/revocation", self.number);
        self.ledger.post_as(&self.ledger.operator_token(), &path, json!({"reason": reason}).to_string().as_bytes())
    }

    fn attested(&self, what: &str) -> Answer {
        self.ledger.get(&format!("/api/v1/attestations/{what}"))
    }
}

/// A certificate's documents, and the policy that the operator suggests.
pub(crate) struct Files {
    pub(crate) credential: PathBuf,
    pub(crate) proof: PathBuf,
    pub(crate) pdf: PathBuf,
    pub(crate) pdf_proof: PathBuf,
    pub(crate) policy: PathBuf,
}

fn digest(path: &Path) -> String {
    Hash::of(&[&std::fs::read(path).unwrap()]).to_string()
}

/// This moment, as `--at` and `?timestamp=` take it, apart from what was before and what comes after.
fn moment() -> String {
    std::thread::sleep(Duration::from_millis(5));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    std::thread::sleep(Duration::from_millis(5));
    UnixMillis::new(now as i64).unwrap().to_string()
}

fn tool(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}: run `./dev test`, which installs it"));
    assert!(output.status.success(), "{program} {arguments:?}: {}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

/// What all three verifiers say of these files; they say the same.
fn verified(options: &[(&str, &str)], files: &[&Path]) -> (i32, String) {
    let proofs = Path::new(env!("CARGO_MANIFEST_DIR")).join("proofs");
    let ask = |program: &mut Command| -> Output {
        for (name, value) in options {
            program.args([name, value]);
        }
        program.args(files).output().unwrap()
    };
    let python = std::env::var_os("CQO_PYTHON").unwrap_or_else(|| "python3".into());
    let ours = ask(Command::new(PROGRAM).arg("verify"));
    let script = ask(Command::new(python).arg(proofs.join("verify.py")));
    let module = ask(Command::new("node").arg(proofs.join("verify.mjs")));
    for (name, other) in [("verify.py", &script), ("verify.mjs", &module)] {
        assert_eq!(
            other.status.code(),
            ours.status.code(),
            "{name} differs\n{}\n{}{}",
            stdout(&ours),
            stdout(other),
            stderr(other)
        );
    }
    (ours.status.code().unwrap(), format!("{}{}", stdout(&ours), stderr(&ours)))
}

#[test]
fn a_completed_course_brings_a_certificate_that_anybody_can_check() {
    let certified = Certified::start();
    let told = certified.certificate(&certified.number);
    assert_eq!((&told["scope"]["kind"], &told["state"]), (&json!("course"), &json!("in_force")), "{told}");
    let files = certified.files(&certified.number);
    assert_eq!(told["sha256"], digest(&files.credential));
    let list = certified.list_file("status.json", "");
    let list_proof = certified.eventually(|certified| {
        let answer = certified.ledger.get("/status/1/proof");
        (answer.status == 200).then_some(answer.body)
    });
    let list_proof = certified.ledger.write("status.proof.json", list_proof);

    let (policy, status) = (("--policy", text(&files.policy)), ("--status", text(&list)));
    let printed: [&Path; 3] = [&files.pdf, &files.pdf_proof, &list_proof];
    for (options, files, exit, open) in [
        (vec![policy, status], &printed[..], 0, ""),
        (vec![policy, status], &[&*files.credential, &*files.proof], 0, ""),
        (vec![status], &printed, 3, "checkpoint"),
        (vec![policy], &printed, 3, "in_force"),
        (vec![policy, status], &[&*files.pdf], 3, "printed_page"),
        (vec![policy, status], &[&*files.credential], 3, "issued"),
    ] {
        let (status, said) = verified(&options, files);
        assert_eq!(status, exit, "{options:?} {files:?}: {said}");
        assert!(exit == 0 || said.contains(open), "{open}: {said}");
    }
    let tampered = std::fs::read_to_string(&files.credential).unwrap().replace(NAME, "冒名顶替");
    let tampered = certified.ledger.write("tampered.json", tampered);
    assert_eq!(verified(&[policy, status], &[&tampered, &files.proof]).0, 1);

    // The server's own check says so, too.
    let body = std::fs::read(&files.pdf).unwrap();
    let said = certified.ledger.request("POST", "/api/v1/verify", None, Some(&body)).json();
    assert_eq!((&said["by"], &said["exit"]), (&json!("operator"), &json!(3)), "{said}");
}

#[test]
fn the_paper_is_sound_and_holds_both_documents_byte_for_byte() {
    let certified = Certified::start();
    let files = certified.files(&certified.number);
    let english = certified.ledger.write("en.pdf", certified.document(&certified.number, "pdf?lang=en"));
    let english_proof = certified.document(&certified.number, "pdf/proof?lang=en");
    for pdf in [&files.pdf, &english] {
        tool("qpdf", &["--check", text(pdf)]);
        let dir = tempfile::tempdir().unwrap();
        tool("pdfdetach", &["-saveall", "-o", text(dir.path()), text(pdf)]);
        for (name, own) in [("credential.json", &files.credential), ("proof.json", &files.proof)] {
            assert_eq!(std::fs::read(dir.path().join(name)).unwrap(), std::fs::read(own).unwrap(), "{name}");
        }
        let copied: String = tool("pdftotext", &["-raw", text(pdf), "-"]).split_whitespace().collect();
        assert!(copied.contains(NAME) && copied.contains(&certified.number), "{copied}");
        assert!(copied.contains(&digest(&files.credential)[..16]), "{copied}");
    }
    let english_proof = certified.ledger.write("en.pdf.proof.json", english_proof);
    let (policy, list) = (("--policy", text(&files.policy)), certified.list_file("status.json", ""));
    let status = ("--status", text(&list));
    assert_eq!(verified(&[policy, status], &[&english, &english_proof]).0, 0);
    // The proof of one language's page says nothing about the other's.
    let (exit, said) = verified(&[policy, status], &[&english, &files.pdf_proof]);
    assert!(exit == 3 && said.contains("printed_page"), "{said}");
    // The same page again is the same file, and no second entry.
    let again = certified.document(&certified.number, "pdf");
    assert_eq!(again, std::fs::read(&files.pdf).unwrap());
    assert_eq!(certified.certificate(&certified.number)["pdfs"].as_array().unwrap().len(), 2);
}

#[test]
fn a_year_and_a_span_are_certified_on_request() {
    let certified = Certified::start();
    let learner = certified.provider.learner;
    let issue = |body: &Value| certified.post("/api/v1/certificates?wait=sealed", body);
    for (body, kind) in [
        (json!({"learner": learner, "year": 2026}), "year"),
        (json!({"learner": learner, "first_day": "2026-03-01", "last_day": "2026-03-02"}), "span"),
    ] {
        let answer = issue(&body);
        assert_eq!((answer.status, &answer.json()["scope"]["kind"]), (201, &json!(kind)), "{}", answer.text());
        assert_eq!(answer.json()["sealed"], true);
        let files = certified.files(answer.json()["number"].as_str().unwrap());
        let (list, said) = (certified.list_file("status.json", ""), std::fs::read(&files.credential).unwrap());
        let options = [("--policy", text(&files.policy)), ("--status", text(&list))];
        assert_eq!(verified(&options, &[&files.credential, &files.proof]).0, 0, "{kind}");
        let said: Value = serde_json::from_slice(&said).unwrap();
        assert_eq!(said["credentialSubject"]["result"][0]["value"], "2.00", "{said}");
    }
    for body in [
        json!({"learner": learner, "year": 2025}),
        json!({"learner": learner, "year": 1800}),
        json!({"learner": learner, "first_day": "2026-03-02", "last_day": "2026-03-01"}),
        json!({"learner": learner}),
        json!({"learner": learner, "year": 2026, "first_day": "2026-03-01"}),
    ] {
        let answer = issue(&body);
        assert_eq!(answer.status, 422, "{body}: {}", answer.text());
    }
    let stranger = certified.ledger.provider(3);
    for path in [String::new(), "/credential".into(), "/proof".into(), "/pdf".into(), "/pdf/proof".into()] {
        let path = format!("/api/v1/certificates/{}{path}", certified.number);
        for answer in [certified.ledger.get_as(&stranger.token, &path), certified.ledger.get(&path)] {
            // Who shows no token at all may be asked for one.
            assert!([401, 404].contains(&answer.status), "{path}: {}", answer.text());
        }
    }
    assert_eq!(certified.certificates().as_array().unwrap().len(), 3);
}

#[test]
fn a_correction_ends_a_certificate_and_the_past_stays_what_it_was() {
    let certified = Certified::start();
    let files = certified.files(&certified.number);
    let before = moment();
    certified.correct(100);
    let told = certified.eventually(|certified| {
        let told = certified.certificate(&certified.number);
        (told["state"] == "corrected").then_some(told)
    });
    let replacement = told["replacement"].as_str().expect("a new one is offered");
    let stated = certified.attested(&digest(&files.credential)).json();
    assert_eq!((&stated["state"], stated["since"].is_string()), (&json!("corrected"), true), "{stated}");
    let entry = certified.attested(&format!("{}-{}", stated["height"], stated["index"])).json();
    assert_eq!((&entry["kind"], &entry["state"]), (&json!("credential"), &json!("corrected")), "{entry}");

    let policy = ("--policy", text(&files.policy));
    let whole: [&Path; 2] = [&files.credential, &files.proof];
    let new = certified.eventually(|certified| {
        let new = certified.list_file("new.json", "");
        let (exit, _) = verified(&[policy, ("--status", text(&new))], &whole);
        (exit == 1).then_some(new)
    });
    let (_, said) = verified(&[policy, ("--status", text(&new))], &whole);
    assert!(said.contains("已撤销或已更正"), "{said}");
    let past = certified.list_file("past.json", &format!("?timestamp={before}"));
    assert_ne!(std::fs::read(&past).unwrap(), std::fs::read(&new).unwrap());
    let (exit, said) = verified(&[policy, ("--status", text(&past)), ("--at", &before)], &whole);
    assert_eq!(exit, 0, "what held then held then: {said}");
    let (exit, said) = verified(&[policy, ("--status", text(&new)), ("--at", &before)], &whole);
    assert_eq!(exit, 3, "the new list says nothing about then: {said}");
    for (at, status) in [("2020-01-01T00:00:00.000Z", 404), ("2999-01-01T00:00:00.000Z", 404), ("then", 422)] {
        assert_eq!(certified.list(&format!("?timestamp={at}")).status, status, "{at}");
    }
    assert_eq!(certified.ledger.get(&format!("/status/1/proof?timestamp={before}")).status, 200);

    let answer = certified.post(&format!("{replacement}?wait=sealed"), &json!({}));
    assert_eq!(answer.status, 201, "{}", answer.text());
    let number = answer.json()["number"].as_str().unwrap().to_owned();
    assert_eq!(answer.json()["replaces"], certified.number);
    let old = certified.certificate(&certified.number);
    assert_eq!((&old["replaced_by"], &old["state"]), (&json!(number), &json!("corrected")), "{old}");
    assert!(old["replacement"].is_null(), "{old}");
    let second = certified.files(&number);
    let list = certified.list_file("last.json", "");
    let options = [("--policy", text(&second.policy)), ("--status", text(&list))];
    assert_eq!(verified(&options, &[&second.pdf, &second.pdf_proof]).0, 0);
    let said: Value = serde_json::from_slice(&std::fs::read(&second.credential).unwrap()).unwrap();
    assert_eq!(said["credentialSubject"]["result"][0]["value"], "1.00");
    assert_eq!(certified.post(replacement, &json!({})).status, 409, "one is enough");
}

#[test]
fn who_revokes_says_why_and_everybody_hears_it() {
    let certified = Certified::start();
    let files = certified.files(&certified.number);
    let path = format!("/api/v1/certificates/{}/revocation", certified.number);
    assert_eq!(certified.post(&path, &json!({"reason": "fraud"})).status, 403, "recorders do not revoke");
    for reason in ["corrected", "because", ""] {
        assert_eq!(certified.revoke(reason).status, 422, "{reason}");
    }
    let revoked = certified.revoke("fraud");
    assert_eq!(revoked.status, 200, "{}", revoked.text());
    assert_eq!((&revoked.json()["state"], &revoked.json()["reason"]), (&json!("revoked"), &json!("fraud")));
    assert_eq!(certified.revoke("fraud").status, 409);
    for what in [digest(&files.credential), digest(&files.pdf)] {
        let said = certified.attested(&what).json();
        assert_eq!((&said["state"], &said["reason"]), (&json!("revoked"), &json!("fraud")), "{said}");
    }
    let list = certified.list_file("status.json", "");
    let options = [("--policy", text(&files.policy)), ("--status", text(&list))];
    let (exit, said) = verified(&options, &[&files.pdf, &files.pdf_proof]);
    assert!(exit == 1 && said.contains("in_force"), "{said}");
    // The entry itself holds: it was not the hours that were wrong.
    assert_eq!(certified.attested(&digest(&list)).json()["kind"], "status_list");
}

#[test]
fn who_holds_something_of_a_certificate_can_ask_and_nobody_else_learns_anything() {
    let certified = Certified::start();
    let files = certified.files(&certified.number);
    let number = &certified.number;
    let digests = [&files.credential, &files.pdf].map(|file| digest(file));
    let list = certified.list_file("status.json", "");
    let commitment = certified.commitment();
    let credential = certified.attested(&digests[0]).json();
    assert_eq!((&credential["kind"], &credential["number"]), (&json!("credential"), &json!(number)), "{credential}");
    let place = credential["attestation"].as_str().unwrap().to_owned();
    let mut told = vec![credential.to_string()];
    let kinds = [(&digests[1], "pdf"), (&commitment, "entry"), (&place, "credential"), (&digest(&list), "status_list")];
    for (what, kind) in kinds {
        // What was recorded a moment ago is known from the block on.
        let answer = certified.eventually(|certified| Some(certified.attested(what)).filter(|it| it.status == 200));
        let said = answer.json();
        assert_eq!((&said["kind"], &said["state"]), (&json!(kind), &json!("in_force")), "{said}");
        assert_eq!(said["number"].is_string(), ["pdf", "credential"].contains(&kind), "{said}");
        told.push(answer.text());
    }
    let by_digest = |number: &str, digits: &str| {
        certified.ledger.get(&format!("/api/v1/attestations/certificates/{number}?digest={digits}"))
    };
    let by_name = |number: &str, name: &str| {
        let body = json!({"number": number, "name": name}).to_string();
        certified.ledger.request("POST", "/api/v1/attestations/search", None, Some(body.as_bytes()))
    };
    for answer in [by_digest(number, &digests[0][..16]), by_name(number, NAME)] {
        assert_eq!((answer.status, &answer.json()["sha256"]), (200, &json!(digests[0])), "{}", answer.text());
        told.push(answer.text());
    }
    let unknown = "XS-2026-340100-7K3M9QX2AB-4";
    let wrong = [
        by_digest(number, &"0".repeat(16)),
        by_digest(number, &digests[0][..15]),
        by_digest(number, &digests[0][..17]),
        by_digest(number, ""),
        by_digest(unknown, &digests[0][..16]),
        by_digest(unknown, &"0".repeat(16)),
        by_digest("XS-1", &digests[0][..16]),
        by_name(number, "欧阳靖"),
        by_name(number, "张伟"),
        by_name(unknown, NAME),
        by_name("XS-1", NAME),
        certified.attested(&"ab".repeat(32)),
        certified.attested("999999-0"),
        certified.attested(&place.replace('-', "-9")),
        certified.attested("nonsense"),
        certified.attested(&digests[0].to_uppercase()),
    ];
    for (i, answer) in wrong.iter().enumerate() {
        assert_eq!((answer.status, answer.text()), (404, wrong[0].text()), "{i} is told apart");
        told.push(answer.text());
    }
    told.iter().for_each(|said| assert!(!said.contains(NAME), "a name is told: {said}"));
    let log = certified.ledger.log();
    assert!(log.contains("/api/v1/attestations/{what}"), "the routes are logged: {log}");
    let secrets = [&digests[0], &digests[1], &commitment, number, &NAME.to_owned(), &place];
    for line in log.lines().filter(|line| line.contains("\"route\"")) {
        for secret in secrets {
            assert!(!line.contains(secret.as_str()), "{secret} is in the access log: {line}");
        }
    }
}

#[test]
fn who_tries_numbers_is_slowed_down() {
    let certified = Certified::start_with(&["--lookups-per-minute", "5"]);
    let path = format!("certificates/{}?digest={}", certified.number, "0".repeat(16));
    let answers: Vec<Answer> = (0..7).map(|_| certified.attested(&path)).collect();
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [404, 404, 404, 404, 404, 429, 429]);
    assert!(answers[6].header("retry-after").parse::<u32>().unwrap() > 0, "{:?}", answers[6]);
    let body = json!({"number": certified.number, "name": NAME}).to_string();
    let search = certified.ledger.request("POST", "/api/v1/attestations/search", None, Some(body.as_bytes()));
    assert_eq!(search.status, 429, "the rate is one for all kinds of look-ups");
    assert_eq!(certified.get(&format!("/api/v1/certificates/{}", certified.number)).status, 200);
}

#[test]
fn documents_are_the_same_after_a_restart_and_gone_after_an_erasure() {
    let mut certified = Certified::start();
    let number = certified.number.clone();
    let what = ["credential", "proof", "pdf", "pdf?lang=en"];
    let all = |certified: &Certified| what.map(|what| certified.document(&number, what));
    let before = all(&certified);
    let (credential, pdf) = (Hash::of(&[&before[0]]).to_string(), Hash::of(&[&before[2]]).to_string());
    certified.document(&number, "pdf/proof");
    certified.ledger.kill();
    certified.ledger.serve();
    for ((what, before), after) in what.iter().zip(&before).zip(all(&certified)) {
        assert!(*before == after, "{what} is another one after a restart");
    }
    assert_eq!(certified.certificate(&number)["pdfs"].as_array().unwrap().len(), 2);

    let erased = json!({"learners": [certified.provider.learner]}).to_string();
    let operator = certified.ledger.operator_token();
    let erased = certified.ledger.post_as(&operator, "/api/v1/erasures", erased.as_bytes());
    assert_eq!(erased.status, 200, "{}", erased.text());
    for path in ["", "/credential", "/proof", "/pdf", "/pdf/proof"] {
        let answer = certified.get(&format!("/api/v1/certificates/{number}{path}"));
        assert_eq!((answer.status, answer.json()["title"].as_str()), (410, Some("已删除")), "{path}");
        assert!(!answer.text().contains(NAME), "{}", answer.text());
    }
    assert_eq!(certified.get(&format!("/api/v1/certificates?learner={}", certified.provider.learner)).status, 410);
    let year = json!({"learner": certified.provider.learner, "year": 2026});
    assert_eq!(certified.post("/api/v1/certificates", &year).status, 410);
    for (digest, kind) in [(&credential, "credential"), (&pdf, "pdf")] {
        let said = certified.attested(digest);
        assert_eq!((said.status, &said.json()["kind"]), (200, &json!(kind)), "{}", said.text());
    }
    let body = json!({"number": number, "name": NAME}).to_string();
    let search = certified.ledger.request("POST", "/api/v1/attestations/search", None, Some(body.as_bytes()));
    assert_eq!(search.status, 404, "{}", search.text());
}

#[test]
fn without_fonts_all_but_paper_is_handed_out() {
    let empty = tempfile::tempdir().unwrap();
    let certified = Certified::start_with(&["--font", text(empty.path())]);
    let path = format!("/api/v1/certificates/{}/pdf", certified.number);
    let answer = certified.get(&path);
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.json()["type"], "urn:cqo-ledger:problem:cannot-issue");
    assert!(answer.text().contains("字体") && answer.text().contains("font"), "it says why: {}", answer.text());
    assert_eq!(certified.get(&format!("{path}/proof")).status, 404);
    let credential = certified.ledger.write("c.json", certified.document(&certified.number, "credential"));
    let proof = certified.ledger.write("c.proof.json", certified.document(&certified.number, "proof"));
    let (policy, list) = (certified.ledger.policy(), certified.list_file("status.json", ""));
    let options = [("--policy", text(&policy)), ("--status", text(&list))];
    assert_eq!(verified(&options, &[&credential, &proof]).0, 0);
}
