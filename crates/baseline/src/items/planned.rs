//! Items that have no check yet.
//!
//! They stand in every report that lists their scope as `Unknown`, reason `NotImplemented`, so that no report
//! looks more complete than it is. Whoever implements one moves it into a file of its own.

use crate::item::{Class, Empty, Item, Level, Phrase, Scope, Section, Severity};

macro_rules! planned {
    ($($name:ident: $id:literal $slug:literal, $section:ident, $level:ident, $class:ident, $scope:ident, $severity:ident,
        $empty:ident, $title:literal, [$($system:literal),*];)*) => {$(
        #[doc = concat!($id, ": ", $title)]
        pub static $name: Item = Item {
            id: $id,
            slug: $slug,
            title: $title,
            section: Section::$section,
            level: Level::$level,
            severity: Severity::$severity,
            class: Class::$class,
            scope: Scope::$scope,
            empty: Empty::$empty,
            since: "0.1",
            reads: &[],
            optional: &[],
            failing: Phrase { one: "deviates", many: "deviate" },
            remediation: "",
            references: &[],
            systems: &[$($system),*],
            docs: concat!("## What it checks\n\n", $title, ".\n\nThis item has no check yet: reports say `Unknown`, reason `NotImplemented`.\n"),
            checks: &[],
            #[cfg(test)]
            cases: crate::testing::Cases::NONE,
        };
    )*};
}

planned! {
    AU_01: "AU-01" "users-without-identity-provider", Authentication, Recommended, B, Cluster, High, NotApplicable,
        "Users authenticate through an identity provider (OIDC or equivalent); no static tokens, no service-account tokens for people", [];
    AU_02: "AU-02" "unmanaged-certificates", Authentication, Recommended, B, Cluster, Medium, NotApplicable,
        "Certificates for users and services come from a central certificate management service", [];
    SE_01: "SE-01" "secrets-stored-in-plain", Secrets, Required, B, Cluster, Critical, NotApplicable,
        "Secrets live in an external store or encrypted in etcd", ["HashiCorp Vault", "Conjur"];
    CC_01: "CC-01" "plaintext-between-components", ClusterConfiguration, Required, B, Cluster, High, NotApplicable,
        "All cluster components talk over TLS", [];
    CC_02: "CC-02" "no-policy-engine", ClusterConfiguration, Required, A, Cluster, High, NotApplicable,
        "A policy engine is live and enforcing", ["OPA", "Kyverno"];
    CC_03: "CC-03" "cis-deviations", ClusterConfiguration, Recommended, B, Cluster, High, NotApplicable,
        "The cluster configuration meets the CIS benchmark, pod security policies aside", ["CIS Benchmark"];
    CC_04: "CC-04" "outdated-components", ClusterConfiguration, Recommended, B, Cluster, High, NotApplicable,
        "Cluster components run their latest versions", [];
    CC_06: "CC-06" "configuration-not-audited", ClusterConfiguration, Required, B, Cluster, Medium, NotApplicable,
        "Cluster configuration is audited regularly", ["kube-bench", "kube-hunter", "Kubestriker"];
    AL_01: "AL-01" "access-changes-not-logged", AuditAndLogging, Required, B, Cluster, High, NotApplicable,
        "Every change of access rights is logged", [];
    AL_02: "AL-02" "secret-operations-not-logged", AuditAndLogging, Required, B, Cluster, High, NotApplicable,
        "Every operation on secrets is logged, refused ones too", [];
    AL_03: "AL-03" "deployments-not-logged", AuditAndLogging, Required, B, Cluster, Medium, NotApplicable,
        "Deployments and changes of their configuration are logged", [];
    AL_04: "AL-04" "cluster-settings-not-logged", AuditAndLogging, Required, B, Cluster, Medium, NotApplicable,
        "Changes of cluster and OS settings are logged", [];
    AL_07: "AL-07" "no-observability", AuditAndLogging, Required, B, Cluster, Low, NotApplicable,
        "Infrastructure and services are observable", ["Weave Scope"];
    AL_08: "AL-08" "nodes-without-runtime-security", AuditAndLogging, Required, A, Node, High, NotApplicable,
        "A runtime security monitor runs on every node", ["Falco", "Sysdig", "Aqua Enterprise", "NeuVector", "Prisma Cloud Compute"];
    OS_04: "OS-04" "outdated-kernel", OperatingSystem, Recommended, B, Node, Medium, NotApplicable,
        "The OS kernel is kept up to date", ["CVEhound"];
    NW_02: "NW-02" "services-without-mutual-auth", Network, Recommended, B, Workload, Medium, NotApplicable,
        "Microservices authenticate and authorize each other", ["Istio", "Linkerd", "Consul"];
    WL_10B: "WL-10b" "oversized-resource-limits", Workloads, Required, B, Workload, Low, NotApplicable,
        "Limits are the minimum that the application needs", [];
    WL_14: "WL-14" "workloads-not-audited", Workloads, Required, B, Workload, Medium, NotApplicable,
        "Workload configuration is audited regularly", ["KICS", "kubeaudit", "Kubescape", "Conftest", "Kubesec", "Checkov"];
    IM_01: "IM-01" "sudo-in-build", Images, Required, B, Image, High, NotApplicable,
        "No RUN with sudo", [];
    IM_02: "IM-02" "add-instead-of-copy", Images, Required, B, Image, Low, NotApplicable,
        "COPY, not ADD", [];
    IM_03: "IM-03" "blanket-package-upgrade", Images, Required, B, Image, Medium, NotApplicable,
        "No blanket package upgrade during the build", [];
    IM_04A: "IM-04a" "unpinned-packages", Images, Required, B, Image, Low, NotApplicable,
        "Installed packages have explicit versions", [];
    IM_04B: "IM-04b" "no-sbom", Images, Recommended, B, Image, Low, NotApplicable,
        "A software bill of materials exists for the image", ["Syft"];
    IM_05: "IM-05" "secrets-in-image", Images, Required, B, Image, Critical, NotApplicable,
        "No passwords, tokens or keys in the image or its build instructions", [];
    IM_06: "IM-06" "bloated-image", Images, Required, B, Image, Low, NotApplicable,
        "Packages in the image are the minimum needed", [];
    IM_07: "IM-07" "too-many-ports", Images, Required, B, Image, Low, NotApplicable,
        "Forwarded ports are the minimum needed", [];
    IM_08: "IM-08" "download-tools-in-image", Images, Recommended, B, Image, Medium, NotApplicable,
        "No wget, curl or netcat in a production image", [];
    IM_10: "IM-10" "needless-layers", Images, Recommended, B, Image, Low, NotApplicable,
        "Few layers, multi-stage build", [];
    IM_11A: "IM-11a" "relative-workdir", Images, Recommended, B, Image, Low, NotApplicable,
        "WORKDIR is an absolute path", [];
    IM_11B: "IM-11b" "cd-instead-of-workdir", Images, Recommended, B, Image, Low, NotApplicable,
        "WORKDIR, not cd", [];
    IM_12: "IM-12" "recursive-copy", Images, Recommended, B, Image, Medium, NotApplicable,
        "No recursive COPY . of the build context", [];
    IM_14: "IM-14" "unverified-downloads", Images, Recommended, B, Image, High, NotApplicable,
        "Downloads during the build are checked for integrity", [];
    IM_15: "IM-15" "remote-control-in-container", Images, Required, B, Image, High, NotApplicable,
        "No remote control tools in a container", [];
    IM_16: "IM-16" "unsigned-image", Images, Required, B, Image, High, NotApplicable,
        "Images are signed after scanning, and the signature is verified before deployment", ["Notary", "Cosign"];
    IM_18: "IM-18" "image-not-scanned", Images, Required, B, Image, High, NotApplicable,
        "Images are scanned throughout their life", ["Trivy", "Clair", "Grype"];
    IM_19: "IM-19" "no-build-provenance", Images, Recommended, B, Image, Medium, NotApplicable,
        "Images carry verifiable build provenance", [];
}
