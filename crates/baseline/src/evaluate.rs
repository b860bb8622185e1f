//! Running the checks of an item.

use std::sync::Arc;

use plumbline_inventory::template::Template;
use plumbline_inventory::views::{Deciding, NamespaceView, WorkloadView};
use plumbline_inventory::{Kind, Name, ObjectId};

use crate::context::{Context, ImageView, NodeView, RoleView, SubjectView};
use crate::findings::{Findings, ObjectRef, Outcome};
use crate::item::{Check, Item};
use crate::units::{Home, Unit};

/// What one check says of one distinct template: what can be kept and used for every workload that has it.
#[derive(Debug)]
pub struct TemplateVerdict(Findings);

impl AsRef<TemplateVerdict> for TemplateVerdict {
    fn as_ref(&self) -> &TemplateVerdict {
        self
    }
}

impl Item {
    /// Whether the item says anything of units like `unit` of `home`.
    pub fn looks_at(&self, home: &Home, unit: &Unit) -> bool {
        self.checks.iter().any(|check| check.looks_at(home, unit))
    }

    /// What the item says of a unit; `None` if that does not exist.
    ///
    /// `verdict` answers for a template that decides on a workload, from memory or by evaluating it.
    pub fn check_unit<V: AsRef<TemplateVerdict>>(
        &self,
        home: &Home,
        unit: &Unit,
        context: &Context<'_>,
        verdict: impl FnMut(&Arc<Template>) -> V,
    ) -> Option<Outcome> {
        let namespace = || context.inventory.namespace(home.namespace()?);
        match unit {
            Unit::Whole if *home == Home::Cluster => Some(self.check_cluster(context)),
            Unit::Whole => Some(self.check_namespace(namespace()?, context)),
            Unit::Workload(kind, name) => {
                let workload = namespace()?.workload(*kind, name)?;
                Some(self.check_workload(workload, context, verdict))
            }
            Unit::Node(name) => {
                let facts = context.inventory.node(name)?;
                Some(self.check_node(&NodeView { name, facts }, context))
            }
            Unit::Image(digest) => {
                let digest = context.inventory.image(digest)?;
                Some(self.check_image(ImageView { digest }, context))
            }
            Unit::Subject(subject) => {
                let subject = context.subject(subject, home)?;
                Some(self.check_subject(&subject, context))
            }
            Unit::UnboundRole(name) => {
                let id = ObjectId {
                    kind: home.namespace().map_or(Kind::ClusterRole, |_| Kind::Role),
                    namespace: home.namespace().cloned(),
                    name: Name::clone(name),
                };
                if let Home::Namespace(_) = home {
                    namespace()?;
                }
                let rules = context
                    .rbac
                    .rules(&id)
                    .filter(|_| !context.rbac.is_granted(&id))?;
                Some(self.check_unbound_role(&RoleView { id: &id, rules }, context))
            }
        }
    }

    /// Runs the template checks of this item.
    pub fn check_template(&self, template: &Template, parameters: &crate::Parameters) -> TemplateVerdict {
        let mut findings = Findings::of(self, parameters);
        for check in self.checks {
            if let Check::Template(check) = check {
                check(template, parameters, &mut findings);
            }
        }
        findings.name_ephemeral(template);
        TemplateVerdict(findings)
    }

    fn check_workload<V: AsRef<TemplateVerdict>>(
        &self,
        workload: WorkloadView<'_>,
        context: &Context<'_>,
        mut verdict: impl FnMut(&Arc<Template>) -> V,
    ) -> Outcome {
        if !workload.is_active() {
            return Outcome {
                inactive: 1,
                ..Outcome::default()
            };
        }
        let mut found = Findings::of(self, context.parameters);
        found.not_applicable();
        if self
            .checks
            .iter()
            .any(|check| matches!(check, Check::Template(_)))
        {
            let own = verdict(workload.own_template());
            let own = &own.as_ref().0;
            for Deciding { template, pods } in workload.deciding() {
                let live = verdict(template);
                found.merge_live(&live.as_ref().0, own, pods > 0);
            }
        }
        for check in self.checks {
            if let Check::Workload(check) = check {
                let mut findings = Findings::of(self, context.parameters);
                check(workload, context, &mut findings);
                found.merge(&findings);
            }
        }
        let mut outcome = found.outcome(&ObjectRef {
            namespace: Some(Name::clone(workload.namespace().name())),
            kind: workload.kind(),
            name: Name::clone(workload.name()),
        });
        if let Some(owner) = workload.external_owner() {
            for finding in &mut outcome.findings {
                finding.message = format!("{} (owned by {owner})", finding.message);
            }
        }
        if outcome.failing > 0 {
            outcome.pods = workload.live_pods();
        }
        outcome
    }

    fn check_namespace(&self, namespace: NamespaceView<'_>, context: &Context<'_>) -> Outcome {
        let object = ObjectRef {
            namespace: None,
            kind: Kind::Namespace,
            name: Name::clone(namespace.name()),
        };
        let mut outcome = Outcome::default();
        for check in self.checks {
            let mut findings = Findings::of(self, context.parameters);
            match check {
                Check::Namespace(check) | Check::Entrants(check) => {
                    check(namespace, context, &mut findings);
                    outcome.add_one(findings.outcome(&object));
                }
                Check::Objects(check) => {
                    findings.evaluate(0);
                    check(namespace, context, &mut findings);
                    outcome.add(findings.outcome(&object));
                }
                _ => {}
            }
        }
        outcome
    }

    fn check_cluster(&self, context: &Context<'_>) -> Outcome {
        let object = whole_cluster();
        let mut outcome = Outcome::default();
        for check in self.checks {
            if let Check::Cluster(check) | Check::ClusterObjects(check) = check {
                let mut findings = Findings::of(self, context.parameters);
                findings.evaluate(0);
                check(context, &mut findings);
                outcome.add(findings.outcome(&object));
            }
        }
        outcome
    }

    fn check_node(&self, node: &NodeView<'_>, context: &Context<'_>) -> Outcome {
        let object = ObjectRef {
            namespace: None,
            kind: Kind::Node,
            name: Name::clone(node.name),
        };
        let mut outcome = Outcome::default();
        for check in self.checks {
            if let Check::Node(check) = check {
                let mut findings = Findings::of(self, context.parameters);
                check(node, context, &mut findings);
                outcome.add_one(findings.outcome(&object));
            }
        }
        outcome
    }

    fn check_image(&self, image: ImageView<'_>, context: &Context<'_>) -> Outcome {
        // No kind of object is an image: findings name workloads.
        let object = whole_cluster();
        let mut outcome = Outcome::default();
        for check in self.checks {
            if let Check::Image(check) = check {
                let mut findings = Findings::of(self, context.parameters);
                check(image, context, &mut findings);
                outcome.add_one(findings.outcome(&object));
            }
        }
        outcome
    }

    fn check_subject(&self, subject: &SubjectView<'_>, context: &Context<'_>) -> Outcome {
        let mut outcome = Outcome::default();
        for check in self.checks {
            if let Check::Subject(check) = check {
                let mut findings = Findings::of(self, context.parameters);
                check(subject, context, &mut findings);
                outcome.add_one(findings.outcome(&subject.bindings[0].into()));
            }
        }
        outcome
    }

    fn check_unbound_role(&self, role: &RoleView<'_>, context: &Context<'_>) -> Outcome {
        let object = ObjectRef {
            namespace: role.id.namespace.clone(),
            kind: role.id.kind,
            name: Name::clone(&role.id.name),
        };
        let mut outcome = Outcome::default();
        for check in self.checks {
            if let Check::UnboundRole(check) = check {
                let mut findings = Findings::of(self, context.parameters);
                check(role, context, &mut findings);
                if findings.is_empty() {
                    findings.not_applicable();
                }
                outcome.add_one(findings.outcome(&object));
            }
        }
        outcome
    }
}

/// The one object that every cluster has stands for it.
fn whole_cluster() -> ObjectRef {
    ObjectRef {
        namespace: None,
        kind: Kind::Namespace,
        name: Name::from("kube-system"),
    }
}
