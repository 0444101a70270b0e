//! What a request is about, told from its surface: words, tools, code in the text.
//!
//! Cheap and explainable rather than clever: the first sign that speaks for an intent decides, strong
//! signs before weak ones. Texts are looked at up to [`MAX_TEXT_BYTES`], the latest part of what a
//! person said and the first part of a system prompt.

use std::fmt;

/// Most bytes of one text that are looked at.
pub const MAX_TEXT_BYTES: usize = 4 << 10;

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Intent {
    /// Writing and changing programs.
    Code,
    /// Reasoning, comparing, explaining.
    Analysis,
    /// Finding things.
    Search,
    /// Conversation.
    Chat,
    /// Anything.
    General,
}

impl Intent {
    /// Every intent.
    pub const ALL: [Self; 5] = [
        Self::Code,
        Self::Analysis,
        Self::Search,
        Self::Chat,
        Self::General,
    ];

    /// As callers write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Analysis => "analysis",
            Self::Search => "search",
            Self::Chat => "chat",
            Self::General => "general",
        }
    }

    /// The intent of this name, whatever its case.
    pub fn parse(name: &str) -> Option<Self> {
        let is_named = |intent: &Self| intent.as_str().eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(is_named)
    }

    /// Tiers of models that suit it, the best first. None where every model does.
    pub const fn tiers(self) -> &'static [&'static str] {
        match self {
            Self::Code => &["production", "heavy", "balanced"],
            Self::Analysis => &["heavy", "production"],
            Self::Search => &["fast", "production"],
            Self::Chat => &["production", "balanced", "general"],
            Self::General => &[],
        }
    }
}

impl fmt::Display for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An intent and how sure that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guess {
    /// What the request seems to be about.
    pub intent: Intent,
    /// From 0 to 100.
    pub percent: u8,
}

/// What of a request tells its intent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// Names of the tools that the model is offered.
    pub tools: Vec<String>,
    /// The system prompt, or its beginning.
    pub system: String,
    /// What a person said last, or its end.
    pub said: String,
}

/// Tools that work on files and programs have one of these in their names.
const CODING_TOOLS: [&str; 12] = [
    "bash",
    "shell",
    "terminal",
    "command",
    "edit",
    "write",
    "grep",
    "glob",
    "patch",
    "notebook",
    "str_replace",
    "read_file",
];

/// Words in a system prompt that say what its caller is for.
const OF_SYSTEMS: [(Intent, u8, &[&str]); 3] = [
    (
        Intent::Code,
        70,
        &[
            "code",
            "coding",
            "programming",
            "programmer",
            "developer",
            "software",
            "编程",
            "代码",
            "程序员",
            "软件",
        ],
    ),
    (
        Intent::Analysis,
        70,
        &[
            "analyst",
            "analysis",
            "analyze",
            "analyse",
            "research",
            "reasoning",
            "分析",
            "研究",
            "推理",
        ],
    ),
    (
        Intent::Search,
        60,
        &["search", "lookup", "retrieval", "搜索", "检索", "查找"],
    ),
];

/// Words of a person that say what is wanted now.
const OF_PEOPLE: [(Intent, u8, &[&str]); 3] = [
    (
        Intent::Code,
        60,
        &[
            "refactor",
            "debug",
            "compile",
            "implement",
            "unit test",
            "stack trace",
            "write code",
            "fix the bug",
            "pull request",
            "重构",
            "调试",
            "编译",
            "实现",
            "写代码",
            "单元测试",
            "修复",
        ],
    ),
    (
        Intent::Analysis,
        50,
        &[
            "analyze",
            "analyse",
            "explain",
            "compare",
            "prove",
            "evaluate",
            "trade-offs",
            "分析",
            "解释",
            "比较",
            "证明",
            "评估",
        ],
    ),
    (
        Intent::Search,
        50,
        &[
            "search for",
            "look up",
            "find out",
            "搜索",
            "查一下",
            "查找",
        ],
    ),
];

/// What `signs` speak for. [`Intent::General`] where nothing speaks for anything.
pub fn guess(signs: &Signs) -> Guess {
    let sure = |intent, percent| Guess { intent, percent };
    let is_coding_tool = |name: &String| {
        let name = name.to_ascii_lowercase();
        CODING_TOOLS.iter().any(|part| name.contains(part))
    };
    if signs.tools.iter().any(is_coding_tool) {
        return sure(Intent::Code, 80);
    }
    if signs.said.contains("```") {
        return sure(Intent::Code, 80);
    }
    // What a person asks for now says more than what a caller is for.
    let texts = [(&signs.said, &OF_PEOPLE), (&signs.system, &OF_SYSTEMS)];
    for (text, signs) in texts {
        let text = text.to_lowercase();
        let found = signs
            .iter()
            .find(|(_, _, words)| words.iter().any(|word| has_word(&text, word)));
        if let Some((intent, percent, _)) = found {
            return sure(*intent, *percent);
        }
    }
    sure(Intent::General, 100)
}

/// Whether `word` stands in `text`, not within a longer one. Chinese has no spaces between words.
fn has_word(text: &str, word: &str) -> bool {
    if !word.is_ascii() {
        return text.contains(word);
    }
    let is_letter = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    text.match_indices(word).any(|(at, found)| {
        let (before, rest) = text.split_at(at);
        let after = rest.strip_prefix(found).unwrap_or_default();
        !is_letter(before.chars().next_back()) && !is_letter(after.chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Guess {
        guess(&Signs {
            said: text.to_owned(),
            ..Signs::default()
        })
    }

    #[test]
    fn an_intent_is_told_from_the_first_sign_that_speaks_for_one() {
        let cases = [
            ("Please refactor this module", Intent::Code, 60),
            ("看看这个:```rust\nfn main() {}\n```", Intent::Code, 80),
            ("请帮我重构这个函数", Intent::Code, 60),
            ("Explain how a B-tree splits", Intent::Analysis, 50),
            ("比较这两个方案", Intent::Analysis, 50),
            ("Look up the capital of Peru", Intent::Search, 50),
            ("Hello!", Intent::General, 100),
            // Within longer words it is no sign.
            ("an unexplained debugger of comparers", Intent::General, 100),
            ("", Intent::General, 100),
        ];
        for (text, intent, percent) in cases {
            assert_eq!(said(text), Guess { intent, percent }, "{text}");
        }
    }

    #[test]
    fn tools_that_work_on_files_mean_code_and_others_mean_nothing() {
        let offered = |name: &str| {
            let signs = Signs {
                tools: vec!["get_weather".to_owned(), name.to_owned()],
                ..Signs::default()
            };
            guess(&signs).intent
        };
        assert_eq!(offered("Bash"), Intent::Code);
        assert_eq!(offered("mcp__fs__read_file"), Intent::Code);
        assert_eq!(offered("get_time"), Intent::General);
    }

    #[test]
    fn what_a_person_asks_says_more_than_what_the_caller_is_for() {
        let mut signs = Signs {
            system: "You are a senior software developer.".to_owned(),
            ..Signs::default()
        };
        assert_eq!(guess(&signs).intent, Intent::Code);
        signs.said = "Compare tea and coffee.".to_owned();
        assert_eq!(guess(&signs).intent, Intent::Analysis);
    }

    #[test]
    fn a_name_leads_to_its_intent() {
        for intent in Intent::ALL {
            assert_eq!(
                Intent::parse(&intent.to_string().to_uppercase()),
                Some(intent)
            );
        }
        assert_eq!(Intent::parse("everything"), None);
    }
}
