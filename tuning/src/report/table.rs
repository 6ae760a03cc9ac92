//! Aligned tables in which a column that no row fills is named beneath instead of shown.

use comfy_table::{Table, presets};

/// What stands for a value that the machine does not expose.
pub(super) const NOT_EXPOSED: &str = "not exposed";

/// A column: its title, and a cell for each row.
pub(super) type Column = (&'static str, Vec<Option<String>>);

/// The columns side by side, indented by two; `-` where a row has no value. Columns without any value are listed in a
/// last line.
pub(super) fn aligned(columns: Vec<Column>) -> String {
    let (shown, hidden): (Vec<Column>, Vec<Column>) =
        columns.into_iter().partition(|(_, cells)| cells.iter().any(Option::is_some));
    let row_count = shown.iter().map(|(_, cells)| cells.len()).max().unwrap_or_default();
    let mut table = bare();
    table.set_header(shown.iter().map(|(title, _)| *title));
    for row_index in 0..row_count {
        table.add_row(shown.iter().map(|(_, cells)| cell(cells, row_index)));
    }
    let mut text = if row_count == 0 { String::new() } else { lines(&table) };
    if !hidden.is_empty() {
        let titles: Vec<&str> = hidden.iter().map(|(title, _)| *title).collect();
        text += &format!("  {NOT_EXPOSED}: {}\n", titles.join(", "));
    }
    text
}

/// Names and values in two columns.
pub(super) fn pairs(rows: Vec<(&str, Option<String>)>) -> String {
    let mut table = bare();
    for (name, value) in rows {
        table.add_row([name.to_owned(), value.unwrap_or_else(|| NOT_EXPOSED.to_owned())]);
    }
    lines(&table)
}

fn bare() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

fn cell(cells: &[Option<String>], row_index: usize) -> String {
    cells.get(row_index).cloned().flatten().unwrap_or_else(|| "-".to_owned())
}

fn lines(table: &Table) -> String {
    table.lines().map(|line| format!(" {}\n", line.trim_end())).collect()
}
