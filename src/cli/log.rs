//! Logs on standard error: one JSON object a line, with field names that stay, or text for people.
//!
//! A JSON line has `time` (UTC, milliseconds), `level`, `target`, `message`, then the fields of the event and of the request it
//! belongs to (`request_id`). docs/RUNBOOK.md lists them.

use std::fmt;
use std::fmt::Write as _;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use super::config::LogFormat;
use crate::service::clock::{Clock as _, SystemClock};

/// Starts logging; `RUST_LOG` goes before `level`.
pub(super) fn start(format: LogFormat, level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Json => log.fmt_fields(JsonFields::new()).event_format(JsonLines).try_init(),
        LogFormat::Text => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
    };
    // Only a second start in one process could fail, and then the first one goes on.
    drop(started);
}

/// One JSON object a line.
struct JsonLines;

impl<S: Subscriber + for<'a> LookupSpan<'a>> FormatEvent<S, JsonFields> for JsonLines {
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let (level, target) = (event.metadata().level(), event.metadata().target());
        let (time, message) = (SystemClock.now(), fields.0.remove("message").unwrap_or_default());
        let target = fields.0.remove("log.target").unwrap_or_else(|| target.into());
        write!(writer, r#"{{"time":"{time}","level":"{level}","target":{target},"message":{message}"#)?;
        for span in context.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            let Some(known) = extensions.get::<FormattedFields<JsonFields>>() else { continue };
            let known: Map<String, Value> = serde_json::from_str(known).unwrap_or_default();
            for (name, value) in known {
                // What the event says itself goes first.
                fields.0.entry(name).or_insert(value);
            }
        }
        for (name, value) in &fields.0 {
            write!(writer, ",{}:{value}", Value::from(name.as_str()))?;
        }
        writer.write_str("}\n")
    }
}

/// The fields of an event by name.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        // A line has one of each of these; what comes through the `log` crate brings places in its source.
        let taken = ["time", "level", "target"].contains(&field.name());
        let source = field.name().starts_with("log.") && field.name() != "log.target";
        if !taken && !source {
            self.0.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = write!(text, "{value:?}");
        self.put(field, text.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}
