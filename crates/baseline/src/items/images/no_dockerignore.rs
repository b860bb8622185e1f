//! IM-09.

use plumbline_inventory::Kind;

use crate::items::item;
use crate::{Check, Context, Findings, ImageView};

item! {
    /// ## What it checks
    ///
    /// Every image that runs was built with a `.dockerignore` that keeps sensitive files out of it.
    ///
    /// ## Why it matters
    ///
    /// `COPY . /app` takes whatever lies in the directory: the history of the repository, `.env` with passwords, keys
    /// of a cloud. Who can pull the image has them.
    ///
    /// ## How it decides
    ///
    /// Whether there was a `.dockerignore` is recorded nowhere: somebody has to attest it. What lies in the layers of an
    /// image can contradict that (`.git/`, `.env`, `.aws`, `.ssh`, a `Dockerfile`), but layers are read from a registry,
    /// and reading registries is not implemented yet. Until then nothing can contradict it, and it never passes.
    ///
    /// Each distinct digest that kubelets report for containers of live pods (`imageID`) counts once, in the report of
    /// the cluster. Manifests alone say no digest.
    ///
    /// - `NeedsAttestation`, reason `AttestationMissing`: images run, and nobody attests.
    /// - `Attested`: an attestation that is in force speaks for the whole cluster, or attestations name every digest.
    /// - `NotApplicable`: no digest is reported, as for manifests.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// # What a kubelet reports, and what is counted: the digest behind the @.
    /// status:
    ///   containerStatuses:
    ///   - name: web
    ///     imageID: docker.io/library/nginx@sha256:7cc4…
    /// ```
    ///
    /// ## How to fix
    ///
    /// Put a `.dockerignore` beside every Dockerfile that begins with `*` and lets in what the build needs (`!src`). Let
    /// the build fail without one, and attest that.
    id: "IM-09",
    slug: "no-dockerignore",
    title: "A .dockerignore keeps sensitive files out of the image",
    section: Images,
    level: Recommended,
    severity: Low,
    class: C,
    scope: Image,
    empty: NotApplicable,
    since: "0.1",
    reads: Kind::WORKLOADS,
    optional: &[],
    failing: ("contains files that a .dockerignore keeps out", "contain files that a .dockerignore keeps out"),
    remediation: "Put a .dockerignore beside every Dockerfile that begins with * and lets in what the build needs.",
    references: ["Dockle DKL-LI-0003"],
    systems: [],
    checks: [Check::Image(check), Check::ClusterObjects(note_evidence)],
}

/// What contradicts it is in the layers: here images are only counted.
fn check(_: ImageView<'_>, _: &Context<'_>, _: &mut Findings) {}

fn note_evidence(_: &Context<'_>, findings: &mut Findings) {
    findings.note("their layers are not read: there is no registry source");
}

#[cfg(test)]
mod tests {
    use plumbline_inventory::Name;

    use super::ITEM;
    use crate::testing::{Cases, evaluate, inventory};
    use crate::{Home, Parameters, Unit};

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("an image that runs, of which nothing more is known", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: 'nginx:1.29'}]}
status: {containerStatuses: [{name: web, imageID: 'docker.io/library/nginx@sha256:7cc4b5aefd1d0cadf8d97d4350462ba51c694ebca145b08d7d41b41acc8db5aa'}]}"),
        ],
        not_applicable: &[
            ("a manifest that nobody runs, and a pod whose image is being pulled", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: web, image: 'web@sha256:7cc4b5aefd1d0cadf8d97d4350462ba51c694ebca145b08d7d41b41acc8db5aa'}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: 'nginx:1.29'}]}
status: {containerStatuses: [{name: web, imageID: ''}]}"),
            ("a pod that has ended", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: 'nginx:1.29'}]}
status:
  phase: Succeeded
  containerStatuses: [{name: web, imageID: 'docker.io/library/nginx@sha256:7cc4b5aefd1d0cadf8d97d4350462ba51c694ebca145b08d7d41b41acc8db5aa'}]"),
        ],
        ..Cases::NONE
    };

    #[test]
    fn a_digest_counts_once_and_belongs_to_the_cluster() {
        let sha = |digit: &str| format!("sha256:{}", digit.repeat(64));
        let pod = |name: &str, namespace: &str, digits: [&str; 2]| {
            format!(
                "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: {namespace}}}, \
                 status: {{initContainerStatuses: [{{name: init, imageID: 'x@{}'}}], \
                 containerStatuses: [{{name: web, imageID: 'docker://{}'}}]}}}}",
                sha(digits[0]),
                sha(digits[1])
            )
        };
        let manifests = [pod("a", "shop", ["a", "b"]), pod("b", "bank", ["b", "b"])].join("\n---\n");
        let inventory = inventory(&manifests);
        let outcome = evaluate(&ITEM, &inventory, &Parameters::default());
        assert_eq!((outcome.evaluated, outcome.failing), (2, 0));
        let image = Unit::Image(Name::from(sha("b")));
        assert!(ITEM.looks_at(&Home::Cluster, &image));
        assert!(!ITEM.looks_at(&Home::Namespace("shop".into()), &image));
        assert_eq!(
            image.named(&Home::Cluster).to_string(),
            format!("image {}", sha("b"))
        );
    }
}
