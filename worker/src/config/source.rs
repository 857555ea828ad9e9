//! Where settings come from, and the reader that collects every problem.

use super::secret::{Secret, is_placeholder};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Folders that may hold one file per secret, in order, when `SECRET_FS_BASE_PATH` is not set.
const SECRET_FOLDERS: [&str; 3] = ["/run/secrets", "./secrets", "../secrets"];

/// The environment and the folder of secrets. Tests pass a map.
#[derive(Clone)]
pub(crate) struct Source {
    variables: BTreeMap<String, String>,
    folders: Vec<PathBuf>,
}

impl Source {
    /// The environment of this process.
    pub(crate) fn of_process() -> Self {
        Self::of(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// Any environment. Without `SECRET_FS_BASE_PATH` the usual folders are used.
    pub(crate) fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables: BTreeMap<String, String> = variables.into_iter().collect();
        let folders = match variables.get("SECRET_FS_BASE_PATH").filter(|path| !path.is_empty()) {
            Some(path) => vec![PathBuf::from(path)],
            None => SECRET_FOLDERS.iter().map(PathBuf::from).collect(),
        };
        Self { variables, folders }
    }

    /// The same with a value for a variable that is absent.
    pub(crate) fn with_default(&self, name: &str, value: &str) -> Self {
        let mut source = self.clone();
        if source.value(name).is_none() {
            source.variables.insert(name.to_owned(), value.to_owned());
        }
        source
    }

    /// The value of a variable; an empty one counts as absent.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// All variables, for libraries that read the environment themselves.
    pub(crate) fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// The folder of mounted secrets: the first of the list that is there.
    pub(crate) fn secret_folder(&self) -> Option<PathBuf> {
        self.folders.iter().find(|folder| folder.is_dir()).cloned()
    }

    /// The content of a mounted secret, trimmed; `None` where there is none or it is empty.
    ///
    /// # Errors
    /// What is wrong with it.
    fn secret_file(&self, lower: &str) -> Result<Option<String>, &'static str> {
        let Some(path) = self.secret_folder().map(|folder| folder.join(lower)) else { return Ok(None) };
        if std::fs::symlink_metadata(&path).is_err() {
            return Ok(None);
        }
        Ok(Some(secret_text(&path)?.trim().to_owned()).filter(|text| !text.is_empty()))
    }
}

/// Text of a file. Only a plain file is opened: opening a pipe would wait for its writer.
fn secret_text(path: &Path) -> Result<String, &'static str> {
    if !std::fs::metadata(path).is_ok_and(|data| data.is_file()) {
        return Err("is mounted as something else than a file");
    }
    match std::fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(_)) => Err("is mounted as a file that is no text (UTF-8)"),
        Err(_) => Err("is mounted as a file that cannot be read"),
    }
}

/// Shows names only.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

/// One thing that is wrong with one variable.
///
/// Both parts are static or names: there is no way to put a value into a problem.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// The variable.
    pub(crate) variable: &'static str,
    /// What is wrong with it.
    pub(crate) what: &'static str,
}

/// Every problem of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problems(pub(crate) BTreeSet<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} problem(s) in the settings:", self.0.len())?;
        for problem in &self.0 {
            write!(f, "\n  {}: {}", problem.variable, problem.what)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Reads settings and collects problems. A problem never stops the reading: the caller gets a stand-in and goes on.
pub(crate) struct Reader<'a> {
    source: &'a Source,
    problems: BTreeSet<Problem>,
    providers: Vec<Provider>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Provider {
    Environment,
    Filesystem,
}

impl<'a> Reader<'a> {
    /// Starts to read; checks `SECRET_READ_CHAIN` at once, because every secret depends on it.
    pub(crate) fn new(source: &'a Source) -> Self {
        let mut reader = Self { source, problems: BTreeSet::new(), providers: Vec::new() };
        for name in source.value("SECRET_READ_CHAIN").unwrap_or("env,filesystem").split(',').map(str::trim) {
            match name {
                "env" => reader.providers.push(Provider::Environment),
                "filesystem" => reader.providers.push(Provider::Filesystem),
                "" => {}
                _ => reader.problem("SECRET_READ_CHAIN", "may name env and filesystem only"),
            }
        }
        reader
    }

    /// The source.
    pub(crate) fn source(&self) -> &'a Source {
        self.source
    }

    /// Notes a problem.
    pub(crate) fn problem(&mut self, variable: &'static str, what: &'static str) {
        self.problems.insert(Problem { variable, what });
    }

    /// How many problems were noted so far.
    pub(crate) fn problems(&self) -> usize {
        self.problems.len()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// All problems that were noted.
    pub(crate) fn finish<T>(self, settings: T) -> Result<T, Problems> {
        if self.problems.is_empty() { Ok(settings) } else { Err(Problems(self.problems)) }
    }

    /// A text that may be absent.
    pub(crate) fn text(&mut self, variable: &'static str) -> Option<String> {
        self.source.value(variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// A text with a default.
    pub(crate) fn text_or(&mut self, variable: &'static str, default: &str) -> String {
        self.text(variable).unwrap_or_else(|| default.to_owned())
    }

    /// A value that parses; `what` says the rule.
    pub(crate) fn parsed<T: FromStr>(&mut self, variable: &'static str, what: &'static str) -> Option<T> {
        let text = self.text(variable)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(_) => {
                self.problem(variable, what);
                None
            }
        }
    }

    /// A number within a range, with a default.
    pub(crate) fn number<T: FromStr + PartialOrd>(
        &mut self,
        variable: &'static str,
        default: T,
        range: RangeInclusive<T>,
        what: &'static str,
    ) -> T {
        match self.parsed::<T>(variable, what) {
            Some(value) if range.contains(&value) => value,
            Some(_) => {
                self.problem(variable, what);
                default
            }
            None => default,
        }
    }

    /// A TCP or UDP port other than 0, with a default.
    pub(crate) fn port(&mut self, variable: &'static str, default: u16) -> u16 {
        self.number(variable, default, 1..=u16::MAX, "must be a port, 1 to 65535")
    }

    /// `true` or `false` in any case, with a default.
    pub(crate) fn flag(&mut self, variable: &'static str, default: bool) -> bool {
        match self.text(variable).map(|text| text.to_ascii_lowercase()).as_deref() {
            None => default,
            Some("true" | "1") => true,
            Some("false" | "0") => false,
            Some(_) => {
                self.problem(variable, "must be true or false");
                default
            }
        }
    }

    /// A file that must be readable when it is named.
    pub(crate) fn readable_file(&mut self, variable: &'static str) -> Option<PathBuf> {
        let path = PathBuf::from(self.text(variable)?);
        // Asked before it is opened: opening a pipe would wait for its writer.
        let is_file = std::fs::metadata(&path).is_ok_and(|data| data.is_file());
        if is_file && std::fs::File::open(&path).is_ok() {
            Some(path)
        } else {
            self.problem(variable, "names a file that cannot be read");
            None
        }
    }

    /// A folder. It need not exist yet, but no file may stand in its place.
    pub(crate) fn folder(&mut self, variable: &'static str) -> Option<PathBuf> {
        let path = PathBuf::from(self.text(variable)?);
        if path.exists() && !path.is_dir() {
            self.problem(variable, "must be a folder");
            return None;
        }
        Some(path)
    }

    /// A list of parsed items, separated by commas or blanks.
    pub(crate) fn list<T: FromStr>(&mut self, variable: &'static str, what: &'static str) -> Vec<T> {
        let Some(text) = self.text(variable) else { return Vec::new() };
        let mut items = Vec::new();
        for item in text.split([',', ' ']).filter(|item| !item.is_empty()) {
            match item.parse() {
                Ok(item) => items.push(item),
                Err(_) => self.problem(variable, what),
            }
        }
        items
    }

    /// A secret, from the environment under its lower-case name, then the folder of secrets, then the environment under
    /// its upper-case name (tenant-provisioning contract, section 2.2).
    pub(crate) fn secret(&mut self, variable: &'static str) -> Option<Secret> {
        let lower = variable.to_ascii_lowercase();
        let mut found = None;
        for provider in self.providers.clone() {
            if found.is_some() {
                break;
            }
            found = match provider {
                Provider::Environment => self.source.value(&lower).map(str::to_owned),
                Provider::Filesystem => match self.source.secret_file(&lower) {
                    Ok(found) => found,
                    Err(what) => {
                        self.problem(variable, what);
                        return None;
                    }
                },
            };
        }
        found = found.or_else(|| self.source.value(variable).map(str::to_owned));
        let text = found?;
        if is_placeholder(&text) {
            self.problem(variable, "is a placeholder, not a secret");
            return None;
        }
        Some(Secret::new(text))
    }

    /// Text of a file that holds a secret, named by a variable; trimmed.
    pub(crate) fn secret_in_file(&mut self, variable: &'static str) -> Option<Secret> {
        let path = self.readable_file(variable)?;
        self.read_secret(variable, &path)
    }

    fn read_secret(&mut self, variable: &'static str, path: &Path) -> Option<Secret> {
        let Ok(text) = secret_text(path) else {
            self.problem(variable, "names a file that is no text (UTF-8)");
            return None;
        };
        if text.trim().is_empty() {
            self.problem(variable, "names an empty file");
            return None;
        }
        if is_placeholder(&text) {
            self.problem(variable, "names a file that holds a placeholder");
            return None;
        }
        Some(Secret::new(text.trim()))
    }
}
