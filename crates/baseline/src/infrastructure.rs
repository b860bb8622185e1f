//! Infrastructure, recognised by what runs: images, labels and ports. The baseline adds to what is known here.

use std::net::IpAddr;

use ipnet::IpNet;
use plumbline_inventory::labels::Labels;
use plumbline_inventory::template::{Role, Template};

use crate::image_reference::ImageReference;
use crate::parameters::Parameters;

/// Names of images and of applications, and what they are. Those that say too little by themselves (`server`,
/// `controller`) stand with the word before.
const PRODUCTS: &[(&str, &str)] = &[
    ("kubernetesui/dashboard", "Kubernetes Dashboard"),
    ("kubernetes-dashboard", "Kubernetes Dashboard"),
    ("dashboard-web", "Kubernetes Dashboard"),
    ("headlamp", "Headlamp"),
    ("prometheus", "Prometheus"),
    ("alertmanager", "Alertmanager"),
    ("pushgateway", "Prometheus Pushgateway"),
    ("grafana", "Grafana"),
    ("victoria-metrics", "VictoriaMetrics"),
    ("loki", "Loki"),
    ("kibana", "Kibana"),
    ("elasticsearch", "Elasticsearch"),
    ("opensearch", "OpenSearch"),
    ("opensearch-dashboards", "OpenSearch Dashboards"),
    ("jaeger", "Jaeger"),
    ("argocd", "Argo CD"),
    ("argocd-server", "Argo CD"),
    ("argocli", "Argo Workflows"),
    ("argo-workflows", "Argo Workflows"),
    ("jenkins", "Jenkins"),
    ("jenkins/jenkins", "Jenkins"),
    ("gitlab-ce", "GitLab"),
    ("gitlab-ee", "GitLab"),
    ("tekton-dashboard", "Tekton"),
    ("etcd", "etcd"),
    ("vault", "Vault"),
    ("consul", "Consul"),
    ("registry", "a container registry"),
    ("harbor-core", "Harbor"),
    ("nexus3", "Nexus"),
    ("rancher/rancher", "Rancher"),
    ("centraldashboard", "Kubeflow"),
    ("ray", "Ray"),
    ("ollama", "Ollama"),
    ("minio", "MinIO"),
    ("longhorn-ui", "Longhorn"),
    ("hubble-ui", "Hubble"),
    ("kiali", "Kiali"),
];

/// Ports on which nothing else is likely to listen.
const PORTS: &[(u16, &str)] = &[
    (2379, "etcd"),
    (2380, "etcd"),
    (5601, "Kibana"),
    (8200, "Vault"),
    (8265, "Ray"),
    (9093, "Alertmanager"),
    (10250, "a kubelet"),
    (11434, "Ollama"),
];

/// Images of what leads traffic in: to be published is what it is for.
const INGRESS_CONTROLLERS: &[&str] = &[
    "ingress-nginx/controller",
    "nginx-ingress-controller",
    "nginx-ingress",
    "traefik",
    "haproxy-ingress",
    "kubernetes-ingress",
    "contour",
    "envoy",
    "kong",
    "emissary",
    "apisix",
    "proxyv2",
];

/// Images of what stores data.
const DATA_STORES: &[&str] = &[
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "percona-xtradb-cluster",
    "mongo",
    "mongodb",
    "redis",
    "valkey",
    "cassandra",
    "cockroach",
    "clickhouse-server",
    "elasticsearch",
    "opensearch",
    "etcd",
    "kafka",
    "rabbitmq",
    "nats",
    "minio",
    "vault",
    "memcached",
    "neo4j",
    "influxdb",
    "mssql/server",
];

/// Labels by which workloads say what they are.
const NAME_LABELS: [&str; 3] = ["app.kubernetes.io/name", "k8s-app", "app"];

/// What infrastructure a pod is and by what it is recognised: `Grafana (image)`; `None` if it is none.
pub(crate) fn infrastructure(
    template: &Template,
    labels: &Labels,
    parameters: &Parameters,
) -> Option<String> {
    let of_baseline = &parameters.infrastructure;
    if of_baseline
        .labels
        .as_ref()
        .is_some_and(|selector| selector.matches(labels))
    {
        return Some("what spec.infrastructure.selector names".to_owned());
    }
    for image in images(template) {
        if let Some(own) = of_baseline
            .images
            .iter()
            .find(|own| is_named(&image, own.as_str()))
        {
            return Some(format!("{own} (image)"));
        }
        if let Some((_, product)) = PRODUCTS.iter().find(|(name, _)| is_named(&image, name)) {
            return Some(format!("{product} (image)"));
        }
    }
    let names = NAME_LABELS.iter().filter_map(|key| labels.get(key));
    for name in names {
        if let Some((_, product)) = PRODUCTS.iter().find(|(known, _)| *known == name) {
            return Some(format!("{product} (label)"));
        }
    }
    let ports = running(template)
        .flat_map(|container| &container.ports)
        .map(|port| port.port);
    for port in ports {
        if of_baseline.ports.contains(&port) {
            return Some(format!("what listens on port {port} (spec.infrastructure.ports)"));
        }
        if let Some((_, product)) = PORTS.iter().find(|(known, _)| *known == port) {
            return Some(format!("{product} (port {port})"));
        }
    }
    None
}

/// Whether a pod leads traffic in for others. A proxy beside another container is a part of that one's mesh.
pub(crate) fn is_ingress_controller(template: &Template) -> bool {
    let containers = running(template).count();
    images(template).any(|image| {
        let known = INGRESS_CONTROLLERS.iter().find(|name| is_named(&image, name));
        known.is_some_and(|name| !matches!(*name, "proxyv2" | "envoy") || containers == 1)
    })
}

/// Whether a pod stores data.
pub(crate) fn is_data_store(template: &Template) -> bool {
    images(template).any(|image| DATA_STORES.iter().any(|name| is_named(&image, name)))
}

fn running(template: &Template) -> impl Iterator<Item = &plumbline_inventory::template::Container> {
    let containers = template.containers.iter();
    containers.filter(|container| matches!(container.role, Role::Main | Role::Sidecar))
}

/// Repositories of the images that a pod runs.
fn images(template: &Template) -> impl Iterator<Item = String> + '_ {
    running(template).filter_map(|container| {
        let reference = ImageReference::parse(&container.image).ok()?;
        Some(reference.repository.to_owned())
    })
}

/// Whether the repository of an image, wherever it lies, ends with these words.
pub(crate) fn is_named_image(image: &str, name: &str) -> bool {
    ImageReference::parse(image).is_ok_and(|reference| is_named(reference.repository, name))
}

/// Whether a repository ends with these words.
fn is_named(repository: &str, name: &str) -> bool {
    repository
        .strip_suffix(name)
        .is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// Whether an address is one of the Internet's.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || shared)
        }
        IpAddr::V6(v6) => {
            let first = v6.segments()[0];
            let (local, link_local) = (first & 0xfe00 == 0xfc00, first & 0xffc0 == 0xfe80);
            !(v6.is_loopback() || v6.is_unspecified() || local || link_local)
        }
    }
}

/// Whether these words, separated by commas or not, are ranges of addresses that leave most of the Internet out.
pub(crate) fn narrows<'a>(ranges: impl IntoIterator<Item = &'a str>) -> bool {
    let mut ranges = ranges
        .into_iter()
        .flat_map(|range| range.split(','))
        .map(str::trim)
        .filter(|range| !range.is_empty())
        .peekable();
    // What is no range narrows nothing.
    ranges.peek().is_some()
        && ranges.all(|range| range.parse::<IpNet>().is_ok_and(|block| block.prefix_len() > 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_named_by_its_last_words() {
        assert!(is_named("grafana/grafana", "grafana"));
        assert!(is_named(
            "mirror/kubernetesui/dashboard",
            "kubernetesui/dashboard"
        ));
        assert!(!is_named("shop/mygrafana", "grafana"));
        assert!(!is_named("shop/dashboard", "kubernetesui/dashboard"));
    }

    #[test]
    fn addresses_of_the_internet_are_told_from_others() {
        let public = |address: &str| is_public(address.parse().unwrap());
        for address in ["8.8.8.8", "2001:4860::1", "192.0.2.1"] {
            assert!(public(address), "{address}");
        }
        for address in [
            "10.0.0.1",
            "172.20.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.1.1",
            "fd00::1",
            "fe80::1",
            "::1",
        ] {
            assert!(!public(address), "{address}");
        }
    }

    #[test]
    fn ranges_narrow_unless_one_of_them_is_everything() {
        assert!(narrows(["10.0.0.0/8, 192.0.2.0/24"]));
        assert!(!narrows(["10.0.0.0/8", "0.0.0.0/0"]));
        assert!(!narrows([""]) && !narrows(["everybody"]));
    }
}
