//! Which model server is spoken to, by the names that configuration, status and quirks share.

/// A model server, or a provider of models, that behaves in its own way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Server {
    /// Nothing is known of it: it is sent only what all of them take.
    #[default]
    Generic,
    /// Ollama.
    Ollama,
    /// LM Studio.
    LmStudio,
    /// vLLM.
    Vllm,
    /// `SGLang`.
    Sglang,
    /// llama.cpp's `llama-server`.
    LlamaCpp,
    /// `OpenAI`'s own API.
    OpenAi,
    /// Anthropic's own API.
    Anthropic,
    /// `OpenRouter`.
    OpenRouter,
    /// Moonshot AI, which serves Kimi.
    Moonshot,
    /// Alibaba Cloud Model Studio (Bailian, `DashScope`).
    Bailian,
    /// `MiniMax`.
    MiniMax,
    /// Xiaomi `MiMo`.
    Mimo,
    /// `DeepSeek`'s own API.
    DeepSeek,
}

impl Server {
    /// Every one, the generic first.
    pub const ALL: [Self; 14] = [
        Self::Generic,
        Self::Ollama,
        Self::LmStudio,
        Self::Vllm,
        Self::Sglang,
        Self::LlamaCpp,
        Self::OpenAi,
        Self::Anthropic,
        Self::OpenRouter,
        Self::Moonshot,
        Self::Bailian,
        Self::MiniMax,
        Self::Mimo,
        Self::DeepSeek,
    ];

    /// The name in the configuration and in status: lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Ollama => "ollama",
            Self::LmStudio => "lm-studio",
            Self::Vllm => "vllm",
            Self::Sglang => "sglang",
            Self::LlamaCpp => "llama.cpp",
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::OpenRouter => "openrouter",
            Self::Moonshot => "moonshot",
            Self::Bailian => "bailian",
            Self::MiniMax => "minimax",
            Self::Mimo => "mimo",
            Self::DeepSeek => "deepseek",
        }
    }

    /// The server of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|server| server.as_str() == name)
    }

    /// The server that lists its models with this `owned_by`; `library` is what Ollama calls
    /// models of its own collection, `organization_owner` what LM Studio calls all of them.
    pub fn of_owner(owned_by: &str) -> Option<Self> {
        match owned_by {
            "llamacpp" => Some(Self::LlamaCpp),
            "vllm" => Some(Self::Vllm),
            "sglang" => Some(Self::Sglang),
            "library" => Some(Self::Ollama),
            "organization_owner" => Some(Self::LmStudio),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_has_one_name_and_is_found_by_it() {
        for server in Server::ALL {
            let name = server.as_str();
            assert_eq!(Server::parse(name), Some(server));
            assert_eq!(name, name.to_ascii_lowercase());
        }
        assert_eq!(Server::parse("Ollama"), None);
        assert_eq!(Server::of_owner("llamacpp"), Some(Server::LlamaCpp));
        assert_eq!(Server::of_owner("somebody"), None);
    }
}
