//! The providers that `models[].provider` names, and what that saves a person from writing.
//!
//! One table. What an entry of `models` says itself always wins over it.

use owlcoda_types::{Server, clip, printable};

use crate::config::Protocol;
use crate::endpoint::EndpointUrl;

/// What is known of a provider.
#[derive(Debug)]
pub(crate) struct Preset {
    /// As it is written: lower case.
    pub(crate) id: &'static str,
    /// Base of its chat API. None: it has none, or the entry must say where it is.
    openai: Option<&'static str>,
    /// Base of its Messages API.
    anthropic: Option<&'static str>,
    /// What is spoken unless the entry says otherwise.
    pub(crate) protocol: Protocol,
    /// Which server answers. None: the address tells.
    pub(crate) server: Option<Server>,
    /// Variables that usually hold its key; the first that is set counts.
    pub(crate) key_variables: &'static [&'static str],
}

/// Where nothing is known but the protocol.
const ANY: Preset = Preset {
    id: "",
    openai: None,
    anthropic: None,
    protocol: Protocol::OpenAi,
    server: None,
    key_variables: &[],
};

/// Every provider, in the order of the reference page.
pub(crate) const PRESETS: &[Preset] = &[
    Preset {
        id: "anthropic",
        anthropic: Some("https://api.anthropic.com"),
        protocol: Protocol::Anthropic,
        server: Some(Server::Anthropic),
        key_variables: &["ANTHROPIC_API_KEY"],
        ..ANY
    },
    Preset {
        id: "openai",
        openai: Some("https://api.openai.com/v1"),
        server: Some(Server::OpenAi),
        key_variables: &["OPENAI_API_KEY"],
        ..ANY
    },
    Preset {
        id: "openrouter",
        openai: Some("https://openrouter.ai/api/v1"),
        anthropic: Some("https://openrouter.ai/api"),
        server: Some(Server::OpenRouter),
        key_variables: &["OPENROUTER_API_KEY"],
        ..ANY
    },
    Preset {
        id: "bailian",
        openai: Some("https://dashscope.aliyuncs.com/compatible-mode/v1"),
        anthropic: Some("https://dashscope.aliyuncs.com/apps/anthropic"),
        server: Some(Server::Bailian),
        key_variables: &["DASHSCOPE_API_KEY"],
        ..ANY
    },
    // The plan for coding; its keys are not those of the platform.
    Preset {
        id: "kimi",
        openai: Some("https://api.kimi.com/coding/v1"),
        anthropic: Some("https://api.kimi.com/coding"),
        server: Some(Server::Moonshot),
        key_variables: &["KIMI_API_KEY"],
        ..ANY
    },
    Preset {
        id: "moonshot",
        openai: Some("https://api.moonshot.ai/v1"),
        anthropic: Some("https://api.moonshot.ai/anthropic"),
        server: Some(Server::Moonshot),
        key_variables: &["MOONSHOT_API_KEY"],
        ..ANY
    },
    Preset {
        id: "minimax-anthropic",
        openai: Some("https://api.minimax.io/v1"),
        anthropic: Some("https://api.minimax.io/anthropic"),
        protocol: Protocol::Anthropic,
        server: Some(Server::MiniMax),
        key_variables: &["MINIMAX_API_KEY"],
    },
    Preset {
        id: "mimo",
        openai: Some("https://token-plan-sgp.xiaomimimo.com/v1"),
        anthropic: Some("https://token-plan-sgp.xiaomimimo.com/anthropic"),
        server: Some(Server::Mimo),
        key_variables: &["MIMO_API_KEY"],
        ..ANY
    },
    Preset {
        id: "deepseek",
        openai: Some("https://api.deepseek.com/v1"),
        anthropic: Some("https://api.deepseek.com/anthropic"),
        server: Some(Server::DeepSeek),
        key_variables: &["DEEPSEEK_API_KEY"],
        ..ANY
    },
    Preset {
        id: "ollama",
        openai: Some("http://127.0.0.1:11434/v1"),
        server: Some(Server::Ollama),
        ..ANY
    },
    Preset {
        id: "lm-studio",
        openai: Some("http://127.0.0.1:1234/v1"),
        server: Some(Server::LmStudio),
        ..ANY
    },
    Preset {
        id: "vllm",
        openai: Some("http://127.0.0.1:8000/v1"),
        server: Some(Server::Vllm),
        ..ANY
    },
    Preset {
        id: "llama.cpp",
        openai: Some("http://127.0.0.1:8080/v1"),
        server: Some(Server::LlamaCpp),
        ..ANY
    },
    Preset {
        id: "openai-compat",
        ..ANY
    },
    Preset {
        id: "custom",
        ..ANY
    },
];

impl Preset {
    /// Its base for `protocol`, if it has one.
    pub(crate) fn endpoint(&self, protocol: Protocol) -> Option<EndpointUrl> {
        // A test holds that each of them parses.
        EndpointUrl::parse(self.base(protocol)?).ok()
    }

    /// The same, as it is written.
    pub(crate) const fn base(&self, protocol: Protocol) -> Option<&'static str> {
        match protocol {
            Protocol::OpenAi => self.openai,
            Protocol::Anthropic => self.anthropic,
        }
    }

    /// Whether it is at an address of its own.
    pub(crate) const fn has_place(&self) -> bool {
        self.openai.is_some() || self.anthropic.is_some()
    }
}

/// The provider of that name.
pub(crate) fn find(id: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.id == id)
}

/// What to say of a provider that there is not.
pub(crate) fn not_a_provider(name: &str) -> String {
    // Comparing is quadratic.
    let shown = clip(name, 40);
    let plain = shown.to_lowercase();
    let nearest = PRESETS
        .iter()
        .map(|preset| (strsim::jaro_winkler(&plain, preset.id), preset.id))
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .filter(|(score, _)| *score > 0.8);
    let shown = printable(&shown);
    if let Some((_, id)) = nearest {
        return format!("`{shown}` is not a provider; did you mean `{id}`?");
    }
    let ids: Vec<_> = PRESETS
        .iter()
        .map(|preset| format!("`{}`", preset.id))
        .collect();
    format!(
        "`{shown}` is not a provider; there are: {}. Any other is `custom`, with `endpoint`",
        ids.join(", ")
    )
}
