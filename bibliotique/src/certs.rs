//! `bibliotique certs`: an authority of the suite's own, and a certificate of it for each role.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::Args;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use shared::{Clock, file::put, tls::TlsArgs};
use time::OffsetDateTime;

use crate::secrets::data_dir;

/// Who gets a certificate, and the names in it.
pub type Certified = (&'static str, &'static [&'static str]);

/// Roles apart, and an operator. Whoever calls a role asks for its name.
pub const APART: [Certified; 5] = [
    ("identity", &["identity"]),
    ("catalog", &["catalog"]),
    ("lending", &["lending"]),
    ("gateway", &["gateway"]),
    ("operator", &["operator"]),
];

/// All roles in one process.
const SUITE: Certified = ("suite", &["identity", "catalog", "lending", "gateway"]);

/// Where each of them is as well, for tools that go by the address.
const NEARBY: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A certificate is good a while before it is made: clocks differ.
const SKEW: Duration = Duration::from_secs(5 * 60);

/// `bibliotique certs`.
#[derive(Args, Clone, Debug)]
pub struct CertsArgs {
    /// Where they are, or shall be: `ca` for the authority, whose key belongs somewhere safe, and a directory for each role,
    /// for an operator, and for a suite in one process.
    pub directory: PathBuf,

    /// See [`CertOptions`].
    #[command(flatten)]
    pub options: CertOptions,
}

/// What the certificates are like.
#[derive(Args, Clone, Debug)]
pub struct CertOptions {
    /// A further name or address in every role's certificate; as often as needed.
    #[arg(long = "san", value_name = "NAME")]
    pub names: Vec<String>,

    /// Days for which a role's certificate is good.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub days: u16,

    /// Days for which a new authority is good.
    #[arg(long, default_value_t = 3650, value_parser = clap::value_parser!(u16).range(1..=7300))]
    pub ca_days: u16,

    /// Make the roles' certificates anew, of the same authority; with a number, those that expire within so many days. Roles that
    /// run take them within seconds.
    #[arg(long, value_name = "DAYS", num_args = 0..=1, require_equals = true, default_missing_value = "65535")]
    pub renew: Option<u16>,
}

/// Makes what is missing, and says what.
///
/// # Errors
/// A sentence on what is in the way.
pub fn run(args: &CertsArgs) -> anyhow::Result<()> {
    let _turn = turn(&args.directory)?;
    let everybody = [&APART[..], &[SUITE]].concat();
    if !make(&args.directory, &args.options, &everybody)? {
        say("everything is there and stays as it is; --renew makes certificates anew");
    }
    Ok(())
}

/// To whoever listens: one who has gone away must not stop what has begun.
pub fn say(line: &str) {
    let _unheard = writeln!(io::stdout(), "{line}");
}

/// A turn to make what is missing in a directory, until it is dropped: two at once would each make something else.
pub fn turn(directory: &Path) -> anyhow::Result<File> {
    data_dir(directory)?;
    let take = || File::open(directory).and_then(|place| place.lock().map(|()| place));
    take().with_context(|| format!("{} cannot be locked", directory.display()))
}

/// The same for some, in a turn of the caller's; answers whether anything was missing.
pub fn make(directory: &Path, options: &CertOptions, certified: &[Certified]) -> anyhow::Result<bool> {
    let mut was_missing = false;
    let now = OffsetDateTime::from_unix_timestamp(Clock::system().now().seconds())?;
    let authority = Authority::in_directory(directory, options, now, certified)?;
    for (role, names) in certified {
        let place = directory.join(role);
        data_dir(&place)?;
        let [ca, certificate, key] = ["ca.crt", "tls.crt", "tls.key"].map(|file| place.join(file));
        let is_there = certificate.exists() && key.exists();
        let files =
            TlsArgs { tls_ca: Some(ca.clone()), tls_cert: Some(certificate.clone()), tls_key: Some(key.clone()) };
        match options.renew {
            // What is there stays as it is; but who relies on it is told when it is of no use.
            None if is_there => {
                files.load(names.first().copied()).context("--renew makes the roles' certificates anew")?;
                continue;
            }
            Some(days) if is_there && files.are_good_for(DAY * u32::from(days)) => continue,
            _ => (),
        }
        let (certificate_pem, key_pem) = authority.certify(role, names, options, now)?;
        put(&ca, 0o644, &authority.pem)?;
        put(&key, 0o600, &key_pem)?;
        put(&certificate, 0o644, &certificate_pem)?;
        files.load(names.first().copied())?;
        say(&format!("made a certificate for {role} in {}, good for {} days", place.display(), options.days));
        was_missing = true;
    }
    Ok(was_missing)
}

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// The one that is there, or a new one.
    fn in_directory(
        directory: &Path,
        options: &CertOptions,
        now: OffsetDateTime,
        certified: &[Certified],
    ) -> anyhow::Result<Self> {
        let place = directory.join("ca");
        let [certificate, key] = ["ca.crt", "ca.key"].map(|file| place.join(file));
        match (certificate.exists(), key.exists()) {
            (true, true) => Self::read(&certificate, &key),
            (true, false) => bail!("{} is there without {}", certificate.display(), key.display()),
            (false, true) => bail!("{} is there without {}", key.display(), certificate.display()),
            (false, false) => {
                let is_certified = |(role, _): &&Certified| directory.join(role).join("tls.crt").exists();
                if let Some((role, _)) = certified.iter().find(is_certified) {
                    bail!("{role} in {} is certified by an authority that is not there", directory.display());
                }
                data_dir(&place)?;
                let (authority, key_pem) = Self::new(options.ca_days, now)?;
                put(&key, 0o600, &key_pem)?;
                put(&certificate, 0o644, &authority.pem)?;
                say(&format!("made an authority in {}: keep its key safe", place.display()));
                Ok(authority)
            }
        }
    }

    fn read(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let text = |file: &Path| fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()));
        let pem = text(certificate)?;
        let pair = KeyPair::from_pem(&text(key)?).map_err(|_| anyhow::anyhow!("{} holds no key", key.display()))?;
        let issuer = Issuer::from_ca_cert_pem(&pem, pair)
            .map_err(|_| anyhow::anyhow!("{} holds no certificate", certificate.display()))?;
        Ok(Self { pem, issuer })
    }

    /// A new one, and its key.
    fn new(days: u16, now: OffsetDateTime) -> anyhow::Result<(Self, String)> {
        let mut params = CertificateParams::new(Vec::new())?;
        // Two suites are told apart by it.
        let number = hex::encode(shared::random::bytes::<4>());
        params.distinguished_name.push(DnType::CommonName, format!("bibliotique authority {number}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        good_for(&mut params, days, now);
        let pair = KeyPair::generate()?;
        let (pem, key) = (params.self_signed(&pair)?.pem(), pair.serialize_pem());
        Ok((Self { pem, issuer: Issuer::new(params, pair) }, key))
    }

    /// A certificate with which a role both serves and calls, and its key.
    fn certify(
        &self,
        role: &str,
        names: &[&str],
        options: &CertOptions,
        now: OffsetDateTime,
    ) -> anyhow::Result<(String, String)> {
        let further = options.names.iter().map(String::as_str);
        let all: Vec<String> = names.iter().chain(&NEARBY).copied().chain(further).map(str::to_owned).collect();
        let mut params = CertificateParams::new(all).context("a name given by --san cannot stand in a certificate")?;
        params.distinguished_name.push(DnType::CommonName, role);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        good_for(&mut params, options.days, now);
        let pair = KeyPair::generate()?;
        Ok((params.signed_by(&pair, &self.issuer)?.pem(), pair.serialize_pem()))
    }
}

fn good_for(params: &mut CertificateParams, days: u16, now: OffsetDateTime) {
    params.not_before = now - SKEW;
    params.not_after = now + time::Duration::days(days.into());
}
