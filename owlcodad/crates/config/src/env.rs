//! The environment variables of the process, read once; the only place that reads them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

/// A snapshot of environment variables. Printed it shows how many, never what.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// The variables of this process, as they are now.
    pub fn of_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// The value of a variable. An empty one counts as unset.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Environment({} variables)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_counts_as_unset_and_values_are_never_printed() {
        let env = Environment::from_iter([("OWLCODA_PORT", ""), ("SOME_KEY", "sk-1234")]);
        assert_eq!(env.get("OWLCODA_PORT"), None);
        assert_eq!(env.get("SOME_KEY"), Some(OsStr::new("sk-1234")));
        assert_eq!(format!("{env:?}"), "Environment(2 variables)");
    }

    #[test]
    fn the_process_environment_is_seen() {
        assert!(Environment::of_process().get("PATH").is_some());
    }
}
