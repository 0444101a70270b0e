//! The power goes at any moment: what was acknowledged is there, and the store opens.
//!
//! The writer's files are on a file system of ours that keeps, per file, what it is and what it was
//! when it was last synced; after the cut only the latter is left. `sync_file_range`, which is all that
//! the engine does by itself, does not come through to it: like a drive that ignores it.

mod disk;

use std::path::Path;
use std::time::Duration;

use self::disk::Disk;
use crate::kill::{Acknowledged, Moment, Random, check, run_writer, variable};
use crate::migration;

#[test]
fn no_acknowledged_write_is_lost_when_the_power_goes() {
    if !Path::new("/dev/fuse").exists() {
        eprintln!("SKIPPED: there is no /dev/fuse");
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let n_cuts = variable("OWLCODA_CUTS").map_or(8, |text| text.parse().unwrap());
    let mut random = Random::new();
    println!("seed {}", random.0);
    let mut total = Acknowledged::default();
    let mut so_far = Acknowledged::default();
    let mut image = tempfile::tempdir().unwrap();
    for cut in 0..n_cuts {
        if cut % 4 == 0 {
            total.audit += so_far.audit;
            total.events += so_far.events;
            so_far = Acknowledged::default();
            image = tempfile::tempdir().unwrap();
            if cut % 8 == 0 {
                migration::unpack(1, image.path());
                so_far.audit = 300;
            }
        }
        let since = if random.below(4) == 0 {
            "start"
        } else {
            "open"
        };
        let after = Duration::from_micros(random.below(200_000));
        let mount = tempfile::tempdir().unwrap();
        let disk = Disk::mount(mount.path(), image.path());
        let next = tempfile::tempdir().unwrap();
        let seen = run_writer(mount.path(), since, after, Moment::Cut, || {
            disk.write_durable(next.path());
        });
        disk.unmount();
        image = next;
        so_far.audit = so_far.audit.max(seen.audit);
        so_far.events = so_far.events.max(seen.events);
        let found = runtime.block_on(check(image.path(), cut));
        assert!(
            found.audit >= so_far.audit && found.events >= so_far.events,
            "cut {cut} lost something: acknowledged {so_far:?}, found {found:?}"
        );
    }
    total.audit += so_far.audit;
    total.events += so_far.events;
    println!(
        "cuts {n_cuts}, acknowledged {} audit records and {} events, lost 0",
        total.audit, total.events
    );
}
