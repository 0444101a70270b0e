//! The record of calls as somebody relies on it.

mod fields;
mod lines;
mod starts;
// Files of another process can be kept from growing on Linux alone.
#[cfg(target_os = "linux")]
mod strict;
mod verbs;

use owlcoda_testkit::TestDaemon;
use serde_json::Value;

use crate::process::owlctl;
use crate::world::until;

/// The records of the newest calls, newest first, as `owlctl audit` has them with `arguments`.
async fn records(daemon: &TestDaemon, arguments: &[&str]) -> Vec<Value> {
    let arguments = [&["--json", "audit"], arguments].concat();
    let page = owlctl(daemon, &arguments).await.json();
    page["records"].as_array().unwrap().clone()
}

/// The same, once there are `n` of them.
async fn n_records(daemon: &TestDaemon, n: usize, arguments: &[&str]) -> Vec<Value> {
    until("the records", async || {
        Some(records(daemon, arguments).await).filter(|found| found.len() == n)
    })
    .await
}
