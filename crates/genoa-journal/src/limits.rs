//! The bounds of the journal. The unit is the last word of the name.

/// A record's kind.
pub const KIND_BYTES: usize = 64;
/// A record's body, with everything that was lifted out of it.
pub const BODY_BYTES: usize = 64 * 1024 * 1024;
/// How deep a body may nest.
pub const BODY_DEPTH: usize = 512;
/// Records of one append.
pub const BATCH_RECORDS: usize = 10_000;
/// A part of a body above this size is stored on its own, once however often it occurs.
pub const LIFT_BYTES: usize = 4 * 1024;
/// A part of a body that nests deeper than this is stored on its own. JSON parsers refuse deep nesting, so without
/// this a hostile but legal message could be written and never be read back.
pub const LIFT_DEPTH: usize = 48;
/// Records between two signed checkpoints that nobody asked for.
pub const CHECKPOINT_RECORDS: u64 = 1000;
/// A checkpoint's text.
pub const CHECKPOINT_BYTES: usize = 4 * 1024;
/// Records whose hashes are checked whenever a journal is opened.
pub const TAIL_RECORDS: u64 = 1000;
/// Records that one read answers with.
pub const READ_RECORDS: u32 = 10_000;
/// Snapshots that are kept; the last but one serves when the last is damaged.
pub const SNAPSHOTS: u32 = 2;
/// How far a graph of causes is followed.
pub const WHY_DEPTH: usize = 16;
/// Causes of one node.
pub const WHY_CAUSES: usize = 16;
/// Nodes of one graph.
pub const WHY_NODES: usize = 400;
/// Records that are looked at for one call, agent or file.
pub const WHY_RECORDS: u32 = 64;
/// Folders above a file that are tried as its workspace.
pub const WHY_FOLDERS: usize = 64;
/// Letters of a person's or a plan's words in one node.
pub const WHY_TEXT_CHARS: usize = 160;
/// One line of an export.
pub const EXPORT_LINE_BYTES: usize = 4 * BODY_BYTES;
/// Rows that are tried to tell a moved record from an altered one.
pub const MOVED_RECORDS: u64 = 10_000;

const _: () = assert!(LIFT_DEPTH < 100, "a stored content must stay within the depth that JSON parsers read");
