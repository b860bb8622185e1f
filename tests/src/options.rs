//! What a test may choose about its control plane.

use std::collections::BTreeSet;

use crate::component::Component;

/// How a control plane starts. The default runs every component, with no node and no audit log.
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) components: BTreeSet<Component>,
    pub(crate) nodes: u32,
    flags: Vec<(Component, String)>,
    dropped: Vec<(Component, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            components: Component::ALL.into(),
            nodes: 0,
            flags: Vec::new(),
            dropped: Vec::new(),
        }
    }
}

impl Options {
    /// Leaves `component` out at the start; [`ControlPlane::start_component`] can start it later.
    ///
    /// [`ControlPlane::start_component`]: crate::ControlPlane::start_component
    #[must_use]
    pub fn without(mut self, component: Component) -> Self {
        self.components.remove(&component);
        self
    }

    /// Creates this many KWOK nodes at the start and waits until they are ready.
    #[must_use]
    pub fn nodes(mut self, count: u32) -> Self {
        self.nodes = count;
        self
    }

    /// Gives `component` one more flag, `--name=value`, in place of the rig's own flag of that name.
    /// The same name given twice reaches the component twice.
    #[must_use]
    pub fn flag(mut self, component: Component, flag: impl Into<String>) -> Self {
        self.flags.push((component, flag.into()));
        self
    }

    /// Takes the rig's own flag `--name` of `component` away, for flags that exclude each other
    /// (`--authorization-mode` and `--authorization-config`).
    #[must_use]
    pub fn drop_flag(mut self, component: Component, name: impl Into<String>) -> Self {
        self.dropped.push((component, name.into()));
        self
    }

    /// The command line of `component`: the rig's flags as far as nobody replaced them, then the test's.
    pub(crate) fn merge(&self, component: Component, own: Vec<String>) -> Vec<String> {
        let added = || {
            self.flags
                .iter()
                .filter(|(to, _)| *to == component)
                .map(|(_, flag)| flag.as_str())
        };
        let dropped = || {
            self.dropped
                .iter()
                .filter(|(to, _)| *to == component)
                .map(|(_, name)| name.as_str())
        };
        let replaced = |flag: &str| {
            added()
                .chain(dropped())
                .any(|other| name_of(other) == name_of(flag))
        };
        let mut flags: Vec<String> = own.into_iter().filter(|flag| !replaced(flag)).collect();
        flags.extend(added().map(str::to_owned));
        flags
    }
}

fn name_of(flag: &str) -> &str {
    flag.split_once('=').map_or(flag, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Vec<String> {
        ["--authorization-mode=Node,RBAC", "--anonymous-auth=true"]
            .map(str::to_owned)
            .into()
    }

    #[test]
    fn a_flag_replaces_the_rigs_own_of_that_name() {
        let options = Options::default().flag(Component::ApiServer, "--anonymous-auth=false");
        let merged = options.merge(Component::ApiServer, own());
        assert_eq!(
            merged,
            ["--authorization-mode=Node,RBAC", "--anonymous-auth=false"]
        );
    }

    #[test]
    fn a_flag_reaches_its_own_component_only() {
        let options = Options::default().flag(Component::Scheduler, "--anonymous-auth=false");
        assert_eq!(options.merge(Component::ApiServer, own()), own());
    }

    #[test]
    fn a_dropped_flag_is_gone() {
        let options = Options::default().drop_flag(Component::ApiServer, "--authorization-mode");
        assert_eq!(
            options.merge(Component::ApiServer, own()),
            ["--anonymous-auth=true"]
        );
    }

    #[test]
    fn a_flag_given_twice_is_passed_twice() {
        let options = Options::default()
            .flag(Component::ApiServer, "--x=1")
            .flag(Component::ApiServer, "--x=2");
        assert_eq!(
            options.merge(Component::ApiServer, Vec::new()),
            ["--x=1", "--x=2"]
        );
    }
}
