//! TLS between roles, both ways: whoever calls and whoever is called shows a certificate of the suite's own authority.

mod files;
mod notice;
mod refusals;

use std::{
    fmt, io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use clap::Args;
use metrics::gauge;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::UnixTime},
    server::TlsStream,
};
use tonic::transport::ClientTlsConfig;

use crate::metrics::{are_read, when_read};
use files::{Files, Stamps};
use notice::Notice;
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
    notice: Notice,
}

/// What was in the files at some moment.
#[derive(Clone)]
pub(crate) struct Credentials {
    /// How often the files had been read before.
    pub(crate) generation: u64,
    server: Arc<ServerConfig>,
    client: ClientTlsConfig,
    /// When others stop to take it, in seconds since 1970.
    ends: Option<i64>,
}

impl TlsArgs {
    /// Reads the files, if there are any. `role`: whose name the certificate has to bear.
    ///
    /// # Errors
    /// [`UnusableFile`]
    pub fn load(&self, role: Option<&str>) -> Result<Option<Tls>, UnusableFile> {
        let Some(files) = self.files(role) else { return Ok(None) };
        let (stamps, looked, notice) = (files.stamps(), Instant::now(), Notice::default());
        let mut current = Current { credentials: files.read(0)?, stamps, looked, notice };
        current.give_notice(&files);
        let tls = Tls(Arc::new(Kept { files, current: Mutex::new(current) }));
        tls.watch();
        Ok(Some(tls))
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

    /// Tells from now on, whenever the figures are read, how long the certificate is good for.
    fn watch(&self) {
        if !are_read() {
            return;
        }
        let (tls, told) = (self.clone(), gauge!("bibliotique_certificate_expires_seconds"));
        #[expect(clippy::cast_precision_loss, reason = "no certificate is good for so long")]
        let left = move || tls.up_to_date().credentials.left().map_or(f64::NAN, |left| left as f64);
        when_read(move || told.set(left()));
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
            return self.give_notice(files);
        }
        self.stamps = stamps;
        match files.read(self.credentials.generation + 1) {
            Ok(credentials) => {
                tracing::info!("the certificates have changed");
                (self.credentials, self.notice) = (credentials, Notice::default());
                self.give_notice(files);
            }
            // One of the three may be written a moment later than another.
            Err(error) => tracing::warn!(%error, "the changed certificates are of no use; the ones before are used on"),
        }
    }

    /// Tells the operator in time that the certificate ends.
    fn give_notice(&mut self, files: &Files) {
        let due = self.credentials.left().and_then(|left| self.notice.due(left, self.looked));
        if let Some(words) = due {
            tracing::warn!(file = %files.cert.display(), "{words}");
        }
    }
}

impl Credentials {
    /// How many seconds the certificate is good for yet. By the machine's clock, as others judge it.
    fn left(&self) -> Option<i64> {
        Some(self.ends?.saturating_sub_unsigned(UnixTime::now().as_secs()))
    }

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
