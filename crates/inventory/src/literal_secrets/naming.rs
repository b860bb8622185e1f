//! Names that tell that a value is a secret.

/// What a name says of the value under it.
///
/// English puts the noun last: `TOKEN_TTL` is a time, `PASSWORD_FILE` a file, `SECRET_NAME` a name. So a name
/// tells of a secret if it *ends* in the word for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// A password: whatever text is there is one.
    Password,
    /// A secret of a known use (`CLIENT_SECRET`): any text but an obvious reference is one.
    Secret,
    /// A token or key: random to the eye.
    Token,
    /// A secret of unknown use: as often the name of a Secret object.
    Reference,
}

use Naming::{Password, Reference, Secret, Token};

impl Naming {
    /// What `name` says: a variable, a flag, a key of a setting, in any spelling.
    pub(super) fn of(name: &str) -> Option<Self> {
        if !may_tell(name) {
            return None;
        }
        let words = words(name);
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        while words.pop_if(|last| is_filler(last)).is_some() {}
        let last = words.last()?.trim_end_matches(|c: char| c.is_ascii_digit());
        let before = &words[..words.len() - 1];
        let previous = before.last().copied().unwrap_or_default();
        password(last, previous, before)
            .or_else(|| secret(last, previous))
            .or_else(|| key(last, previous, before))
            .or_else(|| token(last, previous))
    }

    /// What a value of such a name is called in a finding.
    pub(super) fn what(self) -> &'static str {
        match self {
            Password => "a password (by its name)",
            Secret | Reference => "a secret (by its name)",
            Token => "a token or key (by its name)",
        }
    }
}

/// Quick: most names are about something else.
fn may_tell(name: &str) -> bool {
    const STEMS: [&[u8]; 9] = [
        b"pass",
        b"pwd",
        b"secret",
        b"token",
        b"key",
        b"cred",
        b"cookie",
        b"masterauth",
        b"pw",
    ];
    let name = name.as_bytes();
    STEMS.iter().any(|stem| {
        name.windows(stem.len())
            .any(|window| window.eq_ignore_ascii_case(stem))
    })
}

/// The words of a name in lower case: split at everything but letters and digits, and where camel case does.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let bytes = name.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        if !byte.is_ascii_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let before = at.checked_sub(1).map_or(b' ', |at| bytes[at]);
        let after = bytes.get(at + 1).copied().unwrap_or(b' ');
        let hump = byte.is_ascii_uppercase()
            && (before.is_ascii_lowercase()
                || before.is_ascii_digit() && after.is_ascii_lowercase()
                || before.is_ascii_uppercase() && after.is_ascii_lowercase());
        if hump {
            words.push(String::new());
        }
        let word = words.last_mut().expect("there is always one");
        word.push(char::from(byte.to_ascii_lowercase()));
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Words after the noun that do not change what it is.
fn is_filler(word: &str) -> bool {
    matches!(
        word,
        "value" | "plain" | "plaintext" | "b64" | "base64" | "literal"
    ) || word.bytes().all(|b| b.is_ascii_digit())
}

fn password(last: &str, previous: &str, before: &[&str]) -> Option<Naming> {
    let is_shell_directory = before.is_empty() && matches!(last, "pwd" | "oldpwd");
    let glued = ["password", "passwd", "passphrase", "pwd"]
        .iter()
        .any(|noun| last.ends_with(noun));
    let other = matches!(
        last,
        "pass"
            | "passcode"
            | "passwort"
            | "pw"
            | "rootpw"
            | "bindpw"
            | "requirepass"
            | "masterauth"
            | "dbpass"
            | "userpass"
            | "adminpass"
            | "rootpass"
            | "mysqlpass"
            | "sshpass"
            | "authpass"
            | "smtppass"
            | "mailpass"
            | "ftppass"
    );
    if !glued && !other || is_shell_directory || last == "htpasswd" {
        return None;
    }
    // Directives of nginx that pass a request on.
    let directive = matches!(
        previous,
        "proxy" | "fastcgi" | "uwsgi" | "grpc" | "scgi" | "memcached"
    );
    // A switch or a label of a form, not a password.
    let switch = matches!(
        previous,
        "allow"
            | "ask"
            | "change"
            | "check"
            | "disable"
            | "empty"
            | "enable"
            | "enter"
            | "forgot"
            | "forgotten"
            | "hide"
            | "no"
            | "prompt"
            | "require"
            | "requires"
            | "reset"
            | "show"
            | "use"
            | "validate"
            | "with"
            | "without"
    );
    if last == "pass" && directive || switch {
        return None;
    }
    // It guards public certificates, and the usual one is in the documentation of Java.
    let of_trust_store = before.contains(&"truststore") || before.windows(2).any(|w| w == ["trust", "store"]);
    Some(if of_trust_store { Token } else { Password })
}

fn secret(last: &str, previous: &str) -> Option<Naming> {
    match last {
        "credential" | "credentials" | "creds" => Some(Reference),
        "secret" => match previous {
            // Names of Secret objects.
            "pull" | "tls" | "ssl" | "cert" | "certificate" | "ca" | "ingress" | "existing" | "image"
            | "k8s" | "kube" | "kubernetes" | "external" | "registry" | "mount" | "volume" | "from"
            | "generate" | "create" => None,
            "access" | "admin" | "api" | "app" | "application" | "auth" | "client" | "consumer"
            | "cookie" | "crypto" | "csrf" | "encryption" | "hash" | "hmac" | "jwt" | "master"
            | "nextauth" | "oauth" | "oauth2" | "oidc" | "refresh" | "saml" | "session" | "shared"
            | "signing" | "sso" | "state" | "token" | "user" | "webhook" => Some(Secret),
            _ => Some(Reference),
        },
        "cookie" if previous == "erlang" => Some(Secret),
        glued => (glued.ends_with("secret")).then_some(Secret),
    }
}

fn key(last: &str, previous: &str, before: &[&str]) -> Option<Naming> {
    match last {
        "key" => match previous {
            "secret" => Some(Secret),
            "access" | "account" | "admin" | "aes" | "api" | "app" | "application" | "auth" | "cipher"
            | "cookie" | "crypto" | "deploy" | "encryption" | "hmac" | "jwt" | "licence" | "license"
            | "master" | "private" | "security" | "session" | "shared" | "signing" | "storage"
            | "subscription" | "webhook" => Some(Token),
            _ => None,
        },
        "base" if before.ends_with(&["secret", "key"]) => Some(Secret),
        "secretkey" => Some(Secret),
        "accesskey" | "accountkey" | "appkey" | "authkey" | "encryptionkey" | "licensekey" | "masterkey"
        | "privatekey" | "sharedkey" | "signingkey" => Some(Token),
        glued => glued.ends_with("apikey").then_some(Token),
    }
}

fn token(last: &str, previous: &str) -> Option<Naming> {
    // The token of an etcd cluster tells clusters apart; the others are of paging and of language models.
    let other = matches!(
        previous,
        "cluster"
            | "continue"
            | "end"
            | "eos"
            | "bos"
            | "mask"
            | "max"
            | "min"
            | "next"
            | "pad"
            | "page"
            | "per"
            | "sep"
            | "special"
            | "start"
            | "stop"
            | "sync"
            | "unk"
    );
    (last.ends_with("token") && !other).then_some(Token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_spelling() {
        for name in [
            "PASSWORD",
            "DB_PASSWORD",
            "dbPassword",
            "db.password",
            "--db-password",
            "PGPASSWORD",
            "MYSQL_PWD",
            "RABBITMQ_DEFAULT_PASS",
            "PASSWORD_1",
            "password2",
            "requirepass",
            "DBPassword",
            "ROOT_PASSWORD_VALUE",
            "smtp_auth_password",
            "keystore.secure_password",
            "KEY_PASSPHRASE",
            "-Dspring.datasource.password",
        ] {
            assert_eq!(Naming::of(name), Some(Password), "{name}");
        }
        for name in [
            "CLIENT_SECRET",
            "clientSecret",
            "JWT_SECRET",
            "SECRET_KEY_BASE",
            "SECRET_KEY",
            "NEXTAUTH_SECRET",
        ] {
            assert_eq!(Naming::of(name), Some(Secret), "{name}");
        }
        for name in [
            "TOKEN",
            "API_KEY",
            "apiKey",
            "GITHUB_TOKEN",
            "X-Api-Key",
            "AWS_SECRET_ACCESS_KEY",
            "accessToken",
        ] {
            assert_eq!(Naming::of(name), Some(Token), "{name}");
        }
        for name in ["SECRET", "MY_SECRET", "AWS_CREDENTIALS"] {
            assert_eq!(Naming::of(name), Some(Reference), "{name}");
        }
    }

    #[test]
    fn the_last_word_says_what_it_is() {
        for name in [
            "PASSWORD_FILE",
            "POSTGRES_PASSWORD_FILE",
            "TOKEN_TTL",
            "TOKEN_URL",
            "SECRET_NAME",
            "AWS_SECRET_NAME",
            "TLS_KEY_NAME",
            "API_KEY_HEADER",
            "PASSWORD_MIN_LENGTH",
            "--password-stdin",
            "--token-auth-file",
            "--tls-private-key-file",
            "passwordPolicy",
            "secretName",
            "tokenExpirationSeconds",
            "PWD",
            "OLDPWD",
            "proxy_pass",
            "fastcgi_pass",
            "bypass",
            "COMPASS",
            "IMAGE_PULL_SECRET",
            "tls-secret",
            "existingSecret",
            "--initial-cluster-token",
            "MAX_TOKEN",
            "PUBLIC_KEY",
            "KEY",
            "PARTITION_KEY",
            "AWS_ACCESS_KEY_ID",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "keyPassthrough",
            "monkey",
            "ALLOW_EMPTY_PASSWORD",
            "htpasswd",
            "tokens",
            "PASSWORD_HASH",
            "FORGOT_PASSWORD",
            "existingSecretPasswordKey",
            "LDAP_PASSWORD_ATTRIBUTE",
        ] {
            assert_eq!(Naming::of(name), None, "{name}");
        }
    }
}
