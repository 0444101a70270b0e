//! The engine that sessions are in: opened, or set aside where that is not possible.

use std::path::Path;
use std::sync::Arc;

use owlcoda_types::Clock;

use crate::anchor::{Anchor, Head};
use crate::engine::{Engine, Opener, Purpose};
use crate::integrity::Findings;
use crate::recovery::{self, Recovered};
use crate::{StoreError, directory};

/// Name of its directory in the store's.
pub(crate) const NAME: &str = "sessions";

/// Opens the sessions in `dir`, the store's directory, and looks at what is there.
///
/// Files that cannot be read as a whole are kept under another name and reported, at each opening;
/// then it begins without sessions.
pub(crate) fn open(
    dir: &Path,
    opener: &dyn Opener,
    cache_bytes: u64,
    anchor: &Anchor<Head>,
    findings: &Findings,
    clock: &dyn Clock,
) -> Result<(Arc<dyn Engine>, Recovered), StoreError> {
    let path = dir.join(NAME);
    let make = |path: &Path| {
        directory::create_private(path).map_err(StoreError::io("make the sessions' directory"))
    };
    make(&path)?;
    for entry in fs_err::read_dir(dir).map_err(StoreError::io("read the store's directory"))? {
        let name = entry.map_err(StoreError::io("read the store's directory"))?;
        let name = name.file_name().to_string_lossy().into_owned();
        if name.starts_with("sessions.corrupt-") {
            findings.report(format!("damaged sessions were set aside as {name}"));
        }
    }
    let reason = match opener.open(&path, cache_bytes, Purpose::Writing) {
        Ok(engine) => {
            let recovered =
                crate::engine::guarded(|| recovery::recover(&*engine, anchor, findings));
            match recovered {
                Ok(recovered) => return Ok((engine, recovered)),
                Err(StoreError::Engine { detail }) => detail,
                Err(error) => return Err(error),
            }
        }
        Err(error) if error.is_damage() => error.to_string(),
        Err(error) => return Err(error.at(dir)),
    };
    let name = format!("{NAME}.corrupt-{}", clock.now_ms());
    fs_err::rename(&path, dir.join(&name))
        .and_then(|()| directory::sync_dir(dir))
        .map_err(StoreError::io("set the damaged sessions aside"))?;
    findings.report(format!(
        "the sessions could not be opened and were set aside as {name}: {reason}"
    ));
    make(&path)?;
    let engine = opener.open(&path, cache_bytes, Purpose::Writing)?;
    // What was lost was just said.
    let recovered = recovery::recover(&*engine, &Anchor::Missing, findings)?;
    let commit = match anchor {
        Anchor::Held(held) => recovered.commit.max(held.commit),
        _ => recovered.commit,
    };
    Ok((
        engine,
        Recovered {
            commit,
            ..recovered
        },
    ))
}
