//! Starts the whole stack without worker and responder, prints times and variables, and stays until Ctrl-C.
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
    let parts = match chosen.is_empty() {
        true => PartSet::all().without(Group::Worker).without(Group::Responder),
        false => PartSet::of(&chosen),
    };
    let options = Options {
        parts,
        migrate: Migrate::No,
        ephemeral: args.iter().any(|arg| arg == "--ephemeral"),
        background: args.iter().any(|arg| arg == "--background"),
        ..Options::new(root, std::env::current_exe()?, devstack::find_project()?)
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
