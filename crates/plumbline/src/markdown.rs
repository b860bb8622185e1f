//! Markdown for a terminal: headings, paragraphs, lists and code, as the documentation of items has them.

use crate::terminal::{Terminal, Tone, wrap};

/// Code stands this far from the margin.
const CODE: &str = "    ";

/// Renders `text`.
pub(crate) fn render(text: &str, terminal: Terminal) -> String {
    let mut page = Page {
        terminal,
        text: String::new(),
        block: Block::default(),
    };
    let mut code = false;
    for line in text.lines() {
        // Lines of a doc comment begin with the space behind its slashes.
        let line = line.strip_prefix(' ').unwrap_or(line).trim_end();
        if line.trim_start().starts_with("```") {
            page.flush();
            code = !code;
        } else if code {
            page.line(&format!("{CODE}{line}"));
        } else {
            page.markdown(line);
        }
    }
    page.flush();
    page.text
}

struct Page {
    terminal: Terminal,
    text: String,
    block: Block,
}

/// A paragraph or an element of a list that may go on.
#[derive(Default)]
struct Block {
    bullet: String,
    text: String,
}

impl Page {
    fn markdown(&mut self, line: &str) {
        let content = line.trim_start();
        if content.is_empty() {
            self.flush();
            self.line("");
        } else if let Some(heading) = content.strip_prefix('#') {
            self.flush();
            let heading = heading.trim_start_matches('#').trim();
            self.line(&self.terminal.paint(Tone::Heading, heading));
        } else if content.starts_with('|') {
            self.flush();
            self.line(line);
        } else if let Some((bullet, content)) = element(content) {
            self.flush();
            let indent = line.len() - line.trim_start().len();
            self.block = Block {
                bullet: format!("{:indent$}{bullet} ", ""),
                text: content.to_owned(),
            };
        } else {
            self.block.text.push(' ');
            self.block.text.push_str(content);
        }
    }

    /// Ends the block that is open.
    fn flush(&mut self) {
        let Block { bullet, text } = std::mem::take(&mut self.block);
        if text.is_empty() {
            return;
        }
        let indent = bullet.chars().count();
        for (at, line) in wrap(&text.replace("**", ""), self.terminal.width - indent)
            .iter()
            .enumerate()
        {
            let first = if at == 0 { bullet.as_str() } else { "" };
            self.line(&format!("{first:indent$}{line}"));
        }
    }

    /// Adds a line; of several empty ones in a row the first.
    fn line(&mut self, line: &str) {
        if !line.is_empty() || !(self.text.is_empty() || self.text.ends_with("\n\n")) {
            self.text.push_str(line);
            self.text.push('\n');
        }
    }
}

/// The bullet or number of an element of a list, and its text.
fn element(content: &str) -> Option<(&str, &str)> {
    let (bullet, text) = content.split_once(' ')?;
    let number = bullet
        .strip_suffix('.')
        .is_some_and(|number| number.parse::<u8>().is_ok());
    (number || ["-", "*"].contains(&bullet)).then_some((bullet, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_reads_well_on_a_terminal() {
        let text = " ## What it checks\n\n No container\n runs **privileged**.\n\n - `Fail`: it\n   does\n - `Pass`\n\n ```yaml\n a:\n   b: c\n ```\n";
        let shown = render(
            text,
            Terminal {
                width: 60,
                colour: false,
            },
        );
        let wanted = "What it checks\n\nNo container runs privileged.\n\n- `Fail`: it does\n- `Pass`\n\n    a:\n      b: c\n";
        assert_eq!(shown, wanted);
    }
}
