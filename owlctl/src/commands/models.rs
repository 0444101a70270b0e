//! `owlctl models`: what the daemon can route to, and whether one of it answers.

mod probe;

use owlcoda_proto::printable;
use owlcoda_proto::v1::{ListModelsRequest, ListModelsResponse};
use serde::Serialize;

use crate::cli::ModelsArgs;
use crate::cli::insight::ModelsVerb;
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::quantity;
use crate::report::Report;
use crate::table::{Side, Table};

/// Said where a daemon without models gives no advice of its own.
pub(super) const NO_MODELS: &str = "no models yet: start a model server (Ollama, LM Studio, vLLM, \
                                    llama.cpp) or name one in the configuration";

#[derive(Serialize)]
struct List<'a> {
    models: Vec<Entry<'a>>,
    /// What to do where there are none; null otherwise.
    hint: Option<&'a str>,
    /// State of the table that says how each model server is asked.
    quirks_version: u32,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    label: &'a str,
    aliases: &'a [String],
    tier: &'a str,
    is_default: bool,
    backend_model: &'a str,
    endpoint_id: &'a str,
    endpoint_url: &'a str,
    source: &'a str,
    server: &'a str,
    context_window_tokens: Option<u64>,
    context_window_source: Option<&'a str>,
    parameter_size: Option<&'a str>,
    quantization: Option<&'a str>,
}

pub(super) async fn run(context: &Context<'_>, args: &ModelsArgs) -> Result<Report, CommandError> {
    if let Some(ModelsVerb::Probe(args)) = &args.verb {
        return probe::run(context, args).await;
    }
    let client = context.connect().await?;
    let answer = client.models().list(ListModelsRequest {}).await?;
    Ok(render(&answer.into_inner(), context.global.json))
}

fn render(answer: &ListModelsResponse, is_json: bool) -> Report {
    let hint = hint(answer);
    if is_json {
        return Report::data(to_json(answer, hint));
    }
    match hint {
        None => Report::data(to_text(answer)),
        Some(hint) => Report::data(String::new()).and_remark(&printable(hint)),
    }
}

/// What to do where there are no models.
pub(super) fn hint(answer: &ListModelsResponse) -> Option<&str> {
    match (answer.models.is_empty(), answer.hint.as_str()) {
        (false, _) => None,
        (true, "") => Some(NO_MODELS),
        (true, hint) => Some(hint),
    }
}

fn to_text(answer: &ListModelsResponse) -> String {
    let server = format!("SERVER (QUIRKS {})", answer.quirks_version);
    let mut table = Table::with_columns([
        ("ID", Side::Left),
        ("ALIASES", Side::Left),
        ("TIER", Side::Left),
        ("DEFAULT", Side::Left),
        ("BACKEND MODEL", Side::Left),
        ("ENDPOINT", Side::Left),
        ("SOURCE", Side::Left),
        (&server, Side::Left),
        ("CONTEXT", Side::Right),
        ("KNOWN BY", Side::Left),
    ]);
    for model in &answer.models {
        let context = match model.context_window_tokens {
            0 => String::new(),
            n_tokens => quantity::count(n_tokens),
        };
        table.push([
            &model.id,
            &model.aliases.join(","),
            &model.tier,
            if model.is_default { "*" } else { " " },
            &model.backend_model,
            &model.endpoint_id,
            &model.source,
            &model.server,
            &context,
            &model.context_window_source,
        ]);
    }
    table.lines().join("\n") + "\n"
}

fn to_json(answer: &ListModelsResponse, hint: Option<&str>) -> String {
    let models = answer.models.iter().map(|model| Entry {
        id: &model.id,
        label: &model.label,
        aliases: &model.aliases,
        tier: &model.tier,
        is_default: model.is_default,
        backend_model: &model.backend_model,
        endpoint_id: &model.endpoint_id,
        endpoint_url: &model.endpoint_url,
        source: &model.source,
        server: &model.server,
        context_window_tokens: Some(model.context_window_tokens).filter(|n| *n != 0),
        context_window_source: some(&model.context_window_source),
        parameter_size: some(&model.parameter_size),
        quantization: some(&model.quantization),
    });
    let models = models.collect();
    json(
        "ModelList",
        &List {
            models,
            hint,
            quirks_version: answer.quirks_version,
        },
    )
}

/// An empty string of the protocol is no value.
pub(super) fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;
    use owlcoda_proto::v1::Model;

    fn two_models() -> ListModelsResponse {
        let coder = Model {
            id: "qwen2.5-coder".to_owned(),
            label: "Qwen 2.5 Coder 32B".to_owned(),
            aliases: vec!["coder".to_owned(), "qwen".to_owned()],
            tier: "balanced".to_owned(),
            is_default: true,
            backend_model: "qwen2.5-coder:32b".to_owned(),
            endpoint_id: "ollama".to_owned(),
            endpoint_url: "http://127.0.0.1:11434".to_owned(),
            source: "configured".to_owned(),
            context_window_tokens: 32_768,
            server: "ollama".to_owned(),
            context_window_source: "probed".to_owned(),
            parameter_size: "32.8B".to_owned(),
            quantization: "Q4_K_M".to_owned(),
        };
        let hostile = Model {
            id: "tiny\u{1b}[31m".to_owned(),
            source: "discovered".to_owned(),
            ..Model::default()
        };
        ListModelsResponse {
            models: vec![coder, hostile],
            hint: String::new(),
            quirks_version: 1,
        }
    }

    #[test]
    fn models_are_a_table_for_people_and_a_list_for_scripts() {
        golden::check("models", &render(&two_models(), false).stdout);
        golden::check("models_json", &render(&two_models(), true).stdout);
    }

    #[test]
    fn without_models_the_daemon_s_hint_is_shown_and_stdout_stays_empty() {
        let nothing = ListModelsResponse {
            models: Vec::new(),
            hint: "start ollama".to_owned(),
            quirks_version: 1,
        };
        let report = render(&nothing, false);
        assert_eq!(
            (report.stdout.as_str(), report.stderr.as_str()),
            ("", "start ollama\n")
        );
        golden::check("models_none_json", &render(&nothing, true).stdout);
        assert_eq!(hint(&ListModelsResponse::default()), Some(NO_MODELS));
    }
}
