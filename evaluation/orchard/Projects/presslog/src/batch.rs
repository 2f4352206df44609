/// Below this the juice is too thin for cider.
pub const MIN_BRIX: f64 = 10.5;

/// What came out of the press.
pub struct Batch {
    pub name: String,
    pub litres: u32,
    pub brix: f64,
}

/// The alcohol that the sugar can become, in percent.
pub fn brix_to_abv(brix: f64) -> f64 {
    brix * 0.55
}

impl Batch {
    pub fn is_good(&self) -> bool {
        self.brix >= MIN_BRIX
    }
}
