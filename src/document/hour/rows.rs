//! The hours of a certificate as a table.

use krilla::surface::Surface;
use krilla::tagging::{Tag, TagTree};

use super::super::fonts::OpenFonts;
use super::super::table::{Align, Draft, Role, Row};
use super::super::text::{Line, Measure, Style, set};
use super::super::words::{self, beijing};
use super::super::{DocumentError, GREY, INK, Language};
use super::place::{left_aligned, push, second_level, tagged};
use super::{GAP, HEADING, LEFT, Sheet, WIDTH};
use crate::credential::Row as HourRow;

const HEAD: Style = Style::new(7.4, INK).bold();
const CELL: Style = Style::new(7.8, INK);
const DETAIL: Style = Style::new(7.0, GREY);
const TOTAL: Style = Style::new(9.0, INK).bold();
const PROVIDER: Style = Style::new(8.2, INK);

/// The widths of the columns after the course: form, dates, hours, time on chain, attestation number.
const CHINESE_COLUMNS: [f32; 5] = [60.0, 63.0, 36.0, 54.0, 54.0];
const ENGLISH_COLUMNS: [f32; 5] = [58.0, 59.0, 38.0, 67.0, 58.0];
/// The width of the provider's column, where there is one.
const PROVIDER_COLUMN: f32 = 68.0;
/// From the heading's top to the table's.
const TO_TABLE: f32 = 16.0;

/// The hours.
pub(super) struct Table {
    name: &'static str,
    heading: Vec<Line>,
    /// The provider of all rows, named once; otherwise each row names its own.
    provider: Option<Provider>,
    pub(super) head: Row,
    pub(super) rows: Vec<Row>,
    pub(super) total: Row,
}

impl Table {
    pub(super) fn set(sheet: &Sheet) -> Result<Self, DocumentError> {
        let heading = sheet.line(sheet.words.rows, HEADING)?;
        let provider = common_provider(sheet, &heading)?;
        let columns = Columns::new(sheet.language, provider.is_none());
        let head = columns.of(sheet.words.columns).into_iter().map(|text| Draft {
            role: Role::ColumnHead,
            align: Align::Middle,
            span: 1,
            text: vec![vec![(text, HEAD)]],
            language: None,
        });
        let head = Row::set(sheet.fonts, &columns.widths, head.collect(), true)?;
        let rows = sheet.certificate.rows.iter().map(|row| set_row(sheet, &columns, row)).collect::<Result<_, _>>()?;
        let sum = words::total(sheet.certificate).to_string();
        let cell = |role, align, span, text| {
            let text = vec![vec![(text, TOTAL)]];
            Draft { role, align, span, text, language: None }
        };
        // A sum is wider than the hours of a row: it has the column of the dates too. The last two have no sum.
        let total = vec![
            cell(Role::RowHead, Align::Right, columns.widths.len() - 4, sheet.words.total),
            cell(Role::Data, Align::Right, 2, sum.as_str()),
            cell(Role::Data, Align::Middle, 2, ""),
        ];
        let total = Row::set(sheet.fonts, &columns.widths, total, true)?;
        Ok(Self { name: sheet.words.rows, heading, provider, head, rows, total })
    }

    /// The height of what stands above the table.
    pub(super) fn heading_height(&self) -> f32 {
        TO_TABLE
    }

    /// The height of all that stands after the sentence, if it stands on one page.
    pub(super) fn height(&self) -> f32 {
        let rows: f32 = self.rows.iter().map(|row| row.height).sum();
        GAP + self.heading_height() + self.head.height + rows + self.total.height
    }

    /// Draws what stands above the table; says where the table begins.
    pub(super) fn draw_heading(&self, surface: &mut Surface, fonts: &OpenFonts, top: f32, tags: &mut TagTree) -> f32 {
        let y = top + TO_TABLE - 7.0;
        let heading = tagged(surface, |surface| left_aligned(surface, fonts, &self.heading, LEFT, y, TO_TABLE));
        push(tags, Tag::Hn(second_level(), Some(self.name.to_owned())), heading);
        if let Some(Provider { lines, language }) = &self.provider {
            let left = LEFT + WIDTH - widest(lines);
            let provider = tagged(surface, |surface| left_aligned(surface, fonts, lines, left, y, TO_TABLE));
            push(tags, Tag::P.with_lang(language.map(str::to_owned)), provider);
        }
        top + self.heading_height()
    }
}

/// The columns of a table, with or without the provider.
struct Columns {
    widths: Vec<f32>,
    provider: bool,
}

impl Columns {
    fn new(language: Language, provider: bool) -> Self {
        let others = match language {
            Language::Chinese => CHINESE_COLUMNS,
            Language::English => ENGLISH_COLUMNS,
        };
        let provider_width = provider.then_some(PROVIDER_COLUMN);
        let course = WIDTH - others.iter().sum::<f32>() - provider_width.unwrap_or(0.0);
        Self { widths: [course].into_iter().chain(provider_width).chain(others).collect(), provider }
    }

    /// Those of the seven things of a row that have a column.
    fn of<T>(&self, [course, provider, rest @ ..]: [T; 7]) -> Vec<T> {
        let provider = self.provider.then_some(provider);
        std::iter::once(course).chain(provider).chain(rest).collect()
    }
}

/// A provider with its label, set.
struct Provider {
    lines: Vec<Line>,
    language: Option<&'static str>,
}

/// The provider, if it is the same for all rows and there is room for it beside the heading.
fn common_provider(sheet: &Sheet, heading: &[Line]) -> Result<Option<Provider>, DocumentError> {
    let mut providers = sheet.certificate.rows.iter().map(|row| row.provider.as_str());
    let Some(first) = providers.next().filter(|first| providers.all(|other| other == *first)) else {
        return Ok(None);
    };
    let [_, label, ..] = sheet.words.columns;
    let lines = sheet.line(&format!("{label}{}{first}", sheet.words.colon), PROVIDER)?;
    let fits = lines.len() == 1 && widest(&lines) + widest(heading) + 2.0 * GAP < WIDTH;
    Ok(fits.then(|| Provider { lines, language: sheet.language_of(first) }))
}

fn widest(lines: &[Line]) -> f32 {
    lines.iter().map(|line| line.width).fold(0.0, f32::max)
}

fn set_row(sheet: &Sheet, columns: &Columns, row: &HourRow) -> Result<Row, DocumentError> {
    let (day, time) = beijing(row.sealed_at)?;
    let (days, hours) = (words::days(sheet.language, row), words::hours(row));
    let (sealed, number) = (format!("{day}\n{time}"), row.attestation_number());
    let data = |align, text| Draft { role: Role::Data, align, span: 1, text, language: None };
    let cell = |align, text| data(align, vec![vec![(text, CELL)]]);
    let details = words::details(sheet.language, row);
    let beside = format!("   {details}");
    let title = (row.title.as_str(), CELL);
    // What is said of the course stands in the title's last line if it has room there, otherwise below.
    let course = if details.is_empty() {
        vec![vec![title]]
    } else {
        let measure = Measure::of(Row::text_width(columns.widths.first().copied().unwrap_or(WIDTH)));
        let runs = vec![title, (beside.as_str(), DETAIL)];
        let room = set(sheet.fonts, &runs, measure)?.len() == set(sheet.fonts, &[title], measure)?.len();
        if room { vec![runs] } else { vec![vec![title], vec![(details.as_str(), DETAIL)]] }
    };
    let cells = columns.of([
        Draft { language: sheet.language_of(&row.title), ..data(Align::Left, course) },
        Draft { language: sheet.language_of(&row.provider), ..cell(Align::Left, row.provider.as_str()) },
        cell(Align::Middle, words::form(sheet.language, row.form)),
        cell(Align::Middle, days.as_str()),
        cell(Align::Right, hours.as_str()),
        cell(Align::Middle, sealed.as_str()),
        cell(Align::Middle, number.as_str()),
    ]);
    Ok(Row::set(sheet.fonts, &columns.widths, cells, false)?)
}
