//! Which model server is likely to be meant, from what is known without asking it.
//!
//! A guess may be wrong. That does little harm: what the servers of this machine are sent by guess
//! is passed over by the others, and `models[].server` always wins.

use owlcoda_types::Server;

use crate::config::RuntimeConfig;
use crate::endpoint::EndpointUrl;

/// Providers, by the end of their host's name.
const HOSTS: &[(&str, Server)] = &[
    ("api.openai.com", Server::OpenAi),
    ("api.anthropic.com", Server::Anthropic),
    ("openrouter.ai", Server::OpenRouter),
    ("moonshot.ai", Server::Moonshot),
    ("moonshot.cn", Server::Moonshot),
    ("api.kimi.com", Server::Moonshot),
    ("dashscope.aliyuncs.com", Server::Bailian),
    ("dashscope-intl.aliyuncs.com", Server::Bailian),
    ("dashscope-us.aliyuncs.com", Server::Bailian),
    ("minimax.io", Server::MiniMax),
    ("minimaxi.com", Server::MiniMax),
    ("xiaomimimo.com", Server::Mimo),
    ("api.deepseek.com", Server::DeepSeek),
    ("ollama.com", Server::Ollama),
];

/// Ports that one server alone uses by default: on any machine.
const OWN_PORTS: &[(u16, Server)] = &[(11434, Server::Ollama), (1234, Server::LmStudio)];

/// Ports that much else uses too: on this machine only.
const SHARED_PORTS: &[(u16, Server)] = &[
    (8000, Server::Vllm),
    (8080, Server::LlamaCpp),
    (30000, Server::Sglang),
];

/// Programs, by the start of their name or of a Python module's.
const PROGRAMS: &[(&str, Server)] = &[
    ("llama-server", Server::LlamaCpp),
    ("llamafile", Server::LlamaCpp),
    ("ollama", Server::Ollama),
    ("vllm", Server::Vllm),
    ("sglang", Server::Sglang),
];

impl EndpointUrl {
    /// The server that usually is at such an address.
    pub fn likely_server(&self) -> Server {
        let is_at = |name: &str| {
            let rest = self.host().strip_suffix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let of_port = |table: &[(u16, Server)]| {
            let row = table.iter().find(|(port, _)| *port == self.port());
            row.map(|(_, server)| *server)
        };
        let by_host = HOSTS.iter().find(|(name, _)| is_at(name));
        by_host
            .map(|(_, server)| *server)
            .or_else(|| of_port(OWN_PORTS))
            .or_else(|| self.is_loopback().then(|| of_port(SHARED_PORTS))?)
            .unwrap_or_default()
    }
}

/// The server that a command line starts.
pub(crate) fn of_command(command: &str, args: &[String]) -> Server {
    let program = command.rsplit('/').next().unwrap_or(command);
    let module = args
        .iter()
        .skip_while(|arg| *arg != "-m")
        .nth(1)
        .filter(|_| program.starts_with("python"));
    let name = module.map_or(program, String::as_str);
    let known = PROGRAMS.iter().find(|(start, _)| name.starts_with(start));
    known.map(|(_, server)| *server).unwrap_or_default()
}

/// The server that a runtime is.
pub(crate) fn of_runtime(runtimes: &[RuntimeConfig], name: &str) -> Option<Server> {
    let runtime = runtimes.iter().find(|runtime| runtime.name == name);
    runtime.map(|runtime| runtime.server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tells_which_server_is_likely_there() {
        let cases = [
            ("https://api.openai.com/v1", Server::OpenAi),
            ("https://api.anthropic.com", Server::Anthropic),
            ("https://openrouter.ai/api/v1", Server::OpenRouter),
            ("https://api.moonshot.cn/v1", Server::Moonshot),
            (
                "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
                Server::Bailian,
            ),
            ("https://coding.dashscope.aliyuncs.com/v1", Server::Bailian),
            ("https://mine.pai-eas.aliyuncs.com/v1", Server::Generic),
            ("https://api.minimax.io/anthropic", Server::MiniMax),
            ("https://token-plan-sgp.xiaomimimo.com/v1", Server::Mimo),
            ("http://127.0.0.1:11434", Server::Ollama),
            ("http://192.168.1.7:11434", Server::Ollama),
            ("http://localhost:1234/v1", Server::LmStudio),
            ("http://[::1]:8000", Server::Vllm),
            ("http://127.0.0.1:8080", Server::LlamaCpp),
            ("http://127.0.0.1:30000", Server::Sglang),
            ("http://gateway.example.com:8000", Server::Generic),
            ("http://127.0.0.1:8009", Server::Generic),
            ("https://notmoonshot.ai/v1", Server::Generic),
            ("https://api.openai.com.example.net/v1", Server::Generic),
        ];
        for (text, expected) in cases {
            let url = EndpointUrl::parse(text).unwrap();
            assert_eq!(url.likely_server(), expected, "{text}");
        }
    }

    #[test]
    fn a_command_line_tells_which_server_it_starts() {
        let cases = [
            ("llama-server", &["--port", "{port}"][..], Server::LlamaCpp),
            ("/opt/llama.cpp/bin/llama-server", &[], Server::LlamaCpp),
            ("vllm", &["serve", "m"], Server::Vllm),
            (
                "python3",
                &["-m", "vllm.entrypoints.openai.api_server"],
                Server::Vllm,
            ),
            (
                "/venv/bin/python",
                &["-u", "-m", "sglang.launch_server"],
                Server::Sglang,
            ),
            ("python3", &["serve.py", "-m"], Server::Generic),
            ("my-server", &["-m", "vllm"], Server::Generic),
        ];
        for (command, args, expected) in cases {
            let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
            assert_eq!(of_command(command, &args), expected, "{command}");
        }
    }
}
