use crate::level::Level;

pub fn heading(harbour: &str) -> String {
    harbour.trim()
}

pub fn row(level: &Level) -> String {
    let mark = if level.is_low() { '-' } else { '+' };
    [mark, char::from_digit(level.hour % 10, 10).unwrap_or('?')].iter().collect()
}
