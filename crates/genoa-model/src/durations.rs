//! Durations as they are reported.

use std::time::Duration;

/// A duration in whole milliseconds.
pub(crate) fn ms(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
