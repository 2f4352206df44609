mod batch;

use batch::{brix_to_abv, Batch};

fn main() {
    let batches = [
        Batch { name: "27-01".to_string(), litres: 820.5, brix: 12.4 },
        Batch { name: "27-02".to_string(), litres: 415.0, brix: 11.8 },
    ];
    for batch in &batches {
        // TODO: read the batches from a file
        let good = if batch.is_good() { "good" } else { "thin" };
        println!("{}: {} l, {:.1} %, {}", batch.name, batch.litres, brix_to_abv(batch.brix), good);
    }
}
