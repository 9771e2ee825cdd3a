//! `docs/log-format.md` says what the code does: its tables of events and its worked example are held to both.

use std::collections::BTreeMap;

use keyledger_store::codec::event_type::EventType;
use keyledger_store::envelope::{self, BYTES_MAX};

const DOCUMENT: &str = include_str!("../../../docs/log-format.md");
const SHAPES: &str = include_str!("../src/codec/v1/payloads.rs");
const EXAMPLE: &str = include_str!("../../../fixtures/records/301-MemberAdded.v1.hex");

/// The fields of each stored shape, in the order of the source.
fn shapes() -> BTreeMap<String, Vec<String>> {
    let structs = SHAPES.split("struct ").skip(1).map(|text| text.split_once("V1 {").expect("a shape"));
    let field =
        |line: &str| Some(line.trim().strip_prefix("pub(in crate::codec) ")?.split_once(':')?.0.to_owned());
    let fields = |body: &str| body.lines().take_while(|line| *line != "}").filter_map(field).collect();
    structs.map(|(name, body)| (name.to_owned(), fields(body))).collect()
}

#[test]
fn the_tables_list_every_event_with_its_fields_in_order() {
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| ") && line.contains(" | 1 | `"));
    let listed: Vec<(String, Vec<String>)> = rows
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let fields = cells[3].split('`').skip(1).step_by(2).map(str::to_owned).collect();
            (format!("{} {}", cells[0], cells[1]), fields)
        })
        .collect();
    let shapes = shapes();
    let known = EventType::ALL.map(|event_type| {
        let name = event_type.to_string();
        (format!("{} {name}", event_type.tag()), shapes[&name].clone())
    });
    assert_eq!(listed, known);
    assert_eq!(shapes.len(), known.len());
}

#[test]
fn the_worked_example_is_the_golden_record() {
    let (_, after) = DOCUMENT.split_once("```text example\n").expect("the example");
    let (example, _) = after.split_once("```").expect("the example ends");
    let mut bytes = Vec::new();
    for line in example.lines() {
        let (left, _) = line.split_once('|').expect("a meaning");
        let mut words = left.split_whitespace();
        assert_eq!(words.next(), Some(bytes.len().to_string().as_str()), "{line}");
        bytes.extend(words.map(|pair| u8::from_str_radix(pair, 16).expect("two hex digits")));
    }
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, EXAMPLE.replace('\n', ""));
    assert!(envelope::decode(&bytes).is_ok() && bytes.len() < BYTES_MAX);
}
