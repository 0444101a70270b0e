//! Compiles `owlcoda/v1/*.proto` with protox, so that nobody needs `protoc`.

use std::error::Error;

const FILES: [&str; 9] = [
    "owlcoda/v1/audit.proto",
    "owlcoda/v1/backends.proto",
    "owlcoda/v1/common.proto",
    "owlcoda/v1/daemon.proto",
    "owlcoda/v1/figures.proto",
    "owlcoda/v1/inspect.proto",
    "owlcoda/v1/logs.proto",
    "owlcoda/v1/models.proto",
    "owlcoda/v1/sessions.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    for file in FILES {
        println!("cargo:rerun-if-changed={file}");
    }
    let descriptors = protox::compile(FILES, ["."])?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
