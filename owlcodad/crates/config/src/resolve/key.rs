//! The key and the headers that a model server is sent.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use http::{HeaderName, HeaderValue};
use owlcoda_types::{Secret, clip};

use crate::config::ModelTarget;
use crate::env::Environment;
use crate::lines::push_key;
use crate::problem::{Report, code};
use crate::provider::Preset;
use crate::raw::RawModel;
use crate::resolve::is_variable_name;
use crate::resolve::model::Context;

/// Headers that belong to the connection or to the body, and so to us.
const OUR_HEADERS: [&str; 10] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The key of a model: its entry's own, else that of the file with keys, else that in the usual
/// variable of the provider that it names.
pub(super) fn resolve(
    raw: &RawModel,
    preset: Option<&Preset>,
    target: &ModelTarget,
    path: &str,
    context: &Context<'_>,
    report: &mut Report,
) -> Option<Secret> {
    let own = of_entry(raw, path, context.env, report);
    if own.is_some() {
        return own;
    }
    // A server that the daemon starts is told its key by its own entry.
    let ModelTarget::Endpoint(endpoint) = target else {
        return None;
    };
    let provider = preset.map(|preset| preset.id);
    let kept = context.credentials.key(provider, endpoint);
    if kept.is_some() {
        return kept;
    }
    let mut usual = preset?.key_variables.iter();
    let (name, value) = usual.find_map(|name| Some((name, context.env.get(name)?)))?;
    of_variable(name, value, &format!("{path}.provider"), report)
}

/// Says that a provider who wants a key gets none.
pub(super) fn check_presence(preset: Option<&Preset>, path: &str, report: &mut Report) {
    let usual = preset.and_then(|preset| Some((preset, preset.key_variables.first()?)));
    let Some((preset, variable)) = usual else {
        return;
    };
    let message = format!(
        "`{id}` wants a key and there is none: set `{variable}`, or add `{id}` to credentials.json",
        id = preset.id
    );
    report.warning(code::NO_KEY, format!("{path}.provider"), message);
}

/// What the entry itself says. The variable wins where it is set: a key in the file beside it is
/// often an old copy.
fn of_entry(raw: &RawModel, path: &str, env: &Environment, report: &mut Report) -> Option<Secret> {
    let in_file = raw
        .api_key
        .clone()
        .filter(|key| !key.expose().is_empty())
        .and_then(|key| sendable(key, &format!("{path}.apiKey"), report));
    let Some(name) = raw.api_key_env.as_deref().filter(|name| !name.is_empty()) else {
        return in_file;
    };
    let path = format!("{path}.apiKeyEnv");
    if in_file.is_some() {
        let message = "`apiKey` is given too; the variable wins where it is set. Remove one";
        report.warning(code::KEY_GIVEN_TWICE, path.as_str(), message);
    }
    if !is_variable_name(name) {
        let message = "is not the name of an environment variable; a key itself goes to `apiKey`";
        report.error(code::BAD_VARIABLE_NAME, path, message);
        return in_file;
    }
    let Some(value) = env.get(name) else {
        let name = clip(name, 80);
        let message = format!("the environment variable `{name}` is not set");
        report.warning(code::MISSING_KEY_VARIABLE, path, message);
        return in_file;
    };
    of_variable(name, value, &path, report)
}

fn of_variable(name: &str, value: &OsStr, path: &str, report: &mut Report) -> Option<Secret> {
    let Some(value) = value.to_str() else {
        let message = format!("the environment variable `{name}` is not UTF-8 text");
        report.error(code::BAD_KEY, path, message);
        return None;
    };
    sendable(Secret::new(value), path, report)
}

fn sendable(key: Secret, path: &str, report: &mut Report) -> Option<Secret> {
    let is_good = key.expose().bytes().all(|byte| byte.is_ascii_graphic());
    if !is_good {
        let message = "the key cannot be sent: it has a space, a line break or another character \
                       in it that keys do not have";
        report.error(code::BAD_KEY, path, message);
    }
    is_good.then_some(key)
}

pub(super) fn headers(
    raw: &BTreeMap<String, Secret>,
    path: &str,
    report: &mut Report,
) -> BTreeMap<String, Secret> {
    let mut headers = BTreeMap::new();
    for (name, value) in raw {
        let mut path = format!("{path}.headers");
        push_key(&mut path, name);
        let message = match HeaderName::try_from(name.as_str()) {
            Err(_) => "is not the name of a header",
            Ok(name) if OUR_HEADERS.contains(&name.as_str()) => {
                "is set by the daemon itself; remove it"
            }
            Ok(_) if HeaderValue::from_str(value.expose()).is_err() => {
                "has a value that cannot be sent: a line break or another control character"
            }
            Ok(name) => {
                if headers
                    .insert(name.as_str().to_owned(), value.clone())
                    .is_none()
                {
                    continue;
                }
                "is given twice, in upper and lower case"
            }
        };
        report.error(code::BAD_HEADER, path, message);
    }
    headers
}
