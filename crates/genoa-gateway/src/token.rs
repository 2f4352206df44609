//! The secret that every request brings. It lies in Genoa's home, where only the person can read it.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use genoa_abi::{ErrorCode, Failure};

/// The file's name in Genoa's home.
pub const TOKEN_FILE: &str = "gateway.token";
/// Random bytes of a token: more than anybody can try.
const SECRET_BYTES: usize = 24;
/// What a token begins with, so that one which is found somewhere tells whose it is.
const MARK: &str = "genoa-";

/// The token in `folder`; one is made if there is none.
///
/// # Errors
/// [`ErrorCode::StorageFailed`] where it cannot be read or written, [`ErrorCode::InvalidInput`] for a file that others can read
/// or that holds no token.
pub fn token_in(folder: &Path) -> Result<String, Failure> {
    let path = folder.join(TOKEN_FILE);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            let token = new_token()?;
            file.write_all(format!("{token}\n").as_bytes()).map_err(|error| unusable(&path, &error))?;
            Ok(token)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(&path),
        Err(error) => Err(unusable(&path, &error)),
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let mut file = std::fs::File::open(path).map_err(|error| unusable(path, &error))?;
    let mode = file.metadata().map_err(|error| unusable(path, &error))?.mode();
    if mode & 0o077 != 0 {
        return Err(Failure::new(ErrorCode::InvalidInput, format!("{} can be read by others", path.display()))
            .because(format!("its mode is {:o}", mode & 0o777))
            .try_next("Remove it: a new one is made at the next start"));
    }
    let mut text = String::new();
    Read::by_ref(&mut file).take(1024).read_to_string(&mut text).map_err(|error| unusable(path, &error))?;
    let token = text.trim();
    if token.strip_prefix(MARK).is_some_and(|secret| secret.len() >= SECRET_BYTES) {
        return Ok(token.to_owned());
    }
    Err(Failure::new(ErrorCode::InvalidInput, format!("{} holds no token", path.display()))
        .try_next("Remove it: a new one is made at the next start"))
}

fn new_token() -> Result<String, Failure> {
    Ok(format!("{MARK}{}", random_digits::<SECRET_BYTES>()?))
}

/// Random bytes, as hexadecimal digits.
pub(crate) fn random_digits<const BYTES: usize>() -> Result<String, Failure> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| no_random(&error))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A random number.
pub(crate) fn random_number() -> Result<u64, Failure> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| no_random(&error))?;
    Ok(u64::from_le_bytes(bytes))
}

fn no_random(error: &getrandom::Error) -> Failure {
    Failure::new(ErrorCode::Internal, "the system gives no random numbers").because(error)
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(ErrorCode::StorageFailed, format!("{} cannot be used", path.display())).because(error)
}

/// Whether two secrets are the same, in a time that tells nothing of where they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    let differs = one.bytes().zip(other.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b));
    one.len() == other.len() && differs == 0
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{TOKEN_FILE, same, token_in};

    #[test]
    fn a_token_is_made_once_and_is_nobody_elses() {
        let folder = std::env::temp_dir().join(format!("genoa-token-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let token = token_in(&folder).unwrap();
        assert_eq!(token_in(&folder).as_ref(), Ok(&token));
        let path = folder.join(TOKEN_FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(token_in(&folder).unwrap_err().what.ends_with("can be read by others"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "short").unwrap();
        assert!(token_in(&folder).unwrap_err().what.ends_with("holds no token"));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn secrets_are_compared_whole() {
        assert!(same("abc", "abc") && same("", ""));
        assert!(!same("abc", "abd") && !same("abc", "ab") && !same("", "a"));
    }
}
