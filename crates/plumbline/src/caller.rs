//! Who one is to a cluster.

use anyhow::{Context, Result, anyhow};
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::Api;
use kube::api::PostParams;

use crate::cluster::{Cluster, one_line};

/// The user name under which the API server knows whoever makes a request.
pub(crate) async fn user_name(cluster: &Cluster) -> Result<String> {
    let api: Api<SelfSubjectReview> = Api::all(cluster.client());
    let review = api
        .create(&PostParams::default(), &SelfSubjectReview::default())
        .await
        .map_err(|error| {
            anyhow!(
                "cluster {} does not tell who you are: {}",
                cluster.name,
                said(&error)
            )
        })?;
    review
        .status
        .and_then(|status| status.user_info)
        .and_then(|user| user.username)
        .filter(|name| !name.is_empty())
        .with_context(|| format!("cluster {} does not tell who you are", cluster.name))
}

/// What the API server said, or why it said nothing.
pub(crate) fn said(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        error => one_line(error),
    }
}
