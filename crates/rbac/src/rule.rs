//! One rule, compiled.

use plumbline_inventory::Name;
use plumbline_inventory::lean;
use plumbline_inventory::names::Pool;

use crate::request::{Request, ResourceRequest};

/// A rule, so that asking it takes no more than a few comparisons.
///
/// What it means is what `evaluation_helpers.go` of Kubernetes says; a property test holds the two together.
#[derive(Debug)]
pub struct CompiledRule {
    verbs: Words,
    groups: Words,
    resources: Resources,
    /// Names of the objects that it is for; empty for all.
    names: Box<[Name]>,
    urls: Urls,
}

#[derive(Debug)]
enum Words {
    /// `*` is among them.
    All,
    /// Exactly these, ordered.
    Only(Box<[Name]>),
}

/// `*` is every resource and every subresource, `*/scale` that subresource of every resource. `pods/*` has no
/// meaning of its own and is compared like any other word.
#[derive(Debug)]
struct Resources {
    words: Words,
    /// Subresources of every resource, without the `*/`.
    of_all: Box<[Name]>,
}

#[derive(Debug)]
struct Urls {
    words: Words,
    /// What stands before the trailing stars.
    prefixes: Box<[Name]>,
}

impl Words {
    fn compile(words: &[String], names: &mut Pool<str>) -> Self {
        if words.iter().any(|word| word == "*") {
            return Self::All;
        }
        let mut words: Vec<Name> = words.iter().map(|word| names.intern(word.as_str())).collect();
        words.sort_unstable();
        words.dedup();
        Self::Only(words.into())
    }

    fn contains(&self, word: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(words) => words.binary_search_by(|w| (**w).cmp(word)).is_ok(),
        }
    }
}

impl Resources {
    fn compile(words: &[String], names: &mut Pool<str>) -> Self {
        let of_all = words.iter().filter_map(|word| word.strip_prefix("*/"));
        Self {
            of_all: of_all.map(|subresource| names.intern(subresource)).collect(),
            words: Words::compile(words, names),
        }
    }

    fn contains(&self, request: &ResourceRequest<'_>) -> bool {
        let exactly = match &self.words {
            Words::All => true,
            Words::Only(words) => words.iter().any(|word| request.is_for(word)),
        };
        let subresource = request.subresource;
        exactly || (!subresource.is_empty() && self.of_all.iter().any(|word| **word == *subresource))
    }
}

impl Urls {
    fn compile(words: &[String], names: &mut Pool<str>) -> Self {
        let prefixes = words.iter().filter(|word| word.ends_with('*'));
        Self {
            prefixes: prefixes
                .map(|word| names.intern(word.trim_end_matches('*')))
                .collect(),
            words: Words::compile(words, names),
        }
    }

    fn contains(&self, path: &str) -> bool {
        self.words.contains(path) || self.prefixes.iter().any(|prefix| path.starts_with(&**prefix))
    }
}

impl CompiledRule {
    pub(crate) fn compile(rule: &lean::Rule, names: &mut Pool<str>) -> Self {
        Self {
            verbs: Words::compile(&rule.verbs, names),
            groups: Words::compile(&rule.api_groups, names),
            resources: Resources::compile(&rule.resources, names),
            names: rule
                .resource_names
                .iter()
                .map(|name| names.intern(name.as_str()))
                .collect(),
            urls: Urls::compile(&rule.non_resource_urls, names),
        }
    }

    /// Whether it allows `request`.
    pub fn allows(&self, request: &Request<'_>) -> bool {
        match request {
            Request::Resource(request) => self.is_about(request) && self.is_for_name(request.name),
            Request::NonResource { verb, path } => self.verbs.contains(verb) && self.urls.contains(path),
        }
    }

    /// Whether it allows `request` for objects of some name.
    pub fn is_about(&self, request: &ResourceRequest<'_>) -> bool {
        self.has_verb(request.verb) && self.has_group(request.group) && self.has_resource(request)
    }

    /// Whether it grants this verb, on something.
    pub fn has_verb(&self, verb: &str) -> bool {
        self.verbs.contains(verb)
    }

    /// Whether it grants something in this API group.
    pub fn has_group(&self, group: &str) -> bool {
        self.groups.contains(group)
    }

    /// Whether it grants something on the resource and subresource of this request.
    pub fn has_resource(&self, request: &ResourceRequest<'_>) -> bool {
        self.resources.contains(request)
    }

    /// The names of the objects that it is for; empty for all.
    pub fn names(&self) -> &[Name] {
        &self.names
    }

    /// Whether it is for the object of this name. For an object without a name a rule is if it is for all, or
    /// lists the empty name.
    pub fn is_for_name(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|n| **n == *name)
    }
}
