//! Where a database listens, who we are there, and the password, which is shown nowhere.

use crate::driver::OpenError;
use crate::http::is_loopback;
use reqwest::Url;
use std::borrow::Cow;
use tokgate_core::case::Target;
use tokgate_core::failure::{Failure, FailureClass};

/// What stands where the password stood.
const BLANK: &str = "[key]";

/// What the addresses of a kind of database look like.
#[derive(Debug, Clone)]
pub(super) struct Kind {
    /// What the address begins with; `http` stands for `https`, too.
    pub(super) scheme: &'static str,
    /// The usual port.
    pub(super) port: u16,
    /// An address of this machine's, to show.
    pub(super) example: Cow<'static, str>,
    /// What has to be there.
    pub(super) needs: Cow<'static, str>,
    /// How to start it where nothing listens.
    pub(super) start: Cow<'static, str>,
}

/// The address of a database, checked. There is on purpose no `Debug`.
pub(super) struct Address {
    kind: Kind,
    url: Url,
    password: Option<String>,
}

impl Address {
    /// The address of a target, with the password from the environment.
    ///
    /// # Errors
    /// When there is none, it is another kind's, holds a password, or the password would go over
    /// the network in the clear.
    pub(super) fn of(target: &Target, kind: Kind) -> Result<Self, OpenError> {
        let refuse = |why: &str| OpenError::Invalid(format!("{why}: {} is one", kind.example));
        let written = target.base_url.as_deref();
        let written = written.ok_or_else(|| refuse("`base_url` does not say where it listens"))?;
        let url = Url::parse(written).map_err(|error| {
            OpenError::Invalid(format!("`base_url` is no address ({error}): {} is", kind.example))
        })?;
        if family(url.scheme()) != kind.scheme || url.host_str().is_none_or(str::is_empty) {
            return Err(refuse(&format!("`base_url` is no {} address", kind.scheme)));
        }
        if url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(OpenError::Invalid(
                "`base_url` holds a password, a query or a fragment; the password comes from the \
                 environment variable that `api_key_env` names"
                    .to_owned(),
            ));
        }
        let password = target.api_key_env.as_deref().map(password_from).transpose()?;
        let address = Self { kind, url, password };
        address.keep_secret()?;
        Ok(address)
    }

    fn keep_secret(&self) -> Result<(), OpenError> {
        match self.password.is_some() && self.url.scheme() != "https" && !is_loopback(&self.url) {
            true => Err(OpenError::Invalid(format!(
                "{} would carry the password in the clear; forward its port to this machine \
                 (`ssh -L`), or leave `api_key_env` out",
                self.shown()
            ))),
            false => Ok(()),
        }
    }

    /// The host's name.
    pub(super) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The port.
    pub(super) fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(self.kind.port)
    }

    /// The whole address.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Who we are there, where the address says so.
    pub(super) fn user(&self) -> Option<&str> {
        Some(self.url.username()).filter(|user| !user.is_empty())
    }

    /// What stands behind the host: the name or number of a database.
    pub(super) fn database(&self) -> Option<&str> {
        Some(self.url.path().trim_matches('/')).filter(|name| !name.is_empty())
    }

    /// The password.
    pub(super) fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// Fit to be stored and shown.
    pub(super) fn shown(&self) -> String {
        format!("{}:{}", self.host(), self.port())
    }

    /// What the database said, without the password and without control characters.
    pub(super) fn quote(&self, said: &str) -> String {
        let said = match &self.password {
            Some(password) => said.replace(password, BLANK),
            None => said.to_owned(),
        };
        crate::http::escape(&said)
    }

    /// A database that is not there, or does not do what it is asked before a measurement.
    pub(super) fn unreachable(&self, failure: Failure) -> OpenError {
        let (at, Kind { needs, start, .. }) = (self.shown(), &self.kind);
        let advice = match failure.class {
            FailureClass::Connect | FailureClass::Dns | FailureClass::TimeoutConnect => {
                format!("start {needs} at {at} ({start}), or say in `base_url` where it is")
            }
            _ => format!("{at} has to be {needs}; its log may say more"),
        };
        OpenError::Unreachable { failure, advice }
    }
}

/// What an address begins with, encrypted or not.
fn family(scheme: &str) -> &str {
    if scheme == "https" { "http" } else { scheme }
}

fn password_from(variable: &str) -> Result<String, OpenError> {
    let found = std::env::var(variable).ok().filter(|password| !password.is_empty());
    found.ok_or_else(|| {
        OpenError::Invalid(format!(
            "`api_key_env` names {variable}, which is not set; export it, or leave `api_key_env` out"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokgate_core::case::DriverKind;

    const KIND: Kind = Kind {
        scheme: "postgres",
        port: 5432,
        example: Cow::Borrowed("postgres://postgres@127.0.0.1:5432/postgres"),
        needs: Cow::Borrowed("PostgreSQL"),
        start: Cow::Borrowed("`pg_ctl start`"),
    };

    fn target(base_url: &str) -> Target {
        Target { base_url: Some(base_url.to_owned()), ..Target::of(DriverKind::Pgvector) }
    }

    fn refusal(target: &Target) -> String {
        Address::of(target, KIND).err().map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn an_address_says_where_and_who() {
        let address = Address::of(&target("postgres://me@db.example/vectors"), KIND).unwrap();
        assert_eq!((address.host(), address.port()), ("db.example", 5432));
        assert_eq!((address.user(), address.database()), (Some("me"), Some("vectors")));
        assert_eq!(address.shown(), "db.example:5432");
        let bare = Address::of(&target("postgres://[::1]:9/"), KIND).unwrap();
        assert_eq!((bare.user(), bare.database(), bare.port()), (None, None, 9));
    }

    #[test]
    fn what_is_no_address_of_the_kind_is_refused_with_one_that_is() {
        assert!(refusal(&Target::of(DriverKind::Pgvector)).contains(&*KIND.example));
        assert!(refusal(&target("http://127.0.0.1/x")).contains("no postgres address"));
        assert!(refusal(&target("127.0.0.1")).contains(&*KIND.example));
    }

    #[test]
    fn a_password_in_the_address_is_refused_and_not_repeated() {
        let refusal = refusal(&target("postgres://me:hidden@127.0.0.1/x"));
        assert!(refusal.contains("`api_key_env`") && !refusal.contains("hidden"), "{refusal}");
    }

    #[test]
    fn a_password_comes_from_the_environment_and_stays_on_this_machine() {
        // A variable that every test has.
        let with = |url| Target { api_key_env: Some("PATH".to_owned()), ..target(url) };
        let here = Address::of(&with("postgres://me@127.0.0.1/x"), KIND).unwrap();
        assert_eq!(here.password().map(str::to_owned), std::env::var("PATH").ok());
        let said = here.quote(&format!("no such key: {}", here.password().unwrap()));
        assert_eq!(said, "no such key: [key]");
        assert!(refusal(&with("postgres://me@10.0.0.1/x")).contains("in the clear"));
        let unset =
            Target { api_key_env: Some("TOKGATE_UNSET".to_owned()), ..target("postgres://h/x") };
        assert!(refusal(&unset).contains("TOKGATE_UNSET"));
    }
}
