//! The list of CQOs of a year as XLSX: one sheet, Chinese headers, hours as numbers with two decimals.
//!
//! Texts are written as texts, never as formulas, whatever they begin with. The same list at the same moment gives the
//! same bytes.

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatBorder, Workbook, Worksheet, XlsxError};

use crate::standard::annual::{ActivityTally, Amount, HourTally};
use crate::standard::{CreditCode, CreditHours, Day, RulebookVersion, UnixMillis};

/// The most CQOs of one sheet: what spreadsheets take, the headers left out.
pub const MAX_STANDINGS: usize = 1_048_575;

/// One CQO in the list.
#[derive(Debug, Clone)]
pub struct StandingRow {
    /// The name.
    pub name: String,
    /// The learner's id in the ledger.
    pub learner: String,
    /// Whom the CQO serves, where it is known.
    pub employer: Option<(String, Option<CreditCode>)>,
    /// The year in words.
    pub year: String,
    /// How it stands, in words.
    pub state: &'static str,
    /// Hours.
    pub hours: HourTally,
    /// Activities.
    pub activities: ActivityTally,
    /// By when what is missing can be made up.
    pub due: Option<Day>,
    /// Whether the validity of the level certificate is registered.
    pub has_term: bool,
    /// What has to be made up before recertification, over all years.
    pub to_make_up: Amount,
    /// The version of the rulebook that decided.
    pub version: RulebookVersion,
}

/// The headers, each with the width of its column in characters.
const COLUMNS: [(&str, f64); 18] = [
    ("姓名", 12.0),
    ("所在组织", 32.0),
    ("统一社会信用代码", 22.0),
    ("年度", 14.0),
    ("状态", 12.0),
    ("应修学时", 11.0),
    ("计入学时", 11.0),
    ("结转学时", 11.0),
    ("还差学时", 11.0),
    ("应组织活动", 12.0),
    ("计入活动", 11.0),
    ("还差活动", 11.0),
    ("截止日期", 13.0),
    ("认定证书有效期", 16.0),
    ("再认定前须补学时", 17.0),
    ("再认定前须补活动", 17.0),
    ("规则版本", 11.0),
    ("学员编号", 38.0),
];

/// Writes the list of a year.
pub fn standings(sheet: &str, rows: &[StandingRow], written: UnixMillis) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let created = ExcelDateTime::from_timestamp(written.millis() / 1_000)?;
    workbook.set_properties(&DocProperties::new().set_title(sheet).set_creation_datetime(&created));
    let formats = Formats::new();
    let worksheet = workbook.add_worksheet();
    worksheet.set_name(sheet)?.set_freeze_panes(1, 1)?.set_landscape().set_repeat_rows(0, 0)?;
    worksheet.set_print_fit_to_pages(1, 0);
    for (column, (header, width)) in (0..).zip(COLUMNS) {
        worksheet.set_column_width(column, width)?.write_with_format(0, column, header, &formats.header)?;
    }
    for (at, row) in (1..).zip(rows) {
        write_row(worksheet, at, row, &formats)?;
    }
    let last_row = u32::try_from(rows.len()).map_err(|_| XlsxError::RowColumnLimitError)?;
    let last_column = u16::try_from(COLUMNS.len() - 1).map_err(|_| XlsxError::RowColumnLimitError)?;
    worksheet.autofilter(0, 0, last_row, last_column)?;
    workbook.save_to_buffer()
}

/// How cells are shown.
struct Formats {
    header: Format,
    hours: Format,
    day: Format,
}

impl Formats {
    fn new() -> Self {
        Self {
            header: Format::new().set_bold().set_border_bottom(FormatBorder::Thin),
            hours: Format::new().set_num_format("0.00"),
            day: Format::new().set_num_format("yyyy-mm-dd"),
        }
    }
}

fn write_row(worksheet: &mut Worksheet, at: u32, row: &StandingRow, formats: &Formats) -> Result<(), XlsxError> {
    let (employer, code) = row
        .employer
        .as_ref()
        .map_or(("", ""), |(name, code)| (name.as_str(), code.as_ref().map_or("", CreditCode::as_str)));
    for (column, text) in [(0, row.name.as_str()), (1, employer), (2, code), (3, &row.year), (4, row.state)] {
        worksheet.write_string(at, column, text)?;
    }
    let HourTally { required, counted, carried, missing, .. } = row.hours;
    for (column, hours) in [(5, required), (6, counted), (7, carried), (8, missing)] {
        worksheet.write_number_with_format(at, column, number(hours), &formats.hours)?;
    }
    let ActivityTally { required, counted, missing } = row.activities;
    for (column, count) in [(9, u32::from(required)), (10, counted), (11, u32::from(missing))] {
        worksheet.write_number(at, column, count)?;
    }
    if let Some(due) = row.due {
        let date = ExcelDateTime::parse_from_str(&due.to_string())?;
        worksheet.write_datetime_with_format(at, 12, &date, &formats.day)?;
    }
    worksheet.write_string(at, 13, if row.has_term { "已登记" } else { "未登记" })?;
    worksheet.write_number_with_format(at, 14, number(row.to_make_up.hours), &formats.hours)?;
    worksheet.write_number(at, 15, row.to_make_up.activities)?;
    worksheet.write_string(at, 16, row.version.to_string())?;
    worksheet.write_string(at, 17, &row.learner)?;
    Ok(())
}

/// The one place where hours are a floating-point number: a spreadsheet knows no other, and rounds to two decimals.
fn number(hours: CreditHours) -> f64 {
    f64::from(hours.hundredths()) / 100.0
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use calamine::{Data, DataType as _, Reader as _, Xlsx};

    use super::*;

    fn hours(hundredths: u32) -> CreditHours {
        CreditHours::from_hundredths(hundredths)
    }

    fn row(name: &str) -> StandingRow {
        StandingRow {
            name: name.into(),
            learner: "01970000-0000-7000-8000-00000000000a".into(),
            employer: Some(("合肥精密仪器有限公司".into(), Some("91330100799655058B".parse().unwrap()))),
            year: "2026 年".into(),
            state: "未达标",
            hours: HourTally {
                required: hours(1_000),
                counted: hours(850),
                carried: hours(0),
                missing: hours(150),
                surplus: hours(0),
            },
            activities: ActivityTally { required: 1, counted: 0, missing: 1 },
            due: Some("2026-12-31".parse().unwrap()),
            has_term: false,
            to_make_up: Amount { hours: hours(350), activities: 1 },
            version: "2026.1".parse().unwrap(),
        }
    }

    fn written(rows: &[StandingRow]) -> Vec<u8> {
        standings("2026 年度", rows, "2026-11-22T08:00:00.000Z".parse().unwrap()).unwrap()
    }

    #[test]
    fn another_program_reads_the_numbers_and_texts_back() {
        let nobody = StandingRow { employer: None, due: None, has_term: true, ..row("=HYPERLINK(\"http://x\")") };
        let bytes = written(&[row("张伟"), nobody]);
        let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).unwrap();
        let sheet = book.worksheet_range("2026 年度").unwrap();
        let cells: Vec<Vec<Data>> = sheet.rows().map(<[Data]>::to_vec).collect();
        let headers: Vec<String> = cells[0].iter().map(ToString::to_string).collect();
        assert_eq!(headers, COLUMNS.map(|(header, _)| header.to_owned()));
        let texts =
            |row: usize, columns: &[usize]| columns.iter().map(|c| cells[row][*c].to_string()).collect::<Vec<_>>();
        assert_eq!(
            texts(1, &[0, 1, 2, 3, 4, 13, 14, 15, 16, 17]),
            [
                "张伟",
                "合肥精密仪器有限公司",
                "91330100799655058B",
                "2026 年",
                "未达标",
                "未登记",
                "3.5",
                "1",
                "2026.1",
                "01970000-0000-7000-8000-00000000000a"
            ]
        );
        let numbers: Vec<f64> = (5..12).map(|column| cells[1][column].as_f64().unwrap()).collect();
        assert_eq!(numbers, [10.0, 8.5, 0.0, 1.5, 1.0, 0.0, 1.0]);
        assert!(matches!(&cells[1][12], Data::DateTime(date) if date.as_f64() == 46_387.0));
        assert_eq!(texts(2, &[0, 1, 2, 12, 13]), ["=HYPERLINK(\"http://x\")", "", "", "", "已登记"]);
        assert!(book.worksheet_formula("2026 年度").unwrap().is_empty(), "no text became a formula");
    }

    #[test]
    fn the_same_list_has_the_same_bytes() {
        assert_eq!(written(&[row("张伟")]), written(&[row("张伟")]));
        assert!(!written(&[]).is_empty());
    }
}
