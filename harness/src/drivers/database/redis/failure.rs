//! What Redis's errors mean for a request.

use super::super::address::Address;
use redis::{ErrorKind, RedisError};
use tokgate_core::failure::{Failure, FailureClass};

/// The class of an error, with the server's own words.
pub(super) fn failure(address: &Address, error: &RedisError) -> Failure {
    Failure::new(class(error), address.quote(&error.to_string()))
}

fn class(error: &RedisError) -> FailureClass {
    match error.kind() {
        ErrorKind::Io => FailureClass::Truncated,
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => FailureClass::Malformed,
        // `OOM command not allowed when used memory > 'maxmemory'.`
        _ if error.code() == Some("OOM") => FailureClass::TargetOom,
        _ => FailureClass::Status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_class_that_says_what_to_do() {
        let of = |kind| class(&RedisError::from((kind, "planted")));
        assert_eq!(of(ErrorKind::Parse), FailureClass::Malformed);
        assert_eq!(of(ErrorKind::AuthenticationFailed), FailureClass::Status);
        let io = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert_eq!(class(&io.into()), FailureClass::Truncated);
    }
}
