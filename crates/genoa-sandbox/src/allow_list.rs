//! The calls that are allowed whatever their arguments, as a binary search in front of a filter's program.
//!
//! seccompiler compares call numbers one after the other. The kernel tries every number when a filter is installed (so
//! that it can skip the filter for calls that are always allowed), which took half a millisecond of each jail. What the
//! search does not allow falls through to the program behind it, which decides: the search itself can deny nothing.

use std::mem::offset_of;

use seccompiler::{BpfProgram, sock_filter};

/// The kinds of instructions fit into a byte.
#[expect(clippy::cast_possible_truncation, reason = "they are small, and a constant has no other conversion")]
const fn code(kind: u32) -> u16 {
    kind as u16
}

/// `A = the word at k` of the call that is looked at.
const LOAD: u16 = code(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS);
const JUMP: u16 = code(libc::BPF_JMP | libc::BPF_JA);
const IF_EQUAL: u16 = code(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K);
const IF_AT_LEAST: u16 = code(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K);
const IF_ABOVE: u16 = code(libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K);
const RETURN: u16 = code(libc::BPF_RET | libc::BPF_K);

/// Numbers from the first to the last, both allowed.
type Range = (u32, u32);

/// `program` with a search for `allowed` before it. Another architecture than `audit_arch` (a number of
/// `linux/audit.h`) goes to `program` at once: its calls have other numbers.
pub(crate) fn before(program: BpfProgram, allowed: impl Iterator<Item = u32>, audit_arch: u32) -> BpfProgram {
    let search = search(&ranges(allowed));
    let mut whole = vec![
        statement(LOAD, size(offset_of!(libc::seccomp_data, arch))),
        sock_filter { code: IF_EQUAL, jt: 1, jf: 0, k: audit_arch },
        statement(JUMP, size(search.len()) + 1),
        statement(LOAD, size(offset_of!(libc::seccomp_data, nr))),
    ];
    whole.extend(search);
    whole.extend(program);
    whole
}

/// Offsets and lengths are small; one that were not would make a program that the kernel refuses.
fn size(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Neighbouring numbers as one.
fn ranges(allowed: impl Iterator<Item = u32>) -> Vec<Range> {
    let mut numbers: Vec<u32> = allowed.collect();
    numbers.sort_unstable();
    let mut ranges: Vec<Range> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if number <= last.saturating_add(1) => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    ranges
}

/// Instructions that return "allow" where A lies in one of the ranges, and otherwise end behind themselves.
fn search(ranges: &[Range]) -> Vec<sock_filter> {
    let (low, high) = ranges.split_at(ranges.len() / 2);
    match (low, high) {
        (_, []) => Vec::new(),
        ([], [(first, last), ..]) => vec![
            sock_filter { code: IF_AT_LEAST, jt: 0, jf: 2, k: *first },
            sock_filter { code: IF_ABOVE, jt: 1, jf: 0, k: *last },
            statement(RETURN, libc::SECCOMP_RET_ALLOW),
        ],
        (low, [(first, _), ..]) => {
            let (low, high) = (search(low), search(high));
            // A branch reaches 255 instructions, a jump all of them.
            let mut both =
                vec![sock_filter { code: IF_AT_LEAST, jt: 0, jf: 1, k: *first }, statement(JUMP, size(low.len()) + 1)];
            both.extend(low);
            both.push(statement(JUMP, size(high.len())));
            both.extend(high);
            both
        }
    }
}

fn statement(code: u16, k: u32) -> sock_filter {
    sock_filter { code, jt: 0, jf: 0, k }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use seccompiler::sock_filter;

    use super::{IF_ABOVE, IF_AT_LEAST, IF_EQUAL, JUMP, LOAD, RETURN, before, code, statement};

    const MASK: u16 = code(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K);

    /// A call as a filter sees it.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Seen {
        pub(crate) number: u32,
        pub(crate) audit_arch: u32,
        pub(crate) arguments: [u64; 6],
    }

    /// What a program returns for a call: the machine of `linux/filter.h`, as far as filters for calls use it.
    pub(crate) fn outcome(program: &[sock_filter], seen: &Seen) -> u32 {
        let word = |offset: u32| match offset {
            0 => seen.number,
            4 => seen.audit_arch,
            16.. => {
                let argument = seen.arguments[(offset as usize - 16) / 8];
                let bytes = argument.to_le_bytes();
                let from = offset as usize % 8;
                u32::from_le_bytes([bytes[from], bytes[from + 1], bytes[from + 2], bytes[from + 3]])
            }
            other => panic!("nothing is at {other}"),
        };
        let (mut place, mut value) = (0, 0);
        loop {
            let sock_filter { code, jt, jf, k } = program[place].clone();
            let branch = |holds: bool| usize::from(if holds { jt } else { jf });
            place += 1;
            place += match code {
                LOAD => {
                    value = word(k);
                    0
                }
                MASK => {
                    value &= k;
                    0
                }
                JUMP => k as usize,
                IF_EQUAL => branch(value == k),
                IF_AT_LEAST => branch(value >= k),
                IF_ABOVE => branch(value > k),
                RETURN => return k,
                other => panic!("{other:#x} is not known"),
            };
        }
    }

    proptest! {
        #[test]
        fn what_is_allowed_is_found_and_all_else_falls_through(
            allowed in proptest::collection::btree_set(prop_oneof![0..300_u32, any::<u32>()], 0..200),
            tried in proptest::collection::vec(prop_oneof![0..302_u32, any::<u32>()], 50),
        ) {
            let program = before(vec![statement(RETURN, 7)], allowed.iter().copied(), 1);
            let edges = allowed.iter().flat_map(|number| [number.wrapping_sub(1), *number, number.wrapping_add(1)]);
            for number in tried.into_iter().chain(edges).collect::<BTreeSet<_>>() {
                let seen = |audit_arch| Seen { number, audit_arch, arguments: [0; 6] };
                let expected = if allowed.contains(&number) { libc::SECCOMP_RET_ALLOW } else { 7 };
                prop_assert_eq!(outcome(&program, &seen(1)), expected, "{}", number);
                prop_assert_eq!(outcome(&program, &seen(2)), 7, "another architecture");
            }
        }
    }
}
