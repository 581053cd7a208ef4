//! Where a team's store is, as libpq writes it: `postgres://user@host:port/database?sslmode=...`.

use crate::store::team::TeamError;
use std::fmt;
use std::path::PathBuf;

/// The port where none is said.
const PORT: u16 = 5432;
/// The variable with a password that is not to stand in an address.
const PASSWORD: &str = "PGPASSWORD";

/// An address. Its password is in no text that is made of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    pub(super) user: String,
    pub(super) password: Option<String>,
    /// A name, an address, or the folder of a socket.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) database: String,
    pub(super) tls: Tls,
    /// A file with the certificates to trust instead of this machine's.
    pub(super) roots: Option<PathBuf>,
}

/// Whether the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tls {
    /// Never.
    Off,
    /// Where the server offers it; what it then shows must be right.
    Offered,
    /// Always, and the server shows that it is who was asked for.
    Always,
}

impl Address {
    /// Reads an address. A password that it lacks is that of PGPASSWORD.
    ///
    /// # Errors
    /// In words without the address: a password may stand in it.
    pub fn parse(text: &str) -> Result<Self, TeamError> {
        let read = Self::read(text).map_err(|why| TeamError::Address(why.to_owned()))?;
        let password = read.password.or_else(|| std::env::var(PASSWORD).ok());
        Ok(Self { password: password.filter(|it| !it.is_empty()), ..read })
    }

    /// Whether a text holds a password, which a file that others read should not.
    #[must_use]
    pub fn holds_password(text: &str) -> bool {
        Self::read(text).is_ok_and(|address| address.password.is_some())
    }

    fn read(text: &str) -> Result<Self, &'static str> {
        let schemes = ["postgres://", "postgresql://"];
        let rest = schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
        let rest = rest.ok_or("begins with another word than postgres://")?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (place, database) = rest.split_once('/').ok_or("names no database")?;
        let (who, place) = place.rsplit_once('@').ok_or("names no user")?;
        let (user, password) = match who.split_once(':') {
            Some((user, password)) => (user, Some(plain(password)?)),
            None => (who, None),
        };
        let (host, port) = host_and_port(place)?;
        let mut address = Self {
            user: plain(user)?,
            password,
            host,
            port,
            database: plain(database)?,
            tls: Tls::Always,
            roots: None,
        };
        let mut named = None;
        for (key, value) in form_urlencoded::parse(query.replace('+', "%2B").as_bytes()) {
            match key.as_ref() {
                "sslmode" => named = Some(Tls::called(&value)?),
                "sslrootcert" => address.roots = Some(PathBuf::from(value.as_ref())),
                "host" => address.host = value.into_owned(),
                _ => return Err("says something that is not known: sslmode, sslrootcert, host"),
            }
        }
        address.tls = named.unwrap_or(address.usual());
        match address.user.is_empty() || address.database.is_empty() || address.host.is_empty() {
            true => Err("names no user, no host or no database"),
            false => Ok(address),
        }
    }

    /// What is done where nothing is said: nobody listens between a machine and itself.
    fn usual(&self) -> Tls {
        let is_here = self.is_socket()
            || self.host == "localhost"
            || self.host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        if is_here { Tls::Offered } else { Tls::Always }
    }

    pub(super) fn is_socket(&self) -> bool {
        self.host.starts_with('/')
    }

    /// What tells a store from others, whoever asks: not the user, and nothing of how.
    pub(super) fn name(&self) -> String {
        let Self { host, port, database, .. } = self;
        format!("{host}:{port}/{database}")
    }
}

impl Tls {
    /// libpq's words. Its `require` looks at no certificate, so that anybody in between is who was asked
    /// for; ours does.
    fn called(word: &str) -> Result<Self, &'static str> {
        match word {
            "disable" => Ok(Self::Off),
            "prefer" => Ok(Self::Offered),
            "require" | "verify-full" => Ok(Self::Always),
            "verify-ca" | "allow" => {
                Err("has a weak sslmode: disable, prefer, require and verify-full are known")
            }
            _ => Err("has an unknown sslmode: disable, prefer, require and verify-full are known"),
        }
    }
}

fn host_and_port(place: &str) -> Result<(String, u16), &'static str> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or("opens a bracket and closes none")?;
            (host, rest.strip_prefix(':'))
        }
        None => match place.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let port = port.map_or(Ok(PORT), |port| port.parse().map_err(|_| "has a port that is none"))?;
    Ok((plain(host)?, port))
}

/// A part without its percent signs.
fn plain(part: &str) -> Result<String, &'static str> {
    let wrong = "has a percent sign that stands for nothing";
    let mut bytes = Vec::new();
    let mut rest = part.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let digits = rest.get(..2).and_then(|two| std::str::from_utf8(two).ok()).ok_or(wrong)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong)?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).map_err(|_| wrong)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, host, port, database, .. } = self;
        match host.contains(':') {
            true => write!(f, "postgres://{user}@[{host}]:{port}/{database}"),
            false => write!(f, "postgres://{user}@{host}:{port}/{database}"),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_its_password_and_told_without() {
        let address = Address::read("postgres://anna:p%40ss@db.example.org/bench").unwrap();
        assert_eq!(address.password.as_deref(), Some("p@ss"));
        assert_eq!(address.to_string(), "postgres://anna@db.example.org:5432/bench");
        assert_eq!(format!("{address:?}"), "Address(postgres://anna@db.example.org:5432/bench)");
        assert_eq!(address.name(), "db.example.org:5432/bench");
    }

    #[test]
    fn another_machine_is_spoken_to_encrypted_unless_that_is_switched_off() {
        let tls = |text: &str| Address::read(text).unwrap().tls;
        assert_eq!(tls("postgres://a@db.example.org/b"), Tls::Always);
        assert_eq!(tls("postgres://a@db.example.org/b?sslmode=require"), Tls::Always);
        assert_eq!(tls("postgres://a@db.example.org/b?sslmode=disable"), Tls::Off);
        assert_eq!(tls("postgres://a@127.0.0.1:6000/b"), Tls::Offered);
        assert_eq!(tls("postgres://a@[::1]/b?sslmode=verify-full"), Tls::Always);
        assert_eq!(tls("postgres://a@x/b?host=/run/postgresql"), Tls::Offered);
    }

    #[test]
    fn what_is_no_address_is_refused_without_quoting_it() {
        for wrong in [
            "mysql://a:secret@h/d",
            "postgres://a:secret@h",
            "postgres://secret/d",
            "postgres://a:secret@h:port/d",
            "postgres://a:secret@h/d?sslmode=verify-ca",
            "postgres://a:secret@h/d?secret=1",
            "postgres://a:%zzsecret@h/d",
            "postgres://:secret@h/d",
            "postgres://a:secret@h/",
        ] {
            let told = Address::parse(wrong).unwrap_err().to_string();
            assert!(!told.contains("secret"), "{wrong}: {told}");
        }
    }

    #[test]
    fn a_password_is_told_from_none() {
        assert!(Address::holds_password("postgres://a:b@h/d"));
        assert!(!Address::holds_password("postgres://a@h/d"));
    }
}
