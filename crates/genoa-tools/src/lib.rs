//! The built-in tools: schemas, and the code that runs in a jail for one call.
//!
//! A module a group of tools. A tool trusts nothing: its arguments were checked against its schema by the kernel, but
//! what it reads (files, mails, pages) is hostile, and the jail is what keeps a mistake here from mattering.

#![forbid(unsafe_code)]

pub mod brief;
pub mod calendar;
pub mod calendar_file;
pub mod calendar_read;
pub mod chart;
pub mod code;
pub mod collect;
mod collect_sources;
mod collect_versions;
pub mod contacts;
pub mod disks;
pub mod documents;
mod facts;
pub mod files;
pub mod git;
pub mod logs;
pub mod mail;
pub mod mail_draft;
pub mod maildir;
mod markdown;
pub mod mcp;
pub mod notes;
pub mod packages;
pub mod processes;
mod program;
pub mod relevance;
pub mod search;
pub mod serve;
pub mod services;
pub mod settings;
mod sheets;
pub mod shell;
pub mod slides;
pub mod system;
pub mod table;
pub mod text;
pub mod time;
pub mod tool;
pub mod walk;
pub mod web;

#[cfg(test)]
mod testing;

pub use tool::{Call, Tool};

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
pub fn records() -> Vec<genoa_abi::schema::RecordType> {
    let groups: &[fn() -> Vec<genoa_abi::schema::RecordType>] = &[
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
        let known = super::records().into_iter().chain(super::testing::system_records());
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
