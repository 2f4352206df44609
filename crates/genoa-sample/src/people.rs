//! The people of the sample.

use genoa_abi::Failure;

use crate::days::{Days, at, shift};
use crate::tree::Tree;

/// One person: name, mail address, phone, organisation, nickname.
pub(crate) type Person = (&'static str, &'static str, &'static str, &'static str, &'static str);

pub(crate) const PEOPLE: [Person; 26] = [
    ("Ada Okafor", "ada.okafor@harbourhotels.example", "+44 117 555 0142", "Harbour Hotels", "Ada"),
    ("Ada Lindholm", "ada.lindholm@post.example", "+47 900 11 223", "", ""),
    ("Adam Okoye", "adam.okoye@post.example", "+47 900 44 871", "", ""),
    ("Marcus Bell", "marcus.bell@harbourhotels.example", "+44 117 555 0177", "Harbour Hotels", ""),
    ("Jonas Hald", "jonas.hald@fjordlight.example", "+47 22 55 01 12", "Fjordlight", ""),
    ("Jonas Weber", "jonas.weber@sensorwerk.example", "+49 40 555 0190", "Sensorwerk", ""),
    ("Priya Raman", "priya@fjordlight.example", "+47 22 55 01 13", "Fjordlight", ""),
    ("Mila Petrov", "mila@fjordlight.example", "+47 22 55 01 14", "Fjordlight", ""),
    ("Erik Sund", "erik@fjordlight.example", "+47 22 55 01 15", "Fjordlight", ""),
    ("Tomas Berg", "tomas@fjordlight.example", "+47 22 55 01 10", "Fjordlight", ""),
    ("Sofie Vang", "sofie@fjordlight.example", "+47 22 55 01 16", "Fjordlight", ""),
    ("Nora Lindqvist", "nora@fjordlight.example", "+47 22 55 01 11", "Fjordlight", ""),
    ("Henrik Dahl", "henrik.dahl@polarisfoods.example", "+47 55 55 02 01", "Polaris Foods", ""),
    ("Lena Fox", "lena.fox@studio.example", "+47 900 73 100", "", ""),
    ("Boris Ivanov", "boris@post.example", "+47 900 15 515", "", ""),
    ("Chen Wei", "chen.wei@gridsense.example", "+65 6555 0123", "GridSense", ""),
    ("Maria Rossi", "maria.rossi@museo.example", "+39 06 555 0188", "Museo della Luce", ""),
    ("Ingrid Lindqvist", "ingrid@post.example", "+47 900 22 910", "", "Mamma"),
    ("Olav Strand", "olav.strand@kommune.example", "+47 55 55 03 44", "Bergen kommune", ""),
    ("Grace Mensah", "grace.mensah@buildfair.example", "+49 40 555 0111", "Build Fair Hamburg", ""),
    ("Peter Novak", "peter.novak@wattwise.example", "+420 255 501 77", "WattWise", ""),
    ("Sara Holm", "sara.holm@tannklinikk.example", "+47 22 55 07 07", "Sentrum Tannklinikk", ""),
    ("Yusuf Demir", "yusuf@papershop.example", "+47 22 55 08 21", "Paper Shop", ""),
    ("Hanna Virtanen", "hanna.virtanen@lumi.example", "+358 9 5550 120", "Lumi Oy", ""),
    ("Luis Ortega", "luis.ortega@costa.example", "+34 91 555 0134", "Costa Hotels", ""),
    ("Emma Clarke", "emma.clarke@bristolenergy.example", "+44 117 555 0109", "Bristol Energy", ""),
];

/// `Name <address>`: of a person by name, or as it is.
pub(crate) fn mailbox(name: &str) -> String {
    match PEOPLE.iter().find(|person| person.0 == name) {
        Some((name, email, ..)) => format!("{name} <{email}>"),
        None => name.to_owned(),
    }
}

/// The address of a person.
pub(crate) fn email(name: &str) -> &'static str {
    PEOPLE.iter().find(|person| person.0 == name).map_or("", |person| person.1)
}

pub(crate) fn write(tree: &mut Tree, days: &Days) -> Result<(), Failure> {
    let cards: String = PEOPLE.iter().map(card).collect();
    tree.put("Contacts/contacts.vcf", cards, &at(shift(days.today, -12), "12:00"))
}

fn card((name, email, phone, organisation, nickname): &Person) -> String {
    let (first, last) = name.split_once(' ').unwrap_or((name, ""));
    let mut card = format!("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:{name}\r\nN:{last};{first};;;\r\nEMAIL:{email}\r\n");
    card += &format!("TEL;TYPE=work:{phone}\r\n");
    for (property, value) in [("ORG", organisation), ("NICKNAME", nickname)] {
        if !value.is_empty() {
            card += &format!("{property}:{value}\r\n");
        }
    }
    card + "END:VCARD\r\n"
}
