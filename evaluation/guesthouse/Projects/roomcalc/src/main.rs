mod rates;
mod stay;

use stay::Stay;

fn main() {
    let numbers: Vec<u32> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let [room, month, nights, guests] = numbers[..] else {
        eprintln!("usage: roomcalc ROOM MONTH NIGHTS GUESTS");
        std::process::exit(2);
    };
    let stay = Stay { room, month, nights, guests, breakfast: true };
    match (rates::nightly_rate(room, month), stay.total()) {
        (Some(rate), Some(total)) => println!("{nights} nights at {rate}: {total} kr, of which VAT {}", rates::vat_in(total)),
        _ => println!("there is no room {room}"),
    }
}
