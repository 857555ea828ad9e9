//! The Java test server of Temporal: one clock for the whole server, and it can be skipped. So each test has a server of its own.

use anyhow::Context as _;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use temporalio_client::tonic::IntoRequest as _;
use temporalio_client::{Client, ClientOptions, Connection, ConnectionOptions, GrpcCompression, NamespacedClient, Url};
use temporalio_common::protos::temporal::api::enums::v1::IndexedValueType;
use temporalio_common::protos::temporal::api::operatorservice::v1::AddSearchAttributesRequest;
use temporalio_common::protos::temporal::api::testservice::v1::SleepRequest;

/// What the workflow upserts; the server refuses a task with one that it does not know.
const SEARCH_ATTRIBUTES: [&str; 4] = ["TenantId", "Domain", "DomainStatus", "DomainReason"];

/// Longest skip of one call, and the real time that it may take: a call that is given up and repeated would skip twice.
const SKIP_MAX: Duration = Duration::from_secs(3_600);
const SKIP_TIMEOUT: Duration = Duration::from_secs(300);

/// A running server. It ends with this value.
pub(super) struct TestServer {
    child: Child,
    /// A client of it.
    pub(super) client: Client,
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl TestServer {
    /// Starts the program that the local stack installs, and defines the search attributes.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let project = devstack::find_project()?;
        let parts = devstack::PartSet::of(&[devstack::Group::Temporal]);
        let tools = devstack::prepare(&project, &parts, &devstack::Silent).await?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new(tools.bin.join("temporal-test-server"))
            .arg(port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("could not start temporal-test-server")?;
        let client = connect(port).await?;
        let server = Self { child, client };
        server.define_search_attributes().await?;
        Ok(server)
    }

    /// The server's clock.
    pub(super) fn clock(&self) -> Clock {
        Clock { client: self.client.clone() }
    }

    /// The command line and the plain client cannot: this server lists none, so only the raw call works.
    async fn define_search_attributes(&self) -> anyhow::Result<()> {
        let keyword = IndexedValueType::Keyword as i32;
        let request = AddSearchAttributesRequest {
            search_attributes: SEARCH_ATTRIBUTES.iter().map(|name| ((*name).to_owned(), keyword)).collect(),
            namespace: self.client.namespace(),
        };
        self.client.connection().operator_service().add_search_attributes(request.into_request()).await?;
        Ok(())
    }
}

async fn connect(port: u16) -> anyhow::Result<Client> {
    let options = ConnectionOptions::new(format!("http://127.0.0.1:{port}").parse::<Url>()?)
        .connect_timeout(Duration::from_secs(2))
        .grpc_compression(GrpcCompression::None)
        .dns_load_balancing(None)
        .build();
    let connection = harness::eventually("the time-skipping server", Duration::from_secs(30), || async {
        Connection::connect(options.clone()).await.map_err(|error| error.to_string())
    })
    .await?;
    Ok(Client::new(connection, ClientOptions::new("default").build())?)
}

/// The one clock of a server: event times, timers and timeouts follow it; activities live in real time and ask it.
#[derive(Clone)]
pub(super) struct Clock {
    client: Client,
}

impl Clock {
    /// Now, Unix milliseconds.
    pub(super) async fn now_ms(&self) -> anyhow::Result<i64> {
        let answer = self.client.connection().test_service().get_current_time(().into_request()).await?.into_inner();
        let time = answer.time.unwrap_or_default();
        Ok(time.seconds * 1000 + i64::from(time.nanos) / 1_000_000)
    }

    /// Lets time pass, skipping to each timer that is due in between. The clock stands still (it runs in real time, that
    /// is) while a workflow task or an activity is under way, and after this call.
    pub(super) async fn pass(&self, by: Duration) -> anyhow::Result<()> {
        let mut left = by;
        while left > Duration::ZERO {
            let step = left.min(SKIP_MAX);
            let mut request = SleepRequest { duration: step.try_into().ok() }.into_request();
            request.set_timeout(SKIP_TIMEOUT);
            self.client.connection().test_service().unlock_time_skipping_with_sleep(request).await?;
            left -= step;
        }
        Ok(())
    }
}
