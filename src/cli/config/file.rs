//! The configuration file: TOML without tables. A key that nobody knows is refused, with its place and the nearest one.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::keys::{KEYS, Key, Kind};
use super::{Complaint, Origin, Value};
use crate::standard::rulebook::Place;

/// Reads the values of a file; what is wrong with it goes to `complaints`.
pub(super) fn read(path: &Path, text: &str, complaints: &mut Vec<Complaint>) -> BTreeMap<&'static str, Value> {
    let at = |offset: usize| Origin::File(path.to_owned(), Place::of(text, offset));
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let reason = error.message().trim().replace(char::is_control, " ");
            complaints.push(Complaint {
                at: Some(at(error.span().map_or(0, |span| span.start))),
                key: "TOML".into(),
                chinese: format!("无法读取：{reason}"),
                english: format!("cannot be read: {reason}"),
            });
            return BTreeMap::new();
        }
    };
    let mut values = BTreeMap::new();
    for (name, value) in document.get_ref() {
        let Some(key) = Key::named(name.get_ref()) else {
            complaints.push(unknown(name.get_ref(), at(name.span().start)));
            continue;
        };
        let origin = at(value.span().start);
        match as_flag_text(&key.kind, value.get_ref()) {
            Some(text) => drop(values.insert(key.name, Value { text, origin })),
            None => complaints.push(Complaint::wrong_type(key, origin)),
        }
    }
    values
}

fn unknown(name: &str, at: Origin) -> Complaint {
    let nearest = KEYS.iter().min_by_key(|key| distance(name, key.name)).map_or("", |key| key.name);
    Complaint {
        at: Some(at),
        key: name.to_owned(),
        chinese: format!("没有这个键，最接近的是 {nearest}"),
        english: format!("there is no such key; the nearest is {nearest}"),
    }
}

/// The text that a flag would have; none when TOML has another type for it.
fn as_flag_text(kind: &Kind, value: &DeValue<'_>) -> Option<String> {
    match (kind, value) {
        // In TOML, 0x10 and 1_000 are numbers too.
        (Kind::Number(_), DeValue::Integer(number)) => {
            let digits = number.as_str();
            Some(i128::from_str_radix(digits, number.radix()).map_or_else(|_| digits.to_owned(), |n| n.to_string()))
        }
        (Kind::Flag, DeValue::Boolean(flag)) => Some(flag.to_string()),
        (Kind::Number(_) | Kind::Flag, _) => None,
        (_, DeValue::String(text)) => Some(text.to_string()),
        _ => None,
    }
}

impl Complaint {
    fn wrong_type(key: &Key, at: Origin) -> Self {
        let (chinese, english) = key.kind.expected();
        let (how, how_english) = match key.kind {
            Kind::Number(_) | Kind::Flag => ("不加引号", "without quotation marks"),
            _ => ("加引号", "in quotation marks"),
        };
        Self {
            at: Some(at),
            key: key.name.to_owned(),
            chinese: format!("{chinese}（{how}）"),
            english: format!("{english} ({how_english})"),
        }
    }
}

/// How many characters must be added, removed or replaced to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_single_characters() {
        for (one, other, expected) in
            [("", "", 0), ("", "abc", 3), ("batch_max", "batch_mx", 1), ("kitten", "sitting", 3), ("ab", "ba", 2)]
        {
            assert_eq!(distance(one, other), expected, "{one} {other}");
            assert_eq!(distance(other, one), expected, "{other} {one}");
        }
    }
}
