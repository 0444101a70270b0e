//! A document as YAML: the same fields in the same order as the JSON object.

use serde_json::Value;

/// `line`, one JSON object of many, as a YAML document of many.
pub(crate) fn of_json_line(line: &str) -> Option<String> {
    of_json(line).map(|document| format!("---\n{document}"))
}

/// `document`, which is one JSON object, as YAML; none where it is something else.
pub(crate) fn of_json(document: &str) -> Option<String> {
    let value: Value = serde_json::from_str(document).ok()?;
    serde_saphyr::to_string(&value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_keeps_its_fields_their_order_and_what_looks_like_something_else() {
        let document =
            r#"{"kind":"Note","answer":"no","n":3,"id":"007","at":null,"list":["a: b"]}"#;
        let text = of_json(document).unwrap();
        assert_eq!(
            text,
            "kind: Note\nanswer: \"no\"\n\"n\": 3\nid: \"007\"\nat: null\nlist:\n- \"a: b\"\n"
        );
    }

    #[test]
    fn an_escape_sequence_does_not_reach_a_terminal() {
        let text = of_json(r#"{"text":"a\u001b[31m\u009b2J"}"#).unwrap();
        assert!(
            text.chars().all(|c| c == '\n' || !c.is_control()),
            "{text:?}"
        );
    }

    #[test]
    fn text_that_is_no_document_is_left_to_whoever_asked() {
        assert_eq!(of_json("owlcodad 0.1.0\n"), None);
        assert_eq!(of_json(""), None);
    }
}
