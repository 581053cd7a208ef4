//! The files of benchmark tools that others maintain.

use crate::imports::Format;

/// What can be read.
pub(super) const FORMATS: &[Format] = &[];
