//! The layout of a data directory.
//!
//! ```text
//! DIR/store/            journal, index, lock (see `store`)
//! DIR/keys/             master, data-keys, checkpoint.key, receipt.key, authority.key, operator.token; owner-only
//! DIR/rulebook.toml     the rulebook in force
//! DIR/service.json      where the running service listens
//! ```

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Failure;
use crate::merkle::Hash;
use crate::service::clock::{Clock as _, SystemClock};
use crate::service::vault::Vault;
use crate::service::{LedgerKeys, Service, Settings, keyfile};
use crate::standard::{Rulebook, RulebookVersion, day_of};
use crate::store::{Embedded, Options, Store};

/// The version in effect today, which entries signed now are recorded under.
pub(super) fn version_today(rulebook: &Rulebook) -> Result<RulebookVersion, Failure> {
    let today = day_of(SystemClock.now()).map_err(Failure::new)?;
    let edition = rulebook.in_effect(today);
    edition
        .map(|edition| edition.version)
        .ok_or_else(|| Failure::new("今天没有生效的规则 no rulebook is in effect today"))
}

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

    pub(super) fn authority_key(&self) -> PathBuf {
        self.keys().join("authority.key")
    }

    pub(super) fn checkpoint_key(&self) -> PathBuf {
        self.keys().join("checkpoint.key")
    }

    pub(super) fn receipt_key(&self) -> PathBuf {
        self.keys().join("receipt.key")
    }

    pub(super) fn operator_token(&self) -> PathBuf {
        self.keys().join("operator.token")
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
        let path = self.operator_token();
        let text = keyfile::read_secret(&path).map_err(Failure::misuse)?;
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

    /// Opens store, keys and rulebook, and starts the service on them.
    pub(super) async fn open_service(&self, settings: Settings) -> Result<Arc<Service>, Failure> {
        if !self.keys().exists() {
            return Err(Failure::misuse(format!(
                "{} 中没有账本，请先运行 cqo-ledger init holds no ledger: run `cqo-ledger init` first",
                self.0.display()
            )));
        }
        let rulebook = self.read_rulebook()?;
        let keys = LedgerKeys {
            checkpoint: keyfile::read(&self.checkpoint_key()).map_err(Failure::new)?,
            receipt: keyfile::read(&self.receipt_key()).map_err(Failure::new)?,
            operator_token: Hash::of(&[self.token()?.as_bytes()]),
        };
        let (store_dir, keys_dir) = (self.store(), self.keys());
        let opened = tokio::task::spawn_blocking(move || {
            let store = Embedded::open(&store_dir, &Options::default()).map_err(Failure::new)?;
            let vault = Vault::open(&keys_dir).map_err(Failure::new)?;
            Ok((store, vault))
        });
        let (store, vault) = opened.await.map_err(Failure::new)??;
        let store: Arc<dyn Store> = Arc::new(store);
        Service::open(store, vault, keys, rulebook, Arc::new(SystemClock), settings).await.map_err(Failure::new)
    }
}
