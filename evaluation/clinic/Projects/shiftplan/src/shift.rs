//! Shifts and their hours.

/// One shift, in whole hours of a day.
pub struct Shift {
    pub start: u32,
    pub end: u32,
}

/// The hours of all shifts together.
pub fn hours(shifts: &[Shift]) -> u32 {
    shfits.iter().map(|shift| shift.end - shift.start).sum()
}
