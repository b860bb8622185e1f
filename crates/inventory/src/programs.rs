//! Which programs a container runs, as far as its image reference and its command tell.

use crate::lean::Container;

/// Servers that let somebody log in over SSH.
const SSH_SERVERS: [&str; 2] = ["sshd", "dropbear"];

/// What their images are called.
const SSH_IMAGES: [&str; 3] = ["sshd", "openssh-server", "dropbear"];

/// Whether a container runs an SSH server.
pub(crate) fn is_ssh_server(container: &Container) -> bool {
    is_image_of(&container.image, &SSH_IMAGES) || runs(container, &SSH_SERVERS)
}

/// Whether the last part of an image's repository is one of these names, or has one of them as its beginning or end
/// (`ubi-openscap`).
pub(crate) fn is_image_of(image: &str, names: &[&str]) -> bool {
    let repository = image.split('@').next().unwrap_or_default();
    let last = repository.rsplit('/').next().unwrap_or_default();
    let last = last.split(':').next().unwrap_or_default();
    names.iter().any(|name| {
        let prefixed = last.strip_suffix(name).is_some_and(|rest| rest.ends_with('-'));
        let suffixed = last.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
        last == *name || prefixed || suffixed
    })
}

/// Whether a word of the container's command or arguments, scripts among them, names one of these programs, wherever it
/// lies.
pub(crate) fn runs(container: &Container, programs: &[&str]) -> bool {
    let words = container.command.iter().chain(&container.args);
    let separates = |c: char| c.is_whitespace() || matches!(c, ';' | '&' | '|' | '(' | ')' | '"' | '\'');
    words
        .flat_map(|word| word.split(separates))
        .any(|word| programs.contains(&word.rsplit('/').next().unwrap_or(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_a_repository_names_an_image() {
        for image in [
            "lynis",
            "a/lynis:1",
            "r:5000/a/ubuntu-lynis@sha256:00",
            "lynis-cron",
        ] {
            assert!(is_image_of(image, &["lynis"]), "{image}");
        }
        for image in ["", "lynis/web", "r/web:lynis", "analynis", "lynisx"] {
            assert!(!is_image_of(image, &["lynis"]), "{image}");
        }
    }

    #[test]
    fn an_ssh_server_is_told_by_its_program_too() {
        let of = |command: &[&str]| {
            is_ssh_server(&Container {
                image: "alpine".to_owned(),
                command: command.iter().map(|&word| word.to_owned()).collect(),
                ..Container::default()
            })
        };
        assert!(of(&["/usr/sbin/sshd", "-D"]));
        assert!(of(&["sh", "-c", "apk add openssh&&/usr/sbin/sshd -D"]));
        assert!(!of(&["ssh", "host"]));
        assert!(!of(&["cat", "/etc/ssh/sshd_config"]));
    }
}
