//! The only unsafe code of Genoa: the few system calls that no safe library offers.
//!
//! Whatever `rustix`, `landlock` and `seccompiler` wrap safely (mounts, rlimits, capabilities, pidfds, SCM_RIGHTS, peer
//! credentials, death signals) is used from there. What is left: making a process in new namespaces, replacing a
//! process image with exactly the wanted descriptors, attributes of whole mount trees, taking over an inherited
//! descriptor, and the two functions of the inference engine that its safe binding lacks. The public API is safe to call.

#![deny(unsafe_op_in_unsafe_fn)]

pub mod exec;
pub mod inherit;
pub mod interface;
#[cfg(feature = "engine")]
pub mod interrupt;
pub mod mount;
pub mod process;
#[cfg(feature = "engine")]
pub mod quantise;
