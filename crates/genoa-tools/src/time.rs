//! Times as tools meet them: moments of a call, and times of files and messages.

use std::time::SystemTime;

use genoa_abi::schema::Moment;
use genoa_abi::{ErrorCode, Failure};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use crate::tool::Call;

/// A span of time; the end is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first moment.
    pub start: Timestamp,
    /// The first moment after it.
    pub end: Timestamp,
}

impl Span {
    /// The span that `moment` means. A point in time means the minute that begins with it.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`] if it does not hold times.
    pub fn of(moment: &Moment) -> Result<Self, Failure> {
        let (start, end) = (parse(&moment.start)?, parse(&moment.end)?);
        Ok(Self { start, end: end.max(start.saturating_add(SignedDuration::from_mins(1)).unwrap_or(start)) })
    }

    /// The span of the optional time argument `name`.
    ///
    /// # Errors
    /// As [`Span::of`].
    pub fn argument(call: &Call<'_>, name: &str) -> Result<Option<Self>, Failure> {
        call.moment(name)?.as_ref().map(Self::of).transpose()
    }

    /// Whether `time` is in it.
    #[must_use]
    pub fn holds(&self, time: Timestamp) -> bool {
        self.start <= time && time < self.end
    }

    /// Whether something from `start` to `end` touches it; a thing without length counts where it starts.
    #[must_use]
    pub fn touches(&self, start: Timestamp, end: Timestamp) -> bool {
        self.holds(start) || (start < self.end && end > self.start)
    }
}

/// The time zone of the person; UTC if it is unknown.
#[must_use]
pub fn zone(call: &Call<'_>) -> TimeZone {
    TimeZone::get(&call.request.clock.timezone).unwrap_or(TimeZone::UTC)
}

/// Now, by the clock of the call.
///
/// # Errors
/// [`ErrorCode::InvalidInput`] if the call has no clock.
pub fn now(call: &Call<'_>) -> Result<Zoned, Failure> {
    Ok(parse(&call.request.clock.now)?.to_zoned(zone(call)))
}

/// Reads RFC 3339.
///
/// # Errors
/// [`ErrorCode::InvalidInput`] if `text` is something else.
pub fn parse(text: &str) -> Result<Timestamp, Failure> {
    text.parse()
        .map_err(|error| Failure::new(ErrorCode::InvalidInput, format!("`{text}` is not a time")).because(error))
}

/// RFC 3339 with the person's offset, to the second.
#[must_use]
pub fn show(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// The time of a file.
#[must_use]
pub fn of_system(time: std::io::Result<SystemTime>) -> Timestamp {
    time.ok().and_then(|time| Timestamp::try_from(time).ok()).unwrap_or(Timestamp::UNIX_EPOCH)
}
