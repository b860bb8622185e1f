//! Folders that hold generated files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, Result, bail};

/// A folder that holds generated files.
pub(crate) struct Folder {
    /// Path from the root of the repository.
    pub(crate) path: &'static str,
    /// Whether every file in it is generated: one that is no longer made goes.
    pub(crate) whole: bool,
    /// The command that writes it.
    pub(crate) command: &'static str,
    /// Content by file name.
    pub(crate) files: BTreeMap<String, String>,
}

impl Folder {
    /// Writes every file, and removes those that are no longer made.
    pub(crate) fn write(&self) -> Result<()> {
        let path = self.absolute();
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", self.path))?;
        for file in self.stale()? {
            let path = path.join(&file);
            match self.files.get(&file) {
                Some(content) => fs::write(&path, content),
                None => fs::remove_file(&path),
            }
            .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }

    /// Fails if a file is not as [`Self::write`] would leave it.
    pub(crate) fn check(&self) -> Result<()> {
        let stale = self.stale()?;
        if !stale.is_empty() {
            let names = stale
                .into_iter()
                .map(|file| format!("{}/{file}", self.path))
                .collect::<Vec<_>>();
            bail!("out of date: {}\nrun: {}", names.join(", "), self.command);
        }
        Ok(())
    }

    /// Names of the files that are missing, differ or are too many.
    fn stale(&self) -> Result<BTreeSet<String>> {
        let present = self
            .present()
            .with_context(|| format!("cannot read {}", self.path))?;
        let names = self
            .files
            .keys()
            .chain(present.keys())
            .cloned()
            .collect::<BTreeSet<_>>();
        Ok(names
            .into_iter()
            .filter(|name| self.files.get(name) != present.get(name))
            .collect())
    }

    fn present(&self) -> io::Result<BTreeMap<String, String>> {
        let entries = match fs::read_dir(self.absolute()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            entries => entries?,
        };
        entries
            .filter_map(|entry| {
                let read = |entry: fs::DirEntry| {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    if !self.whole && !self.files.contains_key(&name) {
                        return Ok(None);
                    }
                    Ok(Some((name, fs::read_to_string(entry.path())?)))
                };
                entry.and_then(read).transpose()
            })
            .collect()
    }

    fn absolute(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(self.path)
    }
}
