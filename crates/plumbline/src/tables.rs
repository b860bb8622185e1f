//! Tables: columns without lines, as wide as the terminal.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};

use crate::terminal::Terminal;

/// An empty table.
pub(crate) fn plain(terminal: Terminal) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(terminal.width as u16);
    if terminal.colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table
}

/// The table's text. Columns begin at the margin and are two apart; those in `whole` are never wrapped.
pub(crate) fn render(table: &mut Table, whole: &[usize]) -> String {
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        column.set_constraint(if whole.contains(&at) {
            ColumnConstraint::ContentWidth
        } else {
            ColumnConstraint::LowerBoundary(Width::Fixed(12))
        });
    }
    table.trim_fmt()
}
