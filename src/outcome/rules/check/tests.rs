use serde_json::{Value, json};

use super::*;

fn read(word: &str, argument: &Value) -> Result<Check, RuleFault> {
    let root = Path::Root("rule");
    let mut budget = Budget::of_configuration();
    Check::read(word, argument, &root.key(word), &mut Compiler::default(), &mut budget)
        .unwrap_or_else(|| unreachable!("{word} is a rule"))
}

/// Every rule: its argument, values that are so, values that are not.
#[test]
fn every_rule_by_its_table() {
    let table: Vec<(&str, Value, Value, Value)> = vec![
        (
            "greaterThan",
            json!(5),
            json!([6, 5.1, "6", " 7 ", "18446744073709551615"]),
            json!([5, 4, "5", "six", "6 degrees", "", null, true, [6], {}, "0x10", "1:00:00.00"]),
        ),
        ("lessThan", json!(5.5), json!([5, -1, "5.4", "-0"]), json!([5.5, 6, "9", "abc", null, false, []])),
        ("min", json!(5), json!([5, 6, "5", "5.0"]), json!([4.9, "4", "x", null])),
        ("max", json!(-5), json!([-5, -6, "-5"]), json!([-4, 0, "x", null])),
        ("equals", json!(5), json!([5, 5.0, "5", "5.0", "05"]), json!([6, "five", null, true])),
        ("equals", json!("up"), json!(["up"]), json!(["UP", "up ", null, 1])),
        ("equals", json!("5"), json!(["5", 5]), json!(["5.0", "05"])),
        ("equals", json!(null), json!([null]), json!(["null", 0, ""])),
        ("equals", json!(true), json!([true, "true"]), json!([false, 1])),
        ("contains", json!("an"), json!(["fan", "an", ["an"]]), json!(["fn", 7, null, ["fan"]])),
        ("contains", json!(7), json!([77, "a7", [7, 8], ["7"]]), json!(["8", [8]])),
        ("notContains", json!("an"), json!(["fn", 7, ["fan"]]), json!(["fan", null, ["an"]])),
        ("in", json!(["up", 2]), json!(["up", 2, "2", "2.0"]), json!(["down", 3, null])),
        ("notIn", json!(["up", 2]), json!(["down", 3, null]), json!(["up", "2"])),
        ("regex", json!("^a+$"), json!(["a", "aaa"]), json!(["ab", "", null])),
        ("regex", json!("/^A+$/i"), json!(["a", "AA"]), json!(["ab"])),
        ("notRegex", json!("^a+$"), json!(["ab", "", 7]), json!(["a", null, ["b"]])),
        ("len", json!([2, 3]), json!(["ab", "abc", 123, ["a", "b"]]), json!(["a", "abcd", null])),
        ("len", json!(2), json!(["ab", "abcdefgh"]), json!(["a", ""])),
        ("minLength", json!(2), json!(["ab", "äö"]), json!(["a", null])),
        ("maxLength", json!(2), json!(["", "ab"]), json!(["abc", null])),
        ("integer", json!(true), json!([1, -1, "42", 2.0]), json!([1.5, "1.5", "x", "", null, true])),
        ("int", json!(true), json!([1, "7"]), json!(["7.5"])),
        ("float", json!(true), json!([1.5, 1, "1.5", "1"]), json!(["x", "", null])),
        ("decimal", json!(true), json!(["-1.25"]), json!(["1,25"])),
        ("number", json!(true), json!([1, "1"]), json!(["one", null, true])),
        ("finite", json!(true), json!([1e300, "1e300"]), json!(["1e999", "Infinity", "NaN"])),
        ("numeric", json!(true), json!(["007", 7]), json!(["7 W"])),
        ("string", json!(true), json!(["", "x", "7"]), json!([7, null, true, []])),
        ("ip", json!(true), json!(["10.0.0.1", "fe80::1"]), json!(["10.0.0", "host", 7])),
        ("ipv4", json!(true), json!(["10.0.0.1"]), json!(["fe80::1", "10.0.0.256"])),
        ("ipv6", json!(true), json!(["fe80::1"]), json!(["10.0.0.1"])),
        ("boolean", json!(true), json!([true, false]), json!(["true", 1, 0, null])),
        ("required", json!(true), json!(["x", 0, false, [1]]), json!([null, "", [], {}])),
        ("empty", json!(true), json!([null, "", [], {}]), json!(["x", 0, false])),
        ("notEmpty", json!(true), json!(["x", 0]), json!(["", null])),
        ("null", json!(true), json!([null]), json!(["", 0, "null"])),
        ("notNull", json!(true), json!(["", 0]), json!([null])),
        ("truthy", json!(true), json!([1, "0", "x", [], true]), json!([0, "", null, false])),
        ("falsey", json!(true), json!([0, "", null, false]), json!([1, "false"])),
        ("alpha", json!(true), json!(["abC"]), json!(["ab1", "", null, "ä"])),
        ("alphanumeric", json!(true), json!(["ab1", 7]), json!(["a-b", ""])),
        ("hexadecimal", json!(true), json!(["dEad01"]), json!(["0x1", "g", ""])),
        ("lowercase", json!(true), json!(["abc 1", "1"]), json!(["aBc", null])),
        ("uppercase", json!(true), json!(["ABC 1"]), json!(["aBC", null])),
    ];
    for (word, argument, good, bad) in &table {
        let check = read(word, argument).unwrap_or_else(|fault| unreachable!("{fault}"));
        for value in good.as_array().unwrap() {
            assert!(check.holds(value, 0.0), "{word}: {argument} on {value}");
        }
        for value in bad.as_array().unwrap() {
            assert!(!check.holds(value, 0.0), "{word}: {argument} on {value}");
        }
    }
    for word in WORDS {
        assert!(table.iter().any(|(tested, ..)| *tested == word), "{word} is not in the table");
    }
}

#[test]
fn wrong_arguments_are_refused_where_they_stand() {
    for (word, argument, what) in [
        ("greaterThan", json!("5"), "`rule.greaterThan`: needs a number, not a text"),
        ("lessThan", json!(null), "needs a number, not null"),
        ("min", json!([1]), "needs a number, not a list"),
        ("equals", json!({ "a": 1 }), "needs a text, a number or true or false, not an object"),
        ("contains", json!("x".repeat(4_097)), "has more than 4096 bytes"),
        ("in", json!("up"), "needs a list of values, not a text"),
        ("in", json!([]), "holds 1 to 1000 values, not 0"),
        ("in", json!(vec![1; 1_001]), "holds 1 to 1000 values, not 1001"),
        ("notIn", json!([1, [2]]), "`rule.notIn[1]`: needs a text"),
        ("regex", json!(5), "needs a regular expression in a text, not a number"),
        ("notRegex", json!("("), "no regular expression: unclosed group"),
        ("len", json!([3, 2]), "no length is at least 3 and at most 2"),
        ("len", json!([1, 2, 3]), "needs the least length, or [least, most]"),
        ("minLength", json!(-1), "needs a length, not a number"),
        ("maxLength", json!("3"), "needs a length, not a text"),
        ("integer", json!(false), "takes `true` only"),
        ("required", json!(1), "takes `true` only"),
    ] {
        let fault = read(word, &argument).unwrap_err().to_string();
        assert!(fault.contains(what), "{word}: {argument}: {fault}");
    }
    let root = Path::Root("rule");
    for word in ["greaterthan", "email", "", "action"] {
        let mut budget = Budget::of_configuration();
        assert!(
            Check::read(word, &json!(1), &root, &mut Compiler::default(), &mut budget).is_none(),
            "{word}"
        );
    }
}

#[test]
fn slack_widens_bounds_only() {
    for (word, argument, value, slack, holds) in [
        ("greaterThan", json!(90), json!(86), 5.0, true),
        ("greaterThan", json!(90), json!(85), 5.0, false),
        ("lessThan", json!(10), json!("14.9"), 5.0, true),
        ("min", json!(90), json!(85), 5.0, true),
        ("max", json!(10), json!(15), 5.0, true),
        ("max", json!(10), json!(15.1), 5.0, false),
        ("equals", json!(10), json!(11), 5.0, false),
    ] {
        assert_eq!(read(word, &argument).unwrap().holds(&value, slack), holds, "{word} {argument} {value}");
    }
}

#[test]
fn contradictions_are_seen() {
    for (one, other, contradict) in [
        (("greaterThan", json!(5)), ("lessThan", json!(5)), true),
        (("greaterThan", json!(5)), ("lessThan", json!(6)), false),
        (("min", json!(5)), ("max", json!(5)), false),
        (("min", json!(6)), ("max", json!(5)), true),
        (("minLength", json!(5)), ("maxLength", json!(4)), true),
        (("equals", json!(5)), ("greaterThan", json!(5)), true),
        (("equals", json!("x")), ("regex", json!("x")), false),
        (("in", json!([1, 2])), ("greaterThan", json!(2)), true),
        (("null", json!(true)), ("notNull", json!(true)), true),
    ] {
        let (first, second) = (read(one.0, &one.1).unwrap(), read(other.0, &other.1).unwrap());
        assert_eq!(first.contradicts(&second), contradict, "{one:?} {other:?}");
    }
}
