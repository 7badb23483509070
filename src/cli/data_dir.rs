//! The layout of a data directory.
//!
//! ```text
//! DIR/store/            journal, index, lock (see `store`)
//! DIR/keys/             master, data-keys, checkpoint.key, receipt.key, issuer.key, recorder.key, authority.key, operator.token; owner-only
//!                       checkpoint-next.key, receipt-next.key, issuer-next.key, recorder-next.key, authority-next.key while one is replaced
//! DIR/keys.tmp/         keys that a restore has not accepted yet
//! DIR/keys/mail-server  the address of a mail server with its password, where letters leave by one
//! DIR/mailbox/          letters as files, where they leave by none
//! DIR/rulebook.toml     the rulebook in force
//! DIR/service.json      where the running service listens
//! ```

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ed25519_dalek::SigningKey;

use super::config::check::Check;
use super::{Failure, read_input};
use crate::merkle::Hash;
use crate::service::clock::{Clock as _, SystemClock};
use crate::service::vault::Vault;
use crate::service::{LedgerKeys, MailServer, Post, Service, Settings, keyfile};
use crate::standard::{Rulebook, RulebookVersion, day_of};
use crate::store::{self, Embedded, Options, Store};
use crate::web::Watched;

/// The version in effect today, which entries signed now are recorded under.
pub(super) fn version_today(rulebook: &Rulebook) -> Result<RulebookVersion, Failure> {
    let today = day_of(SystemClock.now()).map_err(Failure::new)?;
    let edition = rulebook.in_effect(today);
    edition
        .map(|edition| edition.version)
        .ok_or_else(|| Failure::new("今天没有生效的规则 no rulebook is in effect today"))
}

const CHECKPOINT_KEY: &str = "checkpoint.key";
const RECEIPT_KEY: &str = "receipt.key";
const ISSUER_KEY: &str = "issuer.key";
/// The certifying body's own; providers keep theirs.
const RECORDER_KEY: &str = "recorder.key";
const OPERATOR_TOKEN: &str = "operator.token";
/// Not kept with the keys of the ledger's own in any other respect: it can be changed at any time.
const MAIL_SERVER: &str = "mail-server";
/// The longest file of an authority's certificates that is looked at, in bytes.
const MAX_AUTHORITY_BYTES: usize = 1024 * 1024;
/// No token is shorter: `init` makes longer ones.
const MIN_TOKEN_LEN: usize = 64;

/// A data directory.
#[derive(Debug, Clone)]
pub(super) struct DataDir(PathBuf);

impl DataDir {
    pub(super) fn new(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    /// Makes the directories of a new ledger; one that exists already is refused.
    pub(super) fn create(dir: &Path) -> Result<Self, Failure> {
        let this = Self::new(dir);
        if this.keys().exists() || this.store().exists() {
            return Err(Failure::misuse(format!(
                "{dir} 中已有账本，或有未完成的 init 留下的内容（如是后者，请删除该目录） already holds a ledger, or what an \
                 interrupted init left (then remove it)",
                dir = dir.display()
            )));
        }
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(this.keys()).map_err(|error| Failure::new(format!("{}: {error}", dir.display())))?;
        Ok(this)
    }

    pub(super) fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    pub(super) fn store(&self) -> PathBuf {
        self.0.join("store")
    }

    pub(super) fn rulebook(&self) -> PathBuf {
        self.0.join("rulebook.toml")
    }

    /// Where a restore puts the keys until it is sure of them.
    pub(super) fn unfinished_keys(dir: &Path) -> PathBuf {
        dir.join("keys.tmp")
    }

    pub(super) fn authority_key(&self) -> PathBuf {
        self.keys().join("authority.key")
    }

    pub(super) fn checkpoint_key(&self) -> PathBuf {
        self.keys().join(CHECKPOINT_KEY)
    }

    pub(super) fn receipt_key(&self) -> PathBuf {
        self.keys().join(RECEIPT_KEY)
    }

    pub(super) fn issuer_key(&self) -> PathBuf {
        self.keys().join(ISSUER_KEY)
    }

    pub(super) fn recorder_key(&self) -> PathBuf {
        self.keys().join(RECORDER_KEY)
    }

    pub(super) fn operator_token(&self) -> PathBuf {
        self.keys().join(OPERATOR_TOKEN)
    }

    /// Where the successor of a key waits while the key is replaced: `checkpoint-next.key`.
    pub(super) fn next(key: &Path) -> PathBuf {
        let stem = key.file_stem().unwrap_or_default().to_string_lossy();
        key.with_file_name(format!("{stem}-next.key"))
    }

    /// The directory that letters are put into.
    pub(super) fn mailbox(&self) -> PathBuf {
        self.0.join("mailbox")
    }

    /// The mail server: its address with its password, from a file for the owner alone, and its authority where one is
    /// named.
    pub(super) fn mail_server(&self, authority: Option<&Path>) -> Result<MailServer, Failure> {
        let path = self.keys().join(MAIL_SERVER);
        let text = keyfile::read_secret(&path).map_err(Failure::misuse)?;
        let authority = authority.map(|file| read_input(file, MAX_AUTHORITY_BYTES)).transpose()?;
        let server = MailServer::new(text.trim(), authority);
        server.map_err(|error| Failure::misuse(format!("{}: {error}", path.display())))
    }

    fn service_file(&self) -> PathBuf {
        self.0.join("service.json")
    }

    /// Notes where the service listens, for the operator's commands.
    pub(super) fn write_url(&self, url: &str) -> Result<(), Failure> {
        let text = serde_json::json!({ "url": url }).to_string();
        let path = self.service_file();
        std::fs::write(&path, text)
            .map_err(|error| Failure::new(format!("{}: 无法写入 cannot be written: {error}", path.display())))
    }

    /// Where the service of this directory listens.
    pub(super) fn url(&self) -> Result<String, Failure> {
        let text = std::fs::read_to_string(self.service_file()).map_err(|error| {
            Failure::misuse(format!(
                "{}: {error}；服务是否在运行？ is the service running?",
                self.service_file().display()
            ))
        })?;
        let value: serde_json::Value = serde_json::from_str(&text).map_err(Failure::new)?;
        value["url"].as_str().map(str::to_owned).ok_or_else(|| Failure::new("service.json names no url"))
    }

    /// The operator's token.
    pub(super) fn token(&self) -> Result<String, Failure> {
        read_token(&self.operator_token())
    }

    pub(super) fn read_rulebook(&self) -> Result<Rulebook, Failure> {
        let path = self.rulebook();
        let text =
            std::fs::read_to_string(&path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
        Rulebook::parse(&text).map_err(|errors| Failure::new(format!("{}:\n{errors}", path.display())))
    }

    /// The version of the rulebook in effect today.
    pub(super) fn rulebook_version(&self) -> Result<RulebookVersion, Failure> {
        version_today(&self.read_rulebook()?)
    }

    /// The keys that a service needs, from a directory of keys.
    pub(super) fn ledger_keys_in(keys: &Path) -> Result<LedgerKeys, Failure> {
        let (checkpoint, receipt) = (keys.join(CHECKPOINT_KEY), keys.join(RECEIPT_KEY));
        let (issuer, recorder) = (keys.join(ISSUER_KEY), keys.join(RECORDER_KEY));
        Ok(LedgerKeys {
            checkpoint: needed(&checkpoint, &[checkpoint.clone(), Self::next(&checkpoint)])?,
            receipt: needed(&receipt, &[Self::next(&receipt), receipt.clone()])?,
            // A ledger of the time before there were certificates has none, and works; so does one of before claims.
            issuer: at_hand(&[Self::next(&issuer), issuer])?,
            recorder: at_hand(&[Self::next(&recorder), recorder])?,
            operator_token: Hash::of(&[read_token(&keys.join(OPERATOR_TOKEN))?.as_bytes()]),
        })
    }

    /// Opens the store of a stopped ledger.
    pub(super) fn open_store(&self) -> Result<Embedded, Failure> {
        self.check_is_ledger()?;
        self.create_store()
    }

    /// Opens the store of a ledger that is only being founded, or makes it.
    pub(super) fn create_store(&self) -> Result<Embedded, Failure> {
        Embedded::open(&self.store(), &Options::default()).map_err(Failure::new)
    }

    /// Opens store, keys and rulebook, and starts the service on them.
    pub(super) async fn open_service(&self, options: Options, settings: Settings) -> Result<Arc<Service>, Failure> {
        self.check_is_ledger()?;
        let rulebook = self.read_rulebook()?;
        for (version, key) in rulebook.without_effect() {
            tracing::warn!(%version, key, "the rulebook sets a key that nothing in this program reads yet");
        }
        let keys = Self::ledger_keys_in(&self.keys())?;
        if let Post::Files(mailbox) = &settings.letters.post {
            // Letters are for their addressees alone.
            let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(mailbox);
            made.map_err(|error| Failure::new(format!("{}: {error}", mailbox.display())))?;
        }
        let (store_dir, keys_dir) = (self.store(), self.keys());
        let opened = tokio::task::spawn_blocking(move || {
            let store = Embedded::open(&store_dir, &options).map_err(Failure::new)?;
            let vault = Vault::open(&keys_dir).map_err(Failure::new)?;
            Ok((store, vault))
        });
        let (store, vault) = opened.await.map_err(Failure::new)??;
        let store: Arc<dyn Store> = Arc::new(store);
        Service::open(store, vault, keys, rulebook, Arc::new(SystemClock), settings).await.map_err(Failure::new)
    }

    /// Tries what a start needs of the directory, without opening the store.
    pub(super) fn examine(&self) -> Vec<Check> {
        let writable = || rustix::fs::access(&self.0, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK);
        let dir = self.0.display();
        vec![
            Check::of(format!("{dir} 中有账本 holds a ledger"), self.check_is_ledger().map_err(|f| f.message)),
            Check::of(format!("{dir} 可写 is writable"), writable()),
            Check::of("密钥可读且仅本人可读 keys are readable and owner-only", self.examine_keys()),
            Check::of("规则文件有效 the rulebook is valid", self.read_rulebook().map_err(|f| f.message)),
        ]
    }

    /// Whether a running process has the store of this directory.
    pub(super) fn is_in_use(&self) -> bool {
        store::is_in_use(&self.store())
    }

    /// What the metrics look at.
    pub(super) fn watched(&self) -> Watched {
        Watched { data: self.0.clone(), store: self.store() }
    }

    fn check_is_ledger(&self) -> Result<(), Failure> {
        if self.keys().exists() && self.store().exists() {
            return Ok(());
        }
        Err(Failure::misuse(format!(
            "{} 中没有账本，请先运行 cqo-ledger init holds no ledger: run `cqo-ledger init` first",
            self.0.display()
        )))
    }

    /// The vault is not opened: that would mend a file which a running service may be writing.
    fn examine_keys(&self) -> Result<(), String> {
        Self::ledger_keys_in(&self.keys()).map_err(|failure| failure.message)?;
        let io = |error: std::io::Error| format!("{}: {error}", self.keys().display());
        for entry in std::fs::read_dir(self.keys()).map_err(io)? {
            keyfile::check_readable(&entry.map_err(io)?.path()).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

/// The keys in those of these files that are there. A file that is there must be readable.
fn at_hand(paths: &[PathBuf]) -> Result<Vec<SigningKey>, Failure> {
    paths.iter().filter(|path| path.exists()).map(|path| keyfile::read(path).map_err(Failure::new)).collect()
}

/// The same, at least one; `usual` is the one that should be there.
fn needed(usual: &Path, paths: &[PathBuf]) -> Result<Vec<SigningKey>, Failure> {
    let keys = at_hand(paths)?;
    if keys.is_empty() {
        return Err(Failure::new(format!(
            "{}: 文件缺失，请由密钥备份恢复 the file is missing: bring it back from a copy of the keys",
            usual.display()
        )));
    }
    Ok(keys)
}

fn read_token(path: &Path) -> Result<String, Failure> {
    let text = keyfile::read_secret(path).map_err(Failure::misuse)?;
    let token = text.trim_end();
    // Of a file that was cut short, what is left must open nothing: an empty token least of all.
    if token.len() < MIN_TOKEN_LEN {
        return Err(Failure::new(format!(
            "{}: 令牌不完整，请从备份恢复 the token is incomplete: restore the file from a backup",
            path.display()
        )));
    }
    Ok(token.to_owned())
}
