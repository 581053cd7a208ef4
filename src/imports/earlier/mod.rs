//! The files of the scripts that people had before, and our own exports.

use crate::imports::Format;

/// What can be read.
pub(super) const FORMATS: &[Format] = &[];
