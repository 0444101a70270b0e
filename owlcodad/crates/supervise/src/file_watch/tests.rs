//! Files that are replaced in every way that editors and deployments know.

use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use super::*;

/// Far above what any wait needs; no test passes or fails by its value.
const DEADLINE: Duration = Duration::from_secs(20);

fn place() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().canonicalize().unwrap().join("config.json");
    fs_err::write(&file, "one").unwrap();
    (dir, file)
}

/// Waits until the watch tells of something while the file reads `expected`.
async fn told(watch: &mut FileWatch, file: &Path, expected: &str) {
    let told = async {
        loop {
            watch.changed().await;
            if fs_err::read_to_string(file).is_ok_and(|text| text == expected) {
                return;
            }
        }
    };
    let in_time = tokio::time::timeout(DEADLINE, told).await;
    assert!(in_time.is_ok(), "no sign of {expected:?}");
    assert_eq!(watch.mode(), WatchMode::Events);
}

#[tokio::test]
async fn a_change_is_told_again_and_again_however_the_file_is_replaced() {
    let (dir, file) = place();
    let mut watch = FileWatch::new(vec![file.clone()]);
    for round in 0..3 {
        let text = format!("in place {round}");
        fs_err::write(&file, &text).unwrap();
        told(&mut watch, &file, &text).await;
        // As editors do.
        let text = format!("renamed {round}");
        let aside = dir.path().join("config.json.tmp");
        fs_err::write(&aside, &text).unwrap();
        fs_err::rename(&aside, &file).unwrap();
        told(&mut watch, &file, &text).await;
        // As vim does without a backup.
        let text = format!("anew {round}");
        fs_err::remove_file(&file).unwrap();
        fs_err::write(&file, &text).unwrap();
        told(&mut watch, &file, &text).await;
    }
}

#[tokio::test]
async fn a_link_in_the_middle_of_the_way_may_be_swapped() {
    let (dir, file) = place();
    fs_err::remove_file(&file).unwrap();
    let root = dir.path();
    for round in 0..4 {
        let data = root.join(format!("..{round}"));
        fs_err::create_dir(&data).unwrap();
        fs_err::write(data.join("config.json"), format!("swap {round}")).unwrap();
    }
    symlink("..0", root.join("..data")).unwrap();
    symlink("..data/config.json", &file).unwrap();
    let mut watch = FileWatch::new(vec![file.clone()]);
    for round in 1..4 {
        symlink(format!("..{round}"), root.join("..data_tmp")).unwrap();
        fs_err::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
        told(&mut watch, &file, &format!("swap {round}")).await;
        // The new place is watched as well.
        let text = format!("within {round}");
        fs_err::write(root.join(format!("..{round}/config.json")), &text).unwrap();
        told(&mut watch, &file, &text).await;
    }
}

#[tokio::test]
async fn the_directory_itself_may_be_replaced() {
    let (dir, _) = place();
    let root = dir.path().canonicalize().unwrap();
    let file = root.join("conf/config.json");
    fs_err::create_dir(root.join("conf")).unwrap();
    fs_err::write(&file, "old").unwrap();
    fs_err::create_dir(root.join("next")).unwrap();
    fs_err::write(root.join("next/config.json"), "new").unwrap();
    let mut watch = FileWatch::new(vec![file.clone()]);
    fs_err::rename(root.join("conf"), root.join("gone")).unwrap();
    fs_err::rename(root.join("next"), root.join("conf")).unwrap();
    told(&mut watch, &file, "new").await;
    fs_err::write(&file, "newer").unwrap();
    told(&mut watch, &file, "newer").await;
}

#[tokio::test]
async fn a_file_that_comes_later_is_told() {
    let (dir, file) = place();
    fs_err::remove_file(&file).unwrap();
    let other = dir.path().canonicalize().unwrap().join("keys.json");
    let mut watch = FileWatch::new(vec![file.clone(), other.clone()]);
    fs_err::write(&file, "here").unwrap();
    told(&mut watch, &file, "here").await;
    fs_err::write(&other, "there").unwrap();
    told(&mut watch, &other, "there").await;
}

#[tokio::test]
async fn other_files_and_our_own_reading_ring_no_bell() {
    let (dir, file) = place();
    let bell = Bell::default();
    *bell.on_the_way.lock() = OnTheWay {
        dirs: [dir.path().to_path_buf()].into(),
        names: ["config.json".into()].into(),
    };
    let event = |kind, path: &Path| Event::new(kind).add_path(path.to_path_buf());
    let written = EventKind::Modify(notify::event::ModifyKind::Any);
    let read = EventKind::Access(AccessKind::Open(AccessMode::Any));
    assert!(bell.is_of_interest(&event(written, &file)));
    assert!(bell.is_of_interest(&event(EventKind::Any, dir.path())));
    assert!(!bell.is_of_interest(&event(read, &file)));
    assert!(!bell.is_of_interest(&event(written, &dir.path().join("daemon.log"))));
}

#[tokio::test(start_paused = true)]
async fn where_the_system_watches_nothing_it_is_time_to_look_every_two_seconds() {
    let (_dir, file) = place();
    let mut watch = FileWatch::with(vec![file], Arc::new(Bell::default()), None);
    assert_eq!(watch.mode(), WatchMode::Polling);
    let before = tokio::time::Instant::now();
    watch.changed().await;
    assert_eq!(before.elapsed(), IN_PLACE_OF_EVENTS);
}

/// Whoever writes while the watch begins: before or after, what comes next is told.
#[tokio::test]
async fn a_link_that_is_set_while_the_watch_begins_is_followed_from_then_on() {
    for _ in 0..200 {
        let (dir, file) = place();
        let root = dir.path().canonicalize().unwrap();
        fs_err::create_dir_all(root.join("..0")).unwrap();
        fs_err::create_dir_all(root.join("..1")).unwrap();
        fs_err::write(root.join("..0/config.json"), "zero").unwrap();
        fs_err::write(root.join("..1/config.json"), "first").unwrap();
        symlink("..0", root.join("..data")).unwrap();
        symlink("..data/config.json", root.join("link")).unwrap();
        symlink("..1", root.join("..data_tmp")).unwrap();

        let begin = std::sync::Barrier::new(2);
        let mut watch = std::thread::scope(|scope| {
            scope.spawn(|| {
                begin.wait();
                fs_err::rename(root.join("link"), &file).unwrap();
            });
            begin.wait();
            FileWatch::new(vec![file.clone()])
        });
        fs_err::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
        told(&mut watch, &file, "first").await;
    }
}
