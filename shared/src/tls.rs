//! TLS between roles, both ways: whoever calls and whoever is called shows a certificate of the suite's own authority.

mod files;
mod refusals;

use std::{
    fmt, io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use clap::Args;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig, server::TlsStream};
use tonic::transport::ClientTlsConfig;

use files::{Files, Stamps};
pub(crate) use refusals::Refusals;

/// How long the two sides may take to agree.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How often the files are looked at, at most.
const LOOKED_AT: Duration = Duration::from_secs(1);

/// Where the certificates of a role are: all three settings, or none.
#[derive(Args, Clone, Debug, Default)]
pub struct TlsArgs {
    /// Certificate (PEM) of the authority that certifies the roles. With it roles speak TLS with each other, and nobody without
    /// a certificate of this authority is let in. `bibliotique certs` makes all that is needed.
    #[arg(long, env = "BIBLIOTIQUE_TLS_CA", requires_all = ["tls_cert", "tls_key"])]
    pub tls_ca: Option<PathBuf>,

    /// This role's certificate (PEM), which names the role. Read again when it changes.
    #[arg(long, env = "BIBLIOTIQUE_TLS_CERT", requires_all = ["tls_ca", "tls_key"])]
    pub tls_cert: Option<PathBuf>,

    /// The key of this role's certificate (PEM).
    #[arg(long, env = "BIBLIOTIQUE_TLS_KEY", requires_all = ["tls_ca", "tls_cert"])]
    pub tls_key: Option<PathBuf>,
}

/// Files that no TLS can be spoken with.
#[derive(Debug, thiserror::Error)]
#[error("{} {why}", file.display())]
pub struct UnusableFile {
    file: PathBuf,
    why: String,
}

/// What a role shows and asks for. It follows its files: a connection that begins after they have changed is made with what
/// is in them then.
#[derive(Clone)]
pub struct Tls(Arc<Kept>);

struct Kept {
    files: Files,
    current: Mutex<Current>,
}

struct Current {
    credentials: Credentials,
    stamps: Stamps,
    looked: Instant,
}

/// What was in the files at some moment.
#[derive(Clone)]
pub(crate) struct Credentials {
    /// How often the files had been read before.
    pub(crate) generation: u64,
    server: Arc<ServerConfig>,
    client: ClientTlsConfig,
}

impl TlsArgs {
    /// Reads the files, if there are any. `role`: whose name the certificate has to bear.
    ///
    /// # Errors
    /// [`UnusableFile`]
    pub fn load(&self, role: Option<&str>) -> Result<Option<Tls>, UnusableFile> {
        let Some(files) = self.files(role) else { return Ok(None) };
        files.give_notice();
        let (stamps, looked) = (files.stamps(), Instant::now());
        let (server, client) = files.read()?;
        let credentials = Credentials { generation: 0, server, client };
        Ok(Some(Tls(Arc::new(Kept { files, current: Mutex::new(Current { credentials, stamps, looked }) }))))
    }

    /// Whether the files can be used, and still so long from now.
    pub fn are_good_for(&self, time: Duration) -> bool {
        self.files(None).is_some_and(|files| files.are_good_for(time))
    }

    fn files(&self, role: Option<&str>) -> Option<Files> {
        let (ca, cert, key) = (self.tls_ca.clone()?, self.tls_cert.clone()?, self.tls_key.clone()?);
        Some(Files { ca, cert, key, role: role.map(str::to_owned) })
    }
}

impl Tls {
    /// What is in the files now; what was, if that is of no use.
    pub(crate) fn current(&self) -> Credentials {
        self.up_to_date().credentials.clone()
    }

    /// See [`Credentials::generation`].
    pub(crate) fn generation(&self) -> u64 {
        self.up_to_date().credentials.generation
    }

    fn up_to_date(&self) -> MutexGuard<'_, Current> {
        let mut current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.looked.elapsed() >= LOOKED_AT {
            current.look(&self.0.files);
        }
        current
    }

    /// Lets a client in that shows a certificate of the authority.
    ///
    /// # Errors
    /// What is wrong with the client; `UnexpectedEof` or `ConnectionReset` when it went away without a word on why.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(self.current().server);
        let accepted = timeout(HANDSHAKE, acceptor.accept(stream)).await;
        accepted.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "it said too little in time")))
    }
}

impl Current {
    fn look(&mut self, files: &Files) {
        self.looked = Instant::now();
        // Before they are read: what changes meanwhile is seen the next time.
        let stamps = files.stamps();
        if stamps == self.stamps {
            return;
        }
        self.stamps = stamps;
        match files.read() {
            Ok((server, client)) => {
                tracing::info!("the certificates have changed");
                files.give_notice();
                let generation = self.credentials.generation + 1;
                self.credentials = Credentials { generation, server, client };
            }
            // One of the three may be written a moment later than another.
            Err(error) => tracing::warn!(%error, "the changed certificates are of no use; the ones before are used on"),
        }
    }
}

impl Credentials {
    /// How to call the role of this name, wherever it is: the certificate says who it is, and not at which address.
    pub(crate) fn calling(&self, role: &str) -> ClientTlsConfig {
        self.client.clone().domain_name(role).timeout(HANDSHAKE)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Tls").field(&self.0.files).finish()
    }
}
