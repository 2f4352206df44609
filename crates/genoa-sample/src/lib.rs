//! A made-up workspace.
