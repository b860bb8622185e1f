//! Finds the files that `-f` means.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::InputError;

/// A file, or standard input.
#[derive(Debug)]
pub(super) struct Source {
    /// How the user named it; `-` is standard input.
    pub(super) name: Arc<str>,
    path: Option<PathBuf>,
}

impl Source {
    fn bytes(&self) -> std::io::Result<Vec<u8>> {
        if let Some(path) = &self.path {
            return fs::read(path);
        }
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Its text, without a byte order mark.
    pub(super) fn read(&self) -> Result<String, String> {
        let bytes = self.bytes().map_err(|error| describe(&error))?;
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err("is UTF-16 text; manifests are read as UTF-8".to_owned());
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + String::from_utf8_lossy(valid).matches('\n').count();
            format!("is no UTF-8 text (line {line})")
        })?;
        Ok(match text.strip_prefix('\u{feff}') {
            Some(text) => text.to_owned(),
            None => text,
        })
    }
}

/// The files that `paths` mean: each once, those of a folder in the order of their names.
pub(super) fn expand(paths: &[PathBuf], errors: &mut Vec<InputError>) -> Vec<Source> {
    let mut search = Search {
        sources: Vec::new(),
        seen: BTreeSet::new(),
        errors,
    };
    for path in paths {
        search.named(path);
    }
    search.sources
}

struct Search<'a> {
    sources: Vec<Source>,
    /// Files and folders that were met already, by their real paths: links may lead in circles.
    seen: BTreeSet<PathBuf>,
    errors: &'a mut Vec<InputError>,
}

impl Search<'_> {
    fn named(&mut self, path: &Path) {
        let name = name(path);
        if &*name == "-" {
            if self.seen.insert(PathBuf::from("-")) {
                self.sources.push(Source { name, path: None });
            }
        } else if name.starts_with("https://") || name.starts_with("http://") {
            let message = "is an address, and only files are read: curl -fsSL ADDRESS | plumbline check -f -";
            self.errors.push(InputError::file(&name, message));
        } else {
            match fs::metadata(path) {
                Ok(metadata) if metadata.is_dir() => self.folder(path),
                // Anything else is read, a pipe as well.
                Ok(_) => self.file(path),
                Err(error) => self.errors.push(InputError::file(&name, describe(&error))),
            }
        }
    }

    fn folder(&mut self, path: &Path) {
        if !self.is_new(path) {
            return;
        }
        let entries = fs::read_dir(path).and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<Result<BTreeSet<_>, _>>()
        });
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                self.errors.push(InputError::file(&name(path), describe(&error)));
                return;
            }
        };
        for entry in entries {
            match fs::metadata(&entry) {
                Ok(metadata) if metadata.is_dir() => self.folder(&entry),
                Ok(metadata) if metadata.is_file() && is_manifest(&entry) => self.file(&entry),
                Err(error) if is_manifest(&entry) => {
                    self.errors
                        .push(InputError::file(&name(&entry), describe(&error)));
                }
                Ok(_) | Err(_) => {}
            }
        }
    }

    fn file(&mut self, path: &Path) {
        if self.is_new(path) {
            self.sources.push(Source {
                name: name(path),
                path: Some(path.to_owned()),
            });
        }
    }

    fn is_new(&mut self, path: &Path) -> bool {
        self.seen
            .insert(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()))
    }
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    ["yaml", "yml", "json"]
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}

fn name(path: &Path) -> Arc<str> {
    path.to_string_lossy().into()
}

/// An error of the operating system without its number.
fn describe(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
