//! Runs the binary as its users do.

mod attest;
mod baseline;
mod commands;
mod diff;
mod gate;
mod input;
mod reach;
mod result;
mod table;
mod who_can;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// What came of a run.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

/// Runs `plumbline` in `folder`, with nothing on standard input and no cluster.
fn plumbline(folder: &Path, arguments: &[&str]) -> Ran {
    plumbline_with(folder, arguments, "", &[])
}

fn plumbline_with(folder: &Path, arguments: &[&str], input: &str, environment: &[(&str, &str)]) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_plumbline"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("COLUMNS")
        .env("KUBECONFIG", "/nowhere/kubeconfig")
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        // Who does not read standard input closes it.
        let _ = stdin.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().expect("the binary ends");
    writer.join().expect("writing does not panic");
    Ran {
        code: output.status.code().expect("it was not killed"),
        out: String::from_utf8(output.stdout).expect("output is text"),
        err: String::from_utf8(output.stderr).expect("messages are text"),
    }
}

impl Ran {
    /// The result of `check -o json`.
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }

    /// One item of it.
    fn item(&self, id: &str) -> Value {
        let result = self.json();
        let items = result["items"].as_array().expect("items is a list");
        items
            .iter()
            .find(|item| item["id"] == id)
            .unwrap_or_else(|| panic!("no {id}"))
            .clone()
    }

    /// Its errors, as `file document line: message`.
    fn errors(&self) -> Vec<String> {
        let result = self.json();
        let errors = result["errors"].as_array().expect("errors is a list").iter();
        let text = |error: &Value| {
            let (file, message) = (
                error["file"].as_str().unwrap_or_default(),
                error["message"].as_str().unwrap_or_default(),
            );
            format!("{file} {} {}: {message}", error["document"], error["line"])
        };
        errors.map(text).collect()
    }
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it is in the folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    folder
}

/// A folder with one file `a.yaml`.
fn file(text: &str) -> TempDir {
    folder(&[("a.yaml", text)])
}

/// `check -o json` on the whole folder, for WL-04 and with further arguments.
fn check(folder: &TempDir, more: &[&str]) -> Ran {
    let mut arguments = vec!["check", "-f", ".", "-o", "json", "--items", "WL-04"];
    arguments.extend(more);
    plumbline(folder.path(), &arguments)
}

/// A pod that is privileged or not.
fn pod(name: &str, privileged: bool) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\n\
         spec: {{containers: [{{name: app, image: app:1, securityContext: {{privileged: {privileged}}}}}]}}\n"
    )
}

/// Realistic manifests.
fn shop() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}
