use super::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn supervisor(root: &Path) -> Supervisor {
    Supervisor::new(root.to_owned(), State::default(), Ports::default())
}

fn shell(name: &str, script: &str, root: &Path) -> PartSpec {
    PartSpec::new(name, "/bin/sh", root).args(["-c", script])
}

#[tokio::test]
async fn a_part_is_ready_when_its_condition_holds_and_gone_after_stop() {
    let root = folder();
    let all = supervisor(root.path());
    let file = root.path().join("ready");
    // A child of the part: it must go with it.
    let spec = shell("part", "sleep 1000 & echo ok > ready; wait", root.path()).ready(Ready::File(file));
    all.start(spec).await.unwrap();
    let process = all.process("part").unwrap();
    assert!(process.alive());
    all.stop("part", Ending::Orderly).await.unwrap();
    assert!(!process.alive());
    assert!(all.process("part").is_none());
    // And again, with another process.
    all.start_known("part").await.unwrap();
    assert_ne!(all.process("part").unwrap(), process);
    all.stop_all(Ending::Now).await.unwrap();
    assert!(State::read(root.path()).unwrap().running().is_empty());
}

#[tokio::test]
async fn a_part_that_ends_shows_the_end_of_its_log() {
    let root = folder();
    let spec = shell("part", "echo 'bind: address already in use' >&2; exit 3", root.path())
        .ready(Ready::File(root.path().join("never")));
    let error = supervisor(root.path()).start(spec).await.unwrap_err().to_string();
    assert!(error.contains("it ended with exit status: 3"), "{error}");
    assert!(error.contains("bind: address already in use\nremedy: another program took the port"), "{error}");
}

#[tokio::test]
async fn a_part_that_is_not_ready_in_time_says_what_was_seen() {
    let root = folder();
    let all = supervisor(root.path());
    let mut spec = shell("part", "exec sleep 1000", root.path()).ready(Ready::File(root.path().join("never")));
    spec.ready_within = Duration::from_millis(50);
    let error = all.start(spec).await.unwrap_err().to_string();
    assert!(error.contains("not ready within") && error.contains("No such file"), "{error}");
    all.stop_all(Ending::Now).await.unwrap();
}

#[tokio::test]
async fn a_missing_executable_names_the_folder_to_delete() {
    let root = folder();
    let spec = PartSpec::new("part", root.path().join("cache/tool"), root.path());
    let error = supervisor(root.path()).start(spec).await.unwrap_err().to_string();
    assert!(error.contains("cache and start again"), "{error}");
}

#[tokio::test]
async fn a_frozen_part_and_one_that_ignores_the_signal_end_too() {
    let root = folder();
    let all = supervisor(root.path());
    all.start(shell("frozen", "exec sleep 1000", root.path())).await.unwrap();
    all.signal("frozen", Signal::SIGSTOP).unwrap();
    all.stop("frozen", Ending::Orderly).await.unwrap();
    all.start(shell("deaf", "trap '' TERM; while :; do sleep 1; done", root.path())).await.unwrap();
    all.stop("deaf", Ending::Now).await.unwrap();
    assert!(all.state().running().is_empty());
}

#[tokio::test]
async fn what_a_crash_leaves_is_ended_by_number_and_start_time_only() {
    let root = folder();
    let crashed = supervisor(root.path());
    crashed.start(shell("left", "exec sleep 1000", root.path())).await.unwrap();
    let left = crashed.process("left").unwrap();
    // The number of a process that is not ours: the test itself.
    let own = ProcId::own().unwrap();
    crashed
        .change(|state| {
            let spec = PartSpec::new("reused", "/bin/sh", root.path());
            let process = Some(ProcId { started: own.started + 1, ..own });
            state.parts.insert("reused".to_owned(), PartRecord { spec, process });
        })
        .unwrap();
    drop(crashed);
    let report = crate::down(root.path()).await.unwrap();
    assert_eq!(report.ended, ["left"]);
    assert!(!left.alive());
    assert!(crate::down(root.path()).await.unwrap().ended.is_empty());
}

#[test]
fn a_backtrace_does_not_hide_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("part.log");
    let frames: String =
        (0..40).map(|n| format!("  {n:>2}: std::rt::lang_start\n             at /rustc/src/rt.rs:1:2\n")).collect();
    let causes = "could not listen\n\nCaused by:\n    0: cannot bind 127.0.0.1:8080\n    1: Address already in use (os error 98)\n";
    fs::write(&log, format!("starting\nError: {causes}\nStack backtrace:\n{frames}the end\n")).expect("written");
    let shown = tail(&log, 10);
    assert!(shown.contains("1: Address already in use") && shown.ends_with("the end"), "{shown}");
    assert!(!shown.contains("lang_start") && !shown.contains("/rustc"), "{shown}");
    let error = PartError::NotReady { part: "worker".into(), why: "it ended".into(), log, tail: shown };
    assert!(error.to_string().contains("remedy: another program took the port"), "{error}");
}
