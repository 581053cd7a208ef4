//! Why a team's store cannot be used. No password stands in any of it.

/// Why a team's store cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TeamError {
    /// This build cannot speak to it.
    #[error(
        "this tokgate was built without PostgreSQL: `cargo install tokgate --features postgres`, or a \
         release, has it"
    )]
    Without,
    /// The address is none.
    #[error("the address of the store {0}: it is written postgres://USER@HOST:PORT/DATABASE")]
    Address(String),
    /// A file with certificates.
    #[error("{place}: the certificates of sslrootcert cannot be used: {why}")]
    Certificates {
        /// The store.
        place: String,
        /// Why not.
        why: String,
    },
    /// Nobody answers, or nobody lets us in.
    #[error("cannot connect to {place}: {why}")]
    Unreachable {
        /// The store.
        place: String,
        /// Why not.
        why: String,
    },
    /// The connection was lost.
    #[error("the connection to {place} was lost: {why}")]
    Lost {
        /// The store.
        place: String,
        /// What was said last.
        why: String,
    },
    /// No tables, or those of an earlier version.
    #[error(
        "{place} has not what this tokgate keeps (missing: {missing}): `tokgate store migrate` makes it, by \
         the owner of the schema"
    )]
    Older {
        /// The store.
        place: String,
        /// The steps that are missing.
        missing: String,
    },
    /// Tables of a newer version.
    #[error("{place} was made by a newer tokgate (it has `{step}`): use that one")]
    Newer {
        /// The store.
        place: String,
        /// The first step that we do not know.
        step: String,
    },
    /// It took too long.
    #[error("{0} took longer to answer than it may")]
    TooSlow(String),
    /// The server refused.
    #[error("{place}: {why}")]
    Failed {
        /// The store.
        place: String,
        /// What it said.
        why: String,
    },
    /// It holds other rows than what was to be put there.
    #[error(
        "{place} has other rows than {from} of {case}, and {more} more: nothing was copied; one of the two \
         was changed"
    )]
    Differs {
        /// Where they were to be put.
        place: String,
        /// Where they came from.
        from: String,
        /// The first case.
        case: String,
        /// How many more there are.
        more: usize,
    },
    /// What was read back is not what was written.
    #[error("{place} has not what was copied: {what}; it was left as it is")]
    NotTheSame {
        /// Where it was put.
        place: String,
        /// What is otherwise.
        what: String,
    },
    /// The raw lines are elsewhere.
    #[error(
        "the raw lines of {test_id} are neither here nor in {place}: they are where it was measured, and \
         `tokgate store deliver RUN` sends them from there"
    )]
    Elsewhere {
        /// The epoch.
        test_id: String,
        /// The store.
        place: String,
    },
    /// Something is to be written where one only reads.
    #[error("{0} is only read by this command: leave out --store, or say `--store local`")]
    OnlyRead(String),
}

impl TeamError {
    /// The one inside of an answer's error, or that error.
    pub(in crate::store) fn of(error: rusqlite::Error) -> Result<Self, rusqlite::Error> {
        match error {
            rusqlite::Error::ToSqlConversionFailure(why) => match why.downcast::<Self>() {
                Ok(error) => Ok(*error),
                Err(other) => Err(rusqlite::Error::ToSqlConversionFailure(other)),
            },
            other => Err(other),
        }
    }

    /// The same as an answer's error.
    pub(in crate::store) fn inside(self) -> rusqlite::Error {
        rusqlite::Error::ToSqlConversionFailure(Box::new(self))
    }

    /// Whether it was asked for wrongly, so that nothing is wrong with what is stored.
    #[must_use]
    pub fn is_asked_wrongly(&self) -> bool {
        match self {
            Self::Without
            | Self::Address(_)
            | Self::Newer { .. }
            | Self::Differs { .. }
            | Self::OnlyRead(_) => true,
            Self::Certificates { .. }
            | Self::Unreachable { .. }
            | Self::Lost { .. }
            | Self::Older { .. }
            | Self::TooSlow(_)
            | Self::Failed { .. }
            | Self::NotTheSame { .. }
            | Self::Elsewhere { .. } => false,
        }
    }

    /// Whether the next try of another row would fail in the same way.
    pub(super) fn is_of_the_connection(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Lost { .. } | Self::Older { .. } | Self::Newer { .. }
        )
    }
}
