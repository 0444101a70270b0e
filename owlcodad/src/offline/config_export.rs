//! `owlcodad config export`: a configuration that another machine can use, without its secrets.

use std::fmt::Write as _;

use owlcoda_config::{ConfigError, Environment, Portable, Role, load, portable, pretty};
use owlcoda_types::printable;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::cli::{ExportArgs, ExportFormat};
use crate::failure::Failure;
use crate::offline::document::json;
use crate::offline::text::{count, wrapped};
use crate::offline::{Answer, Ground};

/// Keys that a variable stands for.
const VARIABLES: [(&str, &str); 4] = [
    ("OWLCODA_PORT", "port"),
    ("OWLCODA_LOG_LEVEL", "logLevel"),
    ("OWLCODA_ROUTER_URL", "routerUrl"),
    ("OWLCODA_LOCAL_RUNTIME_PROTOCOL", "localRuntimeProtocol"),
];

#[derive(Serialize)]
struct Export<'p> {
    /// To be written to a file of the other machine as it is.
    config: &'p Map<String, Value>,
    /// Variables that must hold keys there.
    variables: Vec<VariableRow<'p>>,
    /// What was left out because it may be secret.
    omitted: &'p [String],
}

#[derive(Serialize)]
struct VariableRow<'p> {
    name: &'p str,
    model: &'p str,
}

pub(super) fn run(args: &ExportArgs) -> Result<Answer, Failure> {
    let ground = Ground::of(&args.place)?;
    // One that is not valid here is of no use elsewhere.
    load(&ground.source, &ground.env).map_err(Failure::NotValid)?;
    let path = ground.source.path.as_deref();
    let portable = portable(path).map_err(|problems| {
        Failure::NotValid(ConfigError {
            path: ground.source.path.clone(),
            role: Role::Configuration,
            problems,
        })
    })?;
    let document = Export {
        config: &portable.document,
        variables: portable
            .variables
            .iter()
            .map(|(name, model)| VariableRow { name, model })
            .collect(),
        omitted: &portable.omitted,
    };
    let text = match args.format {
        ExportFormat::Json => pretty(&portable.document),
        ExportFormat::Env => as_variables(&portable, &ground.env),
        ExportFormat::Text => as_text(&portable),
    };
    Ok(Answer {
        text,
        json: json("ConfigExport", &document),
        status: 0,
    })
}

/// Lines for a shell, or for systemd's `EnvironmentFile=`.
fn as_variables(portable: &Portable, env: &Environment) -> String {
    let mut text = String::new();
    for (name, key) in VARIABLES {
        let set = env
            .get(name)
            .map(|value| value.to_string_lossy().into_owned());
        let written = portable.document.get(key).map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        if let Some(value) = set.or(written) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name}={}", quoted(&value));
        }
    }
    let mut seen: Vec<&str> = Vec::new();
    for (name, model) in &portable.variables {
        if !seen.contains(&name.as_str()) {
            seen.push(name);
            let _ = writeln!(text, "# the key of {}\n{name}=", printable(model));
        }
    }
    text
}

fn quoted(value: &str) -> String {
    let is_plain = value
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._:/@".contains(&byte));
    if is_plain {
        value.to_owned()
    } else {
        format!("'{}'", printable(value).replace('\'', r"'\''"))
    }
}

fn as_text(portable: &Portable) -> String {
    let entries = |key: &str| {
        let list = portable.document.get(key).and_then(Value::as_array);
        list.map_or(0, Vec::len)
    };
    let mut text = wrapped(
        "",
        &format!(
            "a configuration with {} and {}; to write it to a file: owlcodad config export \
             --format json > config.json",
            count(entries("models"), "model"),
            count(entries("runtimes"), "runtime")
        ),
    );
    for (name, model) in &portable.variables {
        text.push_str(&wrapped("", &format!("set {name}: the key of {model}")));
    }
    for path in &portable.omitted {
        let line = format!("left out, because it may be secret: {path}");
        text.push_str(&wrapped("", &line));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_a_value_back_as_it_was() {
        assert_eq!(quoted("http://h:1/v1"), "http://h:1/v1");
        assert_eq!(quoted("it's $(this)"), r"'it'\''s $(this)'");
    }
}
