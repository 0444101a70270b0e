//! The entries of `runtimes`: programs that the daemon may start, and so from a trusted file only.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use owlcoda_types::Server;

use crate::config::{PORT_PLACEHOLDER, RuntimeConfig};
use crate::file::FileTrust;
use crate::lines::push_key;
use crate::problem::{Report, code};
use crate::raw::RawRuntime;
use crate::resolve::{is_variable_name, millis_or};
use crate::server;

const DEFAULT_START_TIMEOUT: Duration = Duration::from_mins(2);
const DEFAULT_IDLE_STOP: Duration = Duration::from_mins(15);

pub(super) fn resolve(
    raw_runtimes: Vec<Option<RawRuntime>>,
    trust: &FileTrust,
    report: &mut Report,
) -> Vec<RuntimeConfig> {
    if !raw_runtimes.is_empty()
        && let Some(reason) = &trust.distrust
    {
        let message = format!("programs are started only from a file that is safe: {reason}");
        report.error(code::UNTRUSTED_FILE, "runtimes", message);
    }
    let mut names = HashSet::new();
    let mut runtimes = Vec::with_capacity(raw_runtimes.len());
    for (idx, raw) in raw_runtimes.into_iter().enumerate() {
        let path = format!("runtimes[{idx}]");
        let Some(runtime) = raw.and_then(|raw| runtime(raw, &path, report)) else {
            continue;
        };
        if names.insert(runtime.name.clone()) {
            runtimes.push(runtime);
        } else {
            let message = format!("another runtime is called `{}` already", runtime.name);
            report.error(code::DUPLICATE_RUNTIME, format!("{path}.name"), message);
        }
    }
    runtimes
}

/// None where the name is missing or bad, which is reported by then.
fn runtime(raw: RawRuntime, path: &str, report: &mut Report) -> Option<RuntimeConfig> {
    check_command(&raw, path, report);
    check_variables(&raw, path, report);
    check_placeholder(&raw, path, report);
    let ready_path = raw.ready_path.unwrap_or_else(|| "/health".to_owned());
    let is_path = ready_path.starts_with('/')
        && ready_path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if !is_path {
        let message = "must be a path such as `/health`, without spaces and `#`";
        report.error(code::BAD_READY_PATH, format!("{path}.readyPath"), message);
    }
    let name = raw.name?;
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_name {
        let message = "may have only `a` to `z`, `0` to `9` and `-` in it";
        report.error(code::BAD_NAME, format!("{path}.name"), message);
        return None;
    }
    let named = raw.server.as_deref().and_then(Server::parse);
    let command = raw.command.unwrap_or_default();
    Some(RuntimeConfig {
        server: named.unwrap_or_else(|| server::of_command(&command, &raw.args)),
        name,
        command,
        args: raw.args,
        env: raw.env,
        ready_path,
        start_timeout: millis_or(raw.start_timeout_ms, DEFAULT_START_TIMEOUT),
        idle_stop: Some(millis_or(raw.idle_stop_ms, DEFAULT_IDLE_STOP))
            .filter(|idle_stop| !idle_stop.is_zero()),
        port: raw.port,
    })
}

/// A path that depends on where the daemon was started is refused: it might run something else.
fn check_command(raw: &RawRuntime, path: &str, report: &mut Report) {
    if let Some(command) = &raw.command {
        let is_good = !command.trim().is_empty()
            && !command.contains('\0')
            && (!command.contains('/') || Path::new(command).is_absolute());
        if !is_good {
            let message = "must be the name of a program in PATH, or an absolute path";
            report.error(code::BAD_COMMAND, format!("{path}.command"), message);
        }
    }
    for (idx, _) in (raw.args.iter().enumerate()).filter(|(_, arg)| arg.contains('\0')) {
        let message = "must not have a zero character in it";
        report.error(code::BAD_COMMAND, format!("{path}.args[{idx}]"), message);
    }
}

fn check_variables(raw: &RawRuntime, path: &str, report: &mut Report) {
    for (name, value) in &raw.env {
        let message = if !is_variable_name(name) {
            "is not the name of an environment variable"
        } else if value.expose().contains('\0') {
            "must not have a zero character in its value"
        } else {
            continue;
        };
        let mut path = format!("{path}.env");
        push_key(&mut path, name);
        report.error(code::BAD_VARIABLE_NAME, path, message);
    }
}

fn check_placeholder(raw: &RawRuntime, path: &str, report: &mut Report) {
    let has_placeholder = raw.args.iter().any(|arg| arg.contains(PORT_PLACEHOLDER))
        || (raw.env.values()).any(|value| value.expose().contains(PORT_PLACEHOLDER));
    let args_path = format!("{path}.args");
    let env_path = format!("{path}.env");
    if !has_placeholder && !report.mentions(&args_path) && !report.mentions(&env_path) {
        let message = "no argument has `{port}` in it, which is replaced by the port to listen on \
                       (a value in `env` may have it instead)";
        report.error(code::MISSING_PORT_PLACEHOLDER, args_path, message);
    }
}
