//! Who may call what: one table of all calls, and two tiers of callers.

use owlcoda_proto::to_status;
use owlcoda_types::ErrorCode;
use tonic::Status;

/// What a caller may do; a higher one may do what a lower one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    /// Looks at how the daemon is, and changes nothing. Sees no prompt, no answer, no log.
    Observer,
    /// Does everything.
    Admin,
}

/// Every call with the tier that it takes. A test holds it against the protocol.
pub(crate) const CALLS: [(&str, Tier); 43] = [
    ("/grpc.health.v1.Health/Check", Tier::Observer),
    ("/grpc.health.v1.Health/Watch", Tier::Observer),
    ("/owlcoda.v1.Access/DetachClient", Tier::Admin),
    ("/owlcoda.v1.Access/ListClients", Tier::Admin),
    ("/owlcoda.v1.Access/RotateToken", Tier::Admin),
    ("/owlcoda.v1.Access/ShowToken", Tier::Admin),
    ("/owlcoda.v1.Audit/Query", Tier::Observer),
    ("/owlcoda.v1.Audit/Read", Tier::Observer),
    ("/owlcoda.v1.Audit/Stats", Tier::Observer),
    ("/owlcoda.v1.Audit/Verify", Tier::Observer),
    ("/owlcoda.v1.Backends/List", Tier::Observer),
    ("/owlcoda.v1.Backends/Probe", Tier::Admin),
    ("/owlcoda.v1.Backends/ResetBreaker", Tier::Admin),
    ("/owlcoda.v1.Backup/Create", Tier::Admin),
    // Paths and arguments of programs are in it.
    ("/owlcoda.v1.Config/Diff", Tier::Admin),
    ("/owlcoda.v1.Config/Get", Tier::Admin),
    ("/owlcoda.v1.Config/Rollback", Tier::Admin),
    ("/owlcoda.v1.Daemon/GetVersion", Tier::Observer),
    ("/owlcoda.v1.Daemon/Metrics", Tier::Observer),
    ("/owlcoda.v1.Daemon/Reload", Tier::Admin),
    ("/owlcoda.v1.Daemon/Status", Tier::Observer),
    ("/owlcoda.v1.Events/Attach", Tier::Admin),
    ("/owlcoda.v1.Figures/ClearCache", Tier::Admin),
    ("/owlcoda.v1.Figures/GetCache", Tier::Observer),
    ("/owlcoda.v1.Figures/GetCost", Tier::Observer),
    ("/owlcoda.v1.Figures/GetLatency", Tier::Observer),
    ("/owlcoda.v1.Figures/GetPerf", Tier::Observer),
    ("/owlcoda.v1.Figures/GetUsage", Tier::Observer),
    ("/owlcoda.v1.Figures/Recommend", Tier::Observer),
    // What was said is for the owner alone.
    ("/owlcoda.v1.Inspect/ClearCaptures", Tier::Admin),
    ("/owlcoda.v1.Inspect/GetCall", Tier::Admin),
    ("/owlcoda.v1.Inspect/ListCaptures", Tier::Admin),
    ("/owlcoda.v1.Inspect/ListTraces", Tier::Observer),
    ("/owlcoda.v1.Lifecycle/Stop", Tier::Admin),
    ("/owlcoda.v1.Logs/Tail", Tier::Admin),
    ("/owlcoda.v1.Models/List", Tier::Observer),
    ("/owlcoda.v1.Models/Probe", Tier::Admin),
    ("/owlcoda.v1.Sessions/Create", Tier::Admin),
    ("/owlcoda.v1.Sessions/Delete", Tier::Admin),
    ("/owlcoda.v1.Sessions/Get", Tier::Admin),
    ("/owlcoda.v1.Sessions/List", Tier::Admin),
    ("/owlcoda.v1.Turns/Interrupt", Tier::Admin),
    ("/owlcoda.v1.Turns/Submit", Tier::Admin),
];

/// The call at `path` as the label of a metric, where no service of ours counts it: a call of another
/// protocol that is served here, or one that does not exist.
pub(crate) fn label_of_other(path: &str) -> Option<&'static str> {
    let mut calls = CALLS.iter();
    match calls.find(|(known, _)| *known == path) {
        Some((known, _)) if known.starts_with("/owlcoda.") => None,
        Some((known, _)) => Some(known.trim_start_matches('/')),
        None => Some("unknown"),
    }
}

/// The same for a call of ours that is given up before its service could count it.
pub(crate) fn label_of(path: &str) -> &'static str {
    let mut calls = CALLS.iter();
    let known = calls.find(|(known, _)| *known == path);
    known.map_or("unknown", |(known, _)| {
        let ours = known.strip_prefix("/owlcoda.v1.");
        ours.unwrap_or_else(|| known.trim_start_matches('/'))
    })
}

/// Whether a caller of `tier` may call `path`. What is not in the table is for the highest tier, which
/// is then told that there is no such call.
pub(crate) fn check(tier: Tier, path: &str) -> Result<(), Status> {
    let mut calls = CALLS.iter();
    let needed = calls.find(|(known, _)| *known == path);
    let needed = needed.map_or(Tier::Admin, |(_, tier)| *tier);
    if tier >= needed {
        return Ok(());
    }
    Err(to_status(
        ErrorCode::Forbidden,
        "members of the group `owlcoda` may look at how the daemon is, and no more; this takes \
         membership in `owlcoda-admin`, or root",
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn every_call_of_the_protocol_has_a_tier() {
        let set = FileDescriptorSet::decode(owlcoda_proto::FILE_DESCRIPTOR_SET).unwrap();
        let mut of_protocol = BTreeSet::new();
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    of_protocol.insert(path);
                }
            }
        }
        assert!(of_protocol.len() >= 12, "{of_protocol:?}");
        let of_table: BTreeSet<_> = CALLS
            .iter()
            .map(|(path, _)| (*path).to_owned())
            .filter(|path| !path.starts_with("/grpc.health."))
            .collect();
        assert_eq!(of_protocol, of_table, "the table is in access.rs");
    }

    #[test]
    fn an_observer_looks_and_changes_nothing_and_sees_no_conversation() {
        for (path, tier) in CALLS {
            assert!(check(Tier::Admin, path).is_ok(), "{path}");
            assert_eq!(check(Tier::Observer, path).is_ok(), tier == Tier::Observer);
        }
        for closed in [
            "Reload",
            "Tail",
            "Attach",
            "Create",
            "Submit",
            "Interrupt",
            "Stop",
            "ShowToken",
        ] {
            let (path, _) = CALLS
                .iter()
                .find(|(path, _)| path.ends_with(closed))
                .unwrap();
            let refused = check(Tier::Observer, path).unwrap_err();
            assert_eq!(refused.code(), tonic::Code::PermissionDenied, "{path}");
        }
        let unknown = "/owlcoda.v1.Daemon/NoSuchCall";
        assert!(check(Tier::Observer, unknown).is_err() && check(Tier::Admin, unknown).is_ok());
    }
}
