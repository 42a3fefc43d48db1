//! The three files behind TLS: read, understood, and fitting together.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio_rustls::rustls::{
    CertificateError, Error, RootCertStore, ServerConfig,
    client::verify_server_name,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
    server::{ParsedCertificate, WebPkiClientVerifier, danger::ClientCertVerifier},
    version::TLS13,
};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};
use x509_parser::parse_x509_certificate;

use super::{Credentials, UnusableFile};

/// Where they are.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) ca: PathBuf,
    pub(super) cert: PathBuf,
    pub(super) key: PathBuf,
    /// Whose name the certificate has to bear.
    pub(super) role: Option<String>,
}

/// By what a change of the files shows: when each was written, its size and number. Nothing of one that is not there.
pub(super) type Stamps = [Option<(i64, i64, u64, u64)>; 3];

impl Files {
    pub(super) fn stamps(&self) -> Stamps {
        [&self.ca, &self.cert, &self.key].map(|file| {
            let known = fs::metadata(file).ok()?;
            Some((known.mtime(), known.mtime_nsec(), known.size(), known.ino()))
        })
    }

    /// What is in them, as it was read so many times before.
    pub(super) fn read(&self, generation: u64) -> Result<Credentials, UnusableFile> {
        let (ca, cert, key) = (text(&self.ca)?, text(&self.cert)?, text(&self.key)?);
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = self.authority(&ca, &provider)?;
        let chain = certificates(&self.cert, &cert)?;
        self.check(&chain, verifier.as_ref(), Duration::ZERO)?;
        let ends = end(&chain);
        let server = Arc::new(self.server(chain, &key, verifier, provider)?);
        let client =
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca)).identity(Identity::from_pem(cert, key));
        Ok(Credentials { generation, server, client, ends })
    }

    /// Who is let in: whoever the authority certifies.
    fn authority(&self, ca: &str, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, UnusableFile> {
        let unusable = |why: String| unusable(&self.ca, why);
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.ca, ca)? {
            roots.add(certificate).map_err(|error| unusable(format!("is no authority: {error}")))?;
        }
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        builder.build().map_err(|error| unusable(format!("is no authority: {error}")))
    }

    /// Whether what they hold is of use so long from now.
    pub(super) fn are_good_for(&self, time: Duration) -> bool {
        let check = || {
            self.read(0)?;
            let verifier = self.authority(&text(&self.ca)?, &Arc::new(aws_lc_rs::default_provider()))?;
            self.check(&certificates(&self.cert, &text(&self.cert)?)?, verifier.as_ref(), time)
        };
        check().is_ok()
    }

    /// What others will find wrong with our own certificate, now or so much later, is better said at the start.
    fn check(
        &self,
        chain: &[CertificateDer<'_>],
        verifier: &dyn ClientCertVerifier,
        later: Duration,
    ) -> Result<(), UnusableFile> {
        let Some((certificate, between)) = chain.split_first() else { return Ok(()) };
        let time = UnixTime::since_unix_epoch(Duration::from_secs(UnixTime::now().as_secs()) + later);
        let verified = verifier.verify_client_cert(certificate, between, time);
        verified.map_err(|error| unusable(&self.cert, self.what_is_wrong(&error)))?;
        let Some(role) = &self.role else { return Ok(()) };
        let is_for = |name| verify_server_name(&ParsedCertificate::try_from(certificate)?, &name);
        let name = ServerName::try_from(role.as_str()).map_err(|_| unusable(&self.cert, "bears no name".to_owned()))?;
        is_for(name).map_err(|_: Error| unusable(&self.cert, format!("is not the certificate of {role}")))
    }

    fn server(
        &self,
        chain: Vec<CertificateDer<'static>>,
        key: &str,
        verifier: Arc<dyn ClientCertVerifier>,
        provider: Arc<CryptoProvider>,
    ) -> Result<ServerConfig, UnusableFile> {
        let unusable = |why: String| unusable(&self.key, why);
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
            .map_err(|_| unusable("holds no private key in PEM".to_owned()))?;
        let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13]);
        let config = config.and_then(|config| config.with_client_cert_verifier(verifier).with_single_cert(chain, key));
        let mut config = config.map_err(|error| match error {
            Error::InconsistentKeys(_) => unusable(format!("is not the key of {}", self.cert.display())),
            error => unusable(format!("is of no use: {error}")),
        })?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        // Whoever comes again is looked at again: his certificate may have expired, or the authority changed.
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    fn what_is_wrong(&self, error: &Error) -> String {
        use CertificateError::{BadSignature, Expired, ExpiredContext, NotValidYet, NotValidYetContext, UnknownIssuer};
        match error {
            Error::InvalidCertificate(Expired | ExpiredContext { .. }) => "has expired".to_owned(),
            Error::InvalidCertificate(NotValidYet | NotValidYetContext { .. }) => "is not valid yet".to_owned(),
            // An authority of the same name has another key.
            Error::InvalidCertificate(UnknownIssuer | BadSignature) => {
                format!("is not certified by the authority in {}", self.ca.display())
            }
            error => format!("is of no use: {error}"),
        }
    }
}

fn unusable(file: &Path, why: String) -> UnusableFile {
    UnusableFile { file: file.to_owned(), why }
}

fn text(file: &Path) -> Result<String, UnusableFile> {
    fs::read_to_string(file).map_err(|error| unusable(file, format!("cannot be read: {error}")))
}

/// When the first of these certificates ends, in seconds since 1970, where that can be read.
fn end(chain: &[CertificateDer<'_>]) -> Option<i64> {
    let parsed = chain.iter().filter_map(|certificate| parse_x509_certificate(certificate).ok());
    parsed.map(|(_, certificate)| certificate.validity().not_after.timestamp()).min()
}

/// At least one.
fn certificates(file: &Path, pem: &str) -> Result<Vec<CertificateDer<'static>>, UnusableFile> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(unusable(file, "holds no certificate in PEM".to_owned())),
    }
}
