//! Columns of text, as wide as what they hold.

use owlcoda_proto::printable;

use crate::width;

/// Widest cell, in columns of a terminal; what is wider is cut with `…`.
const MAX_CELL_COLUMNS: usize = 72;

/// Between two columns.
const GAP: &str = "  ";

/// How a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// Rows under a header. Cells are made safe for a terminal and bounded.
#[derive(Debug)]
pub(crate) struct Table {
    sides: Vec<Side>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these columns.
    pub(crate) fn with_columns<const N: usize>(columns: [(&str, Side); N]) -> Self {
        Self {
            sides: columns.iter().map(|(_, side)| *side).collect(),
            rows: vec![columns.iter().map(|(name, _)| (*name).to_owned()).collect()],
        }
    }

    /// Adds a row; an empty cell shows as `-`.
    pub(crate) fn push<const N: usize>(&mut self, cells: [&str; N]) {
        let row = cells.iter().map(|cell| match *cell {
            "" => "-".to_owned(),
            cell => width::clipped(&printable(cell), MAX_CELL_COLUMNS).into_owned(),
        });
        self.rows.push(row.collect());
    }

    /// The lines of a table that goes on: at least as wide as `widths` say, which then say how wide they
    /// are, and with the header only where there are none yet.
    pub(crate) fn lines_after(&self, widths: &mut Vec<usize>) -> Vec<String> {
        let n_header = usize::from(!widths.is_empty());
        widths.resize(self.sides.len(), 0);
        for row in &self.rows {
            for (column_width, cell) in widths.iter_mut().zip(row) {
                *column_width = width::of(cell).max(*column_width);
            }
        }
        let rows = self.rows.iter().skip(n_header);
        rows.map(|row| self.line(row, widths)).collect()
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let cells: Vec<String> = row
            .iter()
            .zip(self.sides.iter().zip(widths))
            .map(|(cell, (side, &width))| {
                let space = " ".repeat(width.saturating_sub(width::of(cell)));
                match side {
                    Side::Left => format!("{cell}{space}"),
                    Side::Right => format!("{space}{cell}"),
                }
            })
            .collect();
        cells.join(GAP).trim_end().to_owned()
    }

    /// The table's lines, header first, without spaces at their ends.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines_after(&mut Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_control_characters_do_not_pass() {
        let mut table = Table::with_columns([("ID", Side::Left), ("N", Side::Right)]);
        table.push(["ollama", "2"]);
        table.push(["\u{1b}[2J", "214331"]);
        table.push(["", ""]);
        assert_eq!(
            table.lines(),
            [
                "ID           N",
                "ollama       2",
                " [2J    214331",
                "-            -",
            ]
        );
    }

    #[test]
    fn a_table_goes_on_under_its_header_and_never_gets_narrower() {
        let mut widths = Vec::new();
        let table = |id| {
            let mut table = Table::with_columns([("ID", Side::Left), ("N", Side::Right)]);
            table.push([id, "1"]);
            table
        };
        assert_eq!(
            table("long").lines_after(&mut widths),
            ["ID    N", "long  1"]
        );
        assert_eq!(table("a").lines_after(&mut widths), ["a     1"]);
        assert_eq!(table("longer").lines_after(&mut widths), ["longer  1"]);
        assert_eq!(table("a").lines_after(&mut widths), ["a       1"]);
    }

    #[test]
    fn a_cell_that_never_ends_is_cut() {
        let mut table = Table::with_columns([("ID", Side::Left)]);
        table.push([&"x".repeat(10_000)]);
        assert_eq!(width::of(table.lines().last().unwrap()), MAX_CELL_COLUMNS);
    }

    #[test]
    fn columns_stand_under_each_other_whatever_the_script() {
        let mut table = Table::with_columns([("ID", Side::Left), ("N", Side::Right)]);
        table.push(["通义千问", "2"]);
        table.push(["qwen", "1"]);
        assert_eq!(table.lines(), ["ID        N", "通义千问  2", "qwen      1"]);
    }
}
