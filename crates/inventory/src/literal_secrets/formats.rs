//! Values that are secrets by their format, whatever their name.

use super::text::{head, is_comment, tail};
use super::value::{is_no_literal, is_reference};

/// A token with a prefix of its own.
struct Format {
    prefix: &'static str,
    alphabet: fn(u8) -> bool,
    shortest: usize,
    longest: usize,
    what: &'static str,
}

fn capital(b: u8) -> bool {
    b.is_ascii_uppercase() || b.is_ascii_digit()
}

fn alnum(b: u8) -> bool {
    b.is_ascii_alphanumeric()
}

fn word(b: u8) -> bool {
    alnum(b) || b == b'_'
}

fn url(b: u8) -> bool {
    word(b) || b == b'-'
}

fn dotted(b: u8) -> bool {
    url(b) || b == b'.'
}

fn path(b: u8) -> bool {
    url(b) || b == b'/'
}

fn base64(b: u8) -> bool {
    alnum(b) || matches!(b, b'+' | b'/' | b'=')
}

const ANY: usize = usize::MAX;

macro_rules! formats {
    ($($what:literal: $($prefix:literal $alphabet:ident $shortest:tt $(..=$longest:tt)?),+;)*) => {
        /// Known tokens: prefix, alphabet and length of what follows.
        const FORMATS: &[Format] = &[$($(Format {
            prefix: $prefix,
            alphabet: $alphabet,
            shortest: $shortest,
            longest: formats!(@longest $($longest)?),
            what: $what,
        },)+)*];
    };
    (@longest $longest:tt) => { $longest };
    (@longest) => { ANY };
}

formats! {
    "an AWS access key": "AKIA" capital 16..=16, "ASIA" capital 16..=16, "ABIA" capital 16..=16;
    "a GitHub token": "ghp_" alnum 36, "gho_" alnum 36, "ghu_" alnum 36, "ghs_" alnum 36, "ghr_" alnum 36,
        "github_pat_" word 40;
    "a GitLab token": "glpat-" dotted 20, "gldt-" url 20, "glrt-" dotted 20, "glptt-" url 20, "glcbt-" url 20,
        "glft-" url 20, "glsoat-" url 20, "glagent-" url 20, "glimt-" url 20;
    "a Slack token": "xoxb-" url 20, "xoxp-" url 20, "xoxa-" url 20, "xoxr-" url 20, "xoxs-" url 20, "xoxe-" url 20,
        "xapp-" url 20;
    "a Slack webhook": "hooks.slack.com/services/" path 40;
    "a Discord webhook": "discord.com/api/webhooks/" path 60, "discordapp.com/api/webhooks/" path 60;
    "a Stripe key": "sk_live_" alnum 16, "sk_test_" alnum 16, "rk_live_" alnum 16, "rk_test_" alnum 16,
        "whsec_" base64 24;
    "a Google API key": "AIza" url 35..=35;
    "a Google OAuth token": "ya29." url 20;
    "a Google client secret": "GOCSPX-" url 24;
    "an npm token": "npm_" alnum 36..=36;
    "a PyPI token": "pypi-AgE" url 50;
    "a Docker Hub token": "dckr_pat_" url 20, "dckr_oat_" url 20;
    "a Vault token": "hvs." url 24, "hvb." url 24, "hvr." url 24;
    "a SendGrid key": "SG." dotted 60;
    "a Hugging Face token": "hf_" alnum 30;
    "an OpenAI key": "sk-proj-" url 40, "sk-svcacct-" url 40, "sk-" alnum 40;
    "an Anthropic key": "sk-ant-" url 40;
    "a DigitalOcean token": "dop_v1_" alnum 64..=64, "doo_v1_" alnum 64..=64;
    "a Databricks token": "dapi" alnum 32..=34;
    "a Grafana token": "glsa_" word 40, "glc_" base64 40;
    "a Shopify token": "shpat_" alnum 32, "shpss_" alnum 32;
    "a New Relic key": "NRAK-" capital 27;
    "an Atlassian token": "ATATT3" url 60;
    "an age key": "AGE-SECRET-KEY-1" capital 58..=58;
    "an Azure storage key": "AccountKey=" base64 80;
    "an Azure shared access key": "SharedAccessKey=" base64 40;
    "a private key": "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRV" base64 24, "LS0tLS1CRUdJTiBQUklWQVRFIEtFW" base64 24,
        "LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFW" base64 24, "LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZ" base64 24,
        "LS0tLS1CRUdJTiBFTkNSWVBURUQgUFJJVkFURSBLRV" base64 24;
}

/// The first two bytes of the prefixes: most words of a text begin otherwise.
const BEGINNINGS: [[bool; 128]; 128] = {
    let mut set = [[false; 128]; 128];
    let mut at = 0;
    while at < FORMATS.len() {
        let prefix = FORMATS[at].prefix.as_bytes();
        set[prefix[0] as usize][prefix[1] as usize] = true;
        at += 1;
    }
    set
};

fn may_begin(bytes: &[u8]) -> bool {
    let [first, second, ..] = bytes else {
        return false;
    };
    first.is_ascii() && second.is_ascii() && BEGINNINGS[usize::from(*first)][usize::from(*second)]
}

/// The first secret in `text` that has a known format.
pub(super) fn find(text: &str) -> Option<&'static str> {
    (0..text.len()).find_map(|at| at_position(text, at))
}

/// What secrets of known formats there are in `text`, each kind once.
pub(super) fn find_all(text: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    for what in (0..text.len()).filter_map(|at| at_position(text, at)) {
        if !found.contains(&what) {
            found.push(what);
        }
    }
    found
}

fn at_position(text: &str, at: usize) -> Option<&'static str> {
    let bytes = text.as_bytes();
    let special = match bytes[at] {
        b'-' => private_key(text, at),
        b':' => url_password(text, at).or_else(|| telegram_token(bytes, at)),
        b'@' => data_source_password(text, at),
        b'~' => azure_client_secret(bytes, at),
        b'e' => json_web_token(bytes, at),
        b's' => shared_access_signature(bytes, at),
        _ => None,
    };
    special.or_else(|| token(bytes, at))
}

/// Whether a word begins here; `\n` in JSON is a separator, too.
fn begins(bytes: &[u8], at: usize) -> bool {
    match at.checked_sub(1).map(|before| bytes[before]) {
        None => true,
        Some(b'n' | b't' | b'r') => at >= 2 && bytes[at - 2] == b'\\',
        Some(before) => !word(before),
    }
}

/// The longest token that is looked at. Like the windows below it keeps a hostile text, all beginnings of
/// tokens, from being read once for each of them.
const LONGEST: usize = 512;

fn run(bytes: &[u8], alphabet: fn(u8) -> bool) -> &[u8] {
    let end = bytes.iter().position(|b| !alphabet(*b)).unwrap_or(bytes.len());
    &bytes[..end]
}

fn short_run(bytes: &[u8], alphabet: fn(u8) -> bool) -> &[u8] {
    run(&bytes[..bytes.len().min(LONGEST)], alphabet)
}

fn token(bytes: &[u8], at: usize) -> Option<&'static str> {
    let start = &bytes[at..];
    if !may_begin(start) || !begins(bytes, at) {
        return None;
    }
    FORMATS.iter().find_map(|format| {
        let body = short_run(start.strip_prefix(format.prefix.as_bytes())?, format.alphabet);
        let fits = (format.shortest..=format.longest).contains(&body.len());
        (fits && is_varied(body)).then_some(format.what)
    })
}

/// Whether this is no placeholder: not `xxxxxxxx`, not an example.
fn is_varied(body: &[u8]) -> bool {
    let body = &body[..body.len().min(128)];
    let mut seen = [false; 256];
    for byte in body {
        seen[usize::from(*byte)] = true;
    }
    let distinct = seen.iter().filter(|seen| **seen).count();
    let repeats = body
        .windows(6)
        .any(|window| window.iter().all(|b| *b == window[0]));
    let example = body
        .windows(7)
        .any(|window| window.eq_ignore_ascii_case(b"example"));
    distinct >= 6 && !repeats && !example
}

/// `header.payload.signature`, the first two of them JSON in base64.
fn json_web_token(bytes: &[u8], at: usize) -> Option<&'static str> {
    let within = at > 0 && bytes[at - 1] == b'-';
    if within || !bytes[at..].starts_with(b"eyJ") || !begins(bytes, at) {
        return None;
    }
    let bytes = &bytes[at..];
    let header = run(bytes, url);
    let rest = bytes[header.len()..].strip_prefix(b".")?;
    let payload = run(rest, url);
    let signature = run(rest[payload.len()..].strip_prefix(b".")?, url);
    let json = |part: &[u8]| part.starts_with(b"eyJ") && part.len() >= 10;
    (json(header) && json(payload) && signature.len() >= 16).then_some("a JSON Web Token")
}

/// The header alone is no key: scripts look for it.
fn private_key(text: &str, at: usize) -> Option<&'static str> {
    let rest = head(text.get(at..)?, 4096).strip_prefix("-----BEGIN ")?;
    let (label, body) = rest.split_once("-----")?;
    let is_private =
        label.len() < 40 && (label.ends_with("PRIVATE KEY") || label.ends_with("PRIVATE KEY BLOCK"));
    let body = body.split("-----END").next()?.as_bytes();
    let mut runs = body.split(|b| !base64(*b));
    (is_private && runs.any(|run| run.len() >= 32)).then_some("a private key")
}

/// `scheme://user:password@host`; `at` is the colon. A comment may show how it is written.
fn url_password(text: &str, at: usize) -> Option<&'static str> {
    let rest = head(text.get(at..)?, 512).strip_prefix("://")?;
    let has_scheme = text[..at].bytes().next_back().is_some_and(alnum);
    let end = rest
        .find(|c: char| c.is_whitespace() || "/?#\"'`<>,)\\".contains(c))
        .unwrap_or(rest.len());
    let (user, _) = rest[..end].rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    let line = tail(&text[..at], 512).rsplit('\n').next().unwrap_or_default();
    let literal = has_scheme && !is_no_literal(password) && !is_comment(line);
    literal.then_some("a password in a URL")
}

/// `user:password@tcp(host:3306)/database`, as Go's drivers have it; `at` is the `@`.
fn data_source_password(text: &str, at: usize) -> Option<&'static str> {
    let is_address = ["@tcp(", "@unix("]
        .iter()
        .any(|address| text[at..].starts_with(address));
    if !is_address {
        return None;
    }
    let user = tail(&text[..at], 256)
        .rsplit(|c: char| c.is_whitespace() || "\"'`=".contains(c))
        .next()?;
    let (_, password) = user.split_once(':')?;
    (!is_no_literal(password)).then_some("a password in a data source name")
}

/// `1234567890:AA…`: the id of a bot and its token.
fn telegram_token(bytes: &[u8], at: usize) -> Option<&'static str> {
    let id = bytes[..at]
        .iter()
        .rev()
        .take(11)
        .take_while(|b| b.is_ascii_digit())
        .count();
    let body = short_run(&bytes[at + 1..], url);
    let fits = (8..=10).contains(&id) && body.len() == 35 && body.starts_with(b"AA");
    (fits && is_varied(body)).then_some("a Telegram bot token")
}

/// Three characters, a digit, `Q~`, and 31 to 34 more; `at` is the tilde.
fn azure_client_secret(bytes: &[u8], at: usize) -> Option<&'static str> {
    let alphabet = |b: u8| dotted(b) || b == b'~';
    let before = bytes.get(at.checked_sub(5)?..at)?;
    let body = short_run(&bytes[at + 1..], |b| dotted(b) || b == b'~');
    let marked = before[4] == b'Q' && before[3].is_ascii_digit() && before[..3].iter().all(|b| alphabet(*b));
    (marked && (31..=34).contains(&body.len()) && is_varied(body)).then_some("an Azure client secret")
}

/// The signature of a shared access URL: 32 bytes in base64, percent-encoded.
fn shared_access_signature(bytes: &[u8], at: usize) -> Option<&'static str> {
    let body = bytes[at..].strip_prefix(b"sig=").filter(|_| begins(bytes, at))?;
    let body = short_run(body, |b| base64(b) || b == b'%');
    let padded = body.ends_with(b"%3D") || body.ends_with(b"%3d") || body.ends_with(b"=");
    let text = std::str::from_utf8(body).unwrap_or_default();
    (body.len() >= 43 && padded && !is_reference(text)).then_some("an Azure shared access signature")
}
