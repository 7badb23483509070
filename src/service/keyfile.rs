//! Private keys in files: PKCS#8 PEM, owner-only, as `openssl genpkey -algorithm ed25519` writes them.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes};
use zeroize::Zeroizing;

/// Why a key file was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The operating system refused.
    #[error("cannot {what} {path}: {source}", path = path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Others than the owner may read it.
    #[error("{path} 可被他人读取，请改为仅本人可读（chmod 600） can be read by others: make it owner-only", path = .0.display())]
    NotOwnerOnly(PathBuf),
    /// Not an Ed25519 key in PKCS#8 PEM.
    #[error("{path} is not an Ed25519 private key in PKCS#8 PEM", path = .0.display())]
    Form(PathBuf),
}

/// Draws a new key.
pub fn generate() -> io::Result<SigningKey> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(io::Error::other)?;
    Ok(SigningKey::from_bytes(&seed))
}

/// Writes a key to a new file; one that is there is never overwritten.
pub fn write(path: &Path, key: &SigningKey) -> Result<(), KeyFileError> {
    let io = |source| KeyFileError::Io { what: "create", path: path.to_owned(), source };
    // Without the public key, which OpenSSL does not read in this form (RFC 5958, version 2).
    let pair = KeypairBytes { secret_key: key.to_bytes(), public_key: None };
    let pem = pair.to_pkcs8_pem(LineEnding::LF).map_err(|_| KeyFileError::Form(path.to_owned()))?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
    file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
    // Whatever names this key later must find it after a power cut: its name is as durable as its bytes.
    path.parent().map_or(Ok(()), sync_names)
}

/// Reads a key from an owner-only file.
pub fn read(path: &Path) -> Result<SigningKey, KeyFileError> {
    let pem = read_secret(path)?;
    SigningKey::from_pkcs8_pem(&pem).map_err(|_| KeyFileError::Form(path.to_owned()))
}

/// Reads a secret text from an owner-only file.
pub fn read_secret(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    let io = |source| KeyFileError::Io { what: "read", path: path.to_owned(), source };
    check_owner_only(path)?;
    std::fs::read_to_string(path).map(Zeroizing::new).map_err(io)
}

/// Copies every file of the directory `from` to the new directory `to`, owner-only and durable.
pub fn copy_all(from: &Path, to: &Path) -> Result<(), KeyFileError> {
    let failed = |what, path: &Path| {
        let path = path.to_owned();
        move |source| KeyFileError::Io { what, path, source }
    };
    DirBuilder::new().mode(0o700).create(to).map_err(failed("create", to))?;
    for entry in std::fs::read_dir(from).map_err(failed("list", from))? {
        let entry = entry.map_err(failed("list", from))?;
        if !entry.file_type().map_err(failed("list", from))?.is_file() {
            continue;
        }
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    sync_names(to)
}

/// Copies a secret to a new file, owner-only; durable when its directory is.
pub fn copy(from: &Path, to: &Path) -> Result<(), KeyFileError> {
    let failed = |what, path: &Path| {
        let path = path.to_owned();
        move |source| KeyFileError::Io { what, path, source }
    };
    let bytes = Zeroizing::new(std::fs::read(from).map_err(failed("read", from))?);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    file.and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all())).map_err(failed("create", to))
}

/// Gives a file or directory its name, in place of what has it; durable when it returns.
pub fn rename(from: &Path, to: &Path) -> Result<(), KeyFileError> {
    std::fs::rename(from, to).map_err(|source| KeyFileError::Io { what: "replace", path: to.to_owned(), source })?;
    to.parent().map_or(Ok(()), sync_names)
}

/// Makes the names within a directory durable: new ones, renames, removals.
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path)?.sync_all()
}

fn sync_names(path: &Path) -> Result<(), KeyFileError> {
    sync_dir(path).map_err(|source| KeyFileError::Io { what: "write", path: path.to_owned(), source })
}

/// Whether a file of secrets can be read by this process and by nobody else, whatever is in it.
pub fn check_readable(path: &Path) -> Result<(), KeyFileError> {
    let io = |source| KeyFileError::Io { what: "read", path: path.to_owned(), source };
    check_owner_only(path)?;
    std::fs::File::open(path).map(drop).map_err(io)
}

fn check_owner_only(path: &Path) -> Result<(), KeyFileError> {
    let io = |source| KeyFileError::Io { what: "read", path: path.to_owned(), source };
    let mode = std::fs::metadata(path).map_err(io)?.permissions().mode();
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyFileError::NotOwnerOnly(path.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_and_is_kept_from_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        let key = generate().unwrap();
        write(&path, &key).unwrap();
        assert_eq!(read(&path).unwrap().to_bytes(), key.to_bytes());
        assert!(matches!(write(&path, &key), Err(KeyFileError::Io { .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(read(&path), Err(KeyFileError::NotOwnerOnly(_))));
    }
}
