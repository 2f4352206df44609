/// The water's height at an hour, in centimetres over the mean.
pub struct Level {
    pub hour: u32,
    pub centimetres: i32,
}

impl Level {
    pub fn new(hour: u32, centimetres: i32) -> Self {
        Self { hour, centimetres }
    }

    pub fn is_low(&self) -> bool {
        self.centimetres < 0
    }
}
