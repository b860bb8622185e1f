//! IM-13.

use plumbline_inventory::Kind;
use plumbline_inventory::template::{Container, Template};

use crate::image_reference::ImageReference;
use crate::items::item;
use crate::{Check, Findings, Parameters};

item! {
    /// ## What it checks
    ///
    /// Every container, init container and ephemeral container names its image by a digest or by a tag other
    /// than `latest`.
    ///
    /// ## Why it matters
    ///
    /// `latest` is whatever was pushed last: two nodes run different programs under one name, a rollback does
    /// not bring the old program back, and what was scanned and approved is not what runs.
    ///
    /// ## How it decides
    ///
    /// References are read as the kubelet reads them (`registry:5000/team/app:1.4@sha256:…`): the port of a
    /// registry is no tag, and a short name such as `nginx` is one of Docker Hub.
    ///
    /// - `Pass`: there is a digest. It decides on what is pulled, even beside the tag `latest`.
    /// - `Fail`, reason `TagMissing`: neither tag nor digest. The kubelet pulls `latest`.
    /// - `Fail`, reason `LatestTag`: the tag is `latest`. Tags are case-sensitive, and `latest-alpine` is another.
    /// - `Fail`, reason `FloatingTag`: the tag is one that the baseline lists as moving.
    /// - `Fail`, reason `InvalidImage`: no image reference (a capital letter in the repository, a malformed
    ///   digest, a placeholder that nobody filled in). The kubelet refuses it.
    /// - `Unknown`, reason `ImageUnset`: the image is empty or blank and no live pod shows which one it became:
    ///   something outside the manifest, such as an OpenShift image trigger, fills it in.
    ///
    /// The `FROM` lines of the image itself are not looked at.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// containers:
    /// - name: web
    ///   image: registry:5000/web            # Fail: no tag, the port is none
    /// - name: proxy
    ///   image: envoyproxy/envoy:latest      # Fail
    /// - name: agent
    ///   image: agent:latest@sha256:7cc4…    # Pass: the digest decides
    /// ```
    ///
    /// ## How to fix
    ///
    /// Name a version, better its digest: `image: registry:5000/web:1.4.2@sha256:…`. Let the build pipeline or a
    /// mutating policy put the digest in.
    id: "IM-13",
    slug: "latest-tag",
    title: "No latest tag",
    section: Images,
    level: Recommended,
    severity: Medium,
    class: A,
    scope: Workload,
    empty: NotApplicable,
    since: "0.1",
    reads: Kind::WORKLOADS,
    optional: &[],
    failing: ("uses the latest tag or none", "use the latest tag or none"),
    remediation: "Name the image by a version, better by its digest: image: registry/name:1.4.2@sha256:….",
    references: [
        "Trivy KSV-0013", "Trivy DS-0001", "Hadolint DL3006", "Hadolint DL3007", "Kubescape C-0075",
        "Kubescape C-0306", "Polaris tagNotSpecified", "kube-linter latest-tag", "kubeaudit image",
        "Checkov CKV_K8S_14", "Checkov CKV_K8S_43", "Checkov CKV_DOCKER_7", "Dockle DKL-DI-0006",
        "kube-score container-image-tag", "Gatekeeper disallowedtags", "Gatekeeper imagedigests",
        "Kyverno disallow-latest-tag", "Kyverno require-image-checksum",
    ],
    systems: [],
    checks: [Check::Template(check)],
}

fn check(template: &Template, parameters: &Parameters, findings: &mut Findings) {
    for container in &template.containers {
        check_container(container, parameters, findings);
    }
}

fn check_container(container: &Container, parameters: &Parameters, findings: &mut Findings) {
    let (name, image) = (&container.name, &*container.image);
    // Kubernetes refuses an empty image; a blank one is how templates say that something fills it in.
    if image.trim().is_empty() {
        findings.unknown("ImageUnset", format!("image of container {name} is not set"));
        return;
    }
    match ImageReference::parse(image) {
        Err(error) => {
            let message = format!("image {image:?} is no image reference: {error}");
            findings.container(name, "InvalidImage", message);
        }
        Ok(ImageReference { digest: Some(_), .. }) => {}
        Ok(ImageReference { tag: None, .. }) => {
            let message = format!("image {image} has neither tag nor digest");
            findings.container(name, "TagMissing", message);
        }
        Ok(ImageReference {
            tag: Some("latest"), ..
        }) => {
            findings.container(name, "LatestTag", format!("image {image} has the tag latest"));
        }
        Ok(ImageReference { tag: Some(tag), .. }) if parameters.floating_tags.contains(tag) => {
            let message = format!("image {image} has the floating tag {tag}");
            findings.container(name, "FloatingTag", message);
        }
        Ok(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::Parameters;
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("a version", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: 'nginx:1.29'}]}"),
            ("a digest decides, whatever the tag and the registry's port", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      initContainers: [{name: init, image: 'registry:5000/init:latest@sha256:7cc4b5aefd1d0cadf8d97d4350462ba51c694ebca145b08d7d41b41acc8db5aa'}]
      containers: [{name: web, image: 'web@sha256:7cc4b5aefd1d0cadf8d97d4350462ba51c694ebca145b08d7d41b41acc8db5aa'}]"),
            ("tags that merely begin like latest, or are written otherwise", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: a, image: 'nginx:latest-alpine'}, {name: b, image: 'nginx:LATEST'}]}"),
            ("live pods show what an image trigger filled in", "
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web, uid: 00000000-0000-0000-0000-000000000001}
spec: {template: {spec: {containers: [{name: web, image: ' '}]}}}
---
apiVersion: v1
kind: Pod
metadata:
  name: web-1
  uid: 00000000-0000-0000-0000-000000000002
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: 00000000-0000-0000-0000-000000000001, controller: true}]
spec: {containers: [{name: web, image: 'image-registry.openshift-image-registry.svc:5000/shop/web@sha256:7cc4b5aefd1d0cadf8d97d4350462ba51c694ebca145b08d7d41b41acc8db5aa'}]}"),
        ],
        fail: &[
            ("containers of every role", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  initContainers: [{name: init, image: 'busybox:latest'}]
  containers: [{name: web, image: 'web:1'}]
  ephemeralContainers: [{name: debugger, image: busybox}]",
            &["Pod web/init: LatestTag", "Pod web/debugger: TagMissing"]),
            ("a port is no tag", "
apiVersion: batch/v1
kind: CronJob
metadata: {name: report}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: report, image: 'registry:5000/team/report'}]}}}}}",
            &["CronJob report/report: TagMissing"]),
            ("what is no reference", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: a, image: 'ghcr.io/Team/app:1'}, {name: b, image: '{{ .Values.image }}'}, {name: c, image: 'web@sha256:abc'}]}",
            &["Pod web/a: InvalidImage", "Pod web/b: InvalidImage", "Pod web/c: InvalidImage"]),
            ("tags that the baseline lists", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: a, image: 'nginx:mainline'}]}",
            &["Pod web/a: FloatingTag"]),
        ],
        unknown: &[
            ("an image that something else fills in", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: web, image: ' '}, {name: empty, image: ''}]}}}",
            "ImageUnset"),
        ],
        parameters: Some(|| Parameters {
            floating_tags: ["mainline".to_owned()].into(),
            ..Parameters::default()
        }),
        ..Cases::NONE
    };
}
