//! Components of the control plane, as far as the API shows them: by mirror pods in `kube-system`.
//!
//! Where the control plane is managed, or part of another process (k3s), there are none, and nothing follows
//! from that.

use std::collections::BTreeMap;

use crate::inventory::{Inventory, ObjectId};
use crate::lean;
use crate::names::{Name, Pool};

/// A component of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Component {
    ApiServer,
    ControllerManager,
    Scheduler,
    Etcd,
}

/// The flags that a component was started with, by name without the dashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags(BTreeMap<Name, Name>);

/// Marks the API's copy of a pod that a kubelet runs from a file.
pub(crate) const MIRROR: &str = "kubernetes.io/config.mirror";

/// Where mirror pods of the control plane are.
const NAMESPACE: &str = "kube-system";

impl Component {
    const ALL: [Self; 4] = [
        Self::ApiServer,
        Self::ControllerManager,
        Self::Scheduler,
        Self::Etcd,
    ];

    /// The name of its program.
    pub const fn program(self) -> &'static str {
        match self {
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Etcd => "etcd",
        }
    }

    /// The component whose program this is, wherever it lies.
    fn run_by(word: &str) -> Option<Self> {
        let program = word.rsplit('/').next().unwrap_or(word);
        Self::ALL
            .into_iter()
            .find(|component| component.program() == program)
    }
}

impl Flags {
    /// Reads flags as pflag does, which knows their types and we do not: a word without a dash after a flag
    /// without `=` is its value, a flag without a value is a boolean that is on. Of a flag that is given twice
    /// the last one counts; in names `_` is `-`.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>, names: &mut Pool<str>) -> Self {
        let mut flags = BTreeMap::new();
        let mut words = words.into_iter().peekable();
        while let Some(word) = words.next() {
            if word == "--" {
                break;
            }
            // etcd, which uses Go's own flags, takes one dash as well.
            let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
                continue;
            };
            let (name, value) = match flag.split_once('=') {
                Some(pair) => pair,
                None => (
                    flag,
                    words.next_if(|word| !word.starts_with('-')).unwrap_or("true"),
                ),
            };
            flags.insert(names.intern(name.replace('_', "-")), names.intern(value));
        }
        Self(flags)
    }

    /// The value of a flag; `None` if it is not there.
    pub fn get(&self, flag: &str) -> Option<&str> {
        self.0.get(flag).map(|value| &**value)
    }

    /// The value of a boolean flag; `None` if it is not there or no boolean.
    pub fn is_on(&self, flag: &str) -> Option<bool> {
        match self.get(flag)? {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
            _ => None,
        }
    }
}

impl Inventory {
    /// The instances of `component` that can be seen: name of the pod in `kube-system`, and flags. Ordered.
    pub fn components(&self, component: Component) -> impl Iterator<Item = (&Name, &Flags)> {
        self.components
            .iter()
            .filter(move |(_, (of, _))| *of == component)
            .map(|(pod, (_, flags))| (pod, flags))
    }

    /// Notes the flags of a pod that is one of the control plane's, or that it is none.
    pub(crate) fn note_component(&mut self, id: &ObjectId, pod: Option<&lean::Pod>) {
        if id.namespace.as_deref() != Some(NAMESPACE) {
            return;
        }
        let known = pod.and_then(|pod| component(pod, &mut self.names));
        if self.components.get(&id.name) != known.as_ref() {
            match known {
                Some(known) => self.components.insert(Name::clone(&id.name), known),
                None => self.components.remove(&id.name),
            };
            self.dirty.evidence = true;
        }
    }
}

/// The component that a pod is, with its flags.
fn component(pod: &lean::Pod, names: &mut Pool<str>) -> Option<(Component, Flags)> {
    pod.metadata.annotations.get(MIRROR)?;
    if matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed")) {
        return None;
    }
    pod.spec.containers.iter().find_map(|container| {
        let words = container.command.iter().chain(&container.args);
        let mut words = words.map(String::as_str);
        // A launcher may stand before it, with flags of its own.
        let component = words.find_map(Component::run_by)?;
        Some((component, Flags::parse(words, names)))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kind::Kind;
    use crate::testing::{Manifest, live};

    fn flags(words: &[&str]) -> Flags {
        Flags::parse(words.iter().copied(), &mut Pool::default())
    }

    #[test]
    fn values_stand_behind_an_equals_sign_or_in_the_next_word() {
        let flags = flags(&[
            "--authorization-mode=Node,RBAC",
            "--anonymous-auth",
            "false",
            "--v",
            "2",
        ]);
        assert_eq!(flags.get("authorization-mode"), Some("Node,RBAC"));
        assert_eq!(flags.is_on("anonymous-auth"), Some(false));
        assert_eq!(flags.get("v"), Some("2"));
        assert_eq!(flags.get("authentication-config"), None);
    }

    #[test]
    fn a_bare_flag_is_on() {
        let flags = flags(&["--anonymous-auth", "--profiling"]);
        assert_eq!(
            (flags.is_on("anonymous-auth"), flags.is_on("profiling")),
            (Some(true), Some(true))
        );
    }

    #[test]
    fn the_last_one_counts() {
        let flags = flags(&["--anonymous-auth=false", "--anonymous-auth"]);
        assert_eq!(flags.is_on("anonymous-auth"), Some(true));
    }

    #[test]
    fn values_may_be_empty_or_hold_an_equals_sign_and_names_an_underscore() {
        let flags = flags(&[
            "--feature_gates=A=true,B=false",
            "--authorization-config=",
            "-name=m0",
        ]);
        assert_eq!(flags.get("feature-gates"), Some("A=true,B=false"));
        assert_eq!(flags.get("authorization-config"), Some(""));
        assert_eq!(flags.get("name"), Some("m0"));
    }

    #[test]
    fn nothing_behind_two_dashes_is_a_flag() {
        assert_eq!(flags(&["--", "--anonymous-auth=false"]), Flags::default());
    }

    fn pod(command: &[&str], args: &[&str]) -> Manifest {
        live(Kind::Pod, "kube-apiserver-cp")
            .namespace(NAMESPACE)
            .annotation(MIRROR, "0123")
            .pod_spec_push(
                "containers",
                json!({ "name": "main", "command": command, "args": args }),
            )
    }

    /// What is kept of the flags of the API server that this pod is.
    fn api_server(pod: &Manifest) -> Option<Flags> {
        let mut inventory = Inventory::live();
        inventory.apply(pod.object());
        let server = inventory.components(Component::ApiServer).next();
        server.map(|(_, flags)| flags.clone())
    }

    #[test]
    fn flags_are_in_the_command_and_in_the_arguments() {
        let off = Some(flags(&["--anonymous-auth=false"]));
        let pods = [
            pod(&["kube-apiserver", "--anonymous-auth=false"], &[]),
            pod(&["kube-apiserver"], &["--anonymous-auth=false"]),
            pod(
                &["/go-runner", "--log-file=/x", "/usr/local/bin/kube-apiserver"],
                &["--anonymous-auth=false"],
            ),
        ];
        for pod in pods {
            assert_eq!(api_server(&pod), off, "{pod:?}");
        }
        assert_eq!(api_server(&pod(&["kube-apiserver"], &[])), Some(Flags::default()));
    }

    #[test]
    fn only_mirror_pods_in_kube_system_are_believed() {
        let real = pod(&["kube-apiserver", "--anonymous-auth=false"], &[]);
        let others = [
            real.clone().namespace("shop"),
            real.set("metadata.annotations", json!({})),
            pod(&["kube-proxy"], &["--anonymous-auth=false"]),
        ];
        for pod in others {
            assert_eq!(api_server(&pod), None, "{pod:?}");
        }
    }

    #[test]
    fn flags_go_with_their_pod_and_news_is_something_to_look_at() {
        let mut inventory = Inventory::live();
        let pod = pod(&["kube-apiserver"], &[]);
        inventory.apply(pod.object());
        assert!(inventory.take_dirty().evidence);
        inventory.apply(pod.clone().label("other", "than before").object());
        assert!(!inventory.take_dirty().evidence);
        inventory.apply(pod.clone().set("status.phase", "Failed").object());
        assert!(inventory.take_dirty().evidence);
        inventory.apply(pod.object());
        inventory.take_dirty();
        inventory.begin_relist(Kind::Pod);
        inventory.end_relist(Kind::Pod);
        assert!(inventory.take_dirty().evidence);
        assert_eq!(inventory.components(Component::ApiServer).count(), 0);
    }
}
