//! The table of keys as a page for people, in Markdown.

use std::fmt::Write as _;

use crate::config::Protocol;
use crate::keys::{Effect, KEYS, Key};
use crate::provider::PRESETS;

/// Four tables: every key that has an effect, with default and meaning, every key of older versions
/// and what becomes of it, every key that is accepted without an effect, and every provider.
pub fn reference() -> String {
    let mut page = String::from(
        "## Keys in effect\n\n\
         | Key | Default | Meaning |\n\
         | --- | --- | --- |\n",
    );
    for key in KEYS.iter().filter(|key| is_used(key.effect)) {
        let default = if serde_json::from_str::<serde_json::Value>(key.default).is_ok() {
            format!("`{}`", key.default)
        } else {
            key.default.to_owned()
        };
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| `{}` | {default} | {} |", key.path, key.meaning);
    }
    page.push_str(
        "\n## Keys of older versions\n\n\
         A file with a `configVersion` less than this version's, or without one, may have these. What\n\
         they mean is kept in the keys of today, at every start; `owlcodad config migrate` rewrites\n\
         the file so, and keeps a backup.\n\n\
         | Key | Today |\n\
         | --- | --- |\n",
    );
    for key in KEYS {
        if let Effect::Older(now) = key.effect {
            // Writing to a String cannot fail.
            let _ = writeln!(page, "| `{}` | {now} |", key.path);
        }
    }
    page.push_str(
        "\n## Keys without effect\n\n\
         These are known from other versions of the product. Their type is checked; a warning says\n\
         that nothing follows from them, unless the value asks for what happens anyway.\n\n\
         | Key |\n\
         | --- |\n",
    );
    let unused = |key: &&Key| matches!(key.effect, Effect::Unused(_));
    for key in KEYS.iter().filter(unused) {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| `{}` |", key.path);
    }
    page.push_str(
        "\n## Providers\n\n\
         | `provider` | `endpoint` | with `\"protocol\": \"anthropic\"` | variable with the key |\n\
         | --- | --- | --- | --- |\n",
    );
    for preset in PRESETS {
        let base = |protocol| match (preset.base(protocol), preset.has_place()) {
            (Some(base), _) if protocol == preset.protocol => format!("`{base}` (default)"),
            (Some(base), _) => format!("`{base}`"),
            (None, true) => String::new(),
            (None, false) => "yours".to_owned(),
        };
        let variables: Vec<_> = preset
            .key_variables
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} |",
            preset.id,
            base(Protocol::OpenAi),
            base(Protocol::Anthropic),
            variables.join(", ")
        );
    }
    page
}

const fn is_used(effect: Effect) -> bool {
    matches!(effect, Effect::Used | Effect::Version | Effect::Editor)
}
