//! Compiles `owlcoda/v1/*.proto` with protox, so that nobody needs `protoc`.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use prost::Message as _;

const FILES: [&str; 13] = [
    "owlcoda/v1/access.proto",
    "owlcoda/v1/audit.proto",
    "owlcoda/v1/backends.proto",
    "owlcoda/v1/backup.proto",
    "owlcoda/v1/common.proto",
    "owlcoda/v1/config.proto",
    "owlcoda/v1/daemon.proto",
    "owlcoda/v1/figures.proto",
    "owlcoda/v1/inspect.proto",
    "owlcoda/v1/lifecycle.proto",
    "owlcoda/v1/logs.proto",
    "owlcoda/v1/models.proto",
    "owlcoda/v1/sessions.proto",
];

#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script where to write by a variable, and reads the error"
)]
fn main() -> Result<(), Box<dyn Error>> {
    for file in FILES {
        println!("cargo:rerun-if-changed={file}");
    }
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("owlcoda.v1.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
