//! Secrets in command lines.

use super::value::{self, Place};
use super::{by_name, formats, header, in_text};
use crate::literal_secrets::naming::Naming;

/// How deep scripts within scripts are read: `sh -c "bash -c '…'"`.
const DEPTH: usize = 3;

/// Secrets in the words of a command line, with the index of the word that each stands in.
pub(super) fn find(words: &[String]) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    let words: Vec<(usize, &str)> = words.iter().map(String::as_str).enumerate().collect();
    search(&words, DEPTH, &mut found);
    found.sort_unstable();
    found.dedup();
    // One word is one finding, whatever it is found by.
    found.dedup_by_key(|(at, _)| *at);
    found
}

fn search(words: &[(usize, &str)], depth: usize, found: &mut Vec<(usize, &'static str)>) {
    let mut program = "";
    for (n, &(at, word)) in words.iter().enumerate() {
        let next = words.get(n + 1).map(|&(at, next)| (at, next));
        if let Some(what) = formats::find(word) {
            found.push((at, what));
            continue;
        }
        if let Some((at, what)) = in_flag((at, word), next).or_else(|| in_option(program, (at, word), next)) {
            found.push((at, what));
        }
        if let Some(what) = in_header_word(word) {
            found.push((at, what));
        } else if word.contains(char::is_whitespace) {
            if depth > 0 {
                let inner = split(word);
                let inner: Vec<(usize, &str)> = inner.iter().map(|word| (at, word.as_str())).collect();
                search(&inner, depth - 1, found);
            }
        } else if word.contains('=') {
            found.extend(in_text(word).into_iter().map(|(_, what)| (at, what)));
        }
        let base = word.rsplit('/').next().unwrap_or(word);
        if PROGRAMS.iter().any(|known| known.names.contains(&base)) {
            program = base;
        }
    }
}

/// `--password=x`, `PASSWORD=x`, `--password x`.
fn in_flag((at, word): (usize, &str), next: Option<(usize, &str)>) -> Option<(usize, &'static str)> {
    if let Some((name, value)) = word.split_once('=') {
        let is_name = name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'));
        return is_name
            .then(|| by_name(name, unquoted(value), Place::Manifest))
            .flatten()
            .map(|what| (at, what));
    }
    let (next_at, next) = next?;
    let is_flag = word.starts_with('-') && !next.starts_with('-');
    is_flag
        .then(|| by_name(word, next, Place::Manifest))
        .flatten()
        .map(|what| (next_at, what))
}

fn unquoted(value: &str) -> &str {
    value.trim_matches(['"', '\''])
}

/// `X-Api-Key: x`, as curl and wget take it.
fn in_header_word(word: &str) -> Option<&'static str> {
    let (name, value) = word.split_once(':')?;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let value = value.strip_prefix(' ')?.trim();
    is_name.then(|| header(name, value)).flatten()
}

/// A program whose short options take passwords.
struct Program {
    names: &'static [&'static str],
    /// Options with the password right behind: `-psecret`.
    attached: &'static [&'static str],
    /// Options with the password in the next word.
    separate: &'static [&'static str],
}

const PROGRAMS: [Program; 5] = [
    Program {
        names: &[
            "mysql",
            "mysqladmin",
            "mysqldump",
            "mysqlcheck",
            "mariadb",
            "mariadb-admin",
            "mariadb-dump",
        ],
        attached: &["-p"],
        separate: &[],
    },
    Program {
        names: &["redis-cli", "valkey-cli", "keydb-cli"],
        attached: &[],
        separate: &["-a"],
    },
    Program {
        names: &["sshpass"],
        attached: &["-p"],
        separate: &["-p"],
    },
    Program {
        names: &["ldapsearch", "ldapadd", "ldapmodify", "ldapwhoami", "ldapdelete"],
        attached: &[],
        separate: &["-w"],
    },
    Program {
        names: &["curl", "mongo", "mongosh", "mongodump", "mongorestore"],
        attached: &[],
        separate: &["-u", "--user", "-U", "--proxy-user", "-p"],
    },
];

const OPTION: &str = "a password (by the option that it follows)";

fn in_option(
    program: &str,
    (at, word): (usize, &str),
    next: Option<(usize, &str)>,
) -> Option<(usize, &'static str)> {
    let known = PROGRAMS.iter().find(|known| known.names.contains(&program))?;
    let is_password = |value: &str| value::is_secret(Naming::Password, "", unquoted(value), Place::Manifest);
    let attached = known.attached.iter().find_map(|option| word.strip_prefix(option));
    if attached.is_some_and(is_password) {
        return Some((at, OPTION));
    }
    let (next_at, next) = next.filter(|_| known.separate.contains(&word))?;
    let password = if word.to_ascii_lowercase().contains('u') {
        next.split_once(':')?.1
    } else {
        next
    };
    is_password(password).then_some((next_at, OPTION))
}

/// The words of a shell script, roughly: quotes are taken off, substitutions stay whole, comments go.
fn split(script: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut rest = script.chars().peekable();
    let mut quote = None;
    while let Some(c) = rest.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"') | None, '\\') => word.extend(rest.next().filter(|c| *c != '\n')),
            (Some('"') | None, '$') if rest.peek() == Some(&'(') => {
                word.push('$');
                substitution(&mut rest, &mut word);
            }
            (None, '"' | '\'') => quote = Some(c),
            (None, '#') if word.is_empty() => while rest.next_if(|c| *c != '\n').is_some() {},
            (None, c) if c.is_whitespace() || matches!(c, ';' | '|' | '&' | '(' | ')') => {
                words.push(std::mem::take(&mut word));
            }
            _ => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// Copies `(…)` with all that is nested in it.
fn substitution(rest: &mut impl Iterator<Item = char>, word: &mut String) {
    let mut open = 0;
    for c in rest {
        word.push(c);
        match c {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            break;
        }
    }
}
