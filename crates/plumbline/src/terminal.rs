//! The only place that prints.

use std::io::{self, IsTerminal, Write};

use comfy_table::Table;

/// What standard output can show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    /// Columns to use.
    pub(crate) width: usize,
    /// Whether to use colours.
    pub(crate) colour: bool,
}

/// How a piece of text is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Bad,
    Unsure,
    Good,
    Heading,
    Aside,
}

/// Columns where there is no terminal to ask: those of a log that people read.
const WIDTH: usize = 100;

/// Lines longer than this are hard to follow.
const WIDEST: usize = 120;

/// Tables do not get any narrower than this.
const NARROWEST: usize = 60;

impl Terminal {
    /// What standard output is connected to. `COLUMNS` and `NO_COLOR` are honoured.
    pub(crate) fn stdout() -> Self {
        let is_terminal = io::stdout().is_terminal();
        let columns = std::env::var("COLUMNS")
            .ok()
            .and_then(|columns| columns.parse().ok());
        let asked = || Table::new().width().map(usize::from).filter(|_| is_terminal);
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            width: columns.or_else(asked).unwrap_or(WIDTH).clamp(NARROWEST, WIDEST),
            colour: is_terminal && !dumb && !set("NO_COLOR"),
        }
    }

    /// `text` in the colour of its tone.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            _ if !self.colour || text.is_empty() => return text.to_owned(),
            Tone::Bad => 31,
            Tone::Unsure => 33,
            Tone::Good => 32,
            Tone::Heading => 1,
            Tone::Aside => 2,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Prints `text` to standard output. A reader that has seen enough (`| head`) is no error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Prints a line to standard error; nobody can be told if that fails.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// `text` as lines of the terminal's width.
pub(crate) fn paragraph(terminal: Terminal, tone: Option<Tone>, text: &str) -> String {
    wrap(text, terminal.width)
        .into_iter()
        .fold(String::new(), |mut all, line| {
            all.push_str(&tone.map_or_else(|| line.clone(), |tone| terminal.paint(tone, &line)));
            all.push('\n');
            all
        })
}

/// Cuts `text` into lines of at most `width` columns, at spaces; a longer word is left whole.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is a first line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
