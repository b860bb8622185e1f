//! IM-17.

use plumbline_inventory::Kind;
use plumbline_inventory::images::DockerfileScan;

use crate::items::item;
use crate::networks::named;
use crate::{Check, Context, Findings, ImageView};

item! {
    /// ## What it checks
    ///
    /// The Dockerfile of every image that runs was checked by a scanner before the image was built from it.
    ///
    /// ## Why it matters
    ///
    /// Most of what is wrong with an image is written in its Dockerfile: the missing `USER`, the package without a
    /// version, the password in `ENV`. There it costs a line; in the running image it costs a release.
    ///
    /// ## How it decides
    ///
    /// That a scanner ran is something that the build pipeline knows. It can say so in an annotation of the workload (the
    /// Deployment, StatefulSet, CronJob, not its pods), one for each container:
    /// `dockerfile-scan.<domain>/<container>: passed` or `failed`, whatever the domain. Of a container that is named twice
    /// the worse counts; other words say nothing.
    ///
    /// - `Fail`, reason `DockerfileScanFailed`: a workload that runs the image says that the scan failed. An attestation
    ///   does not outweigh that.
    /// - `NeedsAttestation`, reason `AttestationMissing`: images run, and nobody attests. How many of them a workload says
    ///   to have passed stands in the message; it is no pass, since whoever may write the workload may write the
    ///   annotation.
    /// - `Attested`: an attestation that is in force speaks for the whole cluster, or attestations name every digest.
    /// - `NotApplicable`: no digest is reported, as for manifests.
    ///
    /// Each distinct digest that kubelets report for containers of live pods (`imageID`) counts once, in the report of
    /// the cluster. Reports of scanners that are attached to the image in its registry (provenance, SARIF) are not
    /// looked at: reading registries is not implemented yet.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// kind: Deployment
    /// metadata:
    ///   annotations:
    ///     dockerfile-scan.ci.example.com/web: failed      # Fail: by the image that container web runs
    ///     dockerfile-scan.ci.example.com/proxy: passed    # supports it; an attestation has the last word
    /// ```
    ///
    /// ## How to fix
    ///
    /// Let the pipeline run Hadolint, KICS or Conftest on every Dockerfile and stop at what they find. Mend what the
    /// failed scan names, build again, and let the pipeline write what came of it into the annotation.
    id: "IM-17",
    slug: "dockerfile-not-scanned",
    title: "Dockerfiles are checked by automated scanners",
    section: Images,
    level: Required,
    severity: Low,
    class: C,
    scope: Image,
    empty: NotApplicable,
    since: "0.1",
    reads: Kind::WORKLOADS,
    optional: &[],
    failing: ("comes from a Dockerfile that failed a scan", "come from a Dockerfile that failed a scan"),
    remediation: "Mend what the scanner names in the Dockerfile and build the image again.",
    references: [],
    systems: ["KICS", "Hadolint", "Conftest"],
    checks: [Check::Image(check), Check::ClusterObjects(note_evidence)],
}

fn check(image: ImageView<'_>, context: &Context<'_>, findings: &mut Findings) {
    for (root, container, scan) in image.dockerfile_scans(context.inventory) {
        if scan == DockerfileScan::Failed {
            let message = format!(
                "image {} of container {container}: the scan of its Dockerfile failed, says an annotation of {}",
                image.digest,
                named(root)
            );
            findings.other(root.into(), "DockerfileScanFailed", message);
        }
    }
}

fn note_evidence(context: &Context<'_>, findings: &mut Findings) {
    let passed = |digest| {
        let mut said = context.inventory.dockerfile_scans(digest);
        said.all(|(.., scan)| scan == DockerfileScan::Passed)
    };
    let images = context.inventory.images_with_dockerfile_scans();
    let registry = "what a registry has attached to them is not read: there is no registry source";
    findings.note(match images.filter(|digest| passed(digest)).count() {
        0 => registry.to_owned(),
        passed => {
            format!("workloads say that a scan of the Dockerfile passed for {passed} of them; {registry}")
        }
    });
}

#[cfg(test)]
mod tests {
    use super::ITEM;
    use crate::testing::{Cases, evaluate, inventory};
    use crate::{Outcome, Parameters};

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("nobody says anything of it", "
apiVersion: v1
kind: Pod
metadata: {name: web}
status: {containerStatuses: [{name: web, imageID: 'docker.io/library/nginx@sha256:7cc4b5aefd1d0cadf8d97d4350462ba51c694ebca145b08d7d41b41acc8db5aa'}]}"),
            ("it passed; another word, another container and another annotation say nothing", "
apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    dockerfile-scan.ci.example.com/web: passed
    dockerfile-scan.other.example.com/web: not yet
    dockerfile-scan.ci.example.com/proxy: failed
    scan.ci.example.com/web: failed
    dockerfile-scan.ci.example.com: failed
status: {containerStatuses: [{name: web, imageID: 'docker.io/library/nginx@sha256:7cc4b5aefd1d0cadf8d97d4350462ba51c694ebca145b08d7d41b41acc8db5aa'}]}"),
            ("what does not run cannot fail", "
apiVersion: v1
kind: Pod
metadata: {name: web}
status: {containerStatuses: [{name: web, imageID: 'docker.io/library/nginx@sha256:7cc4b5aefd1d0cadf8d97d4350462ba51c694ebca145b08d7d41b41acc8db5aa'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: job, annotations: {dockerfile-scan.ci.example.com/job: failed}}
status: {phase: Failed, containerStatuses: [{name: job, imageID: 'docker.io/library/job@sha256:8cc4b5aefd1d0cadf8d97d4350462ba51c694ebca145b08d7d41b41acc8db5aa'}]}"),
        ],
        fail: &[
            ("one of two workloads says that it failed, the other that it passed", "
apiVersion: v1
kind: Pod
metadata: {name: web, annotations: {dockerfile-scan.ci.example.com/web: failed}}
status: {containerStatuses: [{name: web, imageID: 'docker.io/library/nginx@sha256:7cc4b5aefd1d0cadf8d97d4350462ba51c694ebca145b08d7d41b41acc8db5aa'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: bank, annotations: {dockerfile-scan.ci.example.com/web: passed}}
status: {containerStatuses: [{name: web, imageID: 'docker.io/library/nginx@sha256:7cc4b5aefd1d0cadf8d97d4350462ba51c694ebca145b08d7d41b41acc8db5aa'}]}",
            &["Pod web: DockerfileScanFailed"]),
            ("the annotation of a ReplicaSet is about its pods, and of two words the worse counts", "
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: web
  uid: 00000000-0000-0000-0000-000000000001
  annotations: {dockerfile-scan.a.example.com/web: failed, dockerfile-scan.b.example.com/web: passed}
spec: {template: {spec: {containers: [{name: web, image: 'nginx:1.29'}]}}}
---
apiVersion: v1
kind: Pod
metadata:
  name: web-1
  uid: 00000000-0000-0000-0000-000000000002
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: 00000000-0000-0000-0000-000000000001, controller: true}]
status: {containerStatuses: [{name: web, imageID: 'docker-pullable://nginx@sha256:7cc4b5aefd1d0cadf8d97d4350462ba51c694ebca145b08d7d41b41acc8db5aa'}]}",
            &["ReplicaSet web: DockerfileScanFailed"]),
        ],
        not_applicable: &[
            ("a manifest says no digest, whatever it says of a scan", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {dockerfile-scan.ci.example.com/web: failed}}
spec: {template: {spec: {containers: [{name: web, image: 'nginx:1.29'}]}}}"),
        ],
        ..Cases::NONE
    };

    fn outcome(manifests: &str) -> Outcome {
        evaluate(&ITEM, &inventory(manifests), &Parameters::default())
    }

    #[test]
    fn an_image_that_two_workloads_call_failed_is_one_that_fails() {
        let (_, manifests, _) = CASES.fail[0];
        let both = manifests.replace("passed", "failed");
        let outcome = outcome(&both);
        assert_eq!((outcome.evaluated, outcome.failing), (1, 1));
        assert_eq!(outcome.findings.len(), 2);
        assert!(
            outcome.findings[0]
                .message
                .ends_with("an annotation of Pod bank/web")
        );
    }

    #[test]
    fn the_note_says_what_supports_it_and_what_is_not_read() {
        let context = |manifests: &str| {
            let inventory = inventory(manifests);
            let mut findings = crate::Findings::of(&ITEM, &Parameters::default());
            super::note_evidence(
                &crate::Context {
                    exceptions: &[],
                    inventory: &inventory,
                    rbac: &plumbline_rbac::Rbac::of(&inventory),
                    network: &plumbline_network::Network::of(&inventory),
                    parameters: &Parameters::default(),
                    now: "2026-11-24T10:00:00Z".parse().unwrap(),
                },
                &mut findings,
            );
            let object = crate::ObjectRef {
                namespace: None,
                kind: plumbline_inventory::Kind::Namespace,
                name: "kube-system".into(),
            };
            findings.outcome(&object).note.unwrap()
        };
        let registry = "what a registry has attached to them is not read: there is no registry source";
        assert_eq!(context(CASES.pass[0].1), registry);
        let passed = format!("workloads say that a scan of the Dockerfile passed for 1 of them; {registry}");
        assert_eq!(context(CASES.pass[1].1), passed);
    }
}
