//! What llama.cpp's server says of itself at `/props`: the window that a call gets, which is not the
//! one that the model was made for, and the file that it is.

use serde_json::Value;

use super::value::{quantization_in, tokens};
use super::{Deadlines, DiscoveredModel, Place};
use crate::client::Upstream;

/// Adds what `/props` tells. A server of several models is one for each at a time, and tells nothing
/// that holds for all of them.
pub(super) async fn add_details(
    upstream: &Upstream,
    place: &Place,
    models: &mut [DiscoveredModel],
    until: Deadlines,
) {
    let [model] = models else { return };
    let address = place.route("/props");
    let answer = upstream.look(place, &address, until.details).await;
    let props: Value = answer
        .and_then(|answer| serde_json::from_slice(&answer).ok())
        .unwrap_or_default();
    refine(model, &props);
}

fn refine(model: &mut DiscoveredModel, props: &Value) {
    let window = props.pointer("/default_generation_settings/n_ctx");
    if let Some(window) = window.and_then(tokens) {
        model.context_window = Some(window);
    }
    if model.quantization.is_none() {
        let file = props.get("model_path").and_then(Value::as_str);
        model.quantization = file
            .and_then(quantization_in)
            .or_else(|| quantization_in(&model.name));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_window_of_a_call_is_what_counts() {
        let trained = DiscoveredModel {
            name: "m".to_owned(),
            context_window: Some(32_768),
            ..DiscoveredModel::default()
        };
        for (props, window, quantization) in [
            (
                json!({"default_generation_settings": {"n_ctx": 4096}, "model_path": "/m/m.Q4_1.gguf"}),
                4096,
                Some("Q4_1"),
            ),
            (
                json!({"default_generation_settings": {"n_ctx": 0}}),
                32_768,
                None,
            ),
            (
                json!({"default_generation_settings": [], "model_path": 7}),
                32_768,
                None,
            ),
            (json!("<html>"), 32_768, None),
        ] {
            let mut model = trained.clone();
            refine(&mut model, &props);
            assert_eq!(
                (model.context_window, model.quantization.as_deref()),
                (Some(window), quantization),
                "{props}"
            );
        }
    }
}
