//! The groups of tools: what there is, all in one place.

use genoa_abi::schema::RecordType;

use crate::tool::Tool;
use crate::{
    brief, calendar, chart, code, collect, contacts, disks, documents, files, git, logs, mail, notes, packages,
    processes, search, services, settings, shell, slides, system, table, web,
};

/// All built-in tools, group by group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let groups: &[fn() -> Vec<Tool>] = &[
        disks::tools,
        logs::tools,
        packages::tools,
        processes::tools,
        services::tools,
        settings::tools,
        system::tools,
        web::tools,
        code::tools,
        git::tools,
        brief::tools,
        chart::tools,
        documents::tools,
        slides::tools,
        table::tools,
        calendar::tools,
        collect::tools,
        contacts::tools,
        files::tools,
        mail::tools,
        notes::tools,
        search::tools,
        shell::tools,
    ];
    groups.iter().flat_map(|group| group()).collect()
}

/// The record types that the built-in tools return.
#[must_use]
pub fn records() -> Vec<RecordType> {
    let groups: &[fn() -> Vec<RecordType>] = &[
        disks::records,
        logs::records,
        packages::records,
        processes::records,
        services::records,
        settings::records,
        system::records,
        web::records,
        code::records,
        git::records,
        table::records,
        calendar::records,
        collect::records,
        contacts::records,
        files::records,
        mail::records,
        notes::records,
        search::records,
        shell::records,
    ];
    groups.iter().flat_map(|group| group()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use genoa_abi::schema::Type;

    #[test]
    fn every_schema_is_complete_and_consistent() {
        let known = super::records().into_iter().chain(crate::testing::system_records());
        let records: BTreeSet<String> = known.map(|record| record.name).collect();
        let mut names = BTreeSet::new();
        for tool in super::tools() {
            let schema = tool.schema;
            assert!(names.insert(schema.name.clone()), "{} is there twice", schema.name);
            assert!(schema.about.split_whitespace().count() <= 12, "{}: about is too long", schema.name);
            assert!(!schema.phrase.is_empty(), "{} has no phrase", schema.name);
            for place in schema.phrase.split('{').skip(1) {
                let parameter = place.split('}').next().unwrap_or_default();
                assert!(schema.parameter(parameter).is_some(), "{}: phrase names {parameter}", schema.name);
            }
            for ty in schema.parameters.iter().map(|parameter| &parameter.ty).chain([&schema.returns]) {
                check_records(ty, &records);
            }
        }
        for record in super::records() {
            record.fields.iter().for_each(|field| check_records(&field.ty, &records));
            record.origin.iter().chain(&record.title).for_each(|name| assert!(record.field(name).is_some(), "{name}"));
            record.look_up.iter().for_each(|name| assert!(names.contains(name), "{name}"));
        }
    }

    fn check_records(ty: &Type, records: &BTreeSet<String>) {
        match ty {
            Type::Record(name) => assert!(records.contains(name), "{name} is not a record type"),
            Type::List(inner) | Type::Optional(inner) => check_records(inner, records),
            _ => {}
        }
    }
}
