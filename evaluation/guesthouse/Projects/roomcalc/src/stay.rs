use crate::rates::{long_stay_discount, nightly_rate, BREAKFAST_KR};

pub struct Stay {
    pub room: u32,
    pub month: u32,
    pub nights: u32,
    pub guests: u32,
    pub breakfast: bool,
}

impl Stay {
    pub fn total(&self) -> Option<u32> {
        let rooms = nightly_rate(self.room, self.month)? * self.nights;
        let meals = if self.breakfast { BREAKFAST_KR * self.nights * self.guests } else { 0 };
        Some(rooms - long_stay_discount(self.nights, rooms) + meals)
    }
}

#[cfg(test)]
mod tests {
    use super::Stay;

    #[test]
    fn breakfast_counts_for_each_guest() {
        let stay = Stay { room: 1, month: 4, nights: 2, guests: 2, breakfast: true };
        assert_eq!(stay.total(), Some(2 * 890 + 4 * 145));
    }
}
