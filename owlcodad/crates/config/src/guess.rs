//! What the name of a model tells of it, for files that are written from a list of names.

/// Words of models that turn text into numbers or order texts, and answer nothing.
const NOT_FOR_ANSWERS: [&str; 3] = ["embed", "rerank", "bge-"];

/// Words and sizes that tell a tier, as whole words.
const SIZES: [(&str, &str); 9] = [
    ("65b", "heavy"),
    ("70b", "heavy"),
    ("72b", "heavy"),
    ("large", "heavy"),
    ("3b", "fast"),
    ("7b", "fast"),
    ("8b", "fast"),
    ("small", "fast"),
    ("mini", "fast"),
];

/// Whether a model of this name answers no questions: it is for embeddings or for ranking.
pub fn is_for_embedding(name: &str) -> bool {
    let name = name.to_lowercase();
    NOT_FOR_ANSWERS.iter().any(|word| name.contains(word))
}

/// The tier that a name tells by its size; none where it tells nothing.
pub fn tier_of_name(name: &str) -> Option<&'static str> {
    if is_for_embedding(name) {
        return Some("embedding");
    }
    let name = name.to_lowercase();
    let words: Vec<&str> = name
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .collect();
    let told = SIZES.iter().find(|(size, _)| words.contains(size));
    told.map(|(_, tier)| *tier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_tier_by_whole_words() {
        let cases = [
            ("qwen2.5-coder:7b", Some("fast")),
            ("llama-3.3-70b-instruct", Some("heavy")),
            ("Mistral-Large", Some("heavy")),
            ("gpt-4o-mini", Some("fast")),
            ("minimax-m2", None),
            ("qwen2:13b", None),
            ("model-173b", None),
            ("nomic-embed-text", Some("embedding")),
            ("bge-m3", Some("embedding")),
            ("Qwen3-Reranker-8B", Some("embedding")),
        ];
        for (name, tier) in cases {
            assert_eq!(tier_of_name(name), tier, "{name}");
        }
    }
}
