//! Compiles the messages with a pure-Rust compiler, so that no `protoc` is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = [
        "tenantry/v1/portal_domain.proto",
        "tenantry/v1/platform.proto",
        "tenantry/v1/tenant.proto",
        "tenantry/v1/license.proto",
    ];
    for file in files {
        println!("cargo:rerun-if-changed={file}");
    }
    let descriptors = protox::compile(files, ["."])?;
    let mut json = pbjson_build::Builder::new();
    for file in &descriptors.file {
        json.register_file_descriptor(file.clone());
    }
    json.btree_map(["."]).ignore_unknown_fields().build(&[".tenantry.v1"])?;
    // A message that can hold a password, a code, a licence or a person has its Debug in src/lib.rs.
    let mut messages = prost_build::Config::new();
    messages.skip_debug([
        ".tenantry.v1.CreateAdminUserRequest",
        ".tenantry.v1.EssentialsRegistrationInput",
        ".tenantry.v1.RedeemInput",
        ".tenantry.v1.PrepareRedemptionRequest",
        ".tenantry.v1.ApplyInput",
        ".tenantry.v1.ApplyRequest",
    ]);
    messages.btree_map(["."]).enable_type_names().compile_fds(descriptors)?;
    Ok(())
}
