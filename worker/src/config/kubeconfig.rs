//! The kubeconfig, and which setting names it.

use super::source::Reader;
use std::path::PathBuf;

/// The kubeconfig that a setting names, and the setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KubeconfigFile {
    /// The setting, to be named when the file cannot be used.
    pub(crate) variable: &'static str,
    /// The file.
    pub(crate) path: PathBuf,
}

impl KubeconfigFile {
    /// Reads the first of these settings that is set.
    pub(crate) fn read(reader: &mut Reader<'_>, variables: &[&'static str]) -> Option<Self> {
        variables.iter().find_map(|&variable| reader.readable_file(variable).map(|path| Self { variable, path }))
    }
}
