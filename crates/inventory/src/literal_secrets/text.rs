//! Names and values in text: settings of all sorts, documents, programs.

/// The longest name and the longest value that are looked at. Without bounds a hostile text, all separators on
/// one line, would be read once for each of them.
const LONGEST: usize = 512;

/// At most so many bytes of `text` from its start.
pub(super) fn head(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// At most so many bytes of `text` before its end.
pub(super) fn tail(text: &str, bytes: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(bytes))..]
}

/// Calls `found` with every name and value that the text assigns, comments aside.
pub(super) fn assignments<'a>(text: &'a str, mut found: impl FnMut(&'a str, &'a str)) {
    for line in text.split(['\n', '\r']) {
        if is_comment(line) {
            continue;
        }
        if let Some((name, value)) = directive(line) {
            found(name, value);
        }
        for (at, separator) in line.bytes().enumerate() {
            let assigned = match separator {
                b'=' | b':' => assignment(line, at),
                b'<' => element(&line[at..]),
                _ => None,
            };
            if let Some((name, value)) = assigned {
                found(name, value);
            }
        }
    }
}

/// Whether the line is a comment in one of the languages of settings.
pub(super) fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    ["#", "//", ";", "-- ", "/*", "* ", "<!--"]
        .iter()
        .any(|start| line.starts_with(start))
}

/// `requirepass foo` of Redis.
fn directive(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_whitespace();
    let (name, value) = (words.next()?, words.next()?);
    let known = matches!(name, "requirepass" | "masterauth" | "auth_pass") && words.next().is_none();
    known.then(|| (name, value.trim_matches('"')))
}

/// `<password>foo</password>`.
fn element(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = head(text, LONGEST).strip_prefix('<')?.split_once('>')?;
    let (value, rest) = rest.split_once('<')?;
    let closes = rest.strip_prefix('/').is_some_and(|rest| rest.starts_with(name));
    (closes && !name.is_empty() && name.bytes().all(is_name)).then_some((name, value))
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

/// The assignment whose separator stands at `at`.
fn assignment(line: &str, at: usize) -> Option<(&str, &str)> {
    let bytes = line.as_bytes();
    let next = bytes.get(at + 1).copied().unwrap_or(b' ');
    let previous = at.checked_sub(1).map_or(b' ', |at| bytes[at]);
    let colon = bytes[at] == b':';
    let compares = !colon && (matches!(next, b'=' | b'~') || matches!(previous, b'=' | b'!' | b'<' | b'>'));
    if compares
        || colon && matches!(next, b'=' | b':' | b'/' | b'-' | b'?' | b'+')
        || previous == b':' && colon
    {
        return None;
    }
    let name = name_before(line, if previous == b':' { at - 1 } else { at })?;
    let after = &line[at + 1..];
    let after = after.strip_prefix('>').unwrap_or(after);
    Some((name, value_of(head(after, LONGEST).trim_start(), colon)?))
}

/// The name that ends right before `end`, quoted or not.
fn name_before(line: &str, end: usize) -> Option<&str> {
    let before = tail(&line[..end], LONGEST).trim_end();
    let unquoted = before.trim_end_matches(['"', '\'', '\\']);
    let start = unquoted.bytes().rposition(|b| !is_name(b)).map_or(0, |at| at + 1);
    let name = &unquoted[start..];
    // The default of a variable: `${PASSWORD:-x}`, `${PASSWORD=x}`.
    let expansion = unquoted[..start].ends_with("${");
    (!name.is_empty() && !expansion).then_some(name)
}

/// The value that begins here; none if there is a block, an expression or a sentence.
fn value_of(text: &str, colon: bool) -> Option<&str> {
    for quote in ["\\\"", "\"", "'"] {
        if let Some(rest) = text.strip_prefix(quote) {
            return rest.find(quote).map(|end| &rest[..end]);
        }
    }
    if colon && text.starts_with(['|', '>', '&', '*', '!', '{', '[', '%', '@', '`']) {
        return None;
    }
    let end = text
        .find(|c: char| {
            c.is_whitespace() || matches!(c, ',' | ';' | '&' | '"' | '\'' | '<' | ')' | '}' | ']')
        })
        .unwrap_or(text.len());
    let (value, rest) = text.split_at(end);
    (!value.is_empty() && !is_sentence(rest, colon)).then_some(value)
}

/// Whether words follow that are no further assignment: `password: must be long`.
fn is_sentence(rest: &str, colon: bool) -> bool {
    if !rest.starts_with(char::is_whitespace) {
        return false;
    }
    let Some(word) = head(rest, 256).split_whitespace().next() else {
        return false;
    };
    let harmless = word.starts_with(['#', ';', ',', '}', ']', ')', '"', '\'', '<', '&', '\\', '|', '-'])
        || word.contains('=')
        || !colon && word.contains(':');
    !harmless
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(&str, &str)> {
        let mut found = Vec::new();
        assignments(text, |name, value| found.push((name, value)));
        found
    }

    #[test]
    fn settings_of_all_sorts() {
        for (text, name, value) in [
            ("db.password=hunter2", "db.password", "hunter2"),
            ("password = hunter2", "password", "hunter2"),
            ("  password: hunter2  # of the database", "password", "hunter2"),
            (r#"{"user":"x","password":"hunter2"}"#, "password", "hunter2"),
            (r#"{\"password\":\"hunter2\"}"#, "password", "hunter2"),
            ("password => 'hunter2'", "password", "hunter2"),
            ("password := \"hunter2\"", "password", "hunter2"),
            ("host=db password=hunter2 dbname=app", "password", "hunter2"),
            ("Server=db;User Id=sa;Password=hunter2;", "Password", "hunter2"),
            (
                "jdbc:postgresql://db/app?user=x&password=hunter2",
                "password",
                "hunter2",
            ),
            ("export PASSWORD=hunter2", "PASSWORD", "hunter2"),
            ("<password>hunter2</password>", "password", "hunter2"),
            ("requirepass hunter2", "requirepass", "hunter2"),
            ("-Dapp.password=hunter2 -Xmx1g", "-Dapp.password", "hunter2"),
        ] {
            assert!(read(text).contains(&(name, value)), "{text}: {:?}", read(text));
        }
    }

    #[test]
    fn what_assigns_nothing() {
        for text in [
            "# password=hunter2",
            "; admin_password = admin",
            "// password: hunter2",
            "password: must be at least eight characters long",
            "password: |",
            "password: {",
            "if password == other",
            "${PASSWORD:-hunter2}",
            "proxy_pass http://backend;",
            "password:",
        ] {
            assert_eq!(read(text), [], "{text}");
        }
    }
}
