//! An etcd that already holds the CRDs and namespaces: made once per version, copied into every new stack. It saves each
//! fresh start the seconds in which the API server takes 31 CRDs up one after the other.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cluster::{self, Cluster};
use crate::error::{StartError, prepare as failed};
use crate::fetch;
use crate::ports::Ports;
use crate::progress::{Event, Progress};
use crate::project::{cache_dir, key};
use crate::state::State;
use crate::supervise::{Ending, Supervisor};

/// Whether the kinds still have to be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kinds {
    /// They are in etcd, from this very version.
    There,
    /// The data is kept from another version.
    Missing,
}

/// Remembers that this version's kinds were applied to kept data.
pub(crate) fn applied(cluster: &Cluster<'_>) -> Result<(), StartError> {
    let write = || fs::write(cluster.dir().join("seed"), version(&entry(cluster)?));
    write().map_err(|error| broken(&error))
}

fn version(entry: &Path) -> String {
    entry.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Puts a seeded etcd into a stack that has none yet.
pub(crate) async fn plant(cluster: &Cluster<'_>, progress: &dyn Progress) -> Result<Kinds, StartError> {
    let target = cluster.dir().join("etcd");
    let entry = entry(cluster).map_err(|error| broken(&error))?;
    let version = version(&entry);
    let mark = cluster.dir().join("seed");
    if target.exists() {
        let same = fs::read_to_string(&mark).is_ok_and(|kept| kept == version);
        return Ok(if same { Kinds::There } else { Kinds::Missing });
    }
    if !fetch::whole(&entry) {
        let _lock = fetch::lock(&entry).await.map_err(|error| broken(&error))?;
        if !fetch::whole(&entry) {
            make(cluster, &entry, progress).await?;
        }
    }
    let (from, to) = (entry.join("etcd"), target);
    let copied = tokio::task::spawn_blocking(move || copy(&from, &to)).await.map_err(io::Error::other);
    copied.and_then(|copied| copied).and_then(|()| fs::write(mark, version)).map_err(|error| broken(&error))?;
    Ok(Kinds::There)
}

fn broken(error: &io::Error) -> StartError {
    let remedy = format!("free some space, or delete the folders seed-* in {}", cache_dir().display());
    failed("copy the empty cluster", error.to_string(), remedy)
}

/// Named by the programs, which carry the CRDs, and by the objects that are applied with them.
fn entry(cluster: &Cluster<'_>) -> io::Result<PathBuf> {
    let programs = cluster.programs.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut contents = Vec::new();
    for file in fs::read_dir(cluster.manifests("before"))? {
        contents.push(fs::read(file?.path())?);
    }
    contents.sort();
    let manifests = contents.iter().map(|raw| ("manifest", raw.as_slice()));
    let inputs = manifests.chain([("programs", programs.as_bytes())]);
    Ok(cache_dir().join(format!("seed-{}", key(inputs))))
}

async fn make(cluster: &Cluster<'_>, entry: &Path, progress: &dyn Progress) -> Result<(), StartError> {
    let what = "prepare an empty cluster (once)";
    progress.event(Event::Began(what));
    let started = std::time::Instant::now();
    let root = entry.with_extension(format!("new-{}", std::process::id()));
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(&root).map_err(|error| broken(&error))?;
    let made = run(cluster, &root).await;
    if made.is_err() {
        let _ = fs::remove_dir_all(&root);
    }
    made?;
    let keep = || -> io::Result<()> {
        let building = root.join("seed");
        fs::create_dir_all(&building)?;
        fs::rename(root.join("cluster/etcd"), building.join("etcd"))?;
        fetch::publish(&building, entry, &[PathBuf::from("etcd/member/snap/db")])?;
        fs::remove_dir_all(&root)
    };
    keep().map_err(|error| broken(&error))?;
    progress.event(Event::Done(what, started.elapsed()));
    Ok(())
}

/// Runs etcd and an API server for as long as it takes to apply the CRDs.
async fn run(cluster: &Cluster<'_>, root: &Path) -> Result<(), StartError> {
    let mut ports = Ports::default();
    cluster::ports(&mut ports).map_err(|error| broken(&error))?;
    let numbers = ports.numbers().clone();
    let supervisor = Supervisor::new(root.to_owned(), State::default(), ports);
    let own = Cluster { root, ports: &numbers, ..cluster.clone() };
    own.prepare()?;
    let work = async {
        tokio::try_join!(supervisor.start(own.etcd()), supervisor.start(own.apiserver()))?;
        let mut objects = vec![own.manifests("before")];
        objects.extend(own.crds());
        own.apply("the CRDs", &objects).await
    };
    let worked = work.await;
    let stopped = supervisor.stop_all(Ending::Orderly).await;
    worked?;
    Ok(stopped?)
}

/// Copies a folder; `cp` shares blocks where the file system can.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let part = to.with_extension("part");
    let _ = fs::remove_dir_all(&part);
    let ended = Command::new("cp").args(["-r", "--reflink=auto"]).arg(from).arg(&part).output()?;
    if !ended.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&ended.stderr).into_owned()));
    }
    fs::rename(part, to)
}
