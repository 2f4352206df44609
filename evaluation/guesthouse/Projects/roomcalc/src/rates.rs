//! Prices in kronor.

/// A breakfast, for one guest and one morning.
pub const BREAKFAST_KR: u32 = 145;
/// VAT on rooms.
pub const VAT_PERCENT: u32 = 12;
/// From how many nights on a stay is a long one.
pub const LONG_STAY_NIGHTS: u32 = 8;

const LOW: [u32; 9] = [890, 890, 690, 1090, 950, 950, 990, 1290, 690];
const HIGH: [u32; 9] = [1240, 1240, 940, 1490, 1290, 1290, 1390, 1790, 940];

pub fn is_high_season(month: u32) -> bool {
    (6..=8).contains(&month)
}

pub fn nightly_rate(room: u32, month: u32) -> Option<u32> {
    let place = room.checked_sub(1)? as usize;
    let rates = if is_high_season(month) { HIGH } else { LOW };
    rates.get(place).copied()
}

/// Ten per cent off for long stays.
pub fn long_stay_discount(nights: u32, total: u32) -> u32 {
    if nights >= LONG_STAY_NIGHTS { total / 10 } else { 0 }
}

pub fn vat_in(total: u32) -> u32 {
    total * VAT_PERCENT / (100 + VAT_PERCENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summer_costs_more() {
        assert!(nightly_rate(4, 7) > nightly_rate(4, 4));
    }

    #[test]
    fn there_are_nine_rooms() {
        assert!(nightly_rate(9, 1).is_some() && nightly_rate(10, 1).is_none());
    }

    #[test]
    fn a_week_is_a_long_stay() {
        assert_eq!(long_stay_discount(7, 7000), 700);
    }
}
