//! Compares `cargo metadata` with the table of allowed edges.

use architecture::{ALLOWED, FENCED, NAMEABLE, PURE};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};
use std::collections::{BTreeMap, BTreeSet};

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .other_options(["--locked", "--filter-platform", "x86_64-unknown-linux-gnu"].map(str::to_owned).to_vec())
        .exec()
        .expect("cargo metadata of this workspace")
}

#[test]
fn crates_depend_only_on_what_the_table_allows() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ALLOWED.iter().map(|(name, edges)| (*name, edges.iter().copied().collect())).collect();
    let ours: BTreeSet<String> = metadata.workspace_packages().iter().map(|p| p.name.to_string()).collect();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(edges) = allowed.get(package.name.as_str()) else {
            wrong.push(format!("{} is not in the table: say what it may depend on", package.name));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|d| d.kind != DependencyKind::Development) {
            if ours.contains(&dependency.name) && !edges.contains(dependency.name.as_str()) {
                wrong.push(format!("{} -> {} is not allowed", package.name, dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_depends_on_the_worker() {
    for package in metadata().workspace_packages() {
        let on_worker = package.dependencies.iter().any(|d| d.name == "tenantry");
        assert!(!on_worker, "{} depends on the binary: move what it needs into a library crate", package.name);
    }
}

#[test]
fn workflow_code_can_name_no_socket_file_or_client() {
    let metadata = metadata();
    for (name, nameable) in NAMEABLE {
        let package = metadata.packages.iter().find(|p| p.name.as_str() == *name).expect("a crate of this workspace");
        for dependency in package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal) {
            let allowed = nameable.contains(&dependency.name.as_str());
            assert!(allowed, "{name} can name {}: workflow code would replay differently, or block", dependency.name);
        }
    }
}

#[test]
fn pure_crates_reach_no_socket_file_or_clock() {
    let metadata = metadata();
    let resolve = metadata.resolve.as_ref().expect("a resolved graph");
    let names: BTreeMap<&PackageId, &str> = metadata.packages.iter().map(|p| (&p.id, p.name.as_str())).collect();
    for pure in PURE {
        let root = metadata.packages.iter().find(|p| p.name.as_str() == *pure).expect("a crate of this workspace");
        let (mut seen, mut next) = (BTreeSet::new(), vec![vec![&root.id]]);
        while let Some(path) = next.pop() {
            let id = *path.last().expect("a path has an end");
            if !seen.insert(id) {
                continue;
            }
            let name = names[id];
            let shown: Vec<_> = path.iter().map(|id| names[*id]).collect();
            assert!(!FENCED.contains(&name), "{pure} reaches {name}: {}", shown.join(" -> "));
            let node = resolve.nodes.iter().find(|node| node.id == *id).expect("every package has a node");
            for dependency in &node.deps {
                let normal = dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
                if normal {
                    let mut longer = path.clone();
                    longer.push(&dependency.pkg);
                    next.push(longer);
                }
            }
        }
    }
}
