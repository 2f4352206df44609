//! Tables: read from spreadsheets and CSV, summed up, written.

use std::collections::BTreeSet;
use std::path::Path;

use genoa_abi::schema::{EffectClass, FileNeed, Needs, RecordType};
use genoa_abi::{ErrorCode, Failure};
use rust_xlsxwriter::{Format, Workbook, XlsxError};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::documents::write::markdown_table;
use crate::documents::{decode, read_whole};
use crate::tool::{Call, Tool, answer, record, schema};
use crate::{columns, files, lookup, sheets, walk};

/// Rows of one table.
const ROWS: usize = 50_000;
/// Columns of one table.
const COLUMNS: usize = 200;
/// Columns that are summed up together.
const SUMMED_COLUMNS: usize = 50;

/// The record type `Table`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows of cells, each as long as there are columns.
    pub rows: Vec<Vec<String>>,
}

/// The record types of this group.
#[must_use]
pub fn records() -> Vec<RecordType> {
    vec![record("Table", &[("columns", "list[str]", "names of the columns"), ("rows", "list[list[str]]", "the cells")])]
}

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let read = Needs { files: FileNeed::Read, ..Needs::default() };
    let write = Needs { files: FileNeed::Write, ..Needs::default() };
    vec![
        Tool {
            schema: schema(
                "table.read",
                "Read a table from a CSV file or spreadsheet.",
                EffectClass::Observe,
                read,
                "Table",
            )
            .required("path", "path", "a .csv, .xlsx or .ods file")
            .existing()
            .optional("about", "str", "which rows: words of their cells, or `not paid` for a column that says so")
            .topic()
            .optional("by", "str", "the column to sort by, the largest first")
            .optional("sheet", "str", "which sheet; else the first")
.topic()
            .phrase("Read the rows of {path} about {about}, sorted by {by}"),
            run: read_table,
        },
        Tool {
            schema: schema("table.total", "Sum up columns of a table.", EffectClass::Observe, read, "Table")
                .required("path", "path", "a .csv, .xlsx or .ods file")
                .existing()
                .optional("column", "str", "the column with numbers; else all of them")
                .optional("by", "str", "the column to group by")
                .optional("about", "str", "which rows: words of their cells, or `not paid` for a column that says so")
                .topic()
                .phrase("Sum up {column} of {path} by {by}"),
            run: total,
        },
        Tool {
            schema: schema(
                "table.write",
                "Write a table as CSV, spreadsheet or Markdown.",
                EffectClass::Change,
                write,
                "File",
            )
            .required("path", "path", "where to")
            .ending_in("csv xlsx md")
            .required("columns", "list[str]", "names of the columns")
            .optional("rows", "list[list[any]]", "the cells")
            .optional("records", "any", "records whose fields are the columns, facts that are named so, or a table")
            .existing_found()
            .asked_by("table|csv|sheet|xlsx|excel|export|list|sav|writ|record|put|overview|matrix|column|roster|compar|mak|tabulat|sort")
            .phrase("Write the table {path}"),
            run: write_table,
        },
    ]
}

fn read_table(call: &Call<'_>) -> Result<Json, Failure> {
    let table = load(call, &call.text("path")?, &call.text("sheet")?)?.about(&call.text("about")?)?;
    let by = call.text("by")?;
    answer(if by.trim().is_empty() { table } else { table.sorted(&by)? })
}

/// The table in the file called `path`.
///
/// # Errors
/// [`ErrorCode::InvalidInput`] for a file that holds none, [`ErrorCode::NotFound`] for a sheet that is not there,
/// [`ErrorCode::TooLarge`] beyond [`ROWS`] or [`COLUMNS`].
pub(crate) fn load(call: &Call<'_>, path: &str, sheet: &str) -> Result<Table, Failure> {
    let whole = lookup::file(call, path)?;
    let bytes = read_whole(&whole)?;
    let rows = if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]) {
        choose_sheet(sheets::read(&bytes)?, sheet)?
    } else {
        csv_rows(&decode(&bytes), &walk::extension(&whole))?
    };
    from_rows(rows)
}

fn choose_sheet(sheets: Vec<sheets::Sheet>, wanted: &str) -> Result<Vec<Vec<String>>, Failure> {
    let names: Vec<String> = sheets.iter().map(|sheet| sheet.name.clone()).collect();
    let mut candidates = sheets.into_iter();
    let found = if wanted.is_empty() {
        candidates.find(|sheet| !sheet.rows.is_empty())
    } else {
        candidates.find(|sheet| sheet.name.eq_ignore_ascii_case(wanted))
    };
    found.map(|sheet| sheet.rows).ok_or_else(|| {
        Failure::new(ErrorCode::NotFound, format!("there is no sheet `{wanted}` with content"))
            .because(format!("the sheets are {}", names.join(", ")))
    })
}

fn csv_rows(text: &str, extension: &str) -> Result<Vec<Vec<String>>, Failure> {
    let first = text.lines().next().unwrap_or_default();
    let count = |mark: u8| first.bytes().filter(|byte| *byte == mark).count();
    let delimiter = if extension == "tsv" {
        b'\t'
    } else {
        [b',', b';', b'\t'].into_iter().max_by_key(|mark| (count(*mark), *mark == b',')).unwrap_or(b',')
    };
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| Failure::new(ErrorCode::InvalidInput, "the table is damaged").because(error))?;
        rows.push(row.iter().map(str::to_owned).collect());
        if rows.len() > ROWS + 1 {
            return Err(too_large());
        }
    }
    Ok(rows)
}

fn too_large() -> Failure {
    Failure::new(ErrorCode::TooLarge, format!("the table is over the limit of {ROWS} rows and {COLUMNS} columns"))
}

/// Takes the first row that is not empty for the names of the columns.
fn from_rows(rows: Vec<Vec<String>>) -> Result<Table, Failure> {
    let is_full = |row: &Vec<String>| row.iter().any(|cell| !cell.trim().is_empty());
    let mut rows = rows.into_iter().filter(is_full);
    let Some(heads) = rows.next() else {
        return Err(Failure::new(ErrorCode::InvalidInput, "the table is empty"));
    };
    let mut rows: Vec<Vec<String>> = rows.collect();
    let width = rows.iter().map(Vec::len).max().unwrap_or_default().max(heads.len());
    if width > COLUMNS || rows.len() > ROWS {
        return Err(too_large());
    }
    let name = |place: usize| {
        let head = heads.get(place).map(|head| head.trim()).unwrap_or_default();
        if head.is_empty() { format!("column {}", place + 1) } else { head.to_owned() }
    };
    let columns = (0..width).map(name).collect();
    rows.iter_mut().for_each(|row| row.resize(width, String::new()));
    Ok(Table { columns, rows })
}

impl Table {
    /// The place of the column that `name` means.
    ///
    /// # Errors
    /// As [`columns::only`].
    pub(crate) fn column(&self, name: &str) -> Result<usize, Failure> {
        columns::only(&self.columns, name)
    }

    /// With the largest numbers of a column first, or its words in order.
    fn sorted(mut self, by: &str) -> Result<Self, Failure> {
        let place = self.column(by)?;
        if self.is_numeric(place) {
            let value = |row: &Vec<String>| number(&row[place]).unwrap_or(f64::MIN);
            self.rows.sort_by(|one, other| value(other).total_cmp(&value(one)));
        } else {
            self.rows.sort_by_key(|row| row[place].to_lowercase());
        }
        Ok(self)
    }

    /// The column by which to group: the one of this name, or else the only one whose words repeat. People say "each kind"
    /// of a column that is called otherwise; the result's heading tells which was taken.
    fn group(&self, name: &str) -> Result<usize, Failure> {
        self.column(name).or_else(|failure| {
            let mut repeating = (0..self.columns.len()).filter(|place| self.repeats_words(*place));
            match (repeating.next(), repeating.next()) {
                (Some(only), None) => Ok(only),
                _ => Err(failure),
            }
        })
    }

    /// Whether the column holds words, each of them twice on average.
    fn repeats_words(&self, place: usize) -> bool {
        let cells = || self.rows.iter().map(|row| row[place].trim()).filter(|cell| !cell.is_empty());
        let words = cells().filter(|cell| cell.starts_with(char::is_alphabetic)).count();
        let different: BTreeSet<&str> = cells().collect();
        words == cells().count() && words > 0 && different.len() * 2 <= words
    }

    /// Whether the column holds numbers for the most part, empty cells left out.
    pub(crate) fn is_numeric(&self, place: usize) -> bool {
        let cells = || self.rows.iter().map(|row| row[place].trim()).filter(|cell| !cell.is_empty());
        let numbers = cells().filter(|cell| number(cell).is_some()).count();
        numbers > 0 && numbers * 2 > cells().count()
    }
}

/// A table with a column for each field of these records.
pub(crate) fn from_list(records: &[Json]) -> Table {
    let fields: BTreeSet<&String> = records.iter().filter_map(Json::as_object).flat_map(Record::keys).collect();
    let row = |record: &Json| fields.iter().map(|field| cell_text(&record[field.as_str()])).collect();
    Table { columns: fields.iter().map(|field| (*field).clone()).collect(), rows: records.iter().map(row).collect() }
}

/// A cell as a number: `1 234,50 €`, `1,234.50`, `12 %`. A single mark before exactly three digits groups thousands.
pub(crate) fn number(cell: &str) -> Option<f64> {
    let kept: String =
        cell.chars().filter(|letter| !letter.is_whitespace() && !"€$£%'’\u{a0}\u{202f}".contains(*letter)).collect();
    if !kept.chars().all(|letter| letter.is_ascii_digit() || "+-.,eE".contains(letter)) {
        return None;
    }
    let plain = match (kept.rfind('.'), kept.rfind(',')) {
        (Some(dot), Some(comma)) if dot > comma => kept.replace(',', ""),
        (Some(_), Some(_)) => kept.replace('.', "").replace(',', "."),
        (None, Some(comma)) if kept.matches(',').count() > 1 || kept.len() - comma == 4 => kept.replace(',', ""),
        (None, Some(_)) => kept.replace(',', "."),
        (Some(_), None) if kept.matches('.').count() > 1 => kept.replace('.', ""),
        _ => kept,
    };
    plain.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A number without needless digits.
pub(crate) fn show(number: f64) -> String {
    let text = format!("{number:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn total(call: &Call<'_>) -> Result<Json, Failure> {
    let table = load(call, &call.text("path")?, "")?.about(&call.text("about")?)?;
    let (column, by) = (call.text("column")?, call.text("by")?);
    let group = if by.trim().is_empty() { None } else { Some(table.group(&by)?) };
    let summed = summed_columns(call, &table, &column, group)?;
    if let (true, Some(group)) = (summed.is_empty(), group) {
        return answer(counted(&table, group));
    }
    let named = matches!(summed.as_slice(), [only] if columns::is_called(&table.columns[*only], &column));
    let mut totals: Vec<(String, Vec<Sum>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for row in &table.rows {
        let values: Vec<Option<f64>> = summed.iter().map(|of| number(&row[*of])).collect();
        if values.iter().all(Option::is_none) {
            continue;
        }
        let name = group.map_or_else(|| "all".to_owned(), |group| row[group].clone());
        let place = *places.entry(name.clone()).or_insert(totals.len());
        if place == totals.len() {
            totals.push((name, vec![Sum::default(); summed.len()]));
        }
        totals[place].1.iter_mut().zip(values).for_each(|(sum, value)| sum.add(value));
    }
    if totals.is_empty() {
        let what =
            if named { format!("the column {column} holds no numbers") } else { "no column holds numbers".into() };
        return Err(Failure::new(ErrorCode::InvalidInput, what)
            .because(format!("the columns are {}", columns::listed(&table.columns))));
    }
    let mut heads = vec![group.map_or_else(|| "group".to_owned(), |group| table.columns[group].clone())];
    for place in &summed {
        heads.extend(Sum::heads(if named { None } else { Some(table.columns[*place].as_str()) }));
    }
    let row = |(name, sums): (String, Vec<Sum>)| {
        std::iter::once(name).chain(sums.into_iter().flat_map(Sum::cells)).collect::<Vec<String>>()
    };
    answer(Table { columns: heads, rows: totals.into_iter().map(row).collect() })
}

/// How many rows there are of each word of a column: of a table without numbers nothing else can be summed up.
fn counted(table: &Table, group: usize) -> Table {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for row in &table.rows {
        match counts.iter_mut().find(|(name, _)| *name == row[group]) {
            Some((_, count)) => *count += 1,
            None => counts.push((&row[group], 1)),
        }
    }
    let rows = counts.into_iter().map(|(name, count)| vec![name.to_owned(), count.to_string()]).collect();
    Table { columns: vec![table.columns[group].clone(), "count".to_owned()], rows }
}

/// The columns to sum up: what is asked for, or all with numbers. The person is told what was taken for it.
fn summed_columns(call: &Call<'_>, table: &Table, asked: &str, group: Option<usize>) -> Result<Vec<usize>, Failure> {
    let is_free = |place: &usize| Some(*place) != group && table.is_numeric(*place);
    let near = if asked.trim().is_empty() { Vec::new() } else { columns::matching(&table.columns, asked) };
    if let [only] = near.as_slice()
        && columns::is_called(&table.columns[*only], asked)
    {
        return Ok(vec![*only]);
    }
    let mut found: Vec<usize> = near.into_iter().filter(is_free).collect();
    if found.is_empty() {
        found = (0..table.columns.len()).filter(is_free).collect();
    }
    if found.is_empty() {
        return Ok(found);
    }
    if found.len() > SUMMED_COLUMNS {
        return Err(Failure::new(ErrorCode::TooLarge, format!("{} columns hold numbers", found.len()))
            .because(format!("at most {SUMMED_COLUMNS} are summed up in one call"))
            .try_next("Name one as `column`"));
    }
    let names: Vec<String> = found.iter().map(|place| table.columns[*place].clone()).collect();
    if asked.trim().is_empty() {
        (call.progress)(&format!("summing up {}", columns::listed(&names)));
    } else {
        (call.progress)(&format!("there is no column `{asked}`; summing up {}", columns::listed(&names)));
    }
    Ok(found)
}

/// The numbers of one column in one group.
#[derive(Clone, Debug, Default)]
struct Sum {
    sum: f64,
    count: u32,
}

impl Sum {
    /// The names of the columns that [`Sum::cells`] fills; `of` is named where it could be another column than asked for.
    fn heads(of: Option<&str>) -> [String; 3] {
        ["sum", "mean", "count"].map(|what| of.map_or_else(|| what.to_owned(), |of| format!("{what} of {of}")))
    }

    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum += value;
            self.count += 1;
        }
    }

    fn cells(self) -> [String; 3] {
        // Nothing is not the same as 0.
        let shown = |number: f64| if self.count > 0 { show(number) } else { String::new() };
        [shown(self.sum), shown(self.sum / f64::from(self.count)), self.count.to_string()]
    }
}

fn write_table(call: &Call<'_>) -> Result<Json, Failure> {
    let path = call.resolve(&call.text("path")?)?;
    let mut columns: Vec<String> = call.argument("columns")?;
    let rows: Option<Vec<Vec<Json>>> = call.argument("rows")?;
    let records: Option<Records> = call.argument("records")?;
    let rows = match (rows, records) {
        (Some(rows), _) => rows,
        (None, Some(Records::Table(table))) => of_table(&columns, &table),
        (None, Some(Records::List(records))) if records.is_empty() => {
            return Err(Failure::new(ErrorCode::NotFound, "there is nothing to put into the table")
                .because("no records were given")
                .try_next("Find something first"));
        }
        (None, Some(Records::List(records))) => {
            of_facts(&mut columns, &records).map_or_else(|| of_records(&columns, &records), Ok)?
        }
        (None, None) => {
            return Err(
                Failure::new(ErrorCode::InvalidInput, "the table has no rows").try_next("Give `rows` or `records`")
            );
        }
    };
    if columns.is_empty() || columns.len() > COLUMNS || rows.len() > ROWS || rows.iter().any(|row| row.len() > COLUMNS)
    {
        return Err(too_large().because("or it has no columns"));
    }
    files::put(call, &path, written(&path, &columns, &rows)?)?;
    answer(files::describe(call, &path)?)
}

type Record = serde_json::Map<String, Json>;

/// What the rows are made from.
#[derive(Deserialize)]
#[serde(untagged)]
enum Records {
    List(Vec<Record>),
    Table(Table),
}

/// The columns that are meant of a table: those of that name, or else those in the same place.
fn of_table(columns: &[String], table: &Table) -> Vec<Vec<Json>> {
    let place = |(place, name): (usize, &String)| columns::only(&table.columns, name).unwrap_or(place);
    let places: Vec<usize> = columns.iter().enumerate().map(place).collect();
    let cell = |row: &Vec<String>, place: &usize| row.get(*place).cloned().map_or(Json::Null, Json::String);
    table.rows.iter().map(|row| places.iter().map(|place| cell(row, place)).collect()).collect()
}

/// A row for each source of facts, where the columns are what was looked for and no fields of a fact; a cell holds what
/// the source says of it.
fn of_facts(columns: &mut Vec<String>, records: &[Record]) -> Option<Vec<Vec<Json>>> {
    let text = |record: &Record, name: &str| record.get(name).and_then(Json::as_str).map(str::to_owned);
    // Sources of one title are several: "Re: dinner" from everybody.
    let source = |record: &Record| Some((text(record, "source")?, text(record, "path")));
    let facts: Vec<(String, String, (String, Option<String>))> = records
        .iter()
        .map(|record| Some((text(record, "about")?, text(record, "text")?, source(record)?)))
        .collect::<Option<_>>()?;
    let is_looked_for = |name: &String| facts.iter().any(|(about, ..)| columns::is_called(about, name));
    if facts.is_empty()
        || columns.iter().any(|name| records[0].contains_key(name))
        || !columns.iter().any(is_looked_for)
    {
        return None;
    }
    let mut sources: Vec<&(String, Option<String>)> = Vec::new();
    facts.iter().for_each(|(.., source)| {
        if !sources.contains(&source) {
            sources.push(source);
        }
    });
    let cell = |source: &(String, Option<String>), name: &String| {
        let of_source = facts.iter().filter(|(about, _, from)| from == source && columns::is_called(about, name));
        let texts: Vec<&str> = of_source.map(|(_, text, _)| text.as_str()).collect();
        Json::String(texts.join("; "))
    };
    let named: Vec<String> = columns.iter().filter(|name| !columns::is_called(SOURCE, name)).cloned().collect();
    let row = |source: &&(String, Option<String>)| -> Vec<Json> {
        let cells = named.iter().map(|name| cell(source, name));
        cells.chain([Json::String(source.0.clone())]).collect()
    };
    let rows = sources.iter().map(row).collect();
    *columns = named;
    columns.push(SOURCE.to_owned());
    Some(rows)
}

/// The column that tells what a row was read from; every table of facts ends with it.
const SOURCE: &str = "source";

/// A row for each record, with the fields that the columns mean.
fn of_records(columns: &[String], records: &[Record]) -> Result<Vec<Vec<Json>>, Failure> {
    let all: std::collections::BTreeSet<&String> = records.iter().flat_map(Record::keys).collect();
    let fields: Vec<String> = all.into_iter().cloned().collect();
    if fields.is_empty() {
        return Ok(vec![vec![Json::Null; columns.len()]; records.len()]);
    }
    let field = |name: &String| {
        let place = columns::only(&fields, name).map_err(|failure| {
            let why = if failure.code == ErrorCode::Ambiguous { failure.why } else { columns::listed(&fields) };
            Failure::new(ErrorCode::InvalidInput, format!("the records have no field `{name}`"))
                .because(format!("there are {why}"))
        })?;
        Ok(fields[place].as_str())
    };
    let chosen: Vec<&str> = columns.iter().map(field).collect::<Result<_, Failure>>()?;
    let row = |record: &Record| chosen.iter().map(|name| record.get(*name).cloned().unwrap_or_default()).collect();
    Ok(records.iter().map(row).collect())
}

fn written(path: &Path, columns: &[String], rows: &[Vec<Json>]) -> Result<Vec<u8>, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(ErrorCode::ToolFailed, "the table cannot be written").because(error)
    };
    match walk::extension(path).as_str() {
        "xlsx" => workbook(columns, rows).map_err(|error| failed(&error)),
        "csv" => comma_separated(columns, rows).map_err(|error| failed(&error)),
        "md" => {
            let all =
                std::iter::once(columns.to_vec()).chain(rows.iter().map(|row| row.iter().map(cell_text).collect()));
            Ok(markdown_table(&all.collect::<Vec<_>>()).into_bytes())
        }
        other => Err(Failure::new(ErrorCode::InvalidInput, format!("tables cannot be written as `.{other}`"))
            .try_next("Use a path that ends in .csv, .xlsx or .md")),
    }
}

fn cell_text(cell: &Json) -> String {
    match cell {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(cell_text).collect::<Vec<_>>().join(", "),
        Json::Object(fields) => {
            let named = ["title", "name", "path"].iter().find_map(|name| fields.get(*name));
            named.map_or_else(|| cell.to_string(), cell_text)
        }
        other => other.to_string(),
    }
}

fn comma_separated(columns: &[String], rows: &[Vec<Json>]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    writer.write_record(columns.iter().map(|name| disarm(name)))?;
    for row in rows {
        writer.write_record(
            row.iter().map(|cell| if cell.is_string() { disarm(&cell_text(cell)) } else { cell_text(cell) }),
        )?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

/// A spreadsheet program runs a cell that begins with these marks; an apostrophe keeps it text. Numbers stay.
fn disarm(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && number(text).is_none();
    if is_formula { format!("'{text}") } else { text.to_owned() }
}

fn workbook(columns: &[String], rows: &[Vec<Json>]) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    // The library stamps the time of writing; a fixed one keeps the same table the same bytes.
    let time = rust_xlsxwriter::ExcelDateTime::from_ymd(2000, 1, 1)?;
    workbook.set_properties(&rust_xlsxwriter::DocProperties::new().set_creation_datetime(&time));
    let sheet = workbook.add_worksheet();
    let bold = Format::new().set_bold();
    for (column, name) in (0..).zip(columns) {
        sheet.write_string_with_format(0, column, name, &bold)?;
    }
    for (line, row) in (1..).zip(rows) {
        for (column, cell) in (0..).zip(row) {
            match cell {
                Json::Null => continue,
                Json::Bool(truth) => sheet.write_boolean(line, column, *truth)?,
                Json::Number(value) => sheet.write_number(line, column, value.as_f64().unwrap_or_default())?,
                other => sheet.write_string(line, column, cell_text(other))?,
            };
        }
    }
    sheet.set_freeze_panes(1, 0)?;
    sheet.autofit();
    workbook.save_to_buffer()
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn what_is_written_is_read_back() {
        let bench = Bench::new();
        let rows =
            json!([["Bergen", 12.5, true], ["Ålesund, \"north\"", -3, null], ["=HYPERLINK(1)", "2026-11-26", "x"]]);
        for (path, formula) in [("out/a.csv", "'=HYPERLINK(1)"), ("out/a.xlsx", "=HYPERLINK(1)")] {
            bench.ok("table.write", json!({ "path": path, "columns": ["place", "value", "open"], "rows": rows }));
            let table = bench.ok("table.read", json!({ "path": path }));
            assert_eq!(table["columns"], json!(["place", "value", "open"]));
            assert_eq!(table["rows"][0], json!(["Bergen", "12.5", "true"]), "{path}");
            assert_eq!(table["rows"][1][0], "Ålesund, \"north\"");
            assert_eq!(table["rows"][2][0], formula, "{path}");
        }
        bench.ok(
            "table.write",
            json!({ "path": "a.md", "columns": ["title", "people"],
            "records": [{ "title": "Demo | x", "people": [{"name": "Ada"}, {"name": "Bo"}], "other": 1 }] }),
        );
        assert_eq!(bench.text("a.md"), "| title | people |\n|---|---|\n| Demo \\| x | Ada, Bo |\n");
    }

    #[test]
    fn the_same_table_gives_the_same_bytes() {
        let write = || {
            let bench = Bench::new();
            bench.ok("table.write", json!({ "path": "a.xlsx", "columns": ["a"], "rows": [[1]] }));
            std::fs::read(bench.path().join("a.xlsx")).unwrap()
        };
        assert!(write() == write());
    }

    #[test]
    fn columns_are_summed_up() {
        let bench = Bench::new().with("k.csv", "Month;Team;Cost\nJan;A;1.200,50\nJan;B;100\nFeb;A;n/a\nFeb;A;99,5\n");
        let table = bench.ok("table.total", json!({ "path": "k.csv", "column": "cost", "by": "team" }));
        assert_eq!(table["rows"], json!([["A", "1300", "650", "2"], ["B", "100", "100", "1"]]));
        assert_eq!(bench.refused("table.total", json!({ "path": "k.csv", "column": "Team" })), ErrorCode::InvalidInput);
        assert_eq!(bench.refused("table.total", json!({ "path": "k.csv", "by": "place" })), ErrorCode::NotFound);
    }

    #[test]
    fn rows_are_chosen_and_sorted_and_words_counted() {
        let csv = "Name,Town,Fee,Paid\nAnn,Oslo,50,yes\nBo,Bergen,140,no\nCid,Oslo,80,no\n";
        let bench = Bench::new().with("k.csv", csv).with("words.csv", "Name,Town\nAnn,Oslo\nBo,Molde\nCid,Oslo\n");
        let unpaid = bench.ok("table.read", json!({ "path": "k.csv", "about": "not paid", "by": "fee" }));
        assert_eq!(unpaid["rows"], json!([["Bo", "Bergen", "140", "no"], ["Cid", "Oslo", "80", "no"]]));
        let names = bench.ok("table.read", json!({ "path": "k.csv", "by": "town" }));
        assert_eq!(names["rows"][0][0], "Bo");
        let owed = bench.ok("table.total", json!({ "path": "k.csv", "column": "fee", "about": "unpaid" }));
        assert_eq!(owed["rows"], json!([["all", "220", "110", "2"]]));
        let towns = bench.ok("table.total", json!({ "path": "words.csv", "by": "town" }));
        assert_eq!(towns, json!({ "columns": ["Town", "count"], "rows": [["Oslo", "2"], ["Molde", "1"]] }));
        assert_eq!(bench.refused("table.read", json!({ "path": "k.csv", "about": "purple" })), ErrorCode::NotFound);
    }

    #[test]
    fn what_has_another_name_is_grouped_by_the_only_column_that_repeats() {
        let csv = "Date,Product,Paid\n1 May,Rye,10\n2 May,Spelt,5\n3 May,Rye,1\n4 May,Spelt,2\n";
        let bench = Bench::new().with("k.csv", csv);
        let table = bench.ok("table.total", json!({ "path": "k.csv", "column": "paid", "by": "kind" }));
        assert_eq!(
            (&table["columns"][0], &table["rows"]),
            (&json!("Product"), &json!([["Rye", "11", "5.5", "2"], ["Spelt", "7", "3.5", "2"]]))
        );
    }

    #[test]
    fn without_the_very_column_the_sums_say_what_they_are_of() {
        let csv = "Team,Cost 2025,Cost 2026,Hours\nA,1,10,5\nB,2,,7\nA,3,30,x\n";
        let bench = Bench::new().with("k.csv", csv).with("words.csv", "a,b\nx,y\n");
        let check = |arguments, columns, rows| {
            let table = bench.ok("table.total", arguments);
            assert_eq!((&table["columns"], &table["rows"]), (&columns, &rows));
        };
        let two = json!([
            "Team",
            "sum of Cost 2025",
            "mean of Cost 2025",
            "count of Cost 2025",
            "sum of Cost 2026",
            "mean of Cost 2026",
            "count of Cost 2026"
        ]);
        let sums = json!([["A", "4", "2", "2", "40", "20", "2"], ["B", "2", "2", "1", "", "", "0"]]);
        check(json!({ "path": "k.csv", "column": "costs", "by": "teams" }), two, sums);
        let hours = json!(["group", "sum of Hours", "mean of Hours", "count of Hours"]);
        check(json!({ "path": "k.csv", "column": "working hours" }), hours, json!([["all", "12", "6", "2"]]));
        for arguments in [json!({ "path": "k.csv" }), json!({ "path": "k.csv", "column": "revenue" })] {
            let all = bench.ok("table.total", arguments.clone());
            assert_eq!(all["columns"].as_array().map(Vec::len), Some(10), "{all}");
            assert!(bench.said("table.total", arguments).contains("summing up Cost 2025, Cost 2026, Hours"));
        }
        assert_eq!(bench.refused("table.total", json!({ "path": "words.csv" })), ErrorCode::InvalidInput);
    }

    #[test]
    fn records_give_the_fields_that_the_columns_mean() {
        let bench = Bench::new();
        let write = |columns| {
            let records = json!([{ "pid": 1, "name": "sh", "memory_bytes": 9 }, { "pid": 2, "name": "top", "memory_bytes": null }]);
            bench.call("table.write", json!({ "path": "a.csv", "columns": columns, "records": records }))
        };
        write(json!(["PID", "names", "memory"])).unwrap();
        assert_eq!(bench.text("a.csv"), "PID,names,memory\n1,sh,9\n2,top,\n");
        let failure = write(json!(["name", "user"])).unwrap_err();
        assert_eq!(
            (failure.code, failure.to_string().as_str()),
            (ErrorCode::InvalidInput, "the records have no field `user`: there are memory_bytes, name, pid")
        );
        let empty = json!({ "path": "b.csv", "columns": ["anything"], "records": [] });
        assert_eq!(bench.refused("table.write", empty), ErrorCode::NotFound);
    }

    #[test]
    fn facts_give_a_row_for_each_source_and_totals_their_columns() {
        let bench = Bench::new();
        let fact = |about: &str, text: &str, source: &str| json!({ "about": about, "text": text, "source": source, "path": null });
        let facts = [
            fact("price", "9 euros", "a"),
            fact("company", "Alba", "a"),
            fact("Company", "Bora", "b"),
            fact("price", "8", "a"),
        ];
        bench.ok("table.write", json!({ "path": "a.csv", "columns": ["company", "price"], "records": facts }));
        assert_eq!(bench.text("a.csv"), "company,price,source\nAlba,9 euros; 8,a\nBora,,b\n");
        bench.ok("table.write", json!({ "path": "b.csv", "columns": ["about", "text"], "records": facts }));
        assert!(bench.text("b.csv").starts_with("about,text\nprice,9 euros\n"));
        let table = json!({ "columns": ["client", "sum", "mean"], "rows": [["A", "3", "1.5"], ["B", "4"]] });
        bench.ok("table.write", json!({ "path": "c.csv", "columns": ["Client", "hours"], "records": table }));
        assert_eq!(bench.text("c.csv"), "Client,hours\nA,3\nB,4\n");
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (cell, value) in [
            ("1 234,50 €", Some(1234.5)),
            ("1,234.50", Some(1234.5)),
            ("1.234.567", Some(1_234_567.0)),
            ("1,234", Some(1234.0)),
            ("12 %", Some(12.0)),
            ("-3.25", Some(-3.25)),
            ("1e3", Some(1000.0)),
            ("1e999", None),
            ("", None),
            ("n/a", None),
            ("10:30", None),
        ] {
            assert_eq!(super::number(cell), value, "{cell}");
        }
    }

    #[test]
    fn hostile_tables_are_refused() {
        let bench = Bench::new()
            .with("empty.csv", "")
            .with("wide.csv", ",".repeat(100_000))
            .with("bad.xlsx", b"PK\x03\x04nonsense");
        assert_eq!(bench.refused("table.read", json!({ "path": "empty.csv" })), ErrorCode::InvalidInput);
        assert_eq!(bench.refused("table.read", json!({ "path": "wide.csv" })), ErrorCode::InvalidInput);
        assert_eq!(bench.refused("table.read", json!({ "path": "bad.xlsx" })), ErrorCode::ToolFailed);
        assert_eq!(bench.refused("table.read", json!({ "path": "../x.csv" })), ErrorCode::NotGranted);
        let write =
            |path: &str| bench.refused("table.write", json!({ "path": path, "columns": ["a"], "rows": [["b"]] }));
        assert_eq!(write("a.exe"), ErrorCode::InvalidInput);
        assert_eq!(write("/tmp/a.csv"), ErrorCode::NotGranted);
    }
}
