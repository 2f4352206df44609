//! The injection sensor: which texts in a tool's answer read like instructions to an assistant.
//!
//! It sees words and not what they mean, and is easily deceived: what it marks is one more reason to ask the person, and what
//! it does not mark is none for anything. It runs where the answer was made, in the jail of the call; over what a program answers
//! that carries out tools for its session, in the daemon. It reads words, and no format of anybody's.

#![forbid(unsafe_code)]

mod look;
mod weights;
mod words;

pub use look::{health, look_over};
