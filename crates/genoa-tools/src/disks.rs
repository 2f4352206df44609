//! Disks: how full they are, and what fills the workspace.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use genoa_abi::limits::SEARCH_ENTRIES;
use genoa_abi::schema::{EffectClass, FileNeed, Needs, RecordType, Yields};
use genoa_abi::{ErrorCode, Failure};
use serde::Serialize;
use serde_json::Value as Json;

use crate::lookup;
use crate::tool::{Call, Tool, answer, file_failure, record, schema};

/// Where a jail that may look at disks shows the host's file systems.
const HOST_ROOT: &str = "/run/host";
/// Folders that a look at the usage answers with.
const FOLDERS: usize = 30;
/// How deep below the start these lie.
const FOLDER_DEPTH: usize = 3;
/// Kinds of file systems on a network or in a pool, whose source is no device file.
const KINDS_WITHOUT_DEVICE: [&str; 9] = ["btrfs", "zfs", "nfs", "nfs4", "cifs", "9p", "virtiofs", "ceph", "bcachefs"];

#[derive(Debug, Serialize)]
struct Disk {
    device: String,
    mount: String,
    total_bytes: u64,
    free_bytes: u64,
    used_percent: f64,
}

#[derive(Debug, Serialize)]
struct FolderSize {
    path: String,
    bytes: u64,
    files: u64,
}

/// The record types of this group.
#[must_use]
pub fn records() -> Vec<RecordType> {
    let mut disk = record(
        "Disk",
        &[
            ("device", "str", "the device"),
            ("mount", "str", "where it is mounted"),
            ("total_bytes", "int", "its size"),
            ("free_bytes", "int", "what is free"),
            ("used_percent", "float", "how full it is"),
        ],
    );
    disk.title = Some("mount".into());
    let mut folder = record(
        "FolderSize",
        &[("path", "path", "the folder"), ("bytes", "int", "all that is in it"), ("files", "int", "how many files")],
    );
    folder.origin = Some("path".into());
    folder.title = Some("path".into());
    vec![disk, folder]
}

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let host = Needs { host: true, ..Needs::default() };
    let read = Needs { files: FileNeed::Read, ..Needs::default() };
    vec![
        Tool {
            schema: schema(
                "disks.list",
                "Disks with their size and free space.",
                EffectClass::Observe,
                host,
                "list[Disk]",
            )
            .yielding(Yields::Machine)
            .phrase("List the disks"),
            run: list,
        },
        Tool {
            schema: schema(
                "disks.usage",
                "The largest folders of the workspace.",
                EffectClass::Observe,
                read,
                "list[FolderSize]",
            )
            .optional("under", "path", "only this folder and what is below it")
            .existing_folder()
            .phrase("Find the largest folders under {under}"),
            run: usage,
        },
    ]
}

fn list(_: &Call<'_>) -> Result<Json, Failure> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")
        .map_err(|error| file_failure("the mounts cannot be read", &error))?;
    let disk = |mount: Mount| {
        let room = rustix::fs::statvfs(&mount.path).ok().filter(|room| room.f_blocks > 0)?;
        let unit = if room.f_frsize > 0 { room.f_frsize } else { room.f_bsize };
        let used = room.f_blocks.saturating_sub(room.f_bfree);
        // As df counts: what only the administrator may still fill is neither used nor free.
        let whole = used.saturating_add(room.f_bavail).max(1);
        let thousandths = u32::try_from(used.saturating_mul(1000) / whole).unwrap_or(1000);
        Some(Disk {
            device: mount.device,
            mount: mount.shown,
            total_bytes: room.f_blocks.saturating_mul(unit),
            free_bytes: room.f_bavail.saturating_mul(unit),
            used_percent: f64::from(thousandths) / 10.0,
        })
    };
    answer(real_mounts(&mounts).into_iter().filter_map(disk).collect::<Vec<_>>())
}

#[derive(Debug, PartialEq, Eq)]
struct Mount {
    device: String,
    /// Where it can be asked.
    path: PathBuf,
    /// Where the host has it.
    shown: String,
}

/// Mounts of real disks, each disk once, at its shortest path. Inside a jail only those below [`HOST_ROOT`] are the host's.
fn real_mounts(mountinfo: &str) -> Vec<Mount> {
    let parsed: Vec<(&str, String, String, String)> = mountinfo.lines().filter_map(parse_mount).collect();
    let in_jail = parsed.iter().any(|(_, path, ..)| path == HOST_ROOT);
    let mut found: Vec<(&str, Mount)> = Vec::new();
    for (number, path, kind, device) in parsed {
        let below = path.strip_prefix(HOST_ROOT).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let shown = match (in_jail, below) {
            (true, Some(rest)) => {
                if rest.is_empty() {
                    "/".to_owned()
                } else {
                    rest.to_owned()
                }
            }
            (false, _) => path.clone(),
            (true, None) => continue,
        };
        let is_real = device.starts_with("/dev/") || KINDS_WITHOUT_DEVICE.contains(&kind.as_str()) || shown == "/";
        if !is_real || shown.starts_with("/proc") || shown.starts_with("/sys") {
            continue;
        }
        match found.iter_mut().find(|(known, _)| *known == number) {
            Some((_, mount)) if mount.shown.len() <= shown.len() => {}
            Some((_, mount)) => *mount = Mount { device, path: path.into(), shown },
            None => found.push((number, Mount { device, path: path.into(), shown })),
        }
    }
    found.into_iter().map(|(_, mount)| mount).collect()
}

/// Device number, mount point, kind and source of one line of `mountinfo`.
fn parse_mount(line: &str) -> Option<(&str, String, String, String)> {
    let (front, back) = line.split_once(" - ")?;
    let front: Vec<&str> = front.split(' ').collect();
    let mut back = back.split(' ');
    Some((front.get(2)?, unescape(front.get(4)?), back.next()?.to_owned(), unescape(back.next()?)))
}

/// `mountinfo` writes spaces and line feeds as `\040` and `\012`.
fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let letter = after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        plain.push(letter.map_or('\\', char::from));
        rest = if letter.is_some() { &after[3..] } else { after };
    }
    plain + rest
}

fn usage(call: &Call<'_>) -> Result<Json, Failure> {
    let under = call.text("under")?;
    let (start, is_named) = (lookup::folder(call, &under)?, !under.trim().is_empty());
    let mut sizes: HashMap<PathBuf, (u64, u64)> = HashMap::new();
    let mut folders = vec![start.clone()];
    let mut entries = 0;
    while let Some(folder) = folders.pop() {
        // What may not be read is left out, as it is when one looks oneself.
        let Ok(list) = std::fs::read_dir(&folder) else { continue };
        for entry in list.flatten() {
            entries += 1;
            if entries > SEARCH_ENTRIES {
                return Err(Failure::new(
                    ErrorCode::TooLarge,
                    format!("there are more than {SEARCH_ENTRIES} files and folders"),
                )
                .try_next("Name a folder as `under`"));
            }
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if metadata.is_file() {
                add(&mut sizes, &start, &folder, metadata.len());
            }
        }
    }
    let mut found: Vec<FolderSize> = sizes
        .into_iter()
        // The workspace as a whole is nobody's question; a folder that was named is.
        .filter(|(path, _)| path != &start || is_named)
        .map(|(path, (bytes, files))| FolderSize { path: call.relative(&path), bytes, files })
        .collect();
    found.sort_by(|one, other| other.bytes.cmp(&one.bytes).then_with(|| one.path.cmp(&other.path)));
    found.truncate(FOLDERS);
    answer(found)
}

/// Counts a file for the folders above it, down to [`FOLDER_DEPTH`].
fn add(sizes: &mut HashMap<PathBuf, (u64, u64)>, start: &Path, folder: &Path, bytes: u64) {
    let relative = folder.strip_prefix(start).unwrap_or(folder);
    let mut path = start.to_owned();
    let mut count = |path: &Path| {
        let size = sizes.entry(path.to_owned()).or_default();
        *size = (size.0.saturating_add(bytes), size.1 + 1);
    };
    count(&path);
    for part in relative.components().take(FOLDER_DEPTH) {
        path.push(part);
        count(&path);
    }
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use serde_json::json;

    use super::{real_mounts, unescape};
    use crate::testing::Bench;

    #[test]
    fn the_root_disk_is_listed_with_its_size() {
        let disks = Bench::new().ok("disks.list", json!({}));
        let root = disks.as_array().unwrap().iter().find(|disk| disk["mount"] == "/").unwrap();
        assert!(root["total_bytes"].as_u64().unwrap() > root["free_bytes"].as_u64().unwrap());
        assert!((0.0..=100.0).contains(&root["used_percent"].as_f64().unwrap()));
    }

    #[test]
    fn a_jail_shows_the_hosts_disks_and_each_once() {
        let lines = "30 1 8:1 / / rw - tmpfs none rw\n31 30 8:1 / /run/host rw - ext4 /dev/sda1 rw\n32 31 8:2 / /run/host/home\\040of\\040all rw - ext4 /dev/sda2 rw\n\
                     33 31 8:2 /x /run/host/home\\040of\\040all/deep rw - ext4 /dev/sda2 rw\n34 31 0:5 / /run/host/proc rw - proc proc rw\n35 30 8:1 / /work rw - ext4 /dev/sda1 rw\nnonsense\n";
        let shown: Vec<(String, String)> =
            real_mounts(lines).into_iter().map(|mount| (mount.shown, mount.device)).collect();
        assert_eq!(
            shown,
            [("/".to_owned(), "/dev/sda1".to_owned()), ("/home of all".to_owned(), "/dev/sda2".to_owned())]
        );
        assert_eq!(unescape("a\\040b\\9\\"), "a b\\9\\");
    }

    #[test]
    fn the_largest_folders_come_first() {
        let bench = Bench::new()
            .with("big/in/a", vec![0; 5000])
            .with("big/b", vec![0; 1000])
            .with("small/c", "x")
            .with("top", "y");
        std::os::unix::fs::symlink("/usr", bench.path().join("link")).unwrap();
        assert_eq!(bench.column("disks.usage", json!({}), "path"), ["big", "big/in", "small"]);
        assert_eq!(bench.ok("disks.usage", json!({}))[0]["bytes"], 6000);
        assert_eq!(bench.column("disks.usage", json!({ "under": "big" }), "path"), ["big", "big/in"]);
        assert_eq!(bench.refused("disks.usage", json!({ "under": "link" })), ErrorCode::NotGranted);
    }
}
