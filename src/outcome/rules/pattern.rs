use std::{borrow::Cow, collections::HashMap, sync::Arc};

use regex::bytes::{Regex, RegexBuilder};
use serde_json::Value;

use super::limits::Budget;

/// Longest regular expression, bytes.
const LONGEST: usize = 1_024;
/// Deepest nesting of groups and repetitions.
const DEEPEST: u32 = 32;
/// Size of a compiled regular expression, bytes: some thousand states. `.` is a byte here, which keeps them small.
const LARGEST: usize = 128 << 10;
/// What a regular expression may remember while it matches, bytes.
const LARGEST_MEMORY: usize = 256 << 10;

/// What a text has to be like: itself, or matched by a regular expression. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum Pattern {
    Text(Arc<str>),
    Expression(Arc<Regex>),
}

impl Pattern {
    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Text(wanted) => **wanted == *text,
            Self::Expression(expression) => expression.is_match(text.as_bytes()),
        }
    }

    /// Whether the value's text matches; of a list, whether one of its elements does.
    pub(super) fn matches_value(&self, value: &Value) -> bool {
        match value {
            Value::Array(items) => {
                items.iter().any(|item| text_of(item).is_some_and(|text| self.matches(&text)))
            }
            _ => text_of(value).is_some_and(|text| self.matches(&text)),
        }
    }
}

/// The text of a scalar; lists, objects and null have none.
pub(super) fn text_of(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(true) => Some(Cow::Borrowed("true")),
        Value::Bool(false) => Some(Cow::Borrowed("false")),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Compiles regular expressions, each one once.
#[derive(Debug, Default)]
pub struct Compiler {
    known: HashMap<String, Arc<Regex>>,
}

impl Compiler {
    /// How many it has compiled.
    pub fn expressions(&self) -> usize {
        self.known.len()
    }

    /// `text` or `/expression/`, with `i` behind it where case does not matter.
    pub(super) fn pattern(&mut self, text: &str, budget: &mut Budget) -> Result<Pattern, String> {
        match expression_of(text) {
            None => Ok(Pattern::Text(text.into())),
            Some((expression, flags)) => self.expression(expression, flags, budget).map(Pattern::Expression),
        }
    }

    /// The regular expression between slashes, or without them.
    pub(super) fn bare_expression(&mut self, text: &str, budget: &mut Budget) -> Result<Arc<Regex>, String> {
        let (expression, flags) = expression_of(text).unwrap_or((text, ""));
        self.expression(expression, flags, budget)
    }

    fn expression(&mut self, text: &str, flags: &str, budget: &mut Budget) -> Result<Arc<Regex>, String> {
        let ignore_case = match flags {
            "" => false,
            "i" => true,
            other => return Err(format!("behind a regular expression there may be `i`, not {other:?}")),
        };
        if text.len() > LONGEST {
            return Err(format!("a regular expression has at most {LONGEST} bytes, not {}", text.len()));
        }
        budget.expression()?;
        let key = format!("{flags}/{text}");
        if let Some(known) = self.known.get(&key) {
            return Ok(Arc::clone(known));
        }
        let compiled = RegexBuilder::new(text)
            .case_insensitive(ignore_case)
            // As in JavaScript: \d and \w are ASCII. A letter beyond ASCII needs the rest of Unicode with it.
            .unicode(!text.is_ascii())
            .nest_limit(DEEPEST)
            .size_limit(LARGEST)
            .dfa_size_limit(LARGEST_MEMORY)
            .build()
            .map_err(|error| format!("no regular expression: {}", reason(&error)))?;
        let compiled = Arc::new(compiled);
        self.known.insert(key, Arc::clone(&compiled));
        Ok(compiled)
    }
}

/// The crate's reason in one line, without the drawing of the expression.
fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => format!("compiled it would be larger than {LARGEST} bytes"),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            let mut reason: String = last.trim_start_matches("error: ").chars().take(160).collect();
            if reason.contains("look-around") {
                reason.push_str(" (matching has to take linear time)");
            }
            reason
        }
    }
}

/// The expression and the flags of `/expression/flags`.
fn expression_of(text: &str) -> Option<(&str, &str)> {
    let (expression, flags) = text.strip_prefix('/')?.rsplit_once('/')?;
    let are_flags = flags.len() <= 8 && flags.bytes().all(|byte| byte.is_ascii_lowercase());
    (are_flags && !expression.is_empty()).then_some((expression, flags))
}

/// Whether this text is written as a regular expression.
pub(super) fn is_expression(text: &str) -> bool {
    expression_of(text).is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pattern(text: &str) -> Result<Pattern, String> {
        Compiler::default().pattern(text, &mut Budget::of_configuration())
    }

    #[test]
    fn texts_are_whole_and_expressions_are_anywhere() {
        for (written, text, matches) in [
            ("abc", "abc", true),
            ("abc", "xabcx", false),
            ("/abc/", "xabcx", true),
            ("/^abc$/", "xabcx", false),
            ("/ABC/i", "xabcx", true),
            ("/", "/", true),
            ("//", "//", true),
            ("/usr/bin/sh", "/usr/bin/sh", false),
            ("/a/b/", "a/b", true),
            (r"/^\d+$/", "123", true),
            (r"/^\d+$/", "١٢٣", false),
            ("/°C/", "21 °C", true),
        ] {
            if let Ok(pattern) = pattern(written) {
                assert_eq!(pattern.matches(text), matches, "{written} on {text}");
            } else {
                // `/usr/bin/sh` reads as an expression with the flags `sh`, as it does in JavaScript.
                assert_eq!(written, "/usr/bin/sh");
            }
        }
    }

    #[test]
    fn a_list_matches_where_one_element_does() {
        let failure = pattern("/Failure/").unwrap();
        assert!(failure.matches_value(&json!(["Presence detected", "Failure detected"])));
        assert!(!failure.matches_value(&json!([])));
        assert!(pattern("7").unwrap().matches_value(&json!(7)));
        assert!(!pattern("/.*/").unwrap().matches_value(&json!(null)));
    }

    #[test]
    fn what_is_no_linear_expression_is_refused_with_its_reason() {
        for (written, reason) in [
            ("/(/".to_owned(), "unclosed group"),
            ("/(?=x)/".to_owned(), "linear time"),
            (r"/(a)\1/".to_owned(), "backreferences are not supported"),
            (format!("/{}/", "x".repeat(1_025)), "at most 1024 bytes"),
            (format!("/{}x{}/", "(".repeat(100), ")".repeat(100)), "nest"),
            ("/((a{100}){100}){100}/".to_owned(), "larger than"),
            ("/x/g".to_owned(), "there may be `i`"),
        ] {
            let fault = pattern(&written).unwrap_err();
            assert!(fault.contains(reason), "{written}: {fault}");
        }
    }

    #[test]
    fn the_same_expression_is_compiled_once() {
        let mut compiler = Compiler::default();
        let mut budget = Budget::of_configuration();
        let one = compiler.bare_expression("/a/", &mut budget).unwrap();
        assert!(Arc::ptr_eq(&one, &compiler.bare_expression("a", &mut budget).unwrap()));
        assert!(!Arc::ptr_eq(&one, &compiler.bare_expression("/a/i", &mut budget).unwrap()));
    }
}
