//! What somebody means who names a key.

use crate::keys::{Effect, KEYS, suggest};

/// What a key's name leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// A key with an effect, or a group of them.
    Known,
    /// A key that has none, or no more.
    WithoutEffect,
    /// Nothing; perhaps this one was meant.
    Unknown(Option<String>),
}

/// Looks a key up: `port`, `server`, `models[0].endpoint`. What is in brackets may be anything.
pub fn lookup(path: &str) -> Lookup {
    let plain = without_places(path);
    let group = plain.strip_suffix("[]").unwrap_or(&plain);
    let mut keys = KEYS.iter();
    match keys.find(|key| key.path == plain || key.path == group) {
        Some(key) if matches!(key.effect, Effect::Used) => Lookup::Known,
        Some(_) => Lookup::WithoutEffect,
        None => {
            let (group, name) = plain.rsplit_once('.').unwrap_or(("", &plain));
            let meant = suggest(group, name).map(|meant| match group {
                "" => meant.to_owned(),
                // A name of another group comes with it.
                _ if meant.contains('.') => meant.to_owned(),
                _ => format!("{group}.{meant}"),
            });
            Lookup::Unknown(meant)
        }
    }
}

/// `models[0].endpoint` as the table has it: `models[].endpoint`.
fn without_places(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut is_inside = false;
    for letter in path.chars() {
        if !is_inside || letter == ']' {
            plain.push(letter);
        }
        is_inside = letter != ']' && (is_inside || letter == '[');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_name_whatever_the_place_and_a_slip_leads_to_it() {
        for known in [
            "port",
            "server",
            "server.maxConnections",
            "models",
            "models[0]",
        ] {
            assert_eq!(lookup(known), Lookup::Known, "{known}");
        }
        assert_eq!(lookup("models[\"a.b[\"].endpoint"), Lookup::Known);
        assert_eq!(lookup("models[0].channel"), Lookup::WithoutEffect);
        let meant = |name: &str| Lookup::Unknown(Some(name.to_owned()));
        assert_eq!(lookup("prot"), meant("port"));
        assert_eq!(lookup("models[0].endpiont"), meant("models[].endpoint"));
        assert_eq!(lookup("poetry"), Lookup::Unknown(None));
        assert_eq!(lookup(""), Lookup::Unknown(None));
    }
}
