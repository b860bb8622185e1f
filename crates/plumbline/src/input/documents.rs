//! Cuts a YAML stream into its documents, so that one that is malformed spoils no other.

/// A document of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Document<'a> {
    /// Its number, from 1. Empty documents count.
    pub(super) number: usize,
    /// Its text, with the marker and directives before it.
    pub(super) text: &'a str,
    /// The line that the text begins on, from 1.
    pub(super) line: usize,
    /// The line that its content begins on; `None` if it has none.
    pub(super) content: Option<usize>,
}

/// Documents begin at a `---` and end at a `...`, both at the start of a line and nowhere else: YAML does not
/// allow them in any scalar. Without either, a stream is one document.
pub(super) fn split(text: &str) -> Vec<Document<'_>> {
    let mut documents = Vec::new();
    let mut open = Open::at(0, 1);
    let mut offset = 0;
    for (at, whole) in text.split_inclusive('\n').enumerate() {
        let number = at + 1;
        let line = whole.trim_end();
        let next = offset + whole.len();
        if let Some(rest) = marker(line, "---") {
            if open.begun {
                open.close(text, offset, &mut documents);
                open = Open::at(offset, number);
            }
            open.begun = true;
            if !is_blank(rest) {
                open.content.get_or_insert(number);
            }
        } else if marker(line, "...").is_some() {
            if open.begun {
                open.close(text, offset, &mut documents);
            }
            open = Open::at(next, number + 1);
        } else if !is_blank(line) && (open.begun || !line.starts_with('%')) {
            open.begun = true;
            open.content.get_or_insert(number);
        }
        offset = next;
    }
    if open.begun {
        open.close(text, text.len(), &mut documents);
    }
    documents
}

/// The document that is being read.
struct Open {
    start: usize,
    line: usize,
    /// Whether anything but comments and directives has come.
    begun: bool,
    content: Option<usize>,
}

impl Open {
    fn at(start: usize, line: usize) -> Self {
        Self {
            start,
            line,
            begun: false,
            content: None,
        }
    }

    fn close<'a>(&self, text: &'a str, end: usize, documents: &mut Vec<Document<'a>>) {
        documents.push(Document {
            number: documents.len() + 1,
            text: &text[self.start..end],
            line: self.line,
            content: self.content,
        });
    }
}

/// What follows a marker on its line.
fn marker<'a>(line: &'a str, marker: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(marker)?;
    (rest.is_empty() || rest.starts_with([' ', '\t'])).then_some(rest)
}

fn is_blank(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number, first line and line of content of each document.
    fn outline(text: &str) -> Vec<(usize, usize, Option<usize>)> {
        split(text)
            .iter()
            .map(|document| (document.number, document.line, document.content))
            .collect()
    }

    #[test]
    fn markers_begin_documents() {
        assert_eq!(outline("a: 1\n---\nb: 2\n"), [(1, 1, Some(1)), (2, 2, Some(3))]);
        assert_eq!(
            outline("---\na: 1\n---\n# x\n\nb: 2"),
            [(1, 1, Some(2)), (2, 3, Some(6))]
        );
        assert_eq!(outline("# licence\n---\na: 1\n"), [(1, 1, Some(3))]);
        assert_eq!(
            outline("--- {a: 1}\n--- # two\nb: 2\n"),
            [(1, 1, Some(1)), (2, 2, Some(3))]
        );
    }

    #[test]
    fn empty_documents_count_and_comments_alone_are_none() {
        assert_eq!(outline("---\n---\na: 1\n"), [(1, 1, None), (2, 2, Some(3))]);
        assert_eq!(outline("# nothing\n\n"), []);
        assert_eq!(outline(""), []);
    }

    #[test]
    fn a_document_end_is_no_document() {
        assert_eq!(
            outline("a: 1\n...\n---\nb: 2\n...\n"),
            [(1, 1, Some(1)), (2, 3, Some(4))]
        );
        assert_eq!(outline("%YAML 1.1\n---\na: 1\n"), [(1, 1, Some(3))]);
    }

    #[test]
    fn an_indented_marker_is_text() {
        let text = "a: |\n  ---\n  ...\nb: ---x\n----\n";
        assert_eq!(split(text).len(), 1);
        assert_eq!(split(text)[0].text, text);
    }

    #[test]
    fn carriage_returns_do_not_matter() {
        assert_eq!(
            outline("a: 1\r\n---\r\nb: 2\r\n"),
            [(1, 1, Some(1)), (2, 2, Some(3))]
        );
    }
}
