//! A file system in memory that knows what of it was synced.
//!
//! Making, renaming and removing take effect at once; what a file holds only with `fsync`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyStatfs, ReplyWrite, Request, TimeOrNow,
    WriteFlags,
};
use parking_lot::Mutex;

/// Nothing is kept by the kernel: every question comes to us.
const TTL: Duration = Duration::ZERO;
const ROOT: u64 = 1;

#[derive(Debug)]
enum Node {
    Dir(BTreeMap<OsString, u64>),
    File { now: Vec<u8>, durable: Vec<u8> },
}

#[derive(Debug)]
struct Tree {
    nodes: BTreeMap<u64, Node>,
    next: u64,
}

/// The mounted file system.
pub(super) struct Disk {
    tree: Arc<Mutex<Tree>>,
    session: BackgroundSession,
}

impl Disk {
    /// Mounts what is in `image`, all of it durable, on `mount`.
    pub(super) fn mount(mount: &Path, image: &Path) -> Self {
        let mut tree = Tree {
            nodes: BTreeMap::from([(ROOT, Node::Dir(BTreeMap::new()))]),
            next: ROOT + 1,
        };
        tree.load(ROOT, image);
        let tree = Arc::new(Mutex::new(tree));
        let files = Files(Arc::clone(&tree));
        let session = fuser::spawn_mount(files, mount, &Config::default()).unwrap();
        Self { tree, session }
    }

    /// Writes what a power cut at this moment would leave to `dir`.
    pub(super) fn write_durable(&self, dir: &Path) {
        self.tree.lock().dump(ROOT, dir);
    }

    pub(super) fn unmount(self) {
        match self.session.umount_and_join() {
            // The kernel hangs up where a request of the writer that was killed is still under way.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            ended => ended.unwrap(),
        }
    }
}

impl Tree {
    fn load(&mut self, parent: u64, dir: &Path) {
        for entry in fs_err::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap();
            if path.is_dir() {
                let ino = self.add(parent, name, Node::Dir(BTreeMap::new()));
                self.load(ino, &path);
            } else {
                let now = fs_err::read(&path).unwrap();
                let durable = now.clone();
                self.add(parent, name, Node::File { now, durable });
            }
        }
    }

    fn dump(&self, ino: u64, dir: &Path) {
        let Some(Node::Dir(names)) = self.nodes.get(&ino) else {
            return;
        };
        for (name, ino) in names {
            let path = dir.join(name);
            match self.nodes.get(ino) {
                Some(Node::Dir(_)) => {
                    fs_err::create_dir(&path).unwrap();
                    self.dump(*ino, &path);
                }
                Some(Node::File { durable, .. }) => fs_err::write(path, durable).unwrap(),
                None => {}
            }
        }
    }

    fn add(&mut self, parent: u64, name: &OsStr, node: Node) -> u64 {
        let ino = self.next;
        self.next += 1;
        self.nodes.insert(ino, node);
        if let Some(names) = self.names(parent) {
            names.insert(name.to_owned(), ino);
        }
        ino
    }

    fn names(&mut self, ino: u64) -> Option<&mut BTreeMap<OsString, u64>> {
        match self.nodes.get_mut(&ino) {
            Some(Node::Dir(names)) => Some(names),
            _ => None,
        }
    }

    fn child(&mut self, parent: u64, name: &OsStr) -> Option<u64> {
        self.names(parent)?.get(name).copied()
    }

    fn attr(&self, ino: u64) -> Option<FileAttr> {
        let (kind, size) = match self.nodes.get(&ino)? {
            Node::Dir(_) => (FileType::Directory, 0),
            Node::File { now, .. } => (FileType::RegularFile, now.len() as u64),
        };
        Some(FileAttr {
            ino: INodeNo(ino),
            size,
            blocks: size.div_ceil(512),
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind,
            perm: 0o700,
            nlink: 1,
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            rdev: 0,
            blksize: 4096,
            flags: 0,
        })
    }
}

struct Files(Arc<Mutex<Tree>>);

impl Filesystem for Files {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let mut tree = self.0.lock();
        let found = tree.child(parent.0, name).and_then(|ino| tree.attr(ino));
        match found {
            Some(attr) => reply.entry(&TTL, &attr, Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.0.lock().attr(ino.0) {
            Some(attr) => reply.attr(&TTL, &attr),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut tree = self.0.lock();
        if let (Some(size), Some(Node::File { now, .. })) = (size, tree.nodes.get_mut(&ino.0)) {
            now.resize(usize::try_from(size).unwrap(), 0);
        }
        match tree.attr(ino.0) {
            Some(attr) => reply.attr(&TTL, &attr),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, _: u32, _: u32, reply: ReplyEntry) {
        let mut tree = self.0.lock();
        let ino = tree.add(parent.0, name, Node::Dir(BTreeMap::new()));
        match tree.attr(ino) {
            Some(attr) => reply.entry(&TTL, &attr, Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        // The node stays for whoever has it open.
        let mut tree = self.0.lock();
        match tree.names(parent.0).and_then(|names| names.remove(name)) {
            Some(_) => reply.ok(),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn rmdir(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.unlink(request, parent, name, reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        _: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let mut tree = self.0.lock();
        let moved = tree.names(parent.0).and_then(|names| names.remove(name));
        match (moved, tree.names(newparent.0)) {
            (Some(ino), Some(names)) => {
                names.insert(newname.to_owned(), ino);
                reply.ok();
            }
            _ => reply.error(Errno::ENOENT),
        }
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        _: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let mut tree = self.0.lock();
        let empty = Node::File {
            now: Vec::new(),
            durable: Vec::new(),
        };
        let ino = tree.add(parent.0, name, empty);
        match tree.attr(ino) {
            Some(attr) => {
                let (handle, flags) = (FileHandle(0), FopenFlags::empty());
                reply.created(&TTL, &attr, Generation(0), handle, flags);
            }
            None => reply.error(Errno::ENOENT),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let tree = self.0.lock();
        let Some(Node::File { now, .. }) = tree.nodes.get(&ino.0) else {
            return reply.error(Errno::ENOENT);
        };
        let from = usize::try_from(offset).unwrap().min(now.len());
        let to = now.len().min(from + size as usize);
        reply.data(now.get(from..to).unwrap_or_default());
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut tree = self.0.lock();
        let Some(Node::File { now, .. }) = tree.nodes.get_mut(&ino.0) else {
            return reply.error(Errno::ENOENT);
        };
        let from = usize::try_from(offset).unwrap();
        let to = from + data.len();
        if now.len() < to {
            now.resize(to, 0);
        }
        if let Some(place) = now.get_mut(from..to) {
            place.copy_from_slice(data);
        }
        reply.written(u32::try_from(data.len()).unwrap());
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        if let Some(Node::File { now, durable }) = self.0.lock().nodes.get_mut(&ino.0) {
            durable.clone_from(now);
        }
        reply.ok();
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let mut tree = self.0.lock();
        let Some(names) = tree.names(ino.0) else {
            return reply.error(Errno::ENOTDIR);
        };
        let names = names.clone();
        let from = usize::try_from(offset).unwrap();
        for (at, (name, ino)) in names.iter().enumerate().skip(from) {
            let Some(attr) = tree.attr(*ino) else {
                continue;
            };
            if reply.add(INodeNo(*ino), at as u64 + 1, attr.kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        reply.statfs(1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 4096, 255, 4096);
    }
}
