//! The commands as a script calls them: files in, exit codes out.

use super::*;
use clap::Parser;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: LicenseArgs,
}

/// The vector of the licensing contract, section 6.3.
const KEYS: &str = r#"{"rust-tv1":"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE/T6zqz8QYxR7FzXXi622hwTIiNls2XM8G9iS+0mhmAeYh5TvMr6clzPBpvoiayJmIIeh8ELMRoLIkEBGaxl1TQ=="}"#;
const TOKEN: &str = concat!(
    "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJ1c3QtdHYxIn0.",
    "eyJpc3MiOiJuaW5lbWluZHMtbGljZW5zZSIsInN1YiI6ImxpY190djAwMDEiLCJjdXN0IjoiQWNtZSBNU1AiLCJ0aWVyIjoicHJvIiwic2VhdHMiOjI1",
    "LCJhdWQiOiIxMTExMTExMS0yMjIyLTQzMzMtODQ0NC01NTU1NTU1NTU1NTUiLCJpYXQiOjE3NjcyMjU2MDAsImV4cCI6NDA3MDkwODgwMH0.",
    "FrCG3nkkRvCj6jmt-EmbIWc8WMDIWwKtiZm9ebviqCV3qrNZSvPdN6IMM4WFTPde-4N1mjJVtXfN00mS9bU4nQ"
);
const TENANT: &str = "11111111-2222-4333-8444-555555555555";

struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().expect("folder") };
        bench.write("keys", KEYS);
        bench.write("token", TOKEN);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    /// Runs a line in which `@name` stands for a file of the folder.
    fn run(&self, line: &str) -> Exit {
        let file = |word: &str| word.strip_prefix('@').map(|name| self.path(name).to_string_lossy().into_owned());
        let words = line.split(' ').map(|word| file(word).unwrap_or_else(|| word.to_owned()));
        let words: Vec<_> = std::iter::once("license".to_owned()).chain(words).collect();
        let Ok(line) = Line::try_parse_from(words) else { return Exit::Usage };
        let source = Source::of([]);
        let outcome = futures::executor::block_on(run(line.args, Output::Json, &source));
        outcome.unwrap_or_else(|failure| failure.exit)
    }
}

#[test]
fn the_vector_is_valid_for_its_tenant_and_for_nobody_else() {
    let bench = Bench::new();
    let verify = |rest: &str| bench.run(&format!("verify --keys @keys --token @token --at 2027-01-15T08:00:00Z{rest}"));
    assert_eq!(verify(""), Exit::Ok);
    assert_eq!(verify(&format!(" --tenant {TENANT}")), Exit::Ok);
    assert_eq!(verify(" --tenant 99999999-2222-4333-8444-555555555555"), Exit::No);
    assert_eq!(verify(" --tenant acme"), Exit::Usage);
    assert_eq!(bench.run("verify --keys @keys --token @token --at 4070908860"), Exit::No, "expired");
    assert_eq!(bench.run("verify --keys @keys --token @token --at yesterday"), Exit::Usage);
}

#[test]
fn a_token_has_no_line_end_and_files_must_be_there() {
    let bench = Bench::new();
    bench.write("token", &format!("{TOKEN}\n"));
    assert_eq!(bench.run("verify --keys @keys --token @token --at 1800000000"), Exit::No);
    assert_eq!(bench.run("verify --keys @keys --token @none"), Exit::NotFound);
    assert_eq!(bench.run("verify --keys @token --token @token"), Exit::Usage);
    assert_eq!(bench.run("verify --keys @keys"), Exit::Usage);
    bench.write("keys", "{}");
    assert_eq!(bench.run("verify --keys @keys --token @token"), Exit::No, "nothing is trusted");
}

#[test]
fn a_wrong_key_file_is_a_wrong_argument() {
    let bench = Bench::new();
    bench.write(
        "claims",
        r#"{"sub":"lic_a","cust":"Acme","tier":"pro","aud":"11111111-2222-4333-8444-555555555555","exp":4000000000}"#,
    );
    assert_eq!(bench.run("sign --key @keys --kid v1 --claims @claims"), Exit::Usage);
    assert_eq!(bench.run("sign --key @none --kid v1 --claims @claims"), Exit::NotFound);
    assert_eq!(bench.run("sign --key @none --kid v/1 --claims @claims"), Exit::Usage);
}

#[test]
fn times_are_read_in_two_forms() {
    assert_eq!(time("1369353600"), Ok(1_369_353_600));
    assert_eq!(time("2013-05-24T00:00:00Z"), Ok(1_369_353_600));
    assert!(time("24.05.2013").is_err() && time("").is_err());
}

#[test]
fn a_link_needs_all_settings_or_none() {
    let run_with = |settings: &[(&str, &str)]| {
        let source = Source::of(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let line = Line::try_parse_from(["license", "presign", "--at", "2013-05-24T00:00:00Z"]).expect("a line");
        let outcome = futures::executor::block_on(run(line.args, Output::Json, &source));
        outcome.unwrap_or_else(|failure| failure.exit)
    };
    let all = [
        ("OBJECT_STORE_ENDPOINT", "https://store.example"),
        ("OBJECT_STORE_REGION", "us-east-1"),
        ("OBJECT_STORE_BUCKET", "images"),
        ("OBJECT_STORE_ACCESS_KEY", "AKIA"),
        ("OBJECT_STORE_SECRET_KEY", "a-secret-of-the-store"),
    ];
    assert_eq!(run_with(&[]), Exit::No, "a script must not take nothing for a link");
    assert_eq!(run_with(&all), Exit::Ok);
    assert_eq!(run_with(&all[..4]), Exit::No);
    let bench = Bench::new();
    assert_eq!(bench.run("presign --expires 604801"), Exit::Usage);
}

#[test]
fn a_path_is_in_no_message() {
    let bench = Bench::new();
    let failure = input::read(Path::new(&bench.path("none")), "could not read it").expect_err("missing");
    assert!(!failure.to_string().contains("none"), "{failure}");
}
