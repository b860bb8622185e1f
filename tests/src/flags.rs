//! The command line of each component.

use crate::{component::Component, workdir::WorkDir};

/// The flags that make `component` part of the control plane in `work`.
pub(crate) fn of(component: Component, work: &WorkDir) -> Vec<String> {
    let flags = match component {
        Component::Etcd => etcd(work),
        Component::ApiServer => api_server(work),
        Component::ControllerManager => controller_manager(work),
        Component::Scheduler => scheduler(work),
        Component::Kwok => kwok(work),
    };
    flags
        .into_iter()
        .map(|(name, value)| format!("--{name}={value}"))
        .collect()
}

type Flags = Vec<(&'static str, String)>;

fn etcd(work: &WorkDir) -> Flags {
    vec![
        ("data-dir", path(work, "etcd")),
        ("listen-client-urls", work.etcd_url()),
        ("advertise-client-urls", work.etcd_url()),
        // Nobody joins a cluster of one: any port will do.
        ("listen-peer-urls", "http://127.0.0.1:0".into()),
        ("socket-reuse-port", "true".into()),
        // The data need not outlive the machine.
        ("unsafe-no-fsync", "true".into()),
        ("log-level", "warn".into()),
    ]
}

fn api_server(work: &WorkDir) -> Flags {
    vec![
        ("etcd-servers", work.etcd_url()),
        ("bind-address", "127.0.0.1".into()),
        ("advertise-address", "127.0.0.1".into()),
        ("secure-port", work.server_port.number().to_string()),
        ("permit-port-sharing", "true".into()),
        ("tls-cert-file", path(work, "apiserver.crt")),
        ("tls-private-key-file", path(work, "apiserver.key")),
        ("client-ca-file", path(work, "ca.crt")),
        ("authorization-mode", "Node,RBAC".into()),
        ("enable-admission-plugins", "NodeRestriction".into()),
        (
            "service-account-issuer",
            "https://kubernetes.default.svc.cluster.local".into(),
        ),
        ("service-account-key-file", path(work, "service-account.pub")),
        (
            "service-account-signing-key-file",
            path(work, "service-account.key"),
        ),
        ("service-cluster-ip-range", "10.96.0.0/16".into()),
        // Off by default, unlike on any real cluster; bad pods are what the tests are about.
        ("allow-privileged", "true".into()),
        // A loopback address is refused as an endpoint.
        ("endpoint-reconciler-type", "none".into()),
    ]
}

fn controller_manager(work: &WorkDir) -> Flags {
    vec![
        ("kubeconfig", kubeconfig(work, Component::ControllerManager)),
        ("use-service-account-credentials", "true".into()),
        (
            "service-account-private-key-file",
            path(work, "service-account.key"),
        ),
        ("root-ca-file", path(work, "ca.crt")),
        ("cluster-signing-cert-file", path(work, "ca.crt")),
        ("cluster-signing-key-file", path(work, "ca.key")),
        ("leader-elect", "false".into()),
        ("secure-port", "0".into()),
        // Large fixtures, one machine: the API server sets the pace, not the client.
        ("kube-api-qps", "500".into()),
        ("kube-api-burst", "1000".into()),
        // A machine busy with other things must not look like dead nodes.
        ("node-monitor-grace-period", "1h".into()),
    ]
}

fn scheduler(work: &WorkDir) -> Flags {
    vec![
        ("kubeconfig", kubeconfig(work, Component::Scheduler)),
        ("leader-elect", "false".into()),
        ("secure-port", "0".into()),
        ("kube-api-qps", "500".into()),
        ("kube-api-burst", "1000".into()),
    ]
}

fn kwok(work: &WorkDir) -> Flags {
    vec![
        ("kubeconfig", kubeconfig(work, Component::Kwok)),
        ("config", path(work, "kwok.yaml")),
    ]
}

fn path(work: &WorkDir, name: &str) -> String {
    work.file(name).display().to_string()
}

fn kubeconfig(work: &WorkDir, component: Component) -> String {
    work.kubeconfig(component.name()).display().to_string()
}
