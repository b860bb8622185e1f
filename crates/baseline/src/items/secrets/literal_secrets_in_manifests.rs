//! SE-02a.

use plumbline_inventory::template::Template;
use plumbline_inventory::views::{NamespaceView, WorkloadView};
use plumbline_inventory::{Kind, Name};

use crate::items::item;
use crate::{Check, Context, Findings, ObjectRef, Parameters};

item! {
    /// ## What it checks
    ///
    /// No password, token or key stands in a manifest as text: neither in the environment, the command line, a
    /// probe or a hook of a container, nor in an annotation or a ConfigMap.
    ///
    /// ## Why it matters
    ///
    /// Manifests and ConfigMaps are readable to everybody with the role `view`, are kept in Git and in deployment
    /// histories, and are not encrypted in etcd. Secrets have rights, encryption and rotation of their own.
    ///
    /// ## How it decides
    ///
    /// - `Fail`, reason `LiteralSecret`: in `env[].value`, `command`, `args`, an exec probe or hook, or a header
    ///   of an HTTP probe or hook of any container.
    /// - `Fail`, reason `SecretInAnnotation`: in an annotation of the workload or of its pods. Of
    ///   `kubectl.kubernetes.io/last-applied-configuration` and other annotations that hold documents only values
    ///   of a known format count: what stands there by name stands in the manifest too.
    /// - `Fail`, reason `SecretInConfigMap`: in the data of a ConfigMap, if the operator may read ConfigMaps. Each
    ///   ConfigMap counts as one object; `kube-root-ca.crt` is left out.
    /// - `secretKeyRef`, `envFrom.secretRef`, `imagePullSecrets` and secret, projected and CSI volumes pass: they
    ///   are how a secret should reach a container.
    ///
    /// Text is taken for a secret
    ///
    /// - by its format, wherever it stands: keys and tokens of AWS, Azure, Google, GitHub, GitLab, Slack, Stripe,
    ///   npm, PyPI, Docker Hub, Vault, SendGrid, Hugging Face, OpenAI, Anthropic, DigitalOcean, Databricks, Grafana,
    ///   Shopify, New Relic, Atlassian, Telegram and Discord, JSON Web Tokens, private keys (PEM, as they are or in
    ///   base64), `age` keys, and `scheme://user:password@host`;
    /// - by the name that it is given, if the name *ends* in what a secret is called (`password`, `passwd`,
    ///   `passphrase`, `secret`, `token`, `api key`, `private key`, `credentials` …, in any spelling: `DB_PASSWORD`,
    ///   `dbPassword`, `--db-password`) and the value can be one. So `PASSWORD_FILE`, `TOKEN_TTL`, `TOKEN_URL`,
    ///   `SECRET_NAME` and `API_KEY_HEADER` are no secrets. Without such a name only a known format counts.
    ///
    /// A value after a password's name is a secret however simple it is: `admin` and `changeme` are passwords that
    /// work. After a token's or key's name it must look like one: long enough, and not just words, as the
    /// name of a Secret or of a header has. No secrets are: empty values, `$(VAR)` and other references, file paths,
    /// URLs without a password, booleans, durations, hashes and encrypted values (`$2y$…`, `ENC[…]`), and
    /// placeholders (`<password>`, `REPLACE_ME`, `xxxx`).
    ///
    /// Values are looked at while an object is read and never kept. A finding names the place, never the value.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// env:
    /// - name: DB_PASSWORD
    ///   value: hunter2                                       # Fail
    /// - name: API_TOKEN
    ///   valueFrom: {secretKeyRef: {name: api, key: token}}   # Pass
    /// - name: DATABASE_URL
    ///   value: postgres://app:$(DB_PASSWORD)@db/app          # Pass: the password is a reference
    /// args: ["--db-password", "hunter2"]                     # Fail
    /// ```
    ///
    /// ## How to fix
    ///
    /// Put the value into a Secret, better into an external store that makes one, and refer to it by
    /// `secretKeyRef` or mount it. Change the value: it has been read by whoever could read the manifest, and it
    /// stays in the history of the repository.
    id: "SE-02a",
    slug: "literal-secrets-in-manifests",
    title: "Secrets reach containers by volume mount or secretKeyRef, never as literals",
    section: Secrets,
    level: Required,
    severity: Critical,
    class: A,
    scope: Workload,
    empty: NotApplicable,
    since: "0.1",
    reads: Kind::WORKLOADS,
    optional: &[Kind::ConfigMap],
    failing: ("holds a secret as text", "hold secrets as text"),
    remediation: "Move the value into a Secret, refer to it by secretKeyRef or mount it, and replace the value: it counts as disclosed.",
    references: [
        "Kubescape C-0012", "Kubescape C-0259", "Polaris sensitiveContainerEnvVar",
        "Polaris sensitiveConfigmapContent", "kube-linter env-var-secret", "Trivy KSV-0109", "Trivy KSV-01010",
        "KICS Passwords And Secrets",
    ],
    systems: [],
    checks: [Check::Template(check_template), Check::Workload(check_annotations), Check::Objects(check_config_maps)],
}

fn check_template(template: &Template, _: &Parameters, findings: &mut Findings) {
    for container in &template.containers {
        for secret in &container.literal_secrets {
            findings.container(&container.name, "LiteralSecret", secret.to_string());
        }
    }
    for secret in &template.annotation_secrets {
        findings.object("SecretInAnnotation", format!("the pod's {secret}"));
    }
}

fn check_annotations(workload: WorkloadView<'_>, _: &Context<'_>, findings: &mut Findings) {
    for secret in workload.annotation_secrets() {
        findings.object("SecretInAnnotation", secret.to_string());
    }
}

fn check_config_maps(namespace: NamespaceView<'_>, _: &Context<'_>, findings: &mut Findings) {
    for (name, secrets) in namespace.config_maps() {
        if **name == *"kube-root-ca.crt" {
            continue;
        }
        findings.evaluate(1);
        for secret in secrets {
            let object = ObjectRef {
                namespace: Some(Name::clone(namespace.name())),
                kind: Kind::ConfigMap,
                name: Name::clone(name),
            };
            findings.other(object, "SecretInConfigMap", secret.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Parameters;
    use crate::testing::{Cases, evaluate, inventory};

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("secrets by reference, and what is none", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  imagePullSecrets: [{name: registry}]
  containers:
  - name: web
    image: web:1
    command: [web, --tls-private-key-file=/x, --password-stdin, --token-ttl, 1h]
    envFrom: [{secretRef: {name: web}}]
    env:
    - {name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}
    - {name: EMPTY_PASSWORD, value: ''}
    - {name: REFERENCE_PASSWORD, value: $(DB_PASSWORD)}
    - {name: PASSWORD_FILE, value: /run/secrets/x}
    - {name: ENABLE_PASSWORD, value: 'true'}
    - {name: API_URL, value: 'https://api.example.com/v1'}
    - {name: TLS_KEY_NAME, value: tls.key}
    livenessProbe: {httpGet: {httpHeaders: [{name: Authorization, value: 'Bearer $(TOKEN)'}]}}
  volumes:
  - {name: a, secret: {secretName: db}}
  - {name: b, projected: {sources: [{secret: {name: db}}]}}
  - {name: c, csi: {driver: secrets-store.csi.k8s.io}}"),
            ("a ConfigMap without secrets", "
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {app.conf: \"db.password_file=/run/secrets/db\\nlog.level=info\\n\"}"),
        ],
        fail: &[
            ("the environment, by name and by format, in containers of every role", "
apiVersion: batch/v1
kind: CronJob
metadata: {name: report}
spec:
  jobTemplate:
    spec:
      template:
        spec:
          initContainers: [{name: init, image: 'init:1', env: [{name: KEYCLOAK_ADMIN_PASSWORD, value: admin}]}]
          containers: [{name: report, image: 'report:1', env: [{name: SETTING, value: 'postgres://app:hunter2@db/app'}]}]",
            &["CronJob report/init: LiteralSecret", "CronJob report/report: LiteralSecret"]),
            ("an ephemeral container", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: web, image: 'web:1'}]
  ephemeralContainers: [{name: debugger, image: 'psql:1', args: [--password=hunter2]}]",
            &["Pod web/debugger: LiteralSecret"]),
            ("arguments in two words", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: 'web:1', args: [--db-password, hunter2]}]}",
            &["Pod web/web: LiteralSecret"]),
            ("headers and commands of probes and hooks", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: a
    image: a:1
    readinessProbe: {httpGet: {httpHeaders: [{name: X-Api-Key, value: 9f8e7d6c5b4a39281706}]}}
  - name: b
    image: b:1
    livenessProbe: {exec: {command: [sh, -c, 'mysqladmin ping -uroot -phunter2']}}
  - name: c
    image: c:1
    lifecycle: {preStop: {exec: {command: [deregister, --token=9f8e7d6c5b4a39281706]}}}",
            &["Pod web/a: LiteralSecret", "Pod web/b: LiteralSecret", "Pod web/c: LiteralSecret"]),
            ("annotations of the workload and of its pods, applied configurations among them", "
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{\"env\":[{\"name\":\"T\",\"value\":\"ghp_aBcD1234eFgH5678iJkL9012mNoP3456qRsT\"}]}'
spec:
  template:
    metadata: {annotations: {example.com/password: hunter2, checksum/secret: 0b9f4d1c2e3a5b6c7d8e9f00112233445566778899aabbccddeeff0011223344}}
    spec: {containers: [{name: web, image: 'web:1'}]}",
            &["Deployment web: SecretInAnnotation", "Deployment web: SecretInAnnotation"]),
            ("a ConfigMap, key by key", "
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {DB_PASSWORD: hunter2, app.conf: \"db.user=app\\ndb.password=hunter2\\n\"}",
            &["ConfigMap settings: SecretInConfigMap", "ConfigMap settings: SecretInConfigMap"]),
        ],
        not_applicable: &[
            ("the cluster's own certificates", "
apiVersion: v1
kind: ConfigMap
metadata: {name: kube-root-ca.crt}
data: {ca.crt: '-----BEGIN CERTIFICATE-----'}"),
        ],
        ..Cases::NONE
    };

    #[test]
    fn no_finding_holds_a_value() {
        for (name, manifests, _) in CASES.fail {
            for finding in evaluate(&super::ITEM, &inventory(manifests), &Parameters::default()).findings {
                for value in ["hunter2", "ghp_", "9f8e", ": admin"] {
                    assert!(!finding.message.contains(value), "{name}: {}", finding.message);
                }
            }
        }
    }
}
