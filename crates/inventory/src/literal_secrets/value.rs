//! Values that can be secrets, and values that cannot.

use super::naming::{self, Naming};

/// Where a name and its value stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A variable, a flag, a key of a `ConfigMap`: what is there is used as it is.
    Manifest,
    /// Settings, code, documents: there are schemas, forms and programs among them.
    Text,
    /// An annotation: as a rule names of objects and checksums.
    Annotation,
}

/// Whether a value of this name is a secret.
pub(super) fn is_secret(naming: Naming, name: &str, value: &str, place: Place) -> bool {
    let value = value.trim();
    if value.len() < 3 || value.len() > 4096 || value.contains(char::is_whitespace) || is_no_literal(value) {
        return false;
    }
    if place == Place::Text && (is_type(value) || repeats(value, name)) {
        return false;
    }
    if place == Place::Annotation
        && (naming != Naming::Password && !looks_random(value) || is_checksum(value))
    {
        return false;
    }
    match naming {
        Naming::Password => !is_short_number(value),
        Naming::Secret => {
            value.len() >= 4
                && !is_number(value)
                && !is_example(value)
                && naming::words(name) != naming::words(value)
        }
        Naming::Token => value.len() >= 8 && !is_example(value) && looks_random(value),
        Naming::Reference => {
            value.len() >= 8 && !is_example(value) && !is_object_name(value) && looks_random(value)
        }
    }
}

/// Whether the value is empty, refers to something else, or stands for something else.
pub(super) fn is_no_literal(value: &str) -> bool {
    value.is_empty()
        || is_reference(value)
        || is_placeholder(value)
        || is_path(value)
        || is_switch(value)
        || is_duration(value)
        || is_hash(value)
        || value.contains("://")
}

/// `$(VAR)`, `${VAR}`, `{{ .Values.x }}`, `vault:secret/x`: filled in by somebody else.
pub(super) fn is_reference(value: &str) -> bool {
    const INSIDE: [&str; 9] = [
        "$(",
        "${",
        "{{",
        "<%",
        "%(",
        "%{",
        "%%env",
        "os.environ",
        "process.env",
    ];
    const SCHEMES: [&str; 18] = [
        "env:",
        "env.",
        "file:",
        "vault:",
        "ref+",
        "arn:",
        "secret:",
        "secretref:",
        "ssm:",
        "sm:",
        "gsm:",
        "awssm:",
        "k8s:",
        "kubernetes:",
        "keyring:",
        "valuefrom:",
        "azurekv:",
        "projects/",
    ];
    let enclosed = |open: &str, close: &str| {
        value.len() > open.len() + close.len() && value.starts_with(open) && value.ends_with(close)
    };
    let lower = value.to_ascii_lowercase();
    INSIDE.iter().any(|inside| value.contains(inside))
        || SCHEMES.iter().any(|scheme| lower.starts_with(scheme))
        || is_variable(value)
        || value.starts_with('`')
        || ["!ref", "!secret", "!vault", "!env", "!sub"]
            .iter()
            .any(|tag| lower.starts_with(tag))
        || enclosed("%", "%")
        || enclosed("@", "@")
        || enclosed("__", "__")
        || matches!(value, "%s" | "%d" | "%v" | "%q")
        || is_constant(value)
        || is_object_path(value)
}

/// `$DB_PASSWORD`, `$password`, or what a shell left of `$(…)`; not `$ecretWord`.
fn is_variable(value: &str) -> bool {
    let Some(name) = value.strip_prefix('$') else {
        return false;
    };
    let is_identifier = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let one_case =
        !(name.contains(|c: char| c.is_ascii_lowercase()) && name.contains(|c: char| c.is_ascii_uppercase()));
    is_identifier && one_case
}

/// `DB_PASSWORD`, `REPLACE_ME`: the name of a variable, or a placeholder.
fn is_constant(value: &str) -> bool {
    value.contains('_') && value.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

/// `prod/db`, `secret/data/app#password`: a path in a store of secrets.
fn is_object_path(value: &str) -> bool {
    value.contains('/')
        && value
            .split(['/', '#', ':'])
            .all(|word| is_plain(word) && word.len() < 20)
}

fn is_placeholder(value: &str) -> bool {
    const WORDS: [&str; 18] = [
        "placeholder",
        "redacted",
        "replace",
        "your-",
        "your_",
        "yourpass",
        "yourtoken",
        "yoursecret",
        "insert-",
        "insert_",
        "todo",
        "fixme",
        "not-set",
        "not_set",
        "notset",
        "****",
        "xxxx",
        "...",
    ];
    let lower = value.to_ascii_lowercase();
    let first = value.chars().next();
    let enclosed = [('<', '>'), ('[', ']'), ('{', '}')]
        .iter()
        .any(|(open, close)| value.starts_with(*open) && value.ends_with(*close));
    let monotonous =
        value.chars().all(|c| Some(c) == first) && "x*.-_?#0•".contains(lower.chars().next().unwrap_or('x'));
    enclosed || monotonous || WORDS.iter().any(|word| lower.contains(word))
}

/// The examples of documentation; for a password the word is as good as any.
fn is_example(value: &str) -> bool {
    value.to_ascii_lowercase().contains("example")
}

fn is_path(value: &str) -> bool {
    const EXTENSIONS: [&str; 16] = [
        ".txt",
        ".json",
        ".yaml",
        ".yml",
        ".pem",
        ".key",
        ".crt",
        ".cer",
        ".p12",
        ".pfx",
        ".jks",
        ".conf",
        ".ini",
        ".toml",
        ".env",
        ".properties",
    ];
    let bytes = value.as_bytes();
    let has = |class: fn(&u8) -> bool| bytes.iter().any(class);
    let rooted = value.starts_with(['/', '~']) || value.starts_with("./") || value.starts_with("../");
    let drive = bytes.len() > 2
        && bytes[0].is_ascii_alphabetic()
        && bytes[1] == b':'
        && matches!(bytes[2], b'\\' | b'/');
    // Base64 may begin with a slash.
    let base64 = bytes.len() >= 20
        && !value.contains(['.', '-', '_'])
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit);
    let lower = value.to_ascii_lowercase();
    rooted && !base64 || drive || EXTENSIONS.iter().any(|extension| lower.ends_with(extension))
}

/// Values that switch something or say that there is none.
fn is_switch(value: &str) -> bool {
    const WORDS: [&str; 25] = [
        "true",
        "false",
        "yes",
        "no",
        "on",
        "off",
        "enabled",
        "disabled",
        "enable",
        "disable",
        "none",
        "null",
        "nil",
        "undefined",
        "n/a",
        "required",
        "optional",
        "never",
        "always",
        "prompt",
        "ask",
        "auto",
        "stdin",
        "unset",
        "empty",
    ];
    WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// `30s`, `1h30m`, `90d`.
fn is_duration(value: &str) -> bool {
    let mut digits = false;
    let mut units = 0;
    let mut rest = value;
    while let Some(at) = rest.find(|c: char| !c.is_ascii_digit() && c != '.') {
        let after = &rest[at..];
        let unit = ["ns", "us", "ms", "s", "m", "h", "d", "w", "y"]
            .iter()
            .find(|unit| {
                after
                    .strip_prefix(**unit)
                    .is_some_and(|next| next.is_empty() || next.starts_with(|c: char| c.is_ascii_digit()))
            });
        let (Some(unit), true) = (unit, at > 0) else {
            return false;
        };
        digits = true;
        units += 1;
        rest = &after[unit.len()..];
    }
    digits && units > 0 && rest.is_empty()
}

/// Hashes of passwords, and what is encrypted.
fn is_hash(value: &str) -> bool {
    const STARTS: [&str; 26] = [
        "$2a$",
        "$2b$",
        "$2y$",
        "$argon2",
        "$1$",
        "$5$",
        "$6$",
        "$y$",
        "$apr1$",
        "$pbkdf2",
        "{SHA}",
        "{SSHA}",
        "{SSHA256}",
        "{SSHA512}",
        "{CRYPT}",
        "{bcrypt}",
        "{PBKDF2}",
        "pbkdf2_",
        "pbkdf2:",
        "scrypt:",
        "SCRAM-SHA-",
        "sha256:",
        "sha512:",
        "ENC[",
        "ENC(",
        "{cipher}",
    ];
    let hash_of_user = value
        .split_once(':')
        .is_some_and(|(_, hash)| STARTS.iter().any(|start| hash.starts_with(start)));
    let md5 = value
        .strip_prefix("md5")
        .is_some_and(|hex| hex.len() == 32 && is_hex(hex));
    hash_of_user
        || md5
        || value.starts_with("$ANSIBLE_VAULT")
        || STARTS.iter().any(|start| value.starts_with(start))
}

fn is_hex(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_checksum(value: &str) -> bool {
    matches!(value.len(), 32 | 40 | 56 | 64 | 96 | 128) && is_hex(value)
}

fn is_number(value: &str) -> bool {
    value
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'))
}

/// `443` is a number, `1234` a password.
fn is_short_number(value: &str) -> bool {
    value.len() < 4 && is_number(value)
}

/// Types in schemas and kinds of form fields, and kinds of tokens.
fn is_type(value: &str) -> bool {
    const TYPES: [&str; 21] = [
        "string", "str", "text", "bytes", "byte", "int", "integer", "number", "boolean", "bool", "object",
        "array", "any", "varchar", "bearer", "basic", "jwt", "oidc", "oauth", "oauth2", "hidden",
    ];
    let value = value.strip_suffix('?').unwrap_or(value);
    TYPES.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// `password: password`, `secretKey: client-secret`, `token = settings.token`: a mapping, a label, code.
fn repeats(value: &str, name: &str) -> bool {
    let words = naming::words(value);
    let is_code = value.contains(['(', '[', '{']) || value.ends_with(';');
    let identifier = value
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    let same = !words.is_empty() && naming::words(name).ends_with(&words);
    let tells = identifier && !value.contains(|c: char| c.is_ascii_digit()) && Naming::of(value).is_some();
    let entry = tells
        && words.len() > 1
        && naming::words(name)
            .last()
            .is_some_and(|last| last.ends_with("key"));
    let member = tells && value.contains('.');
    is_code || identifier && same || member || entry
}

/// The name of a Kubernetes object: words in lower case with dashes or dots between, or one word.
fn is_object_name(value: &str) -> bool {
    let lower = value
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'));
    let uuid = value.len() == 36 && value.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    lower && value.contains(['-', '.']) && !uuid
}

/// Whether the value is more than words put together.
fn looks_random(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    if is_number(value) {
        return false;
    }
    if value.contains(['!', '$', '%', '^', '&', '*', '+', '=', '~', '?']) {
        return true;
    }
    let separated = value.contains(['-', '_', '.', '/', ':']);
    if separated {
        return value.split(['-', '_', '.', '/', ':']).any(|word| !is_plain(word));
    }
    if digits > 0 {
        // `argon2id`, `oauth2proxy`, `token1` are words.
        return digits >= 2 || value.len() >= 16;
    }
    let lower = value.to_ascii_lowercase();
    let speaking = value.len() >= 10
        && ["secret", "token", "password"]
            .iter()
            .any(|word| lower.contains(word));
    value.len() >= 24 || humps(value) * 4 > value.len() || speaking && lower == value
}

/// A word, an abbreviation, a version, a counter.
fn is_plain(word: &str) -> bool {
    let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = word.len() - letters.len();
    let only_letters = letters.bytes().all(|b| b.is_ascii_alphabetic());
    let is_date_or_count = letters.is_empty() && digits <= 10;
    word.len() < 6 && word.bytes().all(|b| b.is_ascii_alphanumeric())
        || is_date_or_count
        || only_letters && digits <= 4 && word.len() < 24 && humps(word) * 4 <= word.len()
}

/// Changes between small and capital letters.
fn humps(word: &str) -> usize {
    let bytes = word.as_bytes();
    bytes
        .windows(2)
        .filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
        .count()
}
