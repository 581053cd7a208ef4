//! How errors end the process.

use crate::part::PutError;
use crate::push::PushError;
#[cfg(feature = "parquet")]
use crate::rows::PlaceError;
use crate::session::CaseError;
use crate::store::team::TeamError;
use crate::store::{DatabaseError, StoreError, atomic};
use tokgate_core::diagnostic::Diagnostics;
use tokgate_core::verdict::Exit;
use tokgate_harness::driver::OpenError;

fn exit_of_open(error: &OpenError) -> Exit {
    match error {
        OpenError::Invalid(_) => Exit::Usage,
        OpenError::Unavailable(_) | OpenError::Unreachable { .. } => Exit::Invalid,
    }
}

/// What is elsewhere and cannot be kept is ours, too.
#[cfg(feature = "parquet")]
fn exit_of_place(error: &PlaceError) -> Exit {
    match error {
        PlaceError::Url { .. } | PlaceError::Taken(_) | PlaceError::Missing(_) => Exit::Usage,
        PlaceError::Failed { .. }
        | PlaceError::Late { .. }
        | PlaceError::Changed { .. }
        | PlaceError::File(_) => Exit::Storage,
    }
}

/// What cannot be kept elsewhere is ours, too.
fn exit_of_push(error: &PushError) -> Exit {
    match error {
        PushError::Address(_) | PushError::Token(_) => Exit::Usage,
        PushError::Unreachable { .. }
        | PushError::Refused { .. }
        | PushError::Late(_)
        | PushError::Store(_) => Exit::Storage,
    }
}

/// How a case that was not measured ends the run.
pub(super) fn exit_of_case(error: &CaseError) -> Exit {
    match error {
        CaseError::Open(error) => exit_of_open(error),
        CaseError::LeftOut(_) => Exit::Nothing,
        CaseError::Changed(_) => Exit::Invalid,
        CaseError::Store(_) => Exit::Storage,
    }
}

fn exit_of_put(error: &PutError) -> Exit {
    match error {
        PutError::Absent => Exit::Usage,
        #[cfg(feature = "parquet")]
        PutError::Place(error) => exit_of_place(error),
        PutError::Rows(_) | PutError::Kept(_) | PutError::Lines(_) | PutError::Json(_) => {
            Exit::Storage
        }
    }
}

/// How the process ends after an error: what cannot be kept is ours, what cannot be measured could
/// not be measured, all else was asked wrongly.
#[must_use]
pub(super) fn exit_of(error: &anyhow::Error) -> Exit {
    if let Some(faults) = error.downcast_ref::<Diagnostics>() {
        return faults.exit();
    }
    if let Some(error) = error.chain().find_map(|cause| cause.downcast_ref()) {
        return exit_of_open(error);
    }
    // What is not there, is somebody else's or a newer version's was asked for wrongly.
    let is_asked_wrongly = |error: &StoreError| match error {
        StoreError::Team(error) => error.is_asked_wrongly(),
        StoreError::Unknown(_) | StoreError::OneEpoch { .. } | StoreError::Taken(_) => true,
        StoreError::Database(error) => matches!(
            error,
            DatabaseError::Absent(_) | DatabaseError::Foreign { .. } | DatabaseError::Newer { .. }
        ),
        _ => false,
    };
    #[cfg(feature = "parquet")]
    if let Some(error) = error.chain().find_map(|cause| cause.downcast_ref()) {
        return exit_of_place(error);
    }
    if let Some(error) = error.chain().find_map(|cause| cause.downcast_ref()) {
        return exit_of_put(error);
    }
    if let Some(error) = error.chain().find_map(|cause| cause.downcast_ref()) {
        return exit_of_push(error);
    }
    let is_storage = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref().is_some_and(|error| !is_asked_wrongly(error))
            || cause.downcast_ref().is_some_and(|error: &TeamError| !error.is_asked_wrongly())
            || cause.is::<std::io::Error>()
            || cause.is::<atomic::FileError>()
    };
    if error.chain().any(is_storage) { Exit::Storage } else { Exit::Usage }
}
