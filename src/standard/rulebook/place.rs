//! Where in a TOML text a key stands, so that every error names line, column and key.

use std::fmt;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// A place in a text, both parts counted from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in that line.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl Place {
    /// The place of a byte offset; an offset past the end is the end.
    pub(crate) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        Self { line, column: before[line_start..].chars().count() + 1 }
    }
}

/// Every key of a document with the bytes it and its value stand in.
pub(super) struct KeyMap(Vec<Row>);

struct Row {
    /// All names from the top, as `edition.hour.minutes`.
    path: String,
    /// Which edition it belongs to, counted from 0.
    edition: usize,
    key: Range<usize>,
    value: Range<usize>,
}

impl KeyMap {
    pub(super) fn of(document: &DeTable<'_>) -> Self {
        let mut rows = Vec::new();
        collect(document, "", 0, &mut rows);
        Self(rows)
    }

    /// The narrowest key whose name or value contains the offset; nothing at the top of the document.
    pub(super) fn key_at(&self, offset: usize) -> Option<&str> {
        let around =
            |row: &Row| [&row.key, &row.value].into_iter().filter(|span| span.contains(&offset)).map(Range::len).min();
        let narrowest = self.0.iter().filter_map(|row| Some((around(row)?, row))).min_by_key(|(len, _)| *len);
        narrowest.map(|(_, row)| row.path.as_str())
    }

    /// The offset at which the value of an edition's key starts.
    pub(super) fn value_of(&self, edition: usize, path: &str) -> Option<usize> {
        self.0.iter().find(|row| row.edition == edition && row.path == path).map(|row| row.value.start)
    }
}

/// Walks tables, and arrays of tables, whose index is the edition's: the only array of tables is at the top.
fn collect(table: &DeTable<'_>, above: &str, edition: usize, rows: &mut Vec<Row>) {
    for (key, value) in table {
        let path = if above.is_empty() { key.get_ref().to_string() } else { format!("{above}.{}", key.get_ref()) };
        match value.get_ref() {
            DeValue::Table(inner) => collect(inner, &path, edition, rows),
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    if let DeValue::Table(inner) = item.get_ref() {
                        collect(inner, &path, index, rows);
                        rows.push(Row { path: path.clone(), edition: index, key: item.span(), value: item.span() });
                    }
                }
            }
            _ => {}
        }
        rows.push(Row { path, edition, key: key.span(), value: value.span() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let text = "ab\n学时c\n";
        for (offset, line, column) in [(0, 1, 1), (2, 1, 3), (3, 2, 1), (6, 2, 2), (9, 2, 3), (11, 3, 1), (99, 3, 1)] {
            assert_eq!(Place::of(text, offset), Place { line, column }, "{offset}");
        }
    }
}
