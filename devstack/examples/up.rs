//! Starts the whole stack, with worker and responder where TENANTRY_BINARY names the executable that has these roles; prints times and variables, and stays until Ctrl-C.
//!
//! `cargo run -p devstack --example up -- FOLDER [GROUP…] [--background | --down | --ephemeral]` with groups such as
//! `postgres temporal`.

use std::time::Instant;

use devstack::{Group, Lines, Migrate, Options, PartSet};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    if let Some((name, rest)) = devstack::is_part_command(&args) {
        return devstack::run_part(&name, &rest).await;
    }
    let root = args.get(1).map_or(".dev/example", String::as_str);
    if args.iter().any(|arg| arg == "--down") {
        let report = devstack::down(std::path::Path::new(root)).await?;
        println!("ended: {}", report.ended.join(", "));
        return Ok(());
    }
    let named = |group: &Group| args.iter().skip(2).any(|arg| format!("{group:?}").eq_ignore_ascii_case(arg));
    let chosen: Vec<Group> = Group::ALL.into_iter().filter(named).collect();
    let tenantry = std::env::var_os("TENANTRY_BINARY").map(std::path::PathBuf::from);
    let parts = match (chosen.is_empty(), &tenantry) {
        (false, _) => PartSet::of(&chosen),
        (true, Some(_)) => PartSet::all(),
        (true, None) => PartSet::all().without(Group::Worker).without(Group::Responder),
    };
    let project = devstack::find_project()?;
    let mut sql_files = std::fs::read_dir(project.join("devstack/product-schema"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    sql_files.retain(|path| path.extension().is_some_and(|end| end == "sql"));
    sql_files.sort();
    let options = Options {
        parts,
        sql_files,
        migrate: if tenantry.is_some() { Migrate::Yes } else { Migrate::No },
        ephemeral: args.iter().any(|arg| arg == "--ephemeral"),
        background: args.iter().any(|arg| arg == "--background"),
        ..Options::new(root, tenantry.map_or_else(std::env::current_exe, Ok)?, project)
    };
    let started = Instant::now();
    let stack = devstack::start(&options, &Lines).await?;
    eprintln!("ready after {:.1} s", started.elapsed().as_secs_f64());
    for (name, value) in stack.environment() {
        println!("export {name}='{value}'");
    }
    if !options.background {
        tokio::signal::ctrl_c().await?;
        stack.stop().await?;
    }
    Ok(())
}
