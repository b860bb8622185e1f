//! The question the other way round.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use plumbline_inventory::{Name, ObjectId};

use crate::rbac::Rbac;
use crate::request::{Request, ResourceRequest};
use crate::rules::Rules;
use crate::subject::Subject;

/// Who may do something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WhoCan {
    /// Those who may, as they are bound, ordered: groups are not expanded. Whoever is in `system:masters` may as
    /// well and is not listed, for RBAC has no part in it.
    pub subjects: Vec<Holder>,
    /// When no object is named: those who may for objects of certain names only.
    pub limited: Vec<Holder>,
}

/// Somebody who may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Who it is, as it is bound.
    pub subject: Subject,
    /// How it comes to it, ordered.
    pub via: Vec<Via>,
}

/// A way to a right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Via {
    /// The binding.
    pub binding: ObjectId,
    /// The role.
    pub role: ObjectId,
    /// The only objects that it is for; empty for all.
    pub names: Vec<Name>,
}

/// What a list of rules has to say to a request.
#[derive(Clone)]
enum Answer {
    Yes,
    /// For objects of these names.
    Named(Vec<Name>),
    No,
}

type Holders<'a> = BTreeMap<&'a Subject, Vec<Via>>;

impl Rbac {
    /// Who may do it: in the request's namespace, or everywhere if it has none. Looks at every binding that
    /// counts there, and once at every list of rules.
    pub fn who_can(&self, request: &Request<'_>) -> WhoCan {
        let mut answers: HashMap<*const Rules, Answer> = HashMap::new();
        let (mut subjects, mut limited) = (Holders::new(), Holders::new());
        for binding in self.bindings_in(request.namespace()) {
            let Some(grant) = self.grant(binding) else {
                continue;
            };
            let answer = answers
                .entry(Arc::as_ptr(grant.rules))
                .or_insert_with(|| answer(grant.rules, request));
            let (holders, names) = match answer {
                Answer::Yes => (&mut subjects, Vec::new()),
                Answer::Named(names) => (&mut limited, names.clone()),
                Answer::No => continue,
            };
            let via = Via {
                binding: binding.clone(),
                role: grant.role.clone(),
                names,
            };
            for subject in self.bound_subjects(binding) {
                let ways = holders.entry(subject).or_default();
                if ways.last() != Some(&via) {
                    ways.push(via.clone());
                }
            }
        }
        WhoCan {
            subjects: listed(subjects),
            limited: listed(limited),
        }
    }

    /// Role bindings of the namespace (none if it is empty), then cluster role bindings.
    fn bindings_in(&self, namespace: &str) -> impl Iterator<Item = &ObjectId> {
        let namespace = Some(Name::from(namespace)).filter(|namespace| !namespace.is_empty());
        let local: Vec<&ObjectId> = match &namespace {
            Some(namespace) => self.bindings_of_place(Some(namespace)).collect(),
            None => Vec::new(),
        };
        local.into_iter().chain(self.bindings_of_place(None))
    }
}

fn answer(rules: &Rules, request: &Request<'_>) -> Answer {
    if rules.allowing(request).is_some() {
        return Answer::Yes;
    }
    let names = match request {
        Request::Resource(request) if request.name.is_empty() => names(rules, request),
        _ => Vec::new(),
    };
    if names.is_empty() {
        Answer::No
    } else {
        Answer::Named(names)
    }
}

/// The names of the objects for which some rule allows it.
fn names(rules: &Rules, request: &ResourceRequest<'_>) -> Vec<Name> {
    // It is decided on what has no name, whatever rules say on names.
    if request.verb == "deletecollection" {
        return Vec::new();
    }
    let about = rules.compiled().iter().filter(|rule| rule.is_about(request));
    let mut names: Vec<Name> = about.flat_map(|rule| rule.names().iter().cloned()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn listed(holders: Holders<'_>) -> Vec<Holder> {
    holders
        .into_iter()
        .map(|(subject, via)| Holder {
            subject: subject.clone(),
            via,
        })
        .collect()
}
