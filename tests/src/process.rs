//! Processes that never outlive the test.

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};

use tokio::time::sleep;

use crate::wait::PAUSE;

/// How many bytes of a log an error carries.
const LOG_TAIL: usize = 4096;

/// Waits until the test process is gone, for whatever reason, then ends the process group it leads. Standard
/// input is a pipe whose only writer is the test process, so `read` returns when that process ends. `$1` is the
/// folder to remove, or empty.
const REAPER: &str = r#"read -r _; [ -z "$1" ] || rm -rf "$1"; kill -KILL 0"#;

/// A process group led by a tiny shell that ends the whole group when this process does: after a return, a panic
/// that aborts, Ctrl-C or SIGKILL alike. Being a group of its own, it gets no Ctrl-C from the terminal.
///
/// `PR_SET_PDEATHSIG` would be tied to the thread that spawned and needs unsafe code; a pipe needs neither.
#[derive(Debug)]
pub(crate) struct ProcessGroup {
    reaper: Child,
    _lifeline: ChildStdin,
}

impl ProcessGroup {
    /// `leftovers` is removed when the test process ends without dropping this value.
    pub(crate) fn new(leftovers: Option<&Path>) -> anyhow::Result<Self> {
        let mut reaper = Command::new("/bin/sh")
            .args(["-c", REAPER, "reaper"])
            .arg(leftovers.unwrap_or(Path::new("")))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("/bin/sh cannot be started")?;
        let lifeline = reaper.stdin.take().context("the reaper has no standard input")?;
        Ok(Self {
            reaper,
            _lifeline: lifeline,
        })
    }

    /// Starts `program` in this group, its output appended to `log`.
    pub(crate) fn spawn(&self, program: &Path, arguments: &[String], log: &Path) -> anyhow::Result<Process> {
        self.spawn_in(&mut Command::new(program), arguments, log)
    }

    /// The same for a program whose environment the caller has set.
    pub(crate) fn spawn_in(
        &self,
        command: &mut Command,
        arguments: &[String],
        log: &Path,
    ) -> anyhow::Result<Process> {
        let program = PathBuf::from(command.get_program());
        let name = program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let mut output = OpenOptions::new().create(true).append(true).open(log)?;
        writeln!(output, "# {} {}", program.display(), arguments.join(" "))?;
        let child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(self.reaper.id() as i32)
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        Ok(Process {
            name,
            child,
            log: log.to_owned(),
        })
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        // Fails only if the group is gone already, which is what is wanted.
        let _ = killpg(Pid::from_raw(self.reaper.id() as i32), Signal::SIGKILL);
        let _ = self.reaper.wait();
    }
}

/// One running program and its log. Dropping it kills it and waits for its end.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Fails, with the end of the log, if the program has ended.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended with {status}; {}", self.name, self.log_tail()),
        }
    }

    /// Asks the program to end, waits for `grace`, then kills it.
    pub(crate) async fn stop(mut self, grace: Duration) -> anyhow::Result<()> {
        self.terminate(grace).await?;
        // Dropping it does the rest.
        Ok(())
    }

    /// Asks the program to end and waits for `grace`; gives its status if it has ended by then.
    pub(crate) async fn terminate(&mut self, grace: Duration) -> anyhow::Result<Option<ExitStatus>> {
        if self.child.try_wait()?.is_none() {
            kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM)?;
        }
        let patience = Instant::now() + grace;
        loop {
            let status = self.child.try_wait()?;
            if status.is_some() || Instant::now() >= patience {
                return Ok(status);
            }
            sleep(PAUSE).await;
        }
    }

    /// A sentence with the last lines of the log and its path.
    pub(crate) fn log_tail(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let tail = String::from_utf8_lossy(&log[log.len().saturating_sub(LOG_TAIL)..]);
        format!("the end of {}:\n{}", self.log.display(), tail.trim_end())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Neither fails on a child that nobody else waits for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
