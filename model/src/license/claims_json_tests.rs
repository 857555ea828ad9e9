//! What is taken for an object, and what is not.

use super::*;

#[track_caller]
fn refused(text: &str) {
    assert_eq!(Object::parse(text.as_bytes()), None, "{text}");
}

#[test]
fn an_object_is_read() {
    let object = Object::parse(br#" {"a":"x","b":-7,"c":[1,null],"d":{"a":true},"\u0065":"y"} "#).unwrap();
    assert_eq!((object.text("a"), object.integer("b")), (Some("x"), Some(-7)));
    assert_eq!(object.text("e"), Some("y"));
    assert_eq!(object.member("c"), Some(&Json::List(vec![Json::Integer(1), Json::Null])));
    assert_eq!(object.member("d").and_then(Json::as_object).and_then(|d| d.member("a")?.as_bool()), Some(true));
    assert_eq!((object.text("b"), object.integer("a"), object.text("constructor")), (None, None, None));
}

#[test]
fn a_name_that_comes_twice_is_refused_at_any_depth_and_however_it_is_written() {
    refused(r#"{"a":1,"a":1}"#);
    refused(r#"{"a":1,"\u0061":2}"#);
    refused(r#"{"x":{"a":1,"a":1}}"#);
    refused(r#"{"x":[{"a":1,"b":2,"a":1}]}"#);
}

#[test]
fn a_number_with_a_fraction_or_an_exponent_is_refused() {
    for number in ["1.0", "1e3", "1E0", "-0", "0.5", "1e400", "18446744073709551616"] {
        refused(&format!(r#"{{"a":{number}}}"#));
        refused(&format!(r#"{{"a":[{number}]}}"#));
    }
}

#[test]
fn numbers_beyond_64_bits_with_a_sign_are_no_integers() {
    let object = Object::parse(br#"{"a":9223372036854775807,"b":9223372036854775808}"#).unwrap();
    assert_eq!((object.integer("a"), object.integer("b")), (Some(i64::MAX), None));
    assert_eq!(object.member("b"), Some(&Json::Huge));
}

#[test]
fn other_texts_are_refused() {
    for text in [
        "",
        "[]",
        "null",
        "1",
        r#""a""#,
        "{",
        "{}{}",
        "{}x",
        "{'a':1}",
        r#"{"a":1,}"#,
        "\u{feff}{}",
        "{\"a\":\"\u{1}\"}",
    ] {
        refused(text);
    }
    assert_eq!(Object::parse(&[b'{', b'"', 0xff, b'"', b':', b'1', b'}']), None);
}

#[test]
fn depth_and_breadth_are_bounded() {
    refused(&format!(r#"{{"a":{}{}}}"#, "[".repeat(200), "]".repeat(200)));
    let members = |count: usize| {
        let list: Vec<_> = (0..count).map(|index| format!(r#""m{index}":0"#)).collect();
        format!("{{{}}}", list.join(","))
    };
    assert!(Object::parse(members(64).as_bytes()).is_some());
    refused(&members(65));
}
