//! Amounts of money as people write them, kept in millionths: `0.15`, `5`.

use genoa_abi::limits::PROVIDER_MONEY;
use genoa_abi::provider::shown_money;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Millionths of a unit.
const MILLIONTHS: u32 = 1_000_000;

/// An amount, in millionths of the person's unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Money(pub(crate) u64);

impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&shown_money(self.0))
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "PROVIDER_MONEY in millionths is far below what f64 tells apart"
        )]
        serializer.serialize_f64(self.0 as f64 / f64::from(MILLIONTHS))
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let units = f64::deserialize(deserializer)?;
        let millionths = (units * f64::from(MILLIONTHS)).round();
        #[expect(clippy::cast_precision_loss, reason = "the limit is a round number")]
        let most = PROVIDER_MONEY as f64;
        if !(0.0..=most).contains(&units) {
            let why = format!("an amount of money is 0 to {PROVIDER_MONEY} (PROVIDER_MONEY)");
            return Err(serde::de::Error::custom(why));
        }
        if millionths == 0.0 && units > 0.0 {
            return Err(serde::de::Error::custom("an amount of money is told in millionths at the finest"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within the limit")]
        Ok(Self(millionths as u64))
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::Money;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Priced {
        price: Money,
    }

    #[test]
    fn an_amount_is_read_as_it_is_written() {
        let check = |text: &str, millionths: u64, shown: &str| {
            let read: Priced = toml::from_str(&format!("price = {text}")).unwrap();
            assert_eq!((read.price.0, read.price.to_string().as_str()), (millionths, shown), "{text}");
            assert_eq!(toml::from_str::<Priced>(&toml::to_string(&read).unwrap()).unwrap(), read);
        };
        check("0.15", 150_000, "0.15");
        check("5", 5_000_000, "5.00");
        check("0", 0, "0.00");
        check("0.0375", 37_500, "0.0375");
        check("1000000", 1_000_000_000_000, "1000000.00");
        for bad in ["-1", "nan", "inf", "1000001", "\"5\"", "0.0000001"] {
            assert!(toml::from_str::<Priced>(&format!("price = {bad}")).is_err(), "{bad}");
        }
    }
}
