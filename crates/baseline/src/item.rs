//! What an item is.

use std::fmt;

pub use plumbline_api::{Level, Severity};
use plumbline_inventory::Kind;
use plumbline_inventory::template::Template;
use plumbline_inventory::views::{NamespaceView, WorkloadView};

use crate::context::{Context, ImageView, NodeView, RoleView, SubjectView};
use crate::findings::Findings;
use crate::parameters::Parameters;

/// One item of the baseline.
///
/// Made by [`item!`](crate::items::item), which takes the documentation from the doc comment above it.
#[derive(Debug)]
pub struct Item {
    /// Stable id: never changed, never reused.
    pub id: &'static str,
    /// Names the bad state.
    pub slug: &'static str,
    /// The claim that holds when the item passes.
    pub title: &'static str,
    /// The part of the checklist that it belongs to.
    pub section: Section,
    /// Whether a failure makes the cluster non-compliant.
    pub level: Level,
    /// How bad a finding is unless it says otherwise.
    pub severity: Severity,
    /// Where its evidence comes from.
    pub class: Class,
    /// What one verdict is about.
    pub scope: Scope,
    /// The status when nothing is in scope.
    pub empty: Empty,
    /// The release that brought it.
    pub since: &'static str,
    /// Kinds without which it cannot be decided: missing ones make it `Unknown`.
    pub reads: &'static [Kind],
    /// Kinds that sharpen the verdict when the operator may read them; missing ones never make it `Unknown`.
    pub optional: &'static [Kind],
    /// What the failing objects do, after "3 of 118 workloads".
    pub failing: Phrase,
    /// What to do about a finding, in one or two sentences.
    pub remediation: &'static str,
    /// Ids under which other tools and benchmarks know it.
    pub references: &'static [&'static str],
    /// Products that the checklist names for it.
    pub systems: &'static [&'static str],
    /// Documentation in Markdown, with fixed headings.
    pub docs: &'static str,
    /// How it is decided; none if that is not implemented yet.
    pub checks: &'static [Check],
    /// What it must say of example manifests.
    #[cfg(test)]
    pub(crate) cases: crate::testing::Cases,
}

impl PartialEq for Item {
    /// Ids are unique.
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Item {
    /// Whether the item can be decided at all.
    pub const fn is_implemented(&self) -> bool {
        !self.checks.is_empty()
    }
}

/// One way in which an item looks at the cluster, and how often.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// A pod template alone decides: once per distinct template.
    Template(fn(&Template, &Parameters, &mut Findings)),
    /// A root workload among the other things of its namespace: when one of them that the item reads changed.
    Workload(fn(WorkloadView<'_>, &Context<'_>, &mut Findings)),
    /// A namespace as a whole counts as one object. What it asks of RBAC is about bindings in the namespace and
    /// about rights of its service accounts.
    Namespace(fn(NamespaceView<'_>, &Context<'_>, &mut Findings)),
    /// The same by who may act in the namespace: also when rights in all namespaces changed.
    Entrants(fn(NamespaceView<'_>, &Context<'_>, &mut Findings)),
    /// Objects in a namespace that are no workloads, each counted as itself with [`Findings::evaluate`].
    Objects(fn(NamespaceView<'_>, &Context<'_>, &mut Findings)),
    /// A node with the workloads that have pods on it: when it, another node, or one of those changed.
    Node(fn(&NodeView<'_>, &Context<'_>, &mut Findings)),
    /// An image, once for each digest that runs: when a workload began or ceased to run it, or says something else
    /// of it than before. It may ask for nothing else that changes.
    Image(fn(ImageView<'_>, &Context<'_>, &mut Findings)),
    /// A subject of RBAC with what it has by bindings that name it: when that changed.
    Subject(fn(&SubjectView<'_>, &Context<'_>, &mut Findings)),
    /// A role that nobody is bound to: it counts only if there is something to say of it.
    UnboundRole(fn(&RoleView<'_>, &Context<'_>, &mut Findings)),
    /// The cluster as a whole; each sub-check is counted with [`Findings::evaluate`].
    Cluster(fn(&Context<'_>, &mut Findings)),
    /// Objects of the cluster that are no namespaces, nodes or subjects, each counted as itself with
    /// [`Findings::evaluate`].
    ClusterObjects(fn(&Context<'_>, &mut Findings)),
}

/// How a message says what failing objects do.
#[derive(Clone, Copy, Debug)]
pub struct Phrase {
    /// After "1 of 118 workloads": `runs privileged containers`.
    pub one: &'static str,
    /// After "3 of 118 workloads": `run privileged containers`.
    pub many: &'static str,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant),* }

        impl $name {
            /// The word that reports and documents use.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// A part of the checklist.
    Section {
        /// AU
        Authentication = "Authentication",
        /// AZ
        Authorization = "Authorization",
        /// SE
        Secrets = "Secrets",
        /// CC
        ClusterConfiguration = "Cluster configuration",
        /// AL
        AuditAndLogging = "Audit and logging",
        /// OS
        OperatingSystem = "Operating system",
        /// NW
        Network = "Network",
        /// WL
        Workloads = "Workloads",
        /// IM
        Images = "Images",
    }
}

words! {
    /// Where the evidence for an item comes from.
    Class {
        /// The Kubernetes API alone.
        A = "A",
        /// One optional source, else it is unknown.
        B = "B",
        /// An attestation has the last word.
        C = "C",
    }
}

words! {
    /// What one verdict of an item is about.
    Scope {
        /// A root workload.
        Workload = "Workload",
        /// A namespace.
        Namespace = "Namespace",
        /// A subject of RBAC.
        Subject = "Subject",
        /// The cluster.
        Cluster = "Cluster",
        /// A running image digest.
        Image = "Image",
        /// A node.
        Node = "Node",
    }
}

words! {
    /// The status of an item that has nothing in scope.
    Empty {
        /// Nothing to say.
        NotApplicable = "NotApplicable",
        /// Nothing in scope is how it should be.
        Pass = "Pass",
    }
}

impl Scope {
    /// What objects of the scope are called, in the plural.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Workload => "workloads",
            Self::Namespace => "namespaces",
            Self::Subject => "subjects",
            Self::Cluster => "probes",
            Self::Image => "images",
            Self::Node => "nodes",
        }
    }

    /// Whether the reports of namespaces list items of this scope.
    pub const fn is_namespaced(self) -> bool {
        matches!(self, Self::Workload | Self::Namespace | Self::Subject)
    }
}
