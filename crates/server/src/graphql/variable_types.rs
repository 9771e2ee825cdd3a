//! Types of variables that the schema does not have, found before validation.
//!
//! juniper 0.18 looks up the type of a variable that has a default value before it has asked whether there is such a
//! type, and panics if there is none (`validation/rules/default_values_of_correct_type.rs`).

use juniper::Definition;

use super::schema::Schema;

/// What is wrong with the first variable whose type the schema does not have. What does not parse is for the parser.
pub(super) fn unknown(document: &str, schema: &Schema) -> Option<String> {
    let definitions = juniper::parser::parse_document_source(document, &schema.schema).ok()?;
    let operations = definitions.iter().filter_map(|definition| match definition {
        Definition::Operation(operation) => operation.item.variables_definition.as_ref(),
        Definition::Fragment(_) => None,
    });
    let mut variables = operations.flat_map(|variables| variables.item.iter());
    let unknown = variables.find_map(|(name, variable)| {
        let of_type = variable.var_type.item.innermost_name();
        let known = schema.schema.concrete_type_by_name(of_type).is_some();
        (!known).then_some((name.item, of_type))
    });
    unknown
        .map(|(name, of_type)| format!("the variable ${name} is of the type {of_type}, which is not known"))
}

#[cfg(test)]
mod tests {
    use super::super::schema::schema;
    use super::*;

    #[test]
    fn the_first_variable_of_an_unknown_type_is_named() {
        let unknown = |document| unknown(document, &schema());
        let named =
            unknown("query($x: Int, $y: [[Boolidn!]] = erut) { hello }").expect("there is no Boolidn");
        assert_eq!(named, "the variable $y is of the type Boolidn, which is not known");
        assert!(unknown("query A { hello } mutation B($z: Nothing) { hello }").is_some(), "any operation");
        assert_eq!(unknown("query($x: [Boolean!]! = [true], $y: create_api_key_input) { hello }"), None);
        assert_eq!(unknown("{"), None);
    }
}
