//! The steps that change one key each.

use serde_json::Value;

use super::{CONFIG_VERSION, Document, Journal, get, remove, set};
use crate::check::fault_of_name;

/// Port of files that name none, and of this version's default.
const PORT: u16 = 8019;

/// Words of older versions for `platform`.
const PLATFORM_WORDS: [&str; 3] = ["owlcoda", "compatibility_alias", "backend"];

/// 1: the file says which form it has. The number itself is written at the end.
pub(super) fn stamp(_: &mut Document, journal: &mut Journal) {
    journal.note("configVersion", format!("is {CONFIG_VERSION} now"));
}

/// 2: `http://host:1/` is `http://host:1`.
pub(super) fn router_url(document: &mut Document, journal: &mut Journal) {
    let Some(Value::String(url)) = document.get_mut("routerUrl") else {
        return;
    };
    let bare = url.trim_end_matches('/');
    if bare.len() < url.len() && !bare.ends_with(':') {
        *url = bare.to_owned();
        journal.note("routerUrl", "lost the slashes at its end");
    }
}

/// 3: what the model server calls a model is written down.
pub(super) fn backend_model(document: &mut Document, journal: &mut Journal) {
    let Some(Value::Array(models)) = document.get_mut("models") else {
        return;
    };
    let mut n_filled = 0;
    for model in models.iter_mut().filter_map(Value::as_object_mut) {
        let Some(id) = model.get("id").and_then(Value::as_str) else {
            continue;
        };
        if get(model, "backendModel").is_none() && fault_of_name(id).is_none() {
            let id = id.to_owned();
            model.insert("backendModel".to_owned(), Value::String(id));
            n_filled += 1;
        }
    }
    if n_filled > 0 {
        let message = format!("`backendModel` is written out as `id` in {n_filled} of them");
        journal.note("models", message);
    }
}

/// 4: the port is written down.
pub(super) fn port(document: &mut Document, journal: &mut Journal) {
    if get(document, "port").is_none() {
        set(document, "port", PORT.into());
        journal.note("port", format!("is written out: {PORT}"));
    }
}

/// 7: one word for one meaning.
pub(super) fn response_model_style(document: &mut Document, journal: &mut Journal) {
    if let Some(Value::String(style)) = document.get_mut("responseModelStyle")
        && PLATFORM_WORDS.contains(&style.as_str())
    {
        "platform".clone_into(style);
        journal.note("responseModelStyle", "is `platform`, which means the same");
    }
}

/// 8: the token is made by the daemon and is in a file of its own.
pub(super) fn admin_token(document: &mut Document, journal: &mut Journal) {
    if !document.get("adminToken").is_some_and(Value::is_string) {
        return;
    }
    match remove(document, "adminToken") {
        Some(Value::String(token)) if !token.is_empty() => journal.note_loss(
            "adminToken",
            "is not used and can go: the daemon makes a token of its own, in `auth/token` of the \
             data directory",
        ),
        _ => journal.note("adminToken", "is gone: it said nothing"),
    }
}
