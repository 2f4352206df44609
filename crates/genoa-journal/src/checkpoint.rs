//! Signed checkpoints: the length and the last hash of the chain, as a C2SP signed note.
//!
//! ```text
//! genoa-journal/0123456789abcdef
//! 1000
//! <base64 of the last record's hash>
//!
//! — genoa-journal/0123456789abcdef <base64 of 4 bytes key id and 64 bytes Ed25519 signature>
//! ```

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use genoa_abi::{ContentHash, ErrorCode, Failure};

use crate::chain::Head;
use crate::{failures, limits};

/// Ed25519 in the signed-note format.
const ALGORITHM: u8 = 1;
const SECRET_FILE: &str = "journal.key";
const PUBLIC_FILE: &str = "journal.pub";

/// Who signs: the name of the log and its public key. Written `name+keyid+base64`, the form that witnesses read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key: VerifyingKey,
}

impl VerifierKey {
    fn of(key: VerifyingKey) -> Self {
        let digits = ContentHash::of(key.as_bytes()).to_string();
        Self { name: format!("genoa-journal/{}", &digits[..16]), key }
    }

    /// The name of the log, derived from the key: `genoa-journal/0123456789abcdef`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> [u8; 4] {
        let mut bytes = self.name.clone().into_bytes();
        bytes.extend_from_slice(&[b'\n', ALGORITHM]);
        bytes.extend_from_slice(self.key.as_bytes());
        let ContentHash([a, b, c, d, ..]) = ContentHash::of(&bytes);
        [a, b, c, d]
    }

    /// Reads the public key of the journal whose keys are in the folder `keys`.
    ///
    /// # Errors
    /// `NotFound` if there is none, `StorageFailed` if it cannot be read or is no key.
    pub fn load(keys: &Path) -> Result<Self, Failure> {
        let path = keys.join(PUBLIC_FILE);
        if !path.exists() {
            return Err(Failure::new(ErrorCode::NotFound, format!("no journal key at {}", path.display())));
        }
        let text = read_short(&path)?;
        text.trim()
            .parse()
            .map_err(|why: String| failures::damaged("the journal's public key is unreadable").because(why))
    }

    /// Checks the signature of a note and reads it.
    ///
    /// # Errors
    /// `InvalidInput` with what is wrong: form, name, signature.
    pub fn open(&self, note: &str) -> Result<CheckpointNote, Failure> {
        let wrong = |why: &str| Failure::new(ErrorCode::InvalidInput, "the checkpoint is not good").because(why);
        let (text, signatures) = note.split_once("\n\n").ok_or_else(|| wrong("it has no signature"))?;
        let signed = format!("{text}\n");
        let mut lines = text.lines();
        if lines.next() != Some(&self.name) {
            return Err(wrong("it is another log's"));
        }
        let size = lines.next().and_then(|line| line.parse::<u64>().ok()).ok_or_else(|| wrong("it has no size"))?;
        let root = lines.next().and_then(|line| BASE64.decode(line).ok()).and_then(|bytes| bytes.try_into().ok());
        let root = ContentHash(root.ok_or_else(|| wrong("it has no hash"))?);
        let good = signatures.lines().any(|line| self.signed(line, signed.as_bytes()));
        if !good {
            return Err(wrong("no signature is this journal's"));
        }
        Ok(CheckpointNote { size, head: root })
    }

    fn signed(&self, line: &str, text: &[u8]) -> bool {
        let signature = line
            .strip_prefix("— ")
            .and_then(|rest| rest.strip_prefix(&self.name)?.strip_prefix(' '))
            .and_then(|encoded| BASE64.decode(encoded).ok())
            .and_then(|bytes| bytes.strip_prefix(&self.id()).and_then(|rest| Signature::from_slice(rest).ok()));
        signature.is_some_and(|signature| self.key.verify_strict(text, &signature).is_ok())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![ALGORITHM];
        bytes.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{:08x}+{}", self.name, u32::from_be_bytes(self.id()), BASE64.encode(bytes))
    }
}

impl FromStr for VerifierKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fail = || format!("`{text}` is not a verifier key like genoa-journal/12ab+34cd+AbC=");
        let (name, rest) = text.split_once('+').ok_or_else(fail)?;
        let (_, encoded) = rest.split_once('+').ok_or_else(fail)?;
        let bytes = BASE64.decode(encoded).map_err(|_| fail())?;
        let key: [u8; 32] = bytes.strip_prefix(&[ALGORITHM]).and_then(|key| key.try_into().ok()).ok_or_else(fail)?;
        let key = Self::of(VerifyingKey::from_bytes(&key).map_err(|_| fail())?);
        if key.name == name && key.to_string() == text { Ok(key) } else { Err(fail()) }
    }
}

/// What a checkpoint says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointNote {
    /// How many records there were.
    pub size: u64,
    /// The hash of the last of them.
    pub head: ContentHash,
}

/// The journal's own key.
pub(crate) struct Signer {
    key: SigningKey,
    verifier: VerifierKey,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.verifier)
    }
}

impl Signer {
    /// Reads the key in the folder `keys`, or makes it on first use (folder 0700, secret 0600).
    ///
    /// # Errors
    /// `StorageFailed` if it cannot be read or made, `NotGranted` if others on the machine can read it.
    pub(crate) fn load_or_make(keys: &Path) -> Result<Self, Failure> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(keys).map_err(failures::file("cannot make", keys))?;
        let path = keys.join(SECRET_FILE);
        let seed = if path.exists() { read_secret(&path)? } else { make_secret(&path)? };
        let key = SigningKey::from_bytes(&seed);
        let verifier = VerifierKey::of(key.verifying_key());
        let public = keys.join(PUBLIC_FILE);
        let text = format!("{verifier}\n");
        if fs::read_to_string(&public).ok().as_deref() != Some(&text) {
            fs::write(&public, text).map_err(failures::file("cannot write", &public))?;
        }
        Ok(Self { key, verifier })
    }

    pub(crate) fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    pub(crate) fn sign(&self, head: Head) -> String {
        let name = &self.verifier.name;
        let text = format!("{name}\n{}\n{}\n", head.seq, BASE64.encode(head.hash.0));
        let mut signature = self.verifier.id().to_vec();
        signature.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        format!("{text}\n— {name} {}\n", BASE64.encode(signature))
    }
}

fn read_secret(path: &Path) -> Result<[u8; 32], Failure> {
    let mode = fs::metadata(path).map_err(failures::file("cannot read", path))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(Failure::new(ErrorCode::NotGranted, "the journal's secret key is open to others")
            .because(format!("{} has mode {:o}", path.display(), mode & 0o777))
            .try_next(format!("chmod 600 {}", path.display())));
    }
    let text = read_short(path)?;
    let bytes = BASE64.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| failures::damaged(format!("{} is not a journal key", path.display())))
}

fn make_secret(path: &Path) -> Result<[u8; 32], Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| Failure::new(ErrorCode::Internal, "no random numbers for the journal's key").because(error))?;
    let fail = failures::file("cannot write", path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(&fail)?;
    writeln!(file, "{}", BASE64.encode(seed)).and_then(|()| file.sync_all()).map_err(&fail)?;
    Ok(seed)
}

/// Reads a file that is short or wrong.
pub(crate) fn read_short(path: &Path) -> Result<String, Failure> {
    let fail = failures::file("cannot read", path);
    let mut text = String::new();
    let limit = limits::CHECKPOINT_BYTES as u64;
    File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text)).map_err(fail)?;
    Ok(text)
}

/// Puts `note` in the place of the file at `path`, whole or not at all, and waits for the disk.
pub(crate) fn write_beside(path: &Path, note: &str) -> Result<(), Failure> {
    let new = path.with_extension("checkpoint.new");
    let fail = failures::file("cannot write", path);
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(&new);
    file.and_then(|mut file| file.write_all(note.as_bytes()).and_then(|()| file.sync_all())).map_err(&fail)?;
    fs::rename(&new, path).map_err(&fail)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(&fail)
}
