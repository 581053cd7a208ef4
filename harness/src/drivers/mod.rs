//! The drivers, one file or folder each, and the one place that opens the right one for a case.

#[cfg(feature = "embedded")]
pub mod embedded;
pub mod openai;
pub mod retrieval;
pub mod simulated;

use crate::driver::{Driver, OpenError};
use std::sync::Arc;
use tokgate_core::case::{Case, DriverKind};

/// The targets of one invocation. What is dear to make (a model in memory, a million vectors and
/// their exact neighbours) is kept for the next case that asks for the same.
#[derive(Default)]
pub struct Targets {
    #[cfg(feature = "embedded")]
    models: embedded::Models,
    corpora: retrieval::Corpora,
}

impl Targets {
    /// Opens the target of a case.
    ///
    /// # Errors
    /// When the target cannot be measured; the message says what to do.
    pub async fn open(&mut self, case: &Case) -> Result<Arc<dyn Driver>, OpenError> {
        match case.target.driver {
            DriverKind::Auto => Err(OpenError::Invalid(
                "driver `auto` was not resolved before measuring".to_owned(),
            )),
            #[cfg(feature = "embedded")]
            DriverKind::Embedded => Ok(Arc::new(self.models.open(case)?)),
            #[cfg(not(feature = "embedded"))]
            DriverKind::Embedded => Err(OpenError::Unavailable(
                "this build has no embedded model; build with `--features embedded`".to_owned(),
            )),
            DriverKind::Openai => Ok(Arc::new(openai::OpenAi::open(case).await?)),
            DriverKind::Simulated => Ok(Arc::new(simulated::Simulated::open(case)?)),
            DriverKind::Flat | DriverKind::FlatQ4 => Ok(Arc::new(self.corpora.open(case)?)),
        }
    }
}
