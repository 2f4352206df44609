//! Spreadsheets that somebody else made, as rows of text.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{Data, DataRef, ExcelDateTime, Reader, Sheets, Xlsx, open_workbook_auto_from_rs};
use genoa_abi::limits::READ_BYTES;
use genoa_abi::{ErrorCode, Failure};

use crate::documents::Archive;

/// Cells that are read of one workbook.
const CELLS: usize = 400_000;
/// Columns that are read of one sheet.
const COLUMNS: u32 = 1_000;
/// Rows that are read of one sheet.
const ROWS: u32 = 100_000;

/// One sheet: its name, and its rows from the first one on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sheet {
    /// Its name.
    pub(crate) name: String,
    /// Its cells as text.
    pub(crate) rows: Vec<Vec<String>>,
}

/// The sheets of a workbook: xlsx, xls, xlsb, ods.
///
/// # Errors
/// [`ErrorCode::TooLarge`] beyond [`CELLS`], [`COLUMNS`] or [`ROWS`]; [`ErrorCode::ToolFailed`] for damaged ones, also
/// where the parser panics.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Sheet>, Failure> {
    if bytes.starts_with(b"PK") {
        Archive::open(bytes)?.check_size()?;
    }
    catch_unwind(AssertUnwindSafe(|| read_workbook(bytes)))
        .unwrap_or_else(|_| Err(damaged(&"its parser gave up on it")))
}

fn read_workbook(bytes: &[u8]) -> Result<Vec<Sheet>, Failure> {
    let mut workbook = open_workbook_auto_from_rs(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
    let mut cells_left = CELLS;
    let mut sheets = Vec::new();
    for name in workbook.sheet_names() {
        let rows = match &mut workbook {
            // Cell by cell, because a table of all cells is as large as the file claims its last cell to be.
            Sheets::Xlsx(xlsx) => streamed_rows(xlsx, &name, &mut cells_left)?,
            other => {
                let range = other.worksheet_range(&name).map_err(|error| damaged(&error))?;
                let mut grid = Grid::new(&mut cells_left);
                let start = range.start().unwrap_or_default();
                for (row, column, cell) in range.used_cells() {
                    let place = (start.0 + index(row), start.1 + index(column));
                    grid.put(place, text_of_data(cell))?;
                }
                grid.rows
            }
        };
        sheets.push(Sheet { name, rows });
    }
    Ok(sheets)
}

fn index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX / 2)
}

fn streamed_rows(
    xlsx: &mut Xlsx<Cursor<&[u8]>>,
    name: &str,
    cells_left: &mut usize,
) -> Result<Vec<Vec<String>>, Failure> {
    let mut reader = xlsx.worksheet_cells_reader(name).map_err(|error| damaged(&error))?;
    let mut grid = Grid::new(cells_left);
    while let Some(cell) = reader.next_cell().map_err(|error| damaged(&error))? {
        grid.put(cell.get_position(), text_of_cell(cell.get_value()))?;
    }
    Ok(grid.rows)
}

/// Rows that grow as cells arrive.
struct Grid<'a> {
    rows: Vec<Vec<String>>,
    cells_left: &'a mut usize,
}

impl<'a> Grid<'a> {
    fn new(cells_left: &'a mut usize) -> Self {
        Self { rows: Vec::new(), cells_left }
    }

    fn put(&mut self, (row, column): (u32, u32), text: String) -> Result<(), Failure> {
        if text.is_empty() {
            return Ok(());
        }
        if row >= ROWS || column >= COLUMNS {
            let what = format!("the sheet is over the limit of {ROWS} rows and {COLUMNS} columns");
            return Err(Failure::new(ErrorCode::TooLarge, what));
        }
        let (row, column) = (row as usize, column as usize);
        if self.rows.len() <= row {
            self.rows.resize(row + 1, Vec::new());
        }
        let missing = (column + 1).saturating_sub(self.rows[row].len());
        *self.cells_left = self.cells_left.checked_sub(missing).ok_or_else(|| {
            Failure::new(ErrorCode::TooLarge, format!("the workbook is over the limit of {CELLS} cells"))
        })?;
        if missing > 0 {
            self.rows[row].resize(column + 1, String::new());
        }
        self.rows[row][column] = text;
        Ok(())
    }
}

fn text_of_cell(cell: &DataRef<'_>) -> String {
    match cell {
        DataRef::SharedString(text) => (*text).to_owned(),
        other => text_of_data(&Data::from(other.clone())),
    }
}

fn text_of_data(cell: &Data) -> String {
    match cell {
        Data::Empty => String::new(),
        Data::DateTime(time) => date(time),
        other => other.to_string(),
    }
}

fn date(time: &ExcelDateTime) -> String {
    if time.is_duration() {
        return time.as_f64().to_string();
    }
    let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
    if (hour, minute, second) == (0, 0, 0) {
        return format!("{year:04}-{month:02}-{day:02}");
    }
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// The sheets as text: a line a row, ` | ` between cells.
pub(crate) fn to_text(sheets: &[Sheet]) -> String {
    let mut text = String::new();
    for sheet in sheets {
        text.push_str(&format!("{}\n", sheet.name));
        for row in sheet.rows.iter().filter(|row| !row.is_empty()) {
            if text.len() > READ_BYTES {
                return text;
            }
            text.push_str(&row.join(" | "));
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

fn damaged(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::ToolFailed, "the spreadsheet is damaged").because(error)
}
