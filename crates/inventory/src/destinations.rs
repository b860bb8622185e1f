//! Where collectors of logs send them, as far as their environment, arguments and `ConfigMap`s name hosts.
//!
//! Texts are looked at while an object is read, and only host names are kept. What a text does not say in so many
//! words (a reference, a cloud's own service) is kept as [`UNKNOWN`], so that nobody takes the rest for all.

use std::collections::BTreeSet;

use crate::lean;
use crate::names::{Name, Pool};

/// Stands for a destination that is there and cannot be told.
pub const UNKNOWN: &str = "?";

/// Images of collectors, by the last part of their repository, and what they are called.
pub const COLLECTORS: &[(&str, &str)] = &[
    ("alloy", "Grafana Alloy"),
    ("aws-for-fluent-bit", "Fluent Bit"),
    ("elastic-agent", "Elastic Agent"),
    ("filebeat", "Filebeat"),
    ("fluent-bit", "Fluent Bit"),
    ("fluentd", "Fluentd"),
    ("fluentd-hec", "Splunk Connect"),
    ("fluentd-kubernetes-daemonset", "Fluentd"),
    ("logstash", "Logstash"),
    ("opentelemetry-collector", "OpenTelemetry Collector"),
    ("opentelemetry-collector-contrib", "OpenTelemetry Collector"),
    ("opentelemetry-collector-k8s", "OpenTelemetry Collector"),
    ("promtail", "Promtail"),
    ("splunk-otel-collector", "Splunk OpenTelemetry Collector"),
    ("vector", "Vector"),
];

/// What a collector of this image is called, if it is one.
pub fn collector(image: &str) -> Option<&'static str> {
    let repository = image.split('@').next().unwrap_or(image);
    let last = repository.rsplit('/').next().unwrap_or(repository);
    let name = last.split(':').next().unwrap_or(last);
    let known = COLLECTORS.iter().find(|(known, _)| *known == name);
    known.map(|(_, product)| *product)
}

/// Where the environment and the arguments of a collector's container send to.
pub(crate) fn of_container(container: &lean::Container, names: &mut Pool<str>) -> Box<[Name]> {
    if collector(&container.image).is_none() {
        return Box::default();
    }
    let mut found = BTreeSet::new();
    for variable in &container.env {
        // The last word of the name says what the value is: FLUENT_ELASTICSEARCH_HOST.
        let key = variable.name.rsplit('_').next().unwrap_or_default();
        in_line(
            &format!("{key}={}", variable.value.as_deref().unwrap_or("$")),
            &mut found,
        );
    }
    for word in container.command.iter().chain(&container.args) {
        for line in word.lines() {
            in_line(line, &mut found);
        }
    }
    found.into_iter().map(|host| names.intern(host)).collect()
}

/// Where an entry of a `ConfigMap` sends logs to, if it is the configuration of a collector.
pub(crate) fn in_data(key: &str, text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if CONFIGURATIONS.iter().any(|name| key.starts_with(name)) {
        text.lines().for_each(|line| in_line(line, &mut found));
        let text = text.to_ascii_lowercase();
        if SERVICES.iter().any(|service| text.contains(service)) {
            found.insert(UNKNOWN.to_owned());
        }
    }
    found
}

/// How the keys begin under which collectors have their configuration.
const CONFIGURATIONS: [&str; 14] = [
    "agent.y",
    "config.alloy",
    "filebeat.y",
    "fluent-bit",
    "fluent.conf",
    "fluentd",
    "logstash",
    "output",
    "pipelines",
    "promtail.y",
    "relay",
    "vector",
    "collector",
    "aggregator",
];

/// What collectors call the services of clouds, which they find without being told a host, and other outputs.
const SERVICES: [&str; 14] = [
    "aws",
    "azure",
    "cloudwatch",
    "datadog",
    "firehose",
    "gcp",
    "google",
    "kafka",
    "kinesis",
    "newrelic",
    "s3",
    "stackdriver",
    "sumologic",
    "syslog",
];

/// Keys whose value is a host.
const KEYS: [&str; 11] = [
    "address",
    "brokers",
    "endpoint",
    "endpoints",
    "host",
    "hosts",
    "server",
    "servers",
    "site",
    "uri",
    "url",
];

fn in_line(line: &str, found: &mut BTreeSet<String>) {
    let line = line.trim().trim_start_matches("- ");
    if line.starts_with(['#', ';']) {
        return;
    }
    if line.contains("://") {
        for rest in line.split("://").skip(1) {
            let end = rest.find(|c: char| c.is_whitespace() || "/\"',]})?".contains(c));
            let authority = &rest[..end.unwrap_or(rest.len())];
            add(authority.rsplit('@').next().unwrap_or(authority), found);
        }
        return;
    }
    let Some((key, value)) = line.split_once(|c: char| c.is_whitespace() || c == '=' || c == ':') else {
        return;
    };
    // Of a path (`output.elasticsearch.hosts`, `--client.host`) the last word says what the value is.
    let key = key
        .trim_matches(['"', '\'', '@'])
        .rsplit(['.', '-'])
        .next()
        .unwrap_or_default();
    let key = key.to_ascii_lowercase();
    if KEYS.contains(&key.as_str()) {
        let value = value.trim_start_matches(|c: char| c.is_whitespace() || c == '=' || c == '>' || c == ':');
        value
            .trim_matches(['[', ']', ' '])
            .split(',')
            .for_each(|host| add(host, found));
    }
}

/// Adds a host, with or without a port, unless it is the pod itself or the API server.
fn add(host: &str, found: &mut BTreeSet<String>) {
    let host = host.trim().trim_matches(['"', '\'']);
    if host.contains(['$', '{', '%', '<']) {
        found.insert(UNKNOWN.to_owned());
        return;
    }
    let host = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host
            .split_once(':')
            .filter(|(_, port)| !port.contains(':'))
            .map_or(host, |(name, _)| name),
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':' | b'_');
    let is_own = matches!(
        host.as_str(),
        "localhost" | "0.0.0.0" | "::" | "::1" | "kubernetes"
    ) || host.starts_with("127.")
        || host.starts_with("kubernetes.default");
    let is_number = host.bytes().all(|b| b.is_ascii_digit());
    if host.bytes().all(is_name) && !is_own && !is_number {
        found.insert(host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(key: &str, text: &str) -> Vec<String> {
        in_data(key, text).into_iter().collect()
    }

    #[test]
    fn collectors_are_known_by_the_last_part_of_their_image() {
        assert_eq!(
            collector("cr.fluentbit.io/fluent/fluent-bit:4.0@sha256:00"),
            Some("Fluent Bit")
        );
        assert_eq!(
            collector("mirror:5000/timberio/vector:0.50.0-alpine"),
            Some("Vector")
        );
        assert_eq!(collector("shop/pgvector:1"), None);
    }

    #[test]
    fn hosts_are_found_in_the_configurations_of_collectors() {
        let fluent_bit = "[FILTER]\n  Kube_URL https://kubernetes.default.svc:443\n[OUTPUT]\n  Name es\n  Host elasticsearch.logging.svc\n  Port 9200\n";
        assert_eq!(
            found("fluent-bit.conf", fluent_bit),
            ["elasticsearch.logging.svc"]
        );
        let promtail = "server:\n  http_listen_port: 9080\nclients:\n  - url: http://user:word@loki-gateway.loki/loki/api/v1/push\n";
        assert_eq!(found("promtail.yaml", promtail), ["loki-gateway.loki"]);
        let filebeat =
            "output.elasticsearch:\n  hosts: ['https://es.example.com:9200', \"https://es2.example.com\"]\n";
        assert_eq!(
            found("filebeat.yml", filebeat),
            ["es.example.com", "es2.example.com"]
        );
        let collector = "receivers:\n  otlp:\n    endpoint: 0.0.0.0:4317\nexporters:\n  otlp:\n    endpoint: siem.example.com:4317\n";
        assert_eq!(found("relay", collector), ["siem.example.com"]);
    }

    #[test]
    fn what_is_not_said_in_so_many_words_is_unknown() {
        assert_eq!(
            found("fluent.conf", "<match **>\n  host \"#{ENV['HOST']}\"\n"),
            ["?"]
        );
        assert_eq!(
            found("vector.yaml", "sinks:\n  out:\n    type: aws_cloudwatch_logs\n"),
            ["?"]
        );
        assert_eq!(found("nginx.conf", "host x.example.com"), Vec::<String>::new());
    }
}
