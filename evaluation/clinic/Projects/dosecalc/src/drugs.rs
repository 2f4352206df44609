//! The drugs that we use most.

/// A drug with its dose.
pub struct Drug {
    pub name: &'static str,
    pub mg_per_kg: f64,
}

static DRUGS: [Drug; 4] = [
    Drug { name: "meloxicam", mg_per_kg: 0.1 },
    Drug { name: "amoxicillin", mg_per_kg: 12.5 },
    Drug { name: "maropitant", mg_per_kg: 1.0 },
    Drug { name: "gabapentin", mg_per_kg: 10.0 },
];

/// The drug of this name.
pub fn find(name: &str) -> Option<&'static Drug> {
    DRUGS.iter().find(|drug| drug.name == name)
}
