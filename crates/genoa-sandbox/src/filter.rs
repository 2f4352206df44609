//! The system calls of a jail: an allow list; everything else does not exist (`ENOSYS`).
//!
//! An unknown call is answered as an older kernel would answer it, so programs fall back (glibc goes from clone3 to clone,
//! whose flags can be looked at), and calls that are invented tomorrow are closed today.

use std::collections::BTreeMap;
use std::os::fd::RawFd;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use crate::allow_list;
use crate::plan::{Network, OtherPrograms};
use crate::step::{Step, StepExt};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Installs the filter, for good. `program` is the descriptor of the one program that may be executed where no other may.
pub(crate) fn install(others: OtherPrograms, network: Network, program: RawFd) -> Step<()> {
    let rules = rules(others, network, program).at("compile the system call filter")?;
    let filter = compile(rules).at("compile the system call filter")?;
    seccompiler::apply_filter(&filter).at("install the system call filter")
}

/// The program of `rules`: those that look at no argument as a search, the others as seccompiler writes them.
fn compile(rules: Rules) -> Result<BpfProgram, seccompiler::BackendError> {
    let (plain, conditional): (Rules, Rules) = rules.into_iter().partition(|(_, conditions)| conditions.is_empty());
    let allowed = plain.keys().filter_map(|call| u32::try_from(*call).ok());
    Ok(allow_list::before(one_by_one(conditional)?, allowed, AUDIT_ARCH))
}

/// The program of `rules` that compares one call number after the other. What matches none does not exist.
fn one_by_one(rules: Rules) -> Result<BpfProgram, seccompiler::BackendError> {
    let denied = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    SeccompFilter::new(rules, denied, SeccompAction::Allow, ARCHITECTURE)?.try_into()
}

fn rules(others: OtherPrograms, network: Network, program: RawFd) -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = EVERYONE.iter().map(|call| (*call, Vec::new())).collect();
    #[cfg(target_arch = "x86_64")]
    rules.extend(OLD.iter().map(|call| (*call, Vec::new())));
    match others {
        OtherPrograms::Allowed => {
            rules.extend(PROGRAMS.iter().map(|call| (*call, Vec::new())));
            #[cfg(target_arch = "x86_64")]
            rules.extend([(libc::SYS_fork, Vec::new()), (libc::SYS_vfork, Vec::new())]);
            rules.insert(libc::SYS_clone, vec![masked(0, NEW_NAMESPACES, 0)?]);
        }
        OtherPrograms::Denied => {
            let thread = u64::from(libc::CLONE_THREAD.unsigned_abs());
            rules.insert(libc::SYS_clone, vec![masked(0, NEW_NAMESPACES | thread, thread)?]);
            rules.insert(libc::SYS_execveat, vec![equal(0, u64::from(program.unsigned_abs()))?]);
        }
    }
    let (unix, stream) = (unsigned(libc::AF_UNIX), unsigned(libc::SOCK_STREAM));
    let families = match network {
        Network::None | Network::Accepting => None,
        Network::Loopback => Some([libc::AF_UNIX, libc::AF_INET, libc::AF_INET6].as_slice()),
        Network::Host => Some([libc::AF_INET, libc::AF_INET6].as_slice()),
    };
    if let Some(families) = families {
        let family = |family: &libc::c_int| equal(0, unsigned(*family));
        rules.extend(ACCEPT.iter().chain(SOCKETS).map(|call| (*call, Vec::new())));
        rules.insert(libc::SYS_socket, families.iter().map(family).collect::<Result<_, _>>()?);
        rules.insert(libc::SYS_socketpair, vec![equal(0, unix)?]);
    } else {
        // Of streams only: a datagram socket could be sent to any path without a connect.
        rules.insert(libc::SYS_socketpair, vec![both((0, u64::from(u32::MAX), unix), (1, SOCKET_TYPE, stream))?]);
    }
    if network == Network::Accepting {
        rules.extend(ACCEPT.iter().map(|call| (*call, Vec::new())));
    }
    let forged_input = [libc::TIOCSTI, libc::TIOCLINUX, libc::TIOCSETD];
    rules.insert(libc::SYS_ioctl, vec![none_of(1, &forged_input)?]);
    // A program that could take its own death signal back would outlive the spawner.
    let life = [unsigned(libc::PR_SET_PDEATHSIG), unsigned(libc::PR_SET_MM), unsigned(libc::PR_SET_PTRACER)];
    rules.insert(libc::SYS_prctl, vec![none_of(0, &life)?]);
    let personalities = [0, 0x0002_0000, 0xffff_ffff];
    rules.insert(libc::SYS_personality, personalities.iter().map(|value| equal(0, *value)).collect::<Result<_, _>>()?);
    Ok(rules)
}

fn unsigned(value: libc::c_int) -> u64 {
    u64::from(value.unsigned_abs())
}

fn equal(argument: u8, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)?])
}

/// Both arguments, each under its mask, have these values.
fn both(first: (u8, u64, u64), second: (u8, u64, u64)) -> Result<SeccompRule, seccompiler::BackendError> {
    let condition = |(argument, mask, value)| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask), value)
    };
    SeccompRule::new(vec![condition(first)?, condition(second)?])
}

fn masked(argument: u8, mask: u64, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    let operator = SeccompCmpOp::MaskedEq(mask);
    SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Qword, operator, value)?])
}

fn none_of(argument: u8, values: &[u64]) -> Result<SeccompRule, seccompiler::BackendError> {
    let differs = |value: &u64| SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, *value);
    SeccompRule::new(values.iter().map(differs).collect::<Result<_, _>>()?)
}

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: TargetArch = TargetArch::aarch64;
/// The architecture's number in `linux/audit.h`: its ELF machine, with the marks of 64 bits and of little endian.
#[cfg(target_arch = "x86_64")]
const AUDIT_ARCH: u32 = 0xc000_0000 | libc::EM_X86_64 as u32;
#[cfg(target_arch = "aarch64")]
const AUDIT_ARCH: u32 = 0xc000_0000 | libc::EM_AARCH64 as u32;

/// Every flag of clone that makes a namespace: time, mount, cgroup, uts, ipc, user, pid, net.
const NEW_NAMESPACES: u64 = 0x7e02_0080;

/// The bits of a socket's type that are not flags.
const SOCKET_TYPE: u64 = 0xf;

/// What only those need who may open sockets; inherited ones are read and written without.
const SOCKETS: &[i64] = &[libc::SYS_bind, libc::SYS_connect, libc::SYS_listen];

/// Letting in who connects to a socket that listens.
const ACCEPT: &[i64] = &[libc::SYS_accept, libc::SYS_accept4];

/// What the C library and a runtime need, and what can only reach what the mounts and Landlock leave.
const EVERYONE: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_capget,
    libc::SYS_capset,
    libc::SYS_chdir,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_copy_file_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fadvise64,
    libc::SYS_fallocate,
    libc::SYS_fchdir,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_fcntl,
    libc::SYS_fdatasync,
    libc::SYS_fgetxattr,
    libc::SYS_flistxattr,
    libc::SYS_flock,
    libc::SYS_fremovexattr,
    libc::SYS_fsetxattr,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_futex,
    libc::SYS_futex_waitv,
    libc::SYS_get_mempolicy,
    libc::SYS_get_robust_list,
    libc::SYS_getcpu,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getgroups,
    libc::SYS_getitimer,
    libc::SYS_getpeername,
    libc::SYS_getpgid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getpriority,
    libc::SYS_getrandom,
    libc::SYS_getresgid,
    libc::SYS_getresuid,
    libc::SYS_getrlimit,
    libc::SYS_getrusage,
    libc::SYS_getsid,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_getxattr,
    libc::SYS_inotify_add_watch,
    libc::SYS_inotify_init1,
    libc::SYS_inotify_rm_watch,
    libc::SYS_kill,
    libc::SYS_landlock_add_rule,
    libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_restrict_self,
    libc::SYS_lgetxattr,
    libc::SYS_linkat,
    libc::SYS_listxattr,
    libc::SYS_llistxattr,
    libc::SYS_lremovexattr,
    libc::SYS_lseek,
    libc::SYS_lsetxattr,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_memfd_create,
    libc::SYS_mincore,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_mlock,
    libc::SYS_mlock2,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_msync,
    libc::SYS_munlock,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_preadv2,
    libc::SYS_prlimit64,
    libc::SYS_pselect6,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_pwritev2,
    libc::SYS_read,
    libc::SYS_readahead,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmmsg,
    libc::SYS_recvmsg,
    libc::SYS_removexattr,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getattr,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_yield,
    libc::SYS_seccomp,
    libc::SYS_sendfile,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_setitimer,
    libc::SYS_setpriority,
    libc::SYS_setrlimit,
    libc::SYS_setsockopt,
    libc::SYS_setxattr,
    libc::SYS_shutdown,
    libc::SYS_sigaltstack,
    libc::SYS_signalfd4,
    libc::SYS_splice,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_symlinkat,
    libc::SYS_sync_file_range,
    libc::SYS_sysinfo,
    libc::SYS_tee,
    libc::SYS_tgkill,
    libc::SYS_timer_create,
    libc::SYS_timer_delete,
    libc::SYS_timer_getoverrun,
    libc::SYS_timer_gettime,
    libc::SYS_timer_settime,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_gettime,
    libc::SYS_timerfd_settime,
    libc::SYS_times,
    libc::SYS_tkill,
    libc::SYS_truncate,
    libc::SYS_umask,
    libc::SYS_uname,
    libc::SYS_unlinkat,
    libc::SYS_utimensat,
    libc::SYS_wait4,
    libc::SYS_waitid,
    libc::SYS_write,
    libc::SYS_writev,
];

/// What shells, compilers and build tools need on top.
const PROGRAMS: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_fsetxattr,
    libc::SYS_getpgid,
    libc::SYS_setfsgid,
    libc::SYS_setfsuid,
    libc::SYS_setgid,
    libc::SYS_setgroups,
    libc::SYS_setpgid,
    libc::SYS_setregid,
    libc::SYS_setresgid,
    libc::SYS_setresuid,
    libc::SYS_setreuid,
    libc::SYS_setsid,
    libc::SYS_setuid,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_shmdt,
    libc::SYS_shmget,
    libc::SYS_semctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_sync,
    libc::SYS_syncfs,
    libc::SYS_mlockall,
    libc::SYS_munlockall,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setscheduler,
    libc::SYS_ioprio_get,
    libc::SYS_ioprio_set,
    libc::SYS_vmsplice,
];

/// Forms that only the oldest architecture has.
#[cfg(target_arch = "x86_64")]
const OLD: &[i64] = &[
    libc::SYS_access,
    libc::SYS_alarm,
    libc::SYS_arch_prctl,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_creat,
    libc::SYS_dup2,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_eventfd,
    libc::SYS_futimesat,
    libc::SYS_getdents,
    libc::SYS_getpgrp,
    libc::SYS_inotify_init,
    libc::SYS_lchown,
    libc::SYS_link,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_mknod,
    libc::SYS_open,
    libc::SYS_pause,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_rmdir,
    libc::SYS_select,
    libc::SYS_signalfd,
    libc::SYS_stat,
    libc::SYS_symlink,
    libc::SYS_time,
    libc::SYS_unlink,
    libc::SYS_utime,
    libc::SYS_utimes,
];

#[cfg(test)]
mod tests {
    use super::{AUDIT_ARCH, compile, one_by_one, rules};
    use crate::allow_list::tests::{Seen, outcome};
    use crate::plan::{Network, OtherPrograms};

    /// Arguments at which conditions of some call turn.
    const ARGUMENTS: [[u64; 6]; 6] = [
        [0; 6],
        [u64::MAX; 6],
        [libc::AF_UNIX as u64, libc::SOCK_STREAM as u64, 0, 0, 0, 0],
        [libc::AF_INET as u64, libc::SOCK_DGRAM as u64, 0, 0, 0, 0],
        [libc::CLONE_THREAD as u64, libc::TIOCSTI, 0, 0, 0, 0],
        [1024, libc::PR_SET_PDEATHSIG as u64, 0, 0, 0, 0x1000],
    ];

    #[test]
    fn the_search_decides_like_one_comparison_after_the_other() {
        for others in [OtherPrograms::Allowed, OtherPrograms::Denied] {
            for network in [Network::None, Network::Accepting, Network::Loopback, Network::Host] {
                let rules = rules(others, network, 1024).unwrap();
                let (short, long) = (compile(rules.clone()).unwrap(), one_by_one(rules).unwrap());
                assert!(short.len() < long.len(), "{} and {} instructions", short.len(), long.len());
                let numbers = (0..1_000).chain([0x4000_0000, 0x4000_003b, u32::MAX]);
                for number in numbers {
                    for arguments in ARGUMENTS {
                        for audit_arch in [AUDIT_ARCH, 0x4000_0003] {
                            let seen = Seen { number, audit_arch, arguments };
                            assert_eq!(outcome(&short, &seen), outcome(&long, &seen), "{seen:?}");
                        }
                    }
                }
            }
        }
    }
}
