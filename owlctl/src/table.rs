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

    /// The table's lines, header first, without spaces at their ends.
    pub(crate) fn lines(&self) -> Vec<String> {
        let width_of = |column_idx: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column_idx));
            cells.map(|cell| width::of(cell)).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.sides.len()).map(width_of).collect();
        let line = |row: &Vec<String>| {
            let cells: Vec<String> = row
                .iter()
                .zip(self.sides.iter().zip(&widths))
                .map(|(cell, (side, &width))| {
                    let space = " ".repeat(width.saturating_sub(width::of(cell)));
                    match side {
                        Side::Left => format!("{cell}{space}"),
                        Side::Right => format!("{space}{cell}"),
                    }
                })
                .collect();
            cells.join(GAP).trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
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
