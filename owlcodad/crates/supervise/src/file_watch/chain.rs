//! The way to a file through symbolic links.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// Most links on the way to one file, as the kernel has it.
const MAX_LINKS: usize = 40;

/// Every place on the way to `path` that decides where it leads: directory and name of each link,
/// and of the file at the end. Directories are without links themselves. Where the way breaks off,
/// the last place is the one that is missing.
pub(super) fn of(path: &Path) -> Vec<(PathBuf, OsString)> {
    let mut places = Vec::new();
    // A relative path stays relative; it is the process's own.
    let mut dir = PathBuf::new();
    let mut ahead: VecDeque<OsString> = parts(path);
    while let Some(part) = ahead.pop_front() {
        let next = dir.join(&part);
        if part == "/" || part == "." {
            dir = next;
            continue;
        }
        if part == ".." {
            dir = up(dir);
            continue;
        }
        let target = next.read_link().ok().filter(|_| places.len() < MAX_LINKS);
        match target {
            Some(target) => {
                places.push((here(&dir), part));
                for part in parts(&target).into_iter().rev() {
                    ahead.push_front(part);
                }
            }
            None if ahead.is_empty() || next.symlink_metadata().is_err() => {
                places.push((here(&dir), part));
                return places;
            }
            None => dir = next,
        }
    }
    places
}

fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .map(|component| match component {
            Component::Prefix(_) | Component::RootDir => OsString::from("/"),
            other => other.as_os_str().to_owned(),
        })
        .collect()
}

/// `dir` has no links in it, so its parent is what `..` means.
fn up(mut dir: PathBuf) -> PathBuf {
    if !dir.pop() {
        dir.push("..");
    }
    dir
}

fn here(dir: &Path) -> PathBuf {
    if dir.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        dir.to_path_buf()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Like a volume of Kubernetes: `config.json` → `..data/config.json`, `..data` → `..one`.
    #[test]
    fn every_link_on_the_way_is_a_place_and_so_is_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs_err::create_dir(root.join("..one")).unwrap();
        fs_err::write(root.join("..one/config.json"), "{}").unwrap();
        symlink("..one", root.join("..data")).unwrap();
        symlink("..data/config.json", root.join("config.json")).unwrap();
        let expected = [
            (root.clone(), "config.json".into()),
            (root.clone(), "..data".into()),
            (root.join("..one"), "config.json".into()),
        ];
        assert_eq!(of(&root.join("config.json")), expected);
    }

    #[test]
    fn a_link_of_a_directory_may_lead_up_and_over_an_absolute_path() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs_err::create_dir_all(root.join("real/sub")).unwrap();
        symlink(root.join("real"), root.join("absolute")).unwrap();
        symlink("../absolute/sub", root.join("real/up")).unwrap();
        let expected = [
            (root.clone(), "absolute".into()),
            (root.join("real"), "up".into()),
            (root.clone(), "absolute".into()),
            (root.join("real/sub"), "config.json".into()),
        ];
        assert_eq!(of(&root.join("absolute/up/config.json")), expected);
    }

    #[test]
    fn where_the_way_breaks_off_the_missing_place_is_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        assert_eq!(
            of(&root.join("no/such/config.json")),
            [(root.clone(), "no".into())]
        );
        symlink("nowhere", root.join("dangling")).unwrap();
        assert_eq!(
            of(&root.join("dangling")),
            [
                (root.clone(), "dangling".into()),
                (root.clone(), "nowhere".into())
            ]
        );
    }

    #[test]
    fn a_circle_of_links_comes_to_an_end() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        symlink("b", root.join("a")).unwrap();
        symlink("a", root.join("b")).unwrap();
        assert_eq!(of(&root.join("a")).len(), MAX_LINKS + 1);
    }
}
