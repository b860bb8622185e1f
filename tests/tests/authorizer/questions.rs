//! Random questions: half of them follow a grant, so that many are allowed, and some of these are bent a little.

use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
    SubjectAccessReviewStatus,
};
use kube::{Api, Client, api::PostParams};
use plumbline_inventory::lean::Rule;
use plumbline_rbac::{Rbac, Request, ResourceRequest, Subject, User};

use crate::dice::Dice;
use crate::objects::{
    ACCOUNTS, GROUPS, NAMES, NAMESPACES, PATHS, RESOURCES, SUBRESOURCES, USER_GROUPS, USERS, VERBS,
};

/// May this user do that?
#[derive(Clone, Debug, Default)]
pub(crate) struct Question {
    pub(crate) user: User,
    pub(crate) verb: String,
    pub(crate) group: String,
    pub(crate) resource: String,
    pub(crate) subresource: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    /// For what is no resource.
    pub(crate) path: Option<String>,
}

impl Question {
    pub(crate) fn draw(dice: &mut Dice, rbac: &Rbac) -> Self {
        let question = if dice.once_in(3) {
            Self::anything(dice)
        } else {
            Self::granted(dice, rbac)
        };
        let mut question = question.unwrap_or_else(|| Self::anything(dice).expect("always something"));
        if dice.once_in(2) {
            question.bend(dice);
        }
        if dice.once_in(500) {
            question.user.groups.push("system:masters".into());
        }
        question
    }

    #[allow(clippy::unnecessary_wraps)] // the counterpart of `granted`
    fn anything(dice: &mut Dice) -> Option<Self> {
        let user = match dice.below(3) {
            0 => format!(
                "system:serviceaccount:{}:{}",
                dice.pick(NAMESPACES),
                dice.pick(ACCOUNTS)
            ),
            _ => (*dice.pick(USERS)).to_owned(),
        };
        let mut question = Self {
            user: User {
                name: user.into(),
                groups: dice.some(USER_GROUPS, 0, 3).into_iter().map(Into::into).collect(),
            },
            verb: (*dice.pick(VERBS)).to_owned(),
            group: (*dice.pick(GROUPS)).to_owned(),
            resource: (*dice.pick(RESOURCES)).to_owned(),
            ..Self::default()
        };
        for _ in 0..2 {
            question.bend(dice);
        }
        if dice.once_in(10) {
            question.path = Some((*dice.pick(PATHS)).to_owned());
        }
        Some(question)
    }

    /// Follows a rule that somebody has; nothing if it leads nowhere.
    fn granted(dice: &mut Dice, rbac: &Rbac) -> Option<Self> {
        let subjects: Vec<&Subject> = rbac.subjects().collect();
        let subject = *dice.pick(&subjects);
        let grants: Vec<_> = rbac
            .grants(subject)
            .filter(|grant| !grant.rules.written().is_empty())
            .collect();
        if grants.is_empty() {
            return None;
        }
        let grant = dice.pick(&grants);
        let rule = dice.pick(grant.rules.written());
        let mut question = Self::follow(dice, rule);
        question.user = User::of(subject);
        if question.user.name.is_empty() {
            question.user.name = (*dice.pick(USERS)).into();
        }
        question.namespace = match grant.namespace() {
            Some(namespace) => namespace.to_string(),
            None => (*dice.pick(&["", "shop", "bank"])).to_owned(),
        };
        Some(question)
    }

    fn follow(dice: &mut Dice, rule: &Rule) -> Self {
        let mut word = |rule: &[String], any: &[&str]| {
            let none = rule.is_empty();
            let word = if none {
                String::new()
            } else {
                dice.pick(rule).clone()
            };
            if word == "*" || none {
                (*dice.pick(any)).to_owned()
            } else {
                word
            }
        };
        let verb = word(&rule.verbs, VERBS);
        let group = word(&rule.api_groups, GROUPS);
        let resource = word(&rule.resources, RESOURCES);
        let name = if rule.resource_names.is_empty() {
            String::new()
        } else {
            word(&rule.resource_names, NAMES)
        };
        let path = (!rule.non_resource_urls.is_empty()).then(|| word(&rule.non_resource_urls, PATHS));
        let path = path.map(|path| path.replace('*', ["", "etcd", "/v1"][path.len() % 3]));
        let (resource, subresource) = match resource.split_once('/') {
            Some(("*", subresource)) => ((*dice.pick(RESOURCES)).to_owned(), subresource.to_owned()),
            Some((resource, subresource)) => (resource.to_owned(), subresource.to_owned()),
            None => (resource, String::new()),
        };
        Self {
            verb,
            group,
            resource,
            subresource,
            name,
            path,
            ..Self::default()
        }
    }

    /// Changes something.
    fn bend(&mut self, dice: &mut Dice) {
        let of = |dice: &mut Dice, words: &[&str]| (*dice.pick(words)).to_owned();
        match dice.below(9) {
            0 => self.verb = of(dice, VERBS),
            1 => self.group = of(dice, GROUPS),
            2 => self.resource = of(dice, RESOURCES),
            3 => self.subresource = of(dice, SUBRESOURCES),
            4 => self.subresource.clear(),
            5 => self.name = of(dice, NAMES),
            6 => self.name.clear(),
            7 => self.namespace = of(dice, NAMESPACES),
            _ => self.namespace.clear(),
        }
        if self.path.is_some() && dice.once_in(3) {
            self.path = Some(of(dice, PATHS));
        }
    }

    pub(crate) fn request(&self) -> Request<'_> {
        match &self.path {
            Some(path) => Request::NonResource {
                verb: &self.verb,
                path,
            },
            None => Request::Resource(ResourceRequest {
                verb: &self.verb,
                group: &self.group,
                resource: &self.resource,
                subresource: &self.subresource,
                name: &self.name,
                namespace: &self.namespace,
            }),
        }
    }

    /// What the API server answers.
    ///
    /// # Panics
    ///
    /// If it does not answer.
    pub(crate) async fn review(&self, client: &Client) -> SubjectAccessReviewStatus {
        let reviews: Api<SubjectAccessReview> = Api::all(client.clone());
        let review = SubjectAccessReview {
            spec: self.spec(),
            ..SubjectAccessReview::default()
        };
        let answer = reviews.create(&PostParams::default(), &review).await;
        let answer = answer.unwrap_or_else(|error| panic!("{self:?}: {error}"));
        answer.status.expect("an answer has a status")
    }

    fn spec(&self) -> SubjectAccessReviewSpec {
        let set = |word: &String| Some(word.clone());
        let mut spec = SubjectAccessReviewSpec {
            user: Some(self.user.name.to_string()),
            groups: Some(self.user.groups.iter().map(ToString::to_string).collect()),
            ..SubjectAccessReviewSpec::default()
        };
        match &self.path {
            Some(path) => {
                spec.non_resource_attributes = Some(NonResourceAttributes {
                    verb: set(&self.verb),
                    path: set(path),
                });
            }
            None => {
                spec.resource_attributes = Some(ResourceAttributes {
                    verb: set(&self.verb),
                    group: set(&self.group),
                    resource: set(&self.resource),
                    subresource: set(&self.subresource),
                    name: set(&self.name),
                    namespace: set(&self.namespace),
                    ..ResourceAttributes::default()
                });
            }
        }
        spec
    }
}
