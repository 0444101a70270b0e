//! The one table of every key: its place, type, default, meaning, and whether it has an effect.
//!
//! Checks, suggestions and the reference page are read off it. A key that comes into effect in a
//! later version moves from `unused` to `used` here, and gets a field in `raw` and `config`.

/// What a value must be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number, limits included.
    Whole(u64, u64),
    /// Any number, limits included.
    Number(f64, f64),
    /// Any string.
    Text,
    /// A string that is shown: not empty, not overlong, without control characters.
    Name,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// An array of strings.
    TextList,
    /// An array of [`Kind::Name`].
    NameList,
    /// An object whose values are strings.
    TextMap,
    /// An object with keys of its own in the table.
    Group,
    /// An array of such objects; their keys are at `name[].key`.
    GroupList,
    /// Nothing is asked of it.
    Anything,
}

/// Whether a key does something in this version.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effect {
    /// It does.
    Used,
    /// The migrations read it, before the check.
    Version,
    /// Editors read it, and we do not.
    Editor,
    /// The migrations make something else of it, which is said here for people.
    Older(&'static str),
    /// It is checked and then left alone, with a warning unless it states what happens anyway.
    Unused(&'static [States]),
}

/// A value of an unused key that states what already happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum States {
    Flag(bool),
    Whole(u64),
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// `server.drainTimeoutMs`, `models[].endpoint`.
    pub(crate) path: &'static str,
    pub(crate) kind: Kind,
    pub(crate) is_required: bool,
    pub(crate) effect: Effect,
    /// As JSON, or words where no JSON says it. Empty for keys without effect.
    pub(crate) default: &'static str,
    /// For the reference page.
    pub(crate) meaning: &'static str,
}

impl Key {
    /// The path of what holds this key: empty, `server`, `models[]`.
    pub(crate) fn group(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(group, _)| group)
    }

    /// The key itself.
    pub(crate) fn name(&self) -> &'static str {
        self.path
            .rsplit_once('.')
            .map_or(self.path, |(_, name)| name)
    }
}

const fn used(path: &'static str, kind: Kind, default: &'static str, meaning: &'static str) -> Key {
    Key {
        path,
        kind,
        is_required: false,
        effect: Effect::Used,
        default,
        meaning,
    }
}

const fn required(path: &'static str, kind: Kind, meaning: &'static str) -> Key {
    Key {
        path,
        kind,
        is_required: true,
        effect: Effect::Used,
        default: "required",
        meaning,
    }
}

const fn older(path: &'static str, kind: Kind, now: &'static str) -> Key {
    Key {
        path,
        kind,
        is_required: false,
        effect: Effect::Older(now),
        default: "",
        meaning: "",
    }
}

const fn unused(path: &'static str, kind: Kind, states: &'static [States]) -> Key {
    Key {
        path,
        kind,
        is_required: false,
        effect: Effect::Unused(states),
        default: "",
        meaning: "",
    }
}

/// Longest time limit that can be set, in milliseconds: a day.
const DAY_MS: u64 = 86_400_000;
const PROTOCOLS: Kind = Kind::OneOf(&["auto", "openai_chat", "anthropic_messages"]);
/// `auto`, and every name of `owlcoda_types::Server`.
#[rustfmt::skip]
const SERVERS: Kind = Kind::OneOf(&["auto", "generic", "ollama", "lm-studio", "vllm", "sglang", "llama.cpp", "openai", "anthropic", "openrouter", "moonshot", "bailian", "minimax", "mimo", "deepseek"]);
const AUTH_MODES: Kind = Kind::OneOf(&["same-uid", "token", "none"]);
const AUTH_DEFAULT: &str = "`same-uid` on Linux, else `token`";
const ANY_COUNT: Kind = Kind::Whole(0, u64::MAX);

// One row a line, so that the table reads as one.
#[rustfmt::skip]
pub(crate) const KEYS: &[Key] = &{
    use Kind::{Anything, Flag, Group, GroupList, Name, NameList, Number, OneOf, Text, TextList, TextMap, Whole};
    [
        used("port", Whole(0, 65_535), "8019", "TCP port of the HTTP API. 0 takes any free port. After a restart."),
        used("host", Text, "\"127.0.0.1\"", "Address that the HTTP API listens on. One that other machines reach only with `server.allowRemote` and with `token` for every class of `auth`. After a restart."),
        used("routerUrl", Text, "\"http://127.0.0.1:8009\"", "Model server of every model that names none."),
        used("localRuntimeProtocol", PROTOCOLS, "\"auto\"", "What the server at `routerUrl` speaks: `openai_chat` or `anthropic_messages`. `auto` is `anthropic_messages` where the address ends in `/anthropic`, else `openai_chat`. A model that says so itself wins."),
        used("routerTimeoutMs", Whole(1, DAY_MS), "600000", "Longest wait for the first token of an answer, in milliseconds, unless `server.firstTokenTimeoutMs` is set."),
        used("responseModelStyle", OneOf(&["platform", "requested"]), "\"platform\"", "Model name in answers: `platform` is the configured id, `requested` is what the caller sent."),
        used("logLevel", OneOf(&["trace", "debug", "info", "warn", "error"]), "\"info\"", "Least level that is logged: `trace`, `debug`, `info`, `warn` or `error`."),
        used("logFilePath", Text, "none", "File that gets every log line as JSON, besides standard error. A relative path begins at the data directory. After a restart."),
        used("logFileMaxBytes", Whole(1024, u64::MAX), "10485760", "Size at which the log file is set aside as `.1`, in bytes. After a restart."),
        used("logFileKeep", Whole(1, 100), "3", "How many log files that were set aside are kept. After a restart."),
        used("middleware", Group, "{}", "Limits on requests."),
        used("middleware.maxRequestBodyBytes", Whole(1024, 1 << 30), "33554432", "Largest request body, in bytes. Larger ones are answered with 413."),
        used("server", Group, "{}", "The HTTP API and its time limits."),
        used("server.drainTimeoutMs", Whole(0, DAY_MS), "30000", "Time that calls in flight get to end when the daemon stops, in milliseconds."),
        used("server.headerTimeoutMs", Whole(1, DAY_MS), "10000", "Longest wait for the head of a request, in milliseconds."),
        used("server.bodyTimeoutMs", Whole(1, DAY_MS), "30000", "Longest pause within the body of a request, in milliseconds; the whole of it gets as long, and a second more for each KiB."),
        used("server.writeTimeoutMs", Whole(1, DAY_MS), "60000", "A caller that takes nothing of its answer for so long is cut off, in milliseconds."),
        used("server.maxConnections", Whole(1, 65_535), "1024", "Most connections open at once. After a restart."),
        used("server.connectTimeoutMs", Whole(1, DAY_MS), "10000", "Longest wait for a connection to a model server, in milliseconds. After a restart."),
        used("server.firstTokenTimeoutMs", Whole(1, DAY_MS), "as `routerTimeoutMs`", "Longest wait for the first token of an answer, in milliseconds."),
        used("server.idleTimeoutMs", Whole(1, DAY_MS), "300000", "Longest silence of a model server in the middle of an answer, in milliseconds."),
        used("server.pingIntervalMs", Whole(10, DAY_MS), "10000", "A caller that waits on a stream gets a ping this often, in milliseconds."),
        used("server.unknownModel", OneOf(&["error", "default"]), "\"error\"", "What becomes of a call for a model that is not there: `error` is a 404 with names that look like it, `default` is the default model."),
        used("server.allowRemote", Flag, "false", "Whether `host` may be an address that other machines reach."),
        used("server.allowedHosts", TextList, "[]", "Further names by which the daemon may be called, `name` or `name:port`. `localhost`, `127.0.0.1`, `[::1]` and the address of `host` always work."),
        used("server.allowedOrigins", TextList, "[]", "Pages and extensions of browsers that may call, such as `http://localhost:3000`. Without CORS: the daemon never lets a foreign page read its answers."),
        used("auth", Group, "{}", "Who may call, by class of endpoint. The token in `auth/token` of the data directory is always enough."),
        used("auth.inference", AUTH_MODES, AUTH_DEFAULT, "Model calls and the list of models: `same-uid` is every program of the user who runs the daemon, `token` is who sends the token, `none` is everybody."),
        used("auth.data", AUTH_MODES, AUTH_DEFAULT, "What the daemon keeps, such as conversations and records, in the same words."),
        used("audit", Group, "{}", "The record of model calls."),
        used("audit.enabled", Flag, "true", "Whether model calls are recorded."),
        used("audit.mode", OneOf(&["best-effort", "strict"]), "\"best-effort\"", "`best-effort`: nobody waits for a record, and one that finds no room is lost and counted. `strict`: no model is asked without room for the record of the call, a call that finds none for 250 ms is a 503, and an answer ends once its record is on disk."),
        used("audit.startRecords", Flag, "false", "Whether a call is also recorded when it begins, so that one that was under way when the daemon was killed is seen as `lost`. With `audit.mode: strict` no model is asked before that is on disk."),
        used("audit.jsonlPath", Text, "none", "File that gets the record of each ended call as a line of JSON, with the names of `/v1/audit`, besides the store. A relative path begins at the data directory."),
        used("audit.retentionDays", Whole(0, 36_500), "0", "Records go once they are older than this, a whole segment of them at a time, in days. 0 keeps them. After a restart."),
        used("audit.maxBytes", Whole(0, 1 << 44), "0", "The oldest segments of records go while all of them take more than this on disk, in bytes. 0 is no limit. After a restart."),
        used("storage", Group, "{}", "The database in the data directory."),
        used("storage.cacheBytes", Whole(1 << 16, 1 << 36), "16777216", "Memory for the page cache, in bytes. After a restart."),
        used("cache", Group, "{}", "The cache of whole answers."),
        used("cache.enabled", Flag, "true", "Whether an answer may be given again: at `temperature` 0, or where the caller sends `x-owlcoda-cache: on`."),
        used("cache.maxEntries", Whole(1, 100_000), "100", "Most answers that are kept; the one that was not used for longest goes first."),
        used("cache.maxBytes", Whole(1 << 16, 1 << 36), "16777216", "Memory for them, in bytes."),
        used("cache.ttlMs", Whole(1, DAY_MS), "300000", "How long an answer is given again, in milliseconds."),
        used("captures", Group, "{}", "The latest requests and answers, kept in memory to be looked at. They hold what is said to models."),
        used("captures.enabled", Flag, "false", "Whether they are kept, as callers and model servers saw them: `GET /v1/captures`, `owlctl captures`. Keys, credentials in headers and secrets of the configuration are taken out; what is said to models is not."),
        used("captures.maxEntries", Whole(1, 1000), "50", "Most calls that are kept; the oldest goes first."),
        used("captures.maxBytes", Whole(1 << 16, 1 << 30), "16777216", "Memory for them, in bytes. Of each body the first 64 KiB are kept."),
        used("health", Group, "{}", "The monitor of model servers."),
        used("health.intervalMs", Whole(0, DAY_MS), "60000", "A model server on this machine or in its network of which nothing was heard for so long is asked how it is, in milliseconds; less than 100 is 100. 0 asks none."),
        used("warmup", Flag, "false", "Whether models on this machine or in its network are loaded at the start, and as they come, by the shortest of calls. Where a server keeps one model in memory, the last one stays."),
        used("cost", Group, "{}", "What calls cost."),
        used("cost.currency", Name, "\"CNY\"", "Currency of every price, as it is shown."),
        used("cost.kwhPrice", Number(0.0, 1e6), "0.6", "Price of a kilowatt-hour. What models of this machine cost is estimated by it and by their size."),
        used("discovery", Group, "{}", "Search for model servers, on this machine as it comes."),
        used("discovery.enabled", Flag, "true", "Whether the endpoints below are asked for their models, which then come after the configured ones, and servers nearby for the windows of configured models."),
        used("discovery.intervalMs", Whole(100, DAY_MS), "30000", "Between two looks, in milliseconds. While there is no model at all it is 3 s at most."),
        used("discovery.endpoints", TextList, r#"["http://127.0.0.1:11434", "http://127.0.0.1:1234", "http://127.0.0.1:8000", "http://127.0.0.1:8080"]"#, "Base addresses of model servers to look for."),
        used("models", GroupList, "[]", "The models. Those that discovery finds come after them."),
        required("models[].id", Name, "Name by which callers ask for the model."),
        used("models[].label", Name, "as `id`", "Name for people."),
        used("models[].backendModel", Name, "as `id`", "Name that the model server expects."),
        used("models[].aliases", NameList, "[]", "Further names for callers. Each belongs to one model."),
        used("models[].tier", Name, "\"general\"", "What the model is good for, such as `fast`, `balanced`, `heavy` or `embedding`."),
        used("models[].default", Flag, "false", "Whether the model answers when none is named. One model at most; without any it is the first."),
        used("models[].endpoint", Text, "as `provider`, else as `routerUrl`", "Base address of the model server: `http://host:port`, with or without `/v1`; or that of an Anthropic-compatible one, `https://host/anthropic`."),
        used("models[].provider", Text, "none", "Provider whose address, protocol and usual variable for the key hold where the model does not say otherwise; see the table of providers."),
        used("models[].runtime", Name, "none", "Name of an entry of `runtimes` that serves the model, in place of `endpoint`."),
        used("models[].apiKey", Text, "none", "Key for the model server. Better: `apiKeyEnv`."),
        used("models[].apiKeyEnv", Text, "none", "Environment variable with the key. Wins over `apiKey` where it is set."),
        used("models[].headers", TextMap, "{}", "Further headers for the model server."),
        used("models[].contextWindow", Whole(1, 100_000_000), "as the server tells, else as the family has", "Prompt and answer together, in tokens. Where it is not set, a server on this machine or in its network is asked, and else a family's name decides; `owlctl models` says which it was."),
        used("models[].protocol", OneOf(&["auto", "openai", "anthropic", "openai_chat", "anthropic_messages"]), "\"auto\"", "What the model server speaks. `auto` is `anthropic` where the address ends in `/anthropic`, else what the `provider` speaks, else `openai`; `openai_chat` and `anthropic_messages` are older names."),
        used("models[].localRuntimeProtocol", PROTOCOLS, "as the top-level key, at `routerUrl`", "What the server of this model speaks, where `protocol` does not say it."),
        used("models[].server", SERVERS, "\"auto\"", "Which model server it is, and so how it is asked: `generic` (only what all take), `ollama`, `lm-studio`, `vllm`, `sglang`, `llama.cpp`, `openai`, `anthropic`, `openrouter`, `moonshot`, `bailian`, `minimax`, `mimo` or `deepseek`. `auto` tells it from `provider`, `runtime`, host and port."),
        used("models[].timeoutMs", Whole(1, DAY_MS), "none", "For this model, in place of `server.firstTokenTimeoutMs` and `server.idleTimeoutMs`, in milliseconds."),
        used("models[].price", Group, "none", "What the model's server asks, for a million tokens, in `cost.currency`."),
        required("models[].price.input", Number(0.0, 1e9), "For tokens read."),
        required("models[].price.output", Number(0.0, 1e9), "For tokens written."),
        used("models[].price.cacheRead", Number(0.0, 1e9), "as `input`", "For tokens that its prompt cache had."),
        used("models[].price.cacheWrite", Number(0.0, 1e9), "as `input`", "For tokens that its prompt cache took up."),
        used("runtimes", GroupList, "[]", "Model servers that the daemon starts and stops itself. Only from a file that you or root own and that no one else can change."),
        required("runtimes[].name", Name, "Name for `models[].runtime`: `a` to `z`, `0` to `9` and `-`."),
        required("runtimes[].command", Text, "Program: a name that is found in `PATH`, or an absolute path. No shell."),
        used("runtimes[].args", TextList, "[]", "Arguments. `{port}` stands for the port to listen on; it must be in `args` or in `env`."),
        used("runtimes[].env", TextMap, "{}", "Further environment variables for the program. `{port}` as in `args`."),
        used("runtimes[].readyPath", Text, "\"/health\"", "Path that answers with success once the server is ready."),
        used("runtimes[].startTimeoutMs", Whole(1, DAY_MS), "120000", "Longest wait until it is ready, in milliseconds."),
        used("runtimes[].idleStopMs", Whole(0, 30 * DAY_MS), "900000", "The server is stopped after this time without a call, in milliseconds. 0 keeps it."),
        used("runtimes[].port", Whole(1, 65_535), "any free port", "Fixed port on 127.0.0.1."),
        used("runtimes[].server", SERVERS, "\"auto\"", "Which model server it is, as `models[].server`. `auto` tells it from `command`."),

        Key { effect: Effect::Editor, ..used("$schema", Text, "none", "Where an editor finds the schema of this file: `config.schema.json` in the package, or what `owlcodad config schema` prints.") },
        Key { effect: Effect::Version, ..used("configVersion", ANY_COUNT, "0", "Version of the form that the file has: 8 is this one. Files of older ones are read as well; `owlcodad config migrate` rewrites them.") },
        older("modelMap", TextMap, "`models`"),
        older("defaultModel", Text, "`\"default\": true` in one of `models`"),
        older("reverseMapInResponse", Flag, "`responseModelStyle`"),
        older("backends", Anything, "`discovery.endpoints`"),
        older("adminToken", Text, "nothing: the token is in `auth/token` of the data directory"),
        unused("skillInjection", Flag, &[States::Flag(false)]),
        unused("skillTopK", ANY_COUNT, &[States::Whole(0)]),
        unused("skillThreshold", Number(0.0, 1e9), &[]),
        unused("trainingCollection", Flag, &[States::Flag(false)]),
        used("middleware.rateLimitRpm", ANY_COUNT, "60", "Calls of one model in a minute, which is also the most at once; more are answered with 429. Callers and the agent of the daemon each have as many. 0 is no limit."),
        used("middleware.retryMaxAttempts", Whole(0, 10), "3", "How often a request is sent again, in all, where model servers fail before the first event of an answer."),
        used("middleware.retryBaseDelayMs", Whole(100, DAY_MS), "100", "Longest wait before a model server is asked again, in milliseconds. It doubles each time, to 2 s at most. What the server says in `Retry-After` is waited for where it is 30 s or less."),
        used("middleware.fallbackEnabled", Flag, "true", "Whether another model answers where the server of the one that was asked for fails."),
        used("middleware.circuitBreakerThreshold", Whole(1, 100), "5", "Requests in a row that a model fails before it is left alone for a while."),
        used("middleware.circuitBreakerCooldownMs", Whole(1000, u64::MAX), "60000", "How long it is left alone, in milliseconds. Then one request tries."),
        used("middleware.sloTargetPercent", Number(0.0, 100.0), "95", "How many of 100 calls are to have an answer. What may fail is the error budget of each model, over its last 100 calls; `owlctl perf` and `owlctl status` tell when it is spent. At 100 none may fail, at 0 all may."),
        used("middleware.requestTimeoutMs", Whole(1000, u64::MAX), "none", "Time after which a request is not sent again nor to another model, in milliseconds. It cuts no answer: `models[].timeoutMs` does."),
        used("middleware.intentRouting", Flag, "false", "Whether a call for `default`, or for no model, goes to a model whose tier fits what is asked. One that is named is always the one."),
        unused("models[].channel", Text, &[]),
        unused("models[].role", Text, &[]),
        unused("models[].availability", Text, &[]),
    ]
};

/// The keys that belong directly into `group`.
pub(crate) fn of_group(group: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.group() == group)
}

/// The key that someone who wrote `name` into `group` may have meant.
pub(crate) fn suggest(group: &str, name: &str) -> Option<&'static str> {
    const MAX_NAME_BYTES: usize = 64;
    if name.len() > MAX_NAME_BYTES {
        return None;
    }
    let plain = plain(name);
    let nearest = of_group(group)
        .map(|key| {
            (
                strsim::damerau_levenshtein(&plain, &self::plain(key.name())),
                key,
            )
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= (plain.len() / 3).min(3))
        .map(|(_, key)| key.name());
    nearest.or_else(|| {
        KEYS.iter()
            .find(|key| key.group() != group && self::plain(key.name()) == plain)
            .map(|key| key.path)
    })
}

/// Without what differs between ways to write one name.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|letter| !matches!(letter, '_' | '-'))
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_one_row_and_every_group_is_a_row_itself() {
        for (idx, key) in KEYS.iter().enumerate() {
            let twice = KEYS
                .iter()
                .skip(idx + 1)
                .any(|other| other.path == key.path);
            assert!(!twice, "{} has two rows", key.path);
            let group = key.group().trim_end_matches("[]");
            let is_known = group.is_empty() || KEYS.iter().any(|other| other.path == group);
            assert!(is_known, "{} is in no group", key.path);
        }
    }

    #[test]
    fn the_servers_that_can_be_named_are_all_there_are() {
        let Kind::OneOf(words) = SERVERS else {
            panic!("a list of words")
        };
        let names = owlcoda_types::Server::ALL.map(owlcoda_types::Server::as_str);
        assert_eq!(words.split_first(), Some((&"auto", &names[..])));
    }

    #[test]
    fn a_slip_leads_to_the_key_that_was_meant() {
        let cases = [
            ("models[]", "endpiont", Some("endpoint")),
            ("models[]", "end_point", Some("endpoint")),
            ("models[]", "api_key_env", Some("apiKeyEnv")),
            ("models[]", "context_window", Some("contextWindow")),
            ("", "Port", Some("port")),
            ("", "rateLimitRpm", Some("middleware.rateLimitRpm")),
            ("", "drainTimeoutMs", Some("server.drainTimeoutMs")),
            ("", "x", None),
            ("", "", None),
            ("", "colourOfTheSky", None),
        ];
        for (group, name, expected) in cases {
            assert_eq!(suggest(group, name), expected, "{group} {name}");
        }
    }
}
