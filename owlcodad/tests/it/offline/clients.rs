//! `owlctl`'s verbs of the same names say the same.

use serde_json::json;

use super::Home;
use crate::process::owlctl_at;
use crate::world::{nothing, with};

#[tokio::test]
async fn owlctl_says_what_the_daemon_s_program_says_and_ends_as_it_does() {
    let good = Home::with(&with(nothing(), json!({"port": 0, "configVersion": 8})).to_string());
    let bad = Home::with("{\"prot\": 1}");
    for home in [&good, &bad] {
        for verb in [
            &["validate"][..],
            &["validate", "--json"],
            &["config", "show"],
            &["config", "show", "--json"],
            &["config", "export", "--format", "text"],
            &["config", "migrate", "--dry-run", "--json"],
            &["init"],
        ] {
            let (ours, theirs) = (home.run(verb).await, owlctl_at(home.path(), verb).await);
            assert_eq!(theirs.status, ours.status, "{verb:?}: {theirs:?}");
            assert_eq!(theirs.stdout, ours.stdout, "{verb:?}");
            assert_eq!(theirs.stderr, ours.stderr, "{verb:?}");
        }
    }
    let document = owlctl_at(good.path(), &["--json", "doctor"]).await.json();
    assert_eq!(document["kind"], "Doctor");
}
