//! AZ-06a.

use std::collections::BTreeMap;

use plumbline_inventory::components::Flags;
use plumbline_inventory::lean::Rule;
use plumbline_inventory::{AnonymousRequests, Answer, Component, Kind, Name, ObjectId};
use plumbline_rbac::recognised::Origin;
use plumbline_rbac::subject::{ANONYMOUS, UNAUTHENTICATED};
use plumbline_rbac::{Rbac, Recognised, Subject};

use crate::items::item;
use crate::{Check, Context, Findings, MissingSource, Severity};

item! {
    /// ## What it checks
    ///
    /// Whoever has no credentials gets an answer from the API server at `/healthz`, `/readyz`, `/livez` and their
    /// sub-checks, and nowhere else.
    ///
    /// ## Why it matters
    ///
    /// What is given to anonymous requests is given to everybody who reaches the port, and no audit log says who
    /// it was. The version alone tells which holes are still open. A binding of `system:anonymous`, once made "to
    /// get it working", has given whole clusters away.
    ///
    /// ## How it decides
    ///
    /// By three sources. The operator, `plumbline check` of a cluster and `plumbline snapshot` send the API server
    /// GET requests without any credentials: to the three paths and `/livez/ping`, and to `/version`, `/api`,
    /// `/apis`, `/openapi/v2`, `/metrics`, `/.well-known/openid-configuration`, `/api/v1/secrets` and the ConfigMap
    /// `kube-public/cluster-info`. Nothing of what is answered is kept but the status code. The operator asks at
    /// its start, every five minutes, and when bindings of anonymous subjects or the flags have changed. Then
    /// there are the bindings of User `system:anonymous` and Group `system:unauthenticated`, and the flags of
    /// kube-apiserver where its mirror pods in `kube-system` can be seen.
    ///
    /// - `Fail`, reason `AnonymousAccess`: a path beside the three is answered with 2xx.
    /// - `Fail`, reason `AnonymousBinding`: a binding gives one of the two subjects more than
    ///   `system:public-info-viewer` does (by what the role says, not by its name).
    /// - `Fail`, reason `ClusterInfo`: the ConfigMap `kube-public/cluster-info` is answered, or the binding is the
    ///   one that kubeadm makes for it, for `kubeadm join` to find the cluster. Medium severity.
    /// - `Fail`, reason `AnonymousAuthentication`: a request is refused (403) to user `system:anonymous`. That is
    ///   no 401: authentication has let it in, and nothing but authorization stands before everything else. The
    ///   same if flags of kube-apiserver say so: `--anonymous-auth` is on or not set, which is on, and there is no
    ///   `--authentication-config`. So it is on a stock cluster. Medium severity.
    /// - `Fail`, reason `PublicInfo`: `/version` is answered, as it is on a stock cluster. Low severity.
    /// - `Fail`, reason `DormantBinding`: a binding of one of the two subjects to a role that does not exist.
    ///   Whoever makes the role opens the door. Low severity.
    /// - `Unknown`, reason `NotProbed`, `ProbeOff` or `ProbeFailed`: no request was made, or none was answered, and
    ///   the flags do not decide: they cannot be seen, or name an `--authentication-config`, whose content cannot.
    ///   Manifests do not show it; a snapshot does.
    /// - `Unknown`, reason `ProbeIncomplete`: some paths were not answered.
    /// - `Unknown`, reason `UnexpectedAnswer`: an answer that the API server does not give to anonymous requests,
    ///   such as a redirect: something stands before it.
    /// - `Pass`: every path beside the three is answered with 401, or, if nobody has asked, `--anonymous-auth` is
    ///   off; and neither flags nor bindings contradict.
    ///
    /// Behind a load balancer one of several API servers answers. The anonymous port of kubelets is not asked.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// # --authentication-config of kube-apiserver: Pass
    /// apiVersion: apiserver.config.k8s.io/v1
    /// kind: AuthenticationConfiguration
    /// anonymous:
    ///   enabled: true
    ///   conditions: [{path: /healthz}, {path: /readyz}, {path: /livez}]
    /// ```
    ///
    /// ## How to fix
    ///
    /// Start kube-apiserver with `--anonymous-auth=false` if its health checks have credentials, else with an
    /// `AuthenticationConfiguration` as above (from Kubernetes 1.34; the two exclude each other). Delete bindings
    /// of `system:anonymous` and `system:unauthenticated`; join nodes with `kubeadm join --discovery-file`.
    id: "AZ-06a",
    slug: "anonymous-access",
    title: "Anonymous requests reach only /healthz, /readyz and /livez",
    section: Authorization,
    level: Required,
    severity: Critical,
    class: A,
    scope: Cluster,
    empty: NotApplicable,
    since: "0.1",
    reads: &[Kind::Role, Kind::RoleBinding, Kind::ClusterRole, Kind::ClusterRoleBinding],
    optional: &[Kind::Pod],
    failing: ("finds anonymous access", "find anonymous access"),
    remediation: "Restrict anonymous authentication to /healthz, /readyz and /livez by an AuthenticationConfiguration or set --anonymous-auth=false, and delete bindings of system:anonymous and system:unauthenticated.",
    references: [
        "CIS 1.2.1",
        "Trivy KCV-0001",
        "Trivy KSV-0122",
        "Kubescape C-0113",
        "Kubescape C-0262",
        "Krane unauthenticated-subject-access",
        "Gatekeeper disallowanonymous",
        "KICS anonymous_auth_is_not_set_to_false",
        "Kyverno restrict-binding-system-groups",
    ],
    systems: [],
    checks: [Check::Cluster(check)],
}

/// What everybody may see; their sub-checks too.
const HEALTH: [&str; 3] = ["/healthz", "/readyz", "/livez"];

const VERSION: &str = "/version";
const CLUSTER_INFO: &str = "/api/v1/namespaces/kube-public/configmaps/cluster-info";

static NOT_PROBED: MissingSource = MissingSource {
    source: "requests without credentials",
    grant: "the cluster itself or a plumbline snapshot of it: manifests do not show what the API server answers",
};
static PROBE_OFF: MissingSource = MissingSource {
    source: "requests without credentials",
    grant: "plumbline run without --no-anonymous-probe",
};
static PROBE_FAILED: MissingSource = MissingSource {
    source: "requests without credentials",
    grant: "an API server that answers them, be it by 401",
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    check_bindings(context, findings);
    let servers: Vec<_> = context.inventory.components(Component::ApiServer).collect();
    for (pod, flags) in &servers {
        findings.evaluate(1);
        if let Authentication::On(why) = authentication(flags) {
            let message = format!("kube-apiserver in Pod kube-system/{pod}: {why}");
            findings.sub_check_at(Severity::Medium, "AnonymousAuthentication", message);
        }
    }
    let (source, reason, why) = match context.inventory.anonymous_requests() {
        AnonymousRequests::Answered(answers) => return check_answers(answers, findings),
        AnonymousRequests::NotAsked => (
            &NOT_PROBED,
            "NotProbed",
            "no request without credentials was made".to_owned(),
        ),
        AnonymousRequests::Off => (
            &PROBE_OFF,
            "ProbeOff",
            "requests without credentials are switched off".to_owned(),
        ),
        AnonymousRequests::Unreachable(why) => (
            &PROBE_FAILED,
            "ProbeFailed",
            format!("requests without credentials are not answered: {why}"),
        ),
    };
    let off = |(_, flags): &(&Name, &Flags)| matches!(authentication(flags), Authentication::Off);
    if servers.is_empty() || !servers.iter().all(off) {
        let flags = match servers.as_slice() {
            [] => "the flags of kube-apiserver cannot be seen",
            _ => "the flags of kube-apiserver do not decide",
        };
        findings.missing(source, reason, format!("{why}, and {flags}"));
    }
}

/// What flags say of the authentication of anonymous requests.
enum Authentication {
    Off,
    On(&'static str),
    /// It is for the authentication configuration to say, which cannot be seen.
    Hidden,
}

fn authentication(flags: &Flags) -> Authentication {
    let modes = flags.get("authorization-mode").unwrap_or_default();
    match flags.is_on("anonymous-auth") {
        Some(false) => Authentication::Off,
        _ if flags
            .get("authentication-config")
            .is_some_and(|file| !file.is_empty()) =>
        {
            Authentication::Hidden
        }
        // kube-apiserver turns anonymous authentication off where everybody may do everything.
        _ if modes.split(',').any(|mode| mode == "AlwaysAllow") => Authentication::Off,
        Some(true) => Authentication::On("--anonymous-auth is on"),
        None => Authentication::On("--anonymous-auth is not set, and on unless it is"),
    }
}

fn check_answers(answers: &BTreeMap<Name, Answer>, findings: &mut Findings) {
    let mut refused: Vec<&str> = Vec::new();
    for (path, answer) in answers {
        let harmless = is_health(path);
        findings.evaluate(1);
        match answer {
            Answer::RefusedAsAnonymous => refused.push(path),
            Answer::Status(401) => {}
            Answer::Status(_) | Answer::Missing(_) if harmless => {}
            Answer::Status(code @ 200..=299) => {
                let (severity, reason) = match &**path {
                    VERSION => (Severity::Low, "PublicInfo"),
                    CLUSTER_INFO => (Severity::Medium, "ClusterInfo"),
                    _ => (findings.severity(), "AnonymousAccess"),
                };
                let message = format!("GET {path} without credentials is answered with {code}");
                findings.sub_check_at(severity, reason, message);
            }
            Answer::Status(code) => {
                let message = format!("GET {path} without credentials is answered with {code}");
                findings.unknown("UnexpectedAnswer", message);
            }
            Answer::Missing(why) => {
                let message = format!("GET {path} without credentials is not answered: {why}");
                findings.missing(&PROBE_FAILED, "ProbeIncomplete", message);
            }
        }
    }
    if let Some((first, more)) = refused.split_first() {
        let more = match more.len() {
            0 => String::new(),
            1 => " and 1 more path".to_owned(),
            more => format!(" and {more} more paths"),
        };
        let message = format!(
            "GET {first}{more} without credentials: refused to user {ANONYMOUS} by authorization, and not by \
             authentication"
        );
        findings.sub_check_at(Severity::Medium, "AnonymousAuthentication", message);
    }
}

fn check_bindings(context: &Context<'_>, findings: &mut Findings) {
    for subject in [
        Subject::User(ANONYMOUS.into()),
        Subject::Group(UNAUTHENTICATED.into()),
    ] {
        for binding in context.rbac.bindings_naming(&subject) {
            findings.evaluate(1);
            check_binding(binding, &subject, context, findings);
        }
    }
}

fn check_binding(binding: &ObjectId, subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    let Some(grant) = context.rbac.grant(binding) else {
        let message = format!("names {subject}, and a role that does not exist");
        findings.grant_at(Severity::Low, binding, subject, None, "DormantBinding", message);
        return;
    };
    let everywhere = grant.namespace().is_none();
    if grant
        .rules
        .written()
        .iter()
        .all(|rule| is_public(rule, everywhere))
    {
        return;
    }
    let role = grant.role;
    let (severity, reason, message) = if is_of_kubeadm(binding, role, context.rbac) {
        let message =
            format!("gives {role} to {subject}: kubeadm's own, for kubeadm join to read cluster-info");
        (Severity::Medium, "ClusterInfo", message)
    } else {
        let message = format!("gives {role} to {subject}: it takes no credentials");
        (findings.severity(), "AnonymousBinding", message)
    };
    findings.grant_at(severity, binding, subject, Some(role), reason, message);
}

/// Whether both are what kubeadm makes, by what they say.
fn is_of_kubeadm(binding: &ObjectId, role: &ObjectId, rbac: &Rbac) -> bool {
    let stock = Recognised::Stock(Origin::Kubeadm);
    rbac.recognised_binding(binding) == stock && rbac.recognised_role(role) == stock
}

/// Whether a rule grants no more than `system:public-info-viewer` does: health and version. Other paths than
/// those of objects are granted by cluster role bindings only.
fn is_public(rule: &Rule, everywhere: bool) -> bool {
    let url = |url: &String| is_health(url) || matches!(url.as_str(), "/version" | "/version/");
    let reads = rule.verbs.iter().all(|verb| verb == "get");
    let urls =
        !everywhere || rule.non_resource_urls.is_empty() || reads && rule.non_resource_urls.iter().all(url);
    let nothing = rule.verbs.is_empty() || rule.api_groups.is_empty() || rule.resources.is_empty();
    nothing && urls
}

/// Whether a path is one of the three, or a sub-check of theirs.
fn is_health(path: &str) -> bool {
    HEALTH.iter().any(|health| {
        let rest = path.strip_prefix(health);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("every request is refused by authentication", "
kind: Evidence
apiVersion: compliance.plumbline.dev/v1alpha1
anonymousRequests: {/healthz: {code: 401}, /livez/ping: {code: 401}, /version: {code: 401}, /api/v1/secrets: {code: 401}}"),
            ("an authentication configuration lets anonymous requests in at the three paths; health need not be good", "
kind: Evidence
apiVersion: compliance.plumbline.dev/v1alpha1
anonymousRequests: {/healthz: {code: 200}, /readyz: {code: 500}, /livez: {code: 200}, /livez/ping: {code: 401}, /version: {code: 401}, /api: {code: 401}}
---
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver-cp, namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}}
spec: {containers: [{name: kube-apiserver, command: [kube-apiserver, --authentication-config=/etc/kubernetes/authn.yaml]}]}"),
            ("nobody has asked, and the flag is off on every API server that can be seen", "
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver-a, namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}}
spec: {containers: [{name: kube-apiserver, command: [kube-apiserver, --anonymous-auth=true, --anonymous-auth=false]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver-b, namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}}
spec: {containers: [{name: kube-apiserver, command: [kube-apiserver], args: [--anonymous-auth, 'false']}]}"),
            ("stock public info, and a binding of another name that gives less", "
kind: Evidence
apiVersion: compliance.plumbline.dev/v1alpha1
anonymousRequests: {/healthz: {code: 200}, /version: {code: 401}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: 'system:public-info-viewer'}
rules: [{verbs: [get], nonResourceURLs: [/healthz, /livez, /readyz, /version, /version/]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: 'system:public-info-viewer'}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: 'system:public-info-viewer'}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: Group, name: 'system:authenticated'}
- {apiGroup: rbac.authorization.k8s.io, kind: Group, name: 'system:unauthenticated'}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: load-balancer}
rules: [{verbs: [get], nonResourceURLs: [/livez/ping, '/readyz/*']}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: load-balancer}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: load-balancer}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: 'system:anonymous'}]"),
        ],
        fail: &[
            ("a stock cluster", "
kind: Evidence
apiVersion: compliance.plumbline.dev/v1alpha1
anonymousRequests: {/healthz: {code: 200}, /version: {code: 200}, /api: {code: 403, user: 'system:anonymous'}, /apis: {code: 403, user: 'system:anonymous'}}",
            &["Namespace kube-system: AnonymousAuthentication, medium", "Namespace kube-system: PublicInfo, low"]),
            ("only the version is given away", "
kind: Evidence
apiVersion: compliance.plumbline.dev/v1alpha1
anonymousRequests: {/healthz: {code: 200}, /version: {code: 200}, /api: {code: 401}}",
            &["Namespace kube-system: PublicInfo, low"]),
            ("objects are given away, and a sub-check is refused to the anonymous user", "
kind: Evidence
apiVersion: compliance.plumbline.dev/v1alpha1
anonymousRequests: {/livez/ping: {code: 403, user: 'system:anonymous'}, /api/v1/secrets: {code: 200}, /metrics: {code: 206}}",
            &["Namespace kube-system: AnonymousAccess", "Namespace kube-system: AnonymousAccess",
              "Namespace kube-system: AnonymousAuthentication, medium"]),
            ("what answers is not what the flag says", "
kind: Evidence
apiVersion: compliance.plumbline.dev/v1alpha1
anonymousRequests: {/api: {code: 200}}
---
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver-cp, namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}}
spec: {containers: [{name: kube-apiserver, command: [kube-apiserver, --anonymous-auth=false]}]}",
            &["Namespace kube-system: AnonymousAccess"]),
            ("an absent flag is on, whatever something before the API server answers", "
kind: Evidence
apiVersion: compliance.plumbline.dev/v1alpha1
anonymousRequests: {/api: {code: 401}}
---
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver-cp, namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}}
spec: {containers: [{name: kube-apiserver, command: [kube-apiserver, --authorization-mode=RBAC]}]}",
            &["Namespace kube-system: AnonymousAuthentication, medium"]),
            ("nobody has asked, and one of two API servers has the flag on", "
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver-a, namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}}
spec: {containers: [{name: kube-apiserver, command: [kube-apiserver, --anonymous-auth]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver-b, namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}}
spec: {containers: [{name: kube-apiserver, command: [kube-apiserver, --anonymous-auth=0]}]}",
            &["Namespace kube-system: AnonymousAuthentication, medium"]),
            ("bindings, by what their roles say", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: 'system:public-info-viewer'}
rules: [{verbs: [get], nonResourceURLs: ['/*']}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: 'system:public-info-viewer'}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: 'system:public-info-viewer'}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: 'system:unauthenticated'}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: shop}
rules: [{verbs: [get], apiGroups: [''], resources: [pods]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: 'system:anonymous'}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: poster}
rules: [{verbs: [post], nonResourceURLs: [/healthz]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: posters}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: poster}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: 'system:anonymous'}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: waiting}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: nothing-yet}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: 'system:anonymous'}]",
            &["ClusterRoleBinding system:public-info-viewer: AnonymousBinding", "RoleBinding readers: AnonymousBinding",
              "ClusterRoleBinding posters: AnonymousBinding", "ClusterRoleBinding waiting: DormantBinding, low"]),
            ("kubeadm's cluster-info; the same binding to a role that says more is somebody's own", "
kind: Evidence
apiVersion: compliance.plumbline.dev/v1alpha1
anonymousRequests: {/api/v1/namespaces/kube-public/configmaps/cluster-info: {code: 200}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: 'kubeadm:bootstrap-signer-clusterinfo', namespace: kube-public}
rules: [{verbs: [get], apiGroups: [''], resources: [configmaps], resourceNames: [cluster-info]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: 'kubeadm:bootstrap-signer-clusterinfo', namespace: kube-public}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: 'kubeadm:bootstrap-signer-clusterinfo'}
subjects: [{kind: User, name: 'system:anonymous'}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: 'kubeadm:bootstrap-signer-clusterinfo', namespace: shop}
rules: [{verbs: [get], apiGroups: [''], resources: [configmaps]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: 'kubeadm:bootstrap-signer-clusterinfo', namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: 'kubeadm:bootstrap-signer-clusterinfo'}
subjects: [{kind: User, name: 'system:anonymous'}]",
            &["Namespace kube-system: ClusterInfo, medium",
              "RoleBinding kubeadm:bootstrap-signer-clusterinfo: ClusterInfo, medium",
              "RoleBinding kubeadm:bootstrap-signer-clusterinfo: AnonymousBinding"]),
        ],
        not_applicable: &[],
        unknown: &[
            ("nobody has asked, and no API server can be seen", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}", "NotProbed"),
            ("an authentication configuration, whose content cannot be seen", "
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver-cp, namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}}
spec: {containers: [{name: kube-apiserver, command: [kube-apiserver, --authentication-config=/etc/kubernetes/authn.yaml]}]}",
            "NotProbed"),
            ("a pod that only looks like an API server", "
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver-cp, namespace: kube-system}
spec: {containers: [{name: kube-apiserver, command: [kube-apiserver, --anonymous-auth=false]}]}",
            "NotProbed"),
            ("nothing was answered", "
kind: Evidence
apiVersion: compliance.plumbline.dev/v1alpha1
anonymousRequests: {/healthz: {error: connection refused}, /api: {error: connection refused}}",
            "ProbeFailed"),
            ("something was not answered", "
kind: Evidence
apiVersion: compliance.plumbline.dev/v1alpha1
anonymousRequests: {/healthz: {code: 200}, /api: {error: no answer in time}}",
            "ProbeIncomplete"),
            ("a proxy sends to a login page, or refuses by itself", "
kind: Evidence
apiVersion: compliance.plumbline.dev/v1alpha1
anonymousRequests: {/healthz: {code: 302}, /api: {code: 302}, /apis: {code: 403}}",
            "UnexpectedAnswer"),
        ],
        parameters: None,
    };
}
