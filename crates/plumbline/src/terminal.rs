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

/// Asks a question on standard error that is answered with yes or no; `None` if there is nobody to ask.
pub(crate) fn confirm(question: &str) -> io::Result<Option<bool>> {
    if !io::stdin().is_terminal() {
        return Ok(None);
    }
    let mut err = io::stderr().lock();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(Some(matches!(
        answer.trim().to_ascii_lowercase().as_str(),
        "y" | "yes"
    )))
}

/// Text of others, as it may be shown to somebody who decides by it: characters that move the cursor, colour or
/// turn the direction of writing are spelt out, so that nothing looks like what it is not.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut all, letter| {
        let turns = matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}');
        if turns || (letter.is_control() && !letter.is_whitespace()) {
            all.extend(letter.escape_unicode());
        } else {
            all.push(letter);
        }
        all
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_change_the_look_of_a_text_is_spelt_out() {
        assert_eq!(
            harmless("a plain reason, für alle\n"),
            "a plain reason, für alle\n"
        );
        assert_eq!(harmless("WL-04\u{1b}[2K\u{8}"), "WL-04\\u{1b}[2K\\u{8}");
        assert_eq!(harmless("\u{202e}dekcehc"), "\\u{202e}dekcehc");
    }
}
