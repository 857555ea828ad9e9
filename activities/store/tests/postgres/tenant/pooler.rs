//! The real PgBouncer in transaction mode between the worker and the server (R22).

use crate::fixture::{Db, T0, with_database};
use crate::tenant::steps::{Creation, Step, request, with_stripe};
use crate::tenant::world::World;
use sqlx::Row as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Clients, and the connections to the server that they share.
const CLIENTS: u32 = 20;
const SERVERS: u32 = 2;
/// Password of the worker's role in these tests.
const SECRET: &str = "a password for the pooler";
/// How long PgBouncer may take to answer.
const READY_MAX: Duration = Duration::from_secs(20);
/// What to do where it is missing. The layer needs it, so nothing is skipped.
const MISSING: &str = "pgbouncer is not installed: apt-get install -y --no-install-recommends pgbouncer";

/// A running PgBouncer. Dropping it ends it.
struct Bouncer {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        // An error means that it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Finds it in PATH or where Debian puts it.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")]);
    let found = folders.map(|folder| folder.join("pgbouncer")).find(|file| file.is_file());
    found.expect(MISSING)
}

impl Bouncer {
    /// Starts it in front of the test's database, with a password of its own for the worker's role.
    async fn start(db: &Db) -> Self {
        db.execute(&format!("ALTER ROLE {} PASSWORD '{SECRET}'", db.roles.worker.name())).await;
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr()).unwrap().port();
        let file = |name: &str| folder.path().join(name);
        let users = format!("\"{}\" \"{SECRET}\"\n", db.roles.worker.name());
        std::fs::write(file("users.txt"), users).unwrap();
        let (host, database) = (db.options.get_host(), db.options.get_database().unwrap());
        let config = format!(
            "[databases]\n{database} = host={host} port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\npool_mode = transaction\n\
             default_pool_size = {SERVERS}\nmax_client_conn = 100\nserver_tls_sslmode = disable\nlogfile =\n",
            db.options.get_port(),
            file("users.txt").display()
        );
        std::fs::write(file("pgbouncer.ini"), config).unwrap();
        let log = std::fs::File::create(file("log")).unwrap();
        let mut command = Command::new(program());
        // It refuses to run as root; then it becomes an ordinary user, who must be able to read its files.
        if std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
            command.args(["-u", "nobody"]);
            for (path, mode) in
                [(folder.path().to_owned(), 0o755), (file("users.txt"), 0o644), (file("pgbouncer.ini"), 0o644)]
            {
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
            }
        }
        command.arg(file("pgbouncer.ini")).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self { child: command.spawn().unwrap(), port, folder }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// A pool of clients, once PgBouncer answers.
    async fn pool(&self, db: &Db) -> sqlx::PgPool {
        let options = (*db.worker.connect_options()).clone().host("127.0.0.1").port(self.port).password(SECRET);
        let pool = store::pool(options, CLIENTS);
        let until = Instant::now() + READY_MAX;
        while let Err(error) = pool.acquire().await {
            assert!(Instant::now() < until, "pgbouncer did not answer: {error}: {}", self.log());
        }
        pool
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_creations_at_once_share_two_connections_and_leave_no_state() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let bouncer = Bouncer::start(db).await;
        let pool = bouncer.pool(db).await;
        let store = World::steps(pool.clone(), world.billing);
        let whole = async |n: u32| {
            let mut creation = Creation::new(with_stripe(request(&format!("run-{n}")), &format!("sub_{n}")));
            for step in Step::ALL {
                for repeat in 0..2 {
                    let outcome = creation.run(&store, step, T0 + repeat).await;
                    creation.learn(&outcome.unwrap_or_else(|error| panic!("{step:?} of {n}: {error}: {}", bouncer.log())));
                }
            }
            creation.tenant
        };
        let tenants = futures::future::join_all((0..CLIENTS).map(whole)).await;
        assert_eq!(tenants.len(), 20);
        assert_eq!(world.count("tenantry.creations WHERE state = 'completed'").await, "20");
        assert_eq!(world.count("roles").await, (20 * 8).to_string());
        let name = db.roles.worker.name();
        // Nothing else of this test is connected under the worker's role.
        let servers = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{name}'");
        assert_eq!(db.value(&servers).await, SERVERS.to_string(), "{}", bouncer.log());
        let busy = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{name}' AND state LIKE 'idle in transaction%'");
        assert_eq!(db.value(&busy).await, "0");
        let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        assert_eq!(db.value(locks).await, "0");

        // Both connections to the server, one transaction on each: nothing that a session can keep is there.
        let (mut one, mut two) = (pool.begin().await.unwrap(), pool.begin().await.unwrap());
        let mut pids = Vec::new();
        for transaction in [&mut one, &mut two] {
            let row = sqlx::query(
                "SELECT pg_backend_pid() AS pid, (SELECT count(*) FROM pg_prepared_statements WHERE name <> '') AS named,
                   (SELECT count(*) FROM pg_settings WHERE source = 'session' AND name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'standard_conforming_strings', 'IntervalStyle')) AS settings,
                   (SELECT count(*) FROM pg_cursors WHERE name <> '') AS cursors,
                   current_setting('statement_timeout') || ' ' || current_setting('lock_timeout') AS limits",
            )
            .persistent(false)
            .fetch_one(&mut **transaction)
            .await
            .unwrap();
            let counts = ["named", "settings", "cursors"].map(|column| row.get::<i64, _>(column));
            assert_eq!(counts, [0, 0, 0]);
            assert_eq!(row.get::<String, _>("limits"), "10s 5s");
            pids.push(row.get::<i32, _>("pid"));
        }
        assert_ne!(pids[0], pids[1]);
        drop((one, two));
        pool.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_is_told_through_it_too() {
    with_database(async |db: &Db| {
        let bouncer = Bouncer::start(db).await;
        let pool = bouncer.pool(db).await;
        let asked = futures::future::join_all((0..CLIENTS * 5).map(|_| store::readiness(&pool))).await;
        for answer in asked {
            assert_eq!(answer.unwrap(), store::Readiness::Ready, "{}", bouncer.log());
        }
        pool.close().await;
    })
    .await;
}
