//! What is asked for.

/// What somebody asks the API server to do. As in Kubernetes, what is absent is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // as in Kubernetes
pub enum Request<'a> {
    Resource(ResourceRequest<'a>),
    NonResource { verb: &'a str, path: &'a str },
}

/// A request for a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // as in Kubernetes
pub struct ResourceRequest<'a> {
    pub verb: &'a str,
    pub group: &'a str,
    pub resource: &'a str,
    pub subresource: &'a str,
    pub name: &'a str,
    pub namespace: &'a str,
}

impl<'a> Request<'a> {
    /// The namespace in which it is asked: bindings there may allow it. Empty for what is asked cluster-wide.
    pub fn namespace(&self) -> &'a str {
        match self {
            Self::Resource(request) => request.namespace,
            Self::NonResource { .. } => "",
        }
    }
}

impl<'a> ResourceRequest<'a> {
    /// Asks for `verb` on the resources of a group.
    pub fn new(verb: &'a str, group: &'a str, resource: &'a str) -> Self {
        Self {
            verb,
            group,
            resource,
            ..Self::default()
        }
    }

    /// Asks in this namespace.
    #[must_use]
    pub fn namespace(self, namespace: &'a str) -> Self {
        Self { namespace, ..self }
    }

    /// Asks for this subresource.
    #[must_use]
    pub fn subresource(self, subresource: &'a str) -> Self {
        Self { subresource, ..self }
    }

    /// Asks for the object of this name.
    #[must_use]
    pub fn name(self, name: &'a str) -> Self {
        Self { name, ..self }
    }

    /// Whether `combined`, as rules write it (`pods`, `pods/exec`), is exactly what is asked for.
    pub(crate) fn is_for(&self, combined: &str) -> bool {
        match combined.strip_prefix(self.resource) {
            Some("") => self.subresource.is_empty(),
            Some(rest) => !self.subresource.is_empty() && rest.strip_prefix('/') == Some(self.subresource),
            None => false,
        }
    }
}

impl<'a> From<ResourceRequest<'a>> for Request<'a> {
    fn from(request: ResourceRequest<'a>) -> Self {
        Self::Resource(request)
    }
}
