//! Filling the pages' files: `{{name}}` becomes a value, once, from left to right, so that a value is never read again.

/// `template` with every `{{name}}` replaced. Values are markup: whatever is not must go through [`escaped`].
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len() + values.iter().map(|(_, value)| value.len()).sum::<usize>());
    let mut rest = template;
    while let Some((before, (name, after))) =
        rest.split_once("{{").and_then(|(before, inside)| Some((before, inside.split_once("}}")?)))
    {
        filled.push_str(before);
        filled.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// Text as HTML, in an element or in a quoted attribute.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// The names that a template asks for.
#[cfg(test)]
pub(super) fn names(template: &str) -> std::collections::BTreeSet<&str> {
    template.split("{{").skip(1).filter_map(|part| part.split_once("}}")).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_in_once_and_never_read_again() {
        assert_eq!(fill("<{{a}}>{{b}}{{a}}", &[("a", "{{b}}"), ("b", "2")]), "<{{b}}>2{{b}}");
        assert_eq!(fill("{{unknown}}no {{end", &[]), "no {{end");
        assert_eq!(escaped("<a href='x'>\"&"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;");
    }
}
