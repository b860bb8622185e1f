//! Whom bindings name, and who asks.

use std::fmt;

use plumbline_inventory::Name;

const SERVICE_ACCOUNT_USER: &str = "system:serviceaccount:";
/// The group of every service account.
pub const SERVICE_ACCOUNTS: &str = "system:serviceaccounts";
/// The group of everybody whom the API server knows.
pub const AUTHENTICATED: &str = "system:authenticated";
/// The group of those whom it does not know.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";
/// The user whom it does not know.
pub const ANONYMOUS: &str = "system:anonymous";
/// The group that may do everything, whatever RBAC says.
pub const MASTERS: &str = "system:masters";

/// Users as which components of the control plane and the nodes come, alone or with more after a colon.
const COMPONENTS: &[&str] = &[
    "system:apiserver",
    "system:bootstrap",
    "system:kube-controller-manager",
    "system:kube-proxy",
    "system:kube-scheduler",
    "system:node",
    "system:serviceaccount",
];

/// Groups that they are in.
const COMPONENT_GROUPS: &[&str] = &[
    "system:bootstrappers",
    "system:monitoring",
    "system:nodes",
    SERVICE_ACCOUNTS,
];

/// Whom a binding names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // as in Kubernetes
pub enum Subject {
    User(Name),
    Group(Name),
    ServiceAccount { namespace: Name, name: Name },
}

impl Subject {
    /// The service account of this name.
    pub fn service_account(namespace: impl Into<Name>, name: impl Into<Name>) -> Self {
        Self::ServiceAccount {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// The group of the service accounts of a namespace.
    pub fn accounts_of(namespace: &str) -> Self {
        Self::Group(format!("{SERVICE_ACCOUNTS}:{namespace}").into())
    }

    /// The namespace of whose service accounts it is the group.
    pub fn accounts_namespace(&self) -> Option<Name> {
        let Self::Group(group) = self else { return None };
        let namespace = group.strip_prefix(SERVICE_ACCOUNTS)?.strip_prefix(':')?;
        Some(namespace.into())
    }

    /// Who has this user name: to the authorizer a service account is a user of a certain name.
    pub fn of_user_name(user: &str) -> Self {
        let account = user.strip_prefix(SERVICE_ACCOUNT_USER);
        match account.and_then(|account| account.split_once(':')) {
            Some((namespace, name)) if is_plain(namespace) && is_plain(name) => {
                Self::service_account(namespace, name)
            }
            _ => Self::User(user.into()),
        }
    }

    /// Its user name, unless it is a group.
    pub fn user_name(&self) -> Option<Name> {
        match self {
            Self::User(name) => Some(Name::clone(name)),
            Self::Group(_) => None,
            Self::ServiceAccount { namespace, name } => {
                Some(format!("{SERVICE_ACCOUNT_USER}{namespace}:{name}").into())
            }
        }
    }

    /// Whether people may act as it: a user or group that Kubernetes does not give to one of its own components.
    /// Everybody is in `system:authenticated`, and nothing keeps an administrator from a name like `system:admin`.
    pub fn is_of_people(&self) -> bool {
        let is_in = |name: &str, family: &str| {
            name.strip_prefix(family)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        };
        match self {
            Self::ServiceAccount { .. } => false,
            Self::User(name) => !COMPONENTS.iter().any(|component| is_in(name, component)),
            Self::Group(name) => !COMPONENT_GROUPS.iter().any(|group| is_in(name, group)),
        }
    }

    /// Who it is, however the binding puts it: a service account named as a user is the service account.
    #[must_use]
    pub fn identity(&self) -> Self {
        match self {
            Self::Group(_) => self.clone(),
            Self::ServiceAccount { namespace, name } if is_plain(namespace) && is_plain(name) => self.clone(),
            Self::User(name) if !name.starts_with(SERVICE_ACCOUNT_USER) => self.clone(),
            _ => Self::of_user_name(&self.user_name().expect("groups are dealt with")),
        }
    }
}

/// Whether this is a part of one user name only: manifests may have colons and nothing where they like.
fn is_plain(part: &str) -> bool {
    !part.is_empty() && !part.contains(':')
}

/// As `User alice`, `Group dev`, `ServiceAccount shop/web`.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "User {name}"),
            Self::Group(name) => write!(f, "Group {name}"),
            Self::ServiceAccount { namespace, name } => write!(f, "ServiceAccount {namespace}/{name}"),
        }
    }
}

/// Who asks: a user name and the groups that authentication gave it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // as in Kubernetes
pub struct User {
    pub name: Name,
    pub groups: Vec<Name>,
}

impl User {
    /// The least that anybody who is this subject has: the groups that the API server itself gives. Whoever is
    /// in a group is looked at as a member of just this group, whose user name nobody knows.
    pub fn of(subject: &Subject) -> Self {
        let groups = match subject {
            Subject::Group(group) if **group == *UNAUTHENTICATED => vec![Name::clone(group)],
            Subject::Group(group) if **group == *AUTHENTICATED => vec![Name::clone(group)],
            Subject::Group(group) => vec![Name::clone(group), AUTHENTICATED.into()],
            Subject::User(user) if **user == *ANONYMOUS => vec![UNAUTHENTICATED.into()],
            Subject::User(_) => vec![AUTHENTICATED.into()],
            Subject::ServiceAccount { namespace, .. } => vec![
                SERVICE_ACCOUNTS.into(),
                format!("{SERVICE_ACCOUNTS}:{namespace}").into(),
                AUTHENTICATED.into(),
            ],
        };
        Self {
            name: subject.user_name().unwrap_or_else(|| "".into()),
            groups,
        }
    }

    /// The subjects that bindings may name this user by.
    pub fn subjects(&self) -> impl Iterator<Item = Subject> {
        let groups = self.groups.iter().map(|group| Subject::Group(Name::clone(group)));
        std::iter::once(Subject::of_user_name(&self.name)).chain(groups)
    }
}
