//! What PostgreSQL's errors mean for a request.
//! <https://www.postgresql.org/docs/current/errcodes-appendix.html>

use super::super::address::Address;
use std::error::Error as _;
use tokgate_core::failure::{Failure, FailureClass};
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

/// The class of an error, with the server's own words.
pub(super) fn failure(address: &Address, error: &Error) -> Failure {
    match error.as_db_error() {
        Some(said) => Failure::new(class(said), address.quote(&words(said))),
        None => {
            let cause = error.source().map_or_else(String::new, |cause| format!(": {cause}"));
            let class =
                if error.is_closed() { FailureClass::Truncated } else { FailureClass::Malformed };
            Failure::new(class, address.quote(&format!("{error}{cause}")))
        }
    }
}

fn class(said: &DbError) -> FailureClass {
    let code = said.code();
    if *code == SqlState::QUERY_CANCELED {
        FailureClass::TimeoutTotal
    } else if *code == SqlState::OUT_OF_MEMORY {
        FailureClass::TargetOom
    } else {
        FailureClass::Status
    }
}

fn words(said: &DbError) -> String {
    let hint = said.hint().or(said.detail());
    let hint = hint.map_or_else(String::new, |hint| format!(" ({hint})"));
    format!("{} {}{hint}", said.code().code(), said.message())
}
