//! Compiles the .proto files without protoc, keeps their descriptor set, and takes secrets out of `Debug`.

use std::{env, error::Error, fs, path::PathBuf};

/// Every file of the contract; a new service adds its line here.
const FILES: [&str; 4] = [
    "bibliotique/identity/v1/identity.proto",
    "bibliotique/identity/v1/school.proto",
    "bibliotique/catalog/v1/catalog.proto",
    "bibliotique/lending/v1/lending.proto",
];

/// Messages that carry a password, a token or a key. Their `Debug` is written by hand in `src/lib.rs` and prints no field.
const SECRET: [&str; 10] = [
    ".bibliotique.identity.v1.RegisterAccountRequest",
    ".bibliotique.identity.v1.RegisterAccountResponse",
    ".bibliotique.identity.v1.CreateAccountRequest",
    ".bibliotique.identity.v1.LogInRequest",
    ".bibliotique.identity.v1.LogInResponse",
    ".bibliotique.identity.v1.ChangePasswordRequest",
    ".bibliotique.identity.v1.ResetPasswordRequest",
    ".bibliotique.identity.v1.CreateMemberRequest",
    ".bibliotique.identity.v1.CreateApiKeyResponse",
    ".bibliotique.identity.v1.VerifyApiKeyRequest",
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_imports(true).include_source_info(true).open_files(FILES)?;

    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;

    tonic_prost_build::configure()
        .build_transport(false)
        .codec_path("crate::Codec")
        .skip_debug(SECRET)
        .skip_debug([
            ".bibliotique.identity.v1.CreateAccountRequest.credential",
            ".bibliotique.identity.v1.CreateMemberRequest.credential",
        ])
        .compile_fds(compiler.file_descriptor_set())?;
    for file in FILES {
        println!("cargo::rerun-if-changed={file}");
    }
    Ok(())
}
