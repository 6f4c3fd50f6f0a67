//! The validation rules of contract.md, section 5.
//!
//! They are named after RackHD's (the library `anchor`). Where that library coerces, the meaning here is fixed: numbers are
//! compared with numbers only, a text that reads as a number being one; texts are looked at as they are printed.

use std::{cmp::Ordering, net::IpAddr, sync::Arc};

use regex::bytes::Regex;
use serde_json::Value;

use super::{
    fault::{Path, RuleFault},
    limits::Budget,
    number::{Measured, Number},
    pattern::{Compiler, text_of},
};

/// Most values of `in` and `notIn`.
const MOST_VALUES: usize = 1_000;
/// Longest text that a value is compared with, bytes.
const LONGEST_TEXT: usize = 4_096;

/// One validation rule with its argument.
#[derive(Debug, Clone)]
pub(super) enum Check {
    GreaterThan(Number),
    LessThan(Number),
    Min(Number),
    Max(Number),
    Equals(Value),
    Contains(Value),
    NotContains(Value),
    In(Vec<Value>),
    NotIn(Vec<Value>),
    Regex(Arc<Regex>),
    NotRegex(Arc<Regex>),
    /// At least so many characters, at most so many.
    Length(usize, Option<usize>),
    Kind(Kind),
}

/// No value below, or no value above, is as a rule says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bound {
    Lower(Number),
    Upper(Number),
}

/// The rules that take `true` only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Float,
    Number,
    String,
    Ip,
    Ipv4,
    Ipv6,
    Boolean,
    Empty,
    NotEmpty,
    Null,
    NotNull,
    Truthy,
    Falsey,
    Alpha,
    Alphanumeric,
    Hexadecimal,
    Lowercase,
    Uppercase,
}

/// Every validation rule.
pub(super) const WORDS: [&str; 38] = [
    "greaterThan",
    "lessThan",
    "min",
    "max",
    "equals",
    "contains",
    "notContains",
    "in",
    "notIn",
    "regex",
    "notRegex",
    "len",
    "minLength",
    "maxLength",
    "integer",
    "int",
    "float",
    "decimal",
    "number",
    "finite",
    "numeric",
    "string",
    "ip",
    "ipv4",
    "ipv6",
    "boolean",
    "required",
    "empty",
    "notEmpty",
    "null",
    "notNull",
    "truthy",
    "falsey",
    "alpha",
    "alphanumeric",
    "hexadecimal",
    "lowercase",
    "uppercase",
];

impl Check {
    /// Reads one rule; `None` where there is none of that name.
    pub(super) fn read(
        word: &str,
        argument: &Value,
        path: &Path<'_>,
        compiler: &mut Compiler,
        budget: &mut Budget,
    ) -> Option<Result<Self, RuleFault>> {
        let fault = |what: String| RuleFault::new(path, what);
        let number = |make: fn(Number) -> Self| {
            let found = Number::of(argument).filter(|_| argument.is_number());
            found.map(make).ok_or_else(|| fault(format!("needs a number, not {}", kind_of(argument))))
        };
        let scalar = |make: fn(Value) -> Self| check_scalar(argument, path).map(|()| make(argument.clone()));
        let length = |make: fn(usize) -> Self| {
            let found = argument.as_u64().and_then(|length| usize::try_from(length).ok());
            let what = || fault(format!("needs a length, not {}", kind_of(argument)));
            found.map(make).ok_or_else(what)
        };
        let values = |make: fn(Vec<Value>) -> Self| read_values(argument, path).map(make);
        let mut expression = |make: fn(Arc<Regex>) -> Self| {
            let text = argument.as_str().ok_or_else(|| {
                fault(format!("needs a regular expression in a text, not {}", kind_of(argument)))
            })?;
            compiler.bare_expression(text, budget).map(make).map_err(fault)
        };
        Some(match word {
            "greaterThan" => number(Self::GreaterThan),
            "lessThan" => number(Self::LessThan),
            "min" => number(Self::Min),
            "max" => number(Self::Max),
            "equals" => scalar(Self::Equals),
            "contains" => scalar(Self::Contains),
            "notContains" => scalar(Self::NotContains),
            "in" => values(Self::In),
            "notIn" => values(Self::NotIn),
            "regex" => expression(Self::Regex),
            "notRegex" => expression(Self::NotRegex),
            "len" => read_len(argument, path),
            "minLength" => length(|least| Self::Length(least, None)),
            "maxLength" => length(|most| Self::Length(0, Some(most))),
            _ => {
                let kind = Kind::read(word)?;
                match argument {
                    Value::Bool(true) => Ok(Self::Kind(kind)),
                    _ => Err(fault("takes `true` only; leave it out where it does not matter".to_owned())),
                }
            }
        })
    }

    /// Whether the value is so. `slack` widens the comparisons with numbers, for a condition that holds already.
    pub(super) fn holds(&self, value: &Value, slack: f64) -> bool {
        self.holds_measured(&Measured::new(value), slack)
    }

    /// The same of a value that many rules look at.
    pub(super) fn holds_measured(&self, measured: &Measured<'_>, slack: f64) -> bool {
        let value = measured.value;
        let compared = |with: Number| measured.number().and_then(|number| number.compare(with));
        match self {
            Self::GreaterThan(bound) => compared(bound.plus(-slack)) == Some(Ordering::Greater),
            Self::LessThan(bound) => compared(bound.plus(slack)) == Some(Ordering::Less),
            Self::Min(bound) => {
                matches!(compared(bound.plus(-slack)), Some(Ordering::Greater | Ordering::Equal))
            }
            Self::Max(bound) => matches!(compared(bound.plus(slack)), Some(Ordering::Less | Ordering::Equal)),
            Self::Equals(wanted) => same(measured, wanted),
            Self::Contains(wanted) => contains(measured, wanted) == Some(true),
            Self::NotContains(wanted) => contains(measured, wanted) == Some(false),
            Self::In(wanted) => wanted.iter().any(|wanted| same(measured, wanted)),
            Self::NotIn(wanted) => !wanted.iter().any(|wanted| same(measured, wanted)),
            Self::Regex(expression) => {
                measured.text().is_some_and(|text| expression.is_match(text.as_bytes()))
            }
            Self::NotRegex(expression) => {
                measured.text().is_some_and(|text| !expression.is_match(text.as_bytes()))
            }
            Self::Length(least, most) => length_of(value)
                .is_some_and(|length| length >= *least && most.is_none_or(|most| length <= most)),
            Self::Kind(kind) => kind.holds(value),
        }
    }

    /// The number that bounds it, if one does, so that a slack means something.
    pub(super) fn bound(&self) -> Option<Bound> {
        match self {
            Self::GreaterThan(bound) | Self::Min(bound) => Some(Bound::Lower(*bound)),
            Self::LessThan(bound) | Self::Max(bound) => Some(Bound::Upper(*bound)),
            _ => None,
        }
    }

    /// Whether no value can be both so and as the others say: what the lint can tell without trying values.
    pub(super) fn contradicts(&self, other: &Self) -> bool {
        let crossed = |low: &Number, high: &Number, touch: bool| match low.compare(*high) {
            Some(Ordering::Greater) => true,
            Some(Ordering::Equal) => !touch,
            _ => false,
        };
        match (self, other) {
            (Self::GreaterThan(low), Self::LessThan(high) | Self::Max(high))
            | (Self::Min(low), Self::LessThan(high)) => crossed(low, high, false),
            (Self::Min(low), Self::Max(high)) => crossed(low, high, true),
            (Self::Length(least, _), Self::Length(_, Some(most))) => least > most,
            (Self::Equals(wanted), check) if !matches!(check, Self::Equals(_)) => !check.holds(wanted, 0.0),
            (Self::Equals(one), Self::Equals(two)) => !same(&Measured::new(one), two),
            (Self::In(wanted), check) => !wanted.iter().any(|wanted| check.holds(wanted, 0.0)),
            (Self::Kind(Kind::Null), Self::Kind(Kind::NotNull))
            | (Self::Kind(Kind::Empty), Self::Kind(Kind::NotEmpty))
            | (Self::Kind(Kind::Truthy), Self::Kind(Kind::Falsey)) => true,
            _ => false,
        }
    }
}

impl Kind {
    fn read(word: &str) -> Option<Self> {
        Some(match word {
            "integer" | "int" => Self::Integer,
            "float" | "decimal" | "numeric" => Self::Float,
            "number" | "finite" => Self::Number,
            "string" => Self::String,
            "ip" => Self::Ip,
            "ipv4" => Self::Ipv4,
            "ipv6" => Self::Ipv6,
            "boolean" => Self::Boolean,
            "empty" => Self::Empty,
            "required" | "notEmpty" => Self::NotEmpty,
            "null" => Self::Null,
            "notNull" => Self::NotNull,
            "truthy" => Self::Truthy,
            "falsey" => Self::Falsey,
            "alpha" => Self::Alpha,
            "alphanumeric" => Self::Alphanumeric,
            "hexadecimal" => Self::Hexadecimal,
            "lowercase" => Self::Lowercase,
            "uppercase" => Self::Uppercase,
            _ => return None,
        })
    }

    fn holds(self, value: &Value) -> bool {
        let address = || text_of(value).and_then(|text| text.parse::<IpAddr>().ok());
        let every = |is: fn(char) -> bool| {
            text_of(value).is_some_and(|text| !text.is_empty() && text.chars().all(is))
        };
        match self {
            Self::Integer => Number::of(value).is_some_and(Number::is_whole),
            Self::Float | Self::Number => Number::of(value).is_some(),
            Self::String => value.is_string(),
            Self::Ip => address().is_some(),
            Self::Ipv4 => address().is_some_and(|address| address.is_ipv4()),
            Self::Ipv6 => address().is_some_and(|address| address.is_ipv6()),
            Self::Boolean => value.is_boolean(),
            Self::Empty => is_empty(value),
            Self::NotEmpty => !is_empty(value),
            Self::Null => value.is_null(),
            Self::NotNull => !value.is_null(),
            Self::Truthy => is_truthy(value),
            Self::Falsey => !is_truthy(value),
            Self::Alpha => every(|letter| letter.is_ascii_alphabetic()),
            Self::Alphanumeric => every(|letter| letter.is_ascii_alphanumeric()),
            Self::Hexadecimal => every(|letter| letter.is_ascii_hexdigit()),
            Self::Lowercase => text_of(value).is_some_and(|text| !text.chars().any(char::is_uppercase)),
            Self::Uppercase => text_of(value).is_some_and(|text| !text.chars().any(char::is_lowercase)),
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// JavaScript's notion.
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// A number is the same as a number of that worth, however that is written; anything else by its text.
fn same(measured: &Measured<'_>, wanted: &Value) -> bool {
    if wanted.is_number() {
        let numbers = measured.number().zip(Number::of(wanted));
        return numbers.is_some_and(|(one, two)| one.compare(two) == Some(Ordering::Equal));
    }
    match (measured.text(), text_of(wanted)) {
        (Some(one), Some(two)) => one == two,
        (None, None) => measured.value == wanted,
        _ => false,
    }
}

/// Whether a text has the wanted one inside, or a list has it among its elements; `None` for what can contain nothing.
fn contains(measured: &Measured<'_>, wanted: &Value) -> Option<bool> {
    match measured.value {
        Value::Array(items) => Some(items.iter().any(|item| same(&Measured::new(item), wanted))),
        _ => Some(measured.text()?.contains(&*text_of(wanted)?)),
    }
}

/// Characters of a text, elements of a list.
fn length_of(value: &Value) -> Option<usize> {
    match value {
        Value::Array(items) => Some(items.len()),
        _ => text_of(value).map(|text| text.chars().count()),
    }
}

/// What a value is, with an article.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn check_scalar(value: &Value, path: &Path<'_>) -> Result<(), RuleFault> {
    match value {
        Value::Array(_) | Value::Object(_) => Err(RuleFault::new(
            path,
            format!("needs a text, a number or true or false, not {}", kind_of(value)),
        )),
        Value::String(text) if text.len() > LONGEST_TEXT => {
            Err(RuleFault::new(path, format!("has more than {LONGEST_TEXT} bytes")))
        }
        _ => Ok(()),
    }
}

fn read_values(argument: &Value, path: &Path<'_>) -> Result<Vec<Value>, RuleFault> {
    let Value::Array(items) = argument else {
        return Err(RuleFault::new(path, format!("needs a list of values, not {}", kind_of(argument))));
    };
    if items.is_empty() || items.len() > MOST_VALUES {
        return Err(RuleFault::new(path, format!("holds 1 to {MOST_VALUES} values, not {}", items.len())));
    }
    for (index, item) in items.iter().enumerate() {
        check_scalar(item, &path.index(index))?;
    }
    Ok(items.clone())
}

/// `[least, most]`; a number alone is the least, as in RackHD.
fn read_len(argument: &Value, path: &Path<'_>) -> Result<Check, RuleFault> {
    let length = |value: &Value| value.as_u64().and_then(|length| usize::try_from(length).ok());
    let found = match argument {
        Value::Array(both) => match both.as_slice() {
            [least, most] => length(least).zip(length(most)).map(|(least, most)| (least, Some(most))),
            _ => None,
        },
        alone => length(alone).map(|least| (least, None)),
    };
    match found {
        Some((least, Some(most))) if least > most => {
            Err(RuleFault::new(path, format!("no length is at least {least} and at most {most}")))
        }
        Some((least, most)) => Ok(Check::Length(least, most)),
        None => Err(RuleFault::new(path, "needs the least length, or [least, most]")),
    }
}

#[cfg(test)]
mod tests;
