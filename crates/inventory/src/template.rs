//! What a pod's spec says about security, shared by all pods that say the same.

use crate::destinations;
use crate::entries::ContainerPort;
use crate::lean::{self, ContainerStatus, Handler, ProfileType, Quantity, Resources};
use crate::literal_secrets::{self, LiteralSecret};
use crate::names::{Name, Pool};
use crate::programs;
use crate::quantity;

/// The security facts of a pod template.
///
/// Everything that differs between the replicas of one workload (names, nodes, the random name of the token
/// volume) stays out, so that ten thousand equal pods share one of these.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template {
    /// The operating system that the spec declares, by `os.name` or node selector.
    pub declared_os: Option<Os>,
    /// Whether the pod runs on a node that is known to be Windows.
    pub on_windows_node: bool,
    /// `default` when unset, as the admission plugin has it.
    pub service_account: Name,
    /// `automountServiceAccountToken` of the pod.
    pub automount_token: Option<bool>,
    /// `hostPID`.
    pub host_pid: bool,
    /// `hostIPC`.
    pub host_ipc: bool,
    /// `hostNetwork`.
    pub host_network: bool,
    /// `hostUsers: false`: the pod has a user namespace of its own.
    pub user_namespace: bool,
    /// `runtimeClassName`.
    pub runtime_class: Option<Name>,
    /// Pod-level fields that containers inherit.
    pub security: Inherited,
    /// Names of the sysctls set, as written.
    pub sysctls: Box<[Name]>,
    /// Pod-level resource limits.
    pub limits: Limits,
    /// `hostPath` volumes, mounted or not.
    pub host_paths: Box<[HostPath]>,
    /// Claims that volumes refer to.
    pub claims: Box<[Claim]>,
    /// Secrets found in annotations of the pod (template).
    pub annotation_secrets: Box<[LiteralSecret]>,
    /// Init containers, containers and ephemeral containers, in this order.
    pub containers: Box<[Container]>,
}

/// An operating system that a pod can run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Os {
    Linux,
    Windows,
}

/// Fields that exist for pods and for containers; the container's wins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Inherited {
    /// `runAsUser`.
    pub run_as_user: Option<i64>,
    /// `runAsNonRoot`.
    pub run_as_non_root: Option<bool>,
    /// Type of the seccomp profile.
    pub seccomp: Option<ProfileType>,
    /// Type of the `AppArmor` profile; for a container the field, then the annotation.
    pub apparmor: Option<ProfileType>,
    /// Type in the `SELinux` options; empty if there are options without a type.
    pub selinux_type: Option<Name>,
    /// `windowsOptions.hostProcess`.
    pub host_process: Option<bool>,
    /// `windowsOptions.runAsUserName`.
    pub run_as_user_name: Option<Name>,
}

/// Resource limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct Limits {
    pub cpu: Limit,
    pub memory: Limit,
}

/// Whether a limit is set, and to more than zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// Not there: a `LimitRange` may fill it in.
    #[default]
    Unset,
    /// Set to zero, which is unlimited to the kubelet; no `LimitRange` changes it.
    Zero,
    /// More than zero.
    Set,
}

/// A `hostPath` volume.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPath {
    /// Name of the volume.
    pub volume: Name,
    /// Path on the node.
    pub path: Name,
    /// Whether every mount of it is read-only (true if it is not mounted).
    pub read_only: bool,
}

/// A reference to a `PersistentVolumeClaim`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Claim {
    /// The claim of this name.
    Named(Name),
    /// `<prefix>-<pod>`: a claim of a `StatefulSet`.
    PrefixedPod(Name),
    /// `<pod>-<volume>`: a generic ephemeral volume.
    PodSuffixed(Name),
}

impl Claim {
    /// The name of the claim for the pod of this name.
    pub fn name_for(&self, pod: &str) -> String {
        match self {
            Self::Named(name) => name.to_string(),
            Self::PrefixedPod(prefix) => format!("{prefix}-{pod}"),
            Self::PodSuffixed(volume) => format!("{pod}-{volume}"),
        }
    }
}

/// What a container is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Runs to completion before the others start.
    Init,
    /// A restartable init container.
    Sidecar,
    /// An ordinary container.
    Main,
    /// Added to a running pod for debugging.
    Ephemeral,
}

/// The security facts of a container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Container {
    /// Name.
    pub name: Name,
    /// What it is for.
    pub role: Role,
    /// Image reference as written, empty if absent.
    pub image: Name,
    /// Ports that it declares.
    pub ports: Box<[ContainerPort]>,
    /// Whether it runs an SSH server, as far as its image reference and its command tell.
    pub ssh_server: bool,
    /// `privileged`.
    pub privileged: bool,
    /// `allowPrivilegeEscalation`.
    pub allow_privilege_escalation: Option<bool>,
    /// `readOnlyRootFilesystem`.
    pub read_only_root_filesystem: bool,
    /// `procMount: Unmasked`.
    pub proc_mount_unmasked: bool,
    /// The container's own values of the fields that pods have too.
    pub security: Inherited,
    /// `capabilities.add`, as written.
    pub capabilities_add: Box<[Name]>,
    /// `capabilities.drop`, as written.
    pub capabilities_drop: Box<[Name]>,
    /// Resource limits: those that the kubelet reports as allocated, else those of the spec.
    pub limits: Limits,
    /// The uid that the first process was really started with, as the kubelet reports it.
    pub observed_uid: Option<i64>,
    /// Secrets found in env, command, args and probe headers.
    pub literal_secrets: Box<[LiteralSecret]>,
    /// Hosts that it sends logs to, if it is a collector of logs.
    pub log_destinations: Box<[Name]>,
}

impl Template {
    /// Whether this is a Windows pod: by its spec, else by its node.
    pub fn is_windows(&self) -> bool {
        self.declared_os
            .map_or(self.on_windows_node, |os| os == Os::Windows)
    }

    /// `runAsUser` that holds for `container`.
    pub fn run_as_user(&self, container: &Container) -> Option<i64> {
        container.security.run_as_user.or(self.security.run_as_user)
    }

    /// `runAsNonRoot` that holds for `container`.
    pub fn run_as_non_root(&self, container: &Container) -> Option<bool> {
        container
            .security
            .run_as_non_root
            .or(self.security.run_as_non_root)
    }

    /// Type of the seccomp profile that holds for `container`.
    pub fn seccomp(&self, container: &Container) -> Option<ProfileType> {
        container.security.seccomp.or(self.security.seccomp)
    }

    /// Type of the `AppArmor` profile that holds for `container`.
    pub fn apparmor(&self, container: &Container) -> Option<ProfileType> {
        container.security.apparmor.or(self.security.apparmor)
    }

    /// `SELinux` type that holds for `container`.
    ///
    /// The container's options replace the pod's as a whole: a container that sets a level has not the pod's type.
    pub fn selinux_type<'a>(&'a self, container: &'a Container) -> Option<&'a str> {
        container
            .security
            .selinux_type
            .as_deref()
            .or(self.security.selinux_type.as_deref())
            .filter(|kind| !kind.is_empty())
    }

    /// `windowsOptions.hostProcess` that holds for `container`.
    pub fn host_process(&self, container: &Container) -> bool {
        container
            .security
            .host_process
            .or(self.security.host_process)
            .unwrap_or(false)
    }

    /// `windowsOptions.runAsUserName` that holds for `container`.
    pub fn run_as_user_name<'a>(&'a self, container: &'a Container) -> Option<&'a str> {
        container
            .security
            .run_as_user_name
            .as_deref()
            .or(self.security.run_as_user_name.as_deref())
    }

    /// The template as the API server would make a pod of it in a namespace whose `LimitRange`s default `limits`.
    ///
    /// The `LimitRanger` plugin fills limits that a container leaves open; ephemeral containers cannot have any.
    pub(crate) fn with_default_limits(&self, limits: Limits) -> Self {
        let mut defaulted = self.clone();
        for container in &mut defaulted.containers {
            if container.role != Role::Ephemeral {
                container.limits = container.limits.or(limits);
            }
        }
        defaulted
    }

    /// The facts of a pod spec.
    ///
    /// `pod` is the pod as far as there is one: its name (claims of a `StatefulSet` are named after it) and
    /// what the kubelet reports of its containers.
    pub(crate) fn new(
        spec: &lean::PodSpec,
        annotations: &lean::Annotations,
        pod: Option<&lean::Pod>,
        names: &mut Pool<str>,
    ) -> Self {
        let mut containers = Vec::new();
        for (role, list) in [
            (Role::Init, &spec.init_containers),
            (Role::Main, &spec.containers),
            (Role::Ephemeral, &spec.ephemeral_containers),
        ] {
            for container in list {
                let mut facts = Container::new(container, role, annotations, names);
                if let Some(status) = pod.and_then(|pod| pod.status.of(&container.name)) {
                    facts.observed_uid = status.user.linux.uid;
                    // Behind the spec while a resize is pending, else the same.
                    if let Some(allocated) = &status.resources {
                        facts.limits = Limits::new(allocated);
                    }
                }
                containers.push(facts);
            }
        }
        let service_account = spec
            .service_account_name
            .as_deref()
            .or(spec.service_account.as_deref())
            .filter(|name| !name.is_empty())
            .unwrap_or("default");
        Self {
            declared_os: declared_os(spec),
            on_windows_node: false,
            service_account: names.intern(service_account),
            automount_token: spec.automount_service_account_token,
            host_pid: spec.host_pid == Some(true),
            host_ipc: spec.host_ipc == Some(true),
            host_network: spec.host_network == Some(true),
            user_namespace: spec.host_users == Some(false),
            runtime_class: spec.runtime_class_name.as_deref().map(|name| names.intern(name)),
            security: Inherited::new(&spec.security_context, names),
            sysctls: spec
                .security_context
                .sysctls
                .iter()
                .map(|s| names.intern(s.name.as_str()))
                .collect(),
            limits: Limits::new(&spec.resources),
            host_paths: host_paths(spec, names),
            claims: claims(spec, pod.map(|pod| pod.metadata.name.as_str()), names),
            annotation_secrets: annotations.secrets.clone().into(),
            containers: containers.into(),
        }
    }
}

impl Container {
    fn new(c: &lean::Container, role: Role, annotations: &lean::Annotations, names: &mut Pool<str>) -> Self {
        let sidecar = role == Role::Init && c.restart_policy.as_deref() == Some("Always");
        let context = &c.security_context;
        let mut security = Inherited::new(context, names);
        security.apparmor = security
            .apparmor
            .or_else(|| annotated_apparmor(annotations, &c.name));
        Self {
            name: names.intern(c.name.as_str()),
            role: if sidecar { Role::Sidecar } else { role },
            image: names.intern(c.image.as_str()),
            ports: ContainerPort::of(c, names),
            ssh_server: programs::is_ssh_server(c),
            privileged: context.privileged == Some(true),
            allow_privilege_escalation: context.allow_privilege_escalation,
            read_only_root_filesystem: context.read_only_root_filesystem == Some(true),
            proc_mount_unmasked: context.proc_mount.as_deref() == Some("Unmasked"),
            security,
            capabilities_add: context
                .capabilities
                .add
                .iter()
                .map(|c| names.intern(c.as_str()))
                .collect(),
            capabilities_drop: context
                .capabilities
                .drop
                .iter()
                .map(|c| names.intern(c.as_str()))
                .collect(),
            limits: Limits::new(&c.resources),
            observed_uid: None,
            literal_secrets: literal_secrets_of(c).into(),
            log_destinations: destinations::of_container(c, names),
        }
    }
}

impl Inherited {
    fn new(context: &lean::SecurityContext, names: &mut Pool<str>) -> Self {
        let windows = context.windows_options.as_ref();
        let selinux = context
            .se_linux_options
            .as_ref()
            // To the container runtime empty options are none.
            .filter(|options| !options.is_empty());
        Self {
            run_as_user: context.run_as_user,
            run_as_non_root: context.run_as_non_root,
            seccomp: context.seccomp_profile.as_ref().map(|profile| profile.kind),
            apparmor: context.app_armor_profile.as_ref().map(|profile| profile.kind),
            selinux_type: selinux.map(|options| names.intern(options.kind.as_str())),
            host_process: windows.and_then(|w| w.host_process),
            run_as_user_name: windows
                .and_then(|w| w.run_as_user_name.as_deref())
                .map(|name| names.intern(name)),
        }
    }
}

impl Limits {
    fn new(resources: &Resources) -> Self {
        Self {
            cpu: Limit::new(resources.limits.get("cpu")),
            memory: Limit::new(resources.limits.get("memory")),
        }
    }

    /// These limits, and those of `defaults` where nothing is set.
    fn or(self, defaults: Self) -> Self {
        let or = |own, default| if own == Limit::Unset { default } else { own };
        Self {
            cpu: or(self.cpu, defaults.cpu),
            memory: or(self.memory, defaults.memory),
        }
    }

    /// The limits set here or in `other`.
    pub(crate) fn union(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.max(other.cpu),
            memory: self.memory.max(other.memory),
        }
    }
}

impl Limit {
    /// The limit that `quantity` makes; one that cannot be read makes none.
    pub(crate) fn new(quantity: Option<&Quantity>) -> Self {
        match quantity.and_then(Quantity::is_positive) {
            None => Self::Unset,
            Some(false) => Self::Zero,
            Some(true) => Self::Set,
        }
    }
}

impl Quantity {
    /// Whether the quantity is greater than zero; `None` if it is no quantity.
    pub fn is_positive(&self) -> Option<bool> {
        match self {
            Self::Text(text) => quantity::is_positive(text),
            Self::Integer(number) => Some(*number > 0),
            Self::Float(number) => Some(*number > 0.0),
        }
    }
}

impl lean::PodStatus {
    fn of(&self, container: &str) -> Option<&ContainerStatus> {
        self.init_container_statuses
            .iter()
            .chain(&self.container_statuses)
            .chain(&self.ephemeral_container_statuses)
            .find(|status| status.name == container)
    }
}

fn declared_os(spec: &lean::PodSpec) -> Option<Os> {
    let declared = spec
        .os
        .name
        .as_deref()
        .or_else(|| spec.node_selector.get("kubernetes.io/os").map(String::as_str))
        .or_else(|| {
            spec.node_selector
                .get("beta.kubernetes.io/os")
                .map(String::as_str)
        })?;
    Some(if declared == "windows" {
        Os::Windows
    } else {
        Os::Linux
    })
}

fn annotated_apparmor(annotations: &lean::Annotations, container: &str) -> Option<ProfileType> {
    const PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";
    match annotations.get(&format!("{PREFIX}{container}"))? {
        "runtime/default" => Some(ProfileType::RuntimeDefault),
        "unconfined" => Some(ProfileType::Unconfined),
        profile if profile.starts_with("localhost/") => Some(ProfileType::Localhost),
        _ => None,
    }
}

fn host_paths(spec: &lean::PodSpec, names: &mut Pool<str>) -> Box<[HostPath]> {
    let mounts = || {
        spec.init_containers
            .iter()
            .chain(&spec.containers)
            .chain(&spec.ephemeral_containers)
    };
    spec.volumes
        .iter()
        .filter_map(|volume| Some((volume, volume.host_path.as_ref()?)))
        .map(|(volume, host_path)| HostPath {
            volume: names.intern(volume.name.as_str()),
            path: names.intern(host_path.path.as_str()),
            read_only: mounts()
                .flat_map(|c| &c.volume_mounts)
                .filter(|mount| mount.name == volume.name)
                .all(|mount| mount.read_only == Some(true)),
        })
        .collect()
}

fn claims(spec: &lean::PodSpec, pod: Option<&str>, names: &mut Pool<str>) -> Box<[Claim]> {
    spec.volumes
        .iter()
        .filter_map(|volume| {
            if volume.ephemeral.is_some() {
                return Some(Claim::PodSuffixed(names.intern(volume.name.as_str())));
            }
            let claim = volume.persistent_volume_claim.as_ref()?.claim_name.as_str();
            let prefix = pod.and_then(|pod| claim.strip_suffix(pod)?.strip_suffix('-'));
            Some(match prefix {
                Some(prefix) => Claim::PrefixedPod(names.intern(prefix)),
                None => Claim::Named(names.intern(claim)),
            })
        })
        .collect()
}

fn literal_secrets_of(container: &lean::Container) -> Vec<LiteralSecret> {
    let mut found = Vec::new();
    for variable in &container.env {
        found.extend(literal_secrets::in_env(
            &variable.name,
            variable.value.as_deref().unwrap_or_default(),
        ));
    }
    found.extend(literal_secrets::in_command("command", &container.command));
    found.extend(literal_secrets::in_command("args", &container.args));
    let handlers: [(&str, &Handler); 5] = [
        ("livenessProbe", &container.liveness_probe),
        ("readinessProbe", &container.readiness_probe),
        ("startupProbe", &container.startup_probe),
        ("lifecycle.postStart", &container.lifecycle.post_start),
        ("lifecycle.preStop", &container.lifecycle.pre_stop),
    ];
    for (place, handler) in handlers {
        found.extend(literal_secrets::in_command(place, &handler.exec.command));
        for header in &handler.http_get.http_headers {
            let value = header.value.as_deref().unwrap_or_default();
            found.extend(literal_secrets::in_header(place, &header.name, value));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(pod: &str) -> Template {
        let pod: lean::Pod = serde_json::from_str(pod).unwrap();
        Template::new(
            &pod.spec,
            &pod.metadata.annotations,
            Some(&pod),
            &mut Pool::default(),
        )
    }

    #[test]
    fn selinux_options_of_a_container_replace_those_of_the_pod() {
        let template = template(
            r#"{"metadata":{"name":"web"},"spec":{
                "securityContext":{"seLinuxOptions":{"type":"spc_t"}},
                "containers":[
                    {"name":"none"},
                    {"name":"empty","securityContext":{"seLinuxOptions":{}}},
                    {"name":"level","securityContext":{"seLinuxOptions":{"level":"s0:c1"}}}]}}"#,
        );
        let types: Vec<_> = template
            .containers
            .iter()
            .map(|c| template.selinux_type(c))
            .collect();
        assert_eq!(types, [Some("spc_t"), Some("spc_t"), None]);
    }

    #[test]
    fn a_limit_of_zero_is_not_defaulted() {
        let both = Limits {
            cpu: Limit::Set,
            memory: Limit::Set,
        };
        let template = template(
            r#"{"metadata":{"name":"web"},"spec":{"containers":[
                {"name":"web","resources":{"limits":{"cpu":"0"}}}]}}"#,
        )
        .with_default_limits(both);
        let limits = template.containers[0].limits;
        assert_eq!((limits.cpu, limits.memory), (Limit::Zero, Limit::Set));
    }

    #[test]
    fn what_the_kubelet_has_allocated_counts() {
        let template = template(
            r#"{"metadata":{"name":"web"},
                "spec":{"containers":[
                    {"name":"a","resources":{"limits":{"cpu":"1"}}},
                    {"name":"b","resources":{"limits":{"cpu":"1"}}}]},
                "status":{"containerStatuses":[{"name":"a","resources":{"requests":{"cpu":"1"}}},{"name":"b"}]}}"#,
        );
        let cpu: Vec<_> = template.containers.iter().map(|c| c.limits.cpu).collect();
        assert_eq!(cpu, [Limit::Unset, Limit::Set]);
    }
}
