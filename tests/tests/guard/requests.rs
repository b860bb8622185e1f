//! Requests as they go over the wire, and what the API server says to them.

use anyhow::{Result, ensure};
use kube::Client;
use kube::client::Body;
use serde_json::Value;

/// What the API server says to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) warnings: Vec<String>,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    pub(crate) fn success(self) -> Result<Value> {
        ensure!(self.code < 300, "{} {}", self.code, self.message());
        Ok(self.body)
    }
}

/// Sends a request; a `PATCH` is a merge patch.
pub(crate) async fn send(client: &Client, method: &str, path: &str, body: &Value) -> Result<Answer> {
    let form = if method == "PATCH" {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    send_as(client, method, path, form, body).await
}

/// Applies an object on the server's side, as field manager `manager` and by force.
pub(crate) async fn apply(client: &Client, path: &str, manager: &str, body: &Value) -> Result<Answer> {
    let path = format!("{path}?fieldManager={manager}&force=true");
    send_as(client, "PATCH", &path, "application/apply-patch+yaml", body).await
}

/// Sends a request with a body of this form.
pub(crate) async fn send_as(
    client: &Client,
    method: &str,
    path: &str,
    form: &str,
    body: &Value,
) -> Result<Answer> {
    let content = if body.is_null() {
        Vec::new()
    } else {
        serde_json::to_vec(body)?
    };
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", form)
        .body(Body::from(content))?;
    let (head, body) = client.send(request).await?.into_parts();
    let warnings = head
        .headers
        .get_all("warning")
        .iter()
        .map(|warning| warning.to_str().map(str::to_owned));
    Ok(Answer {
        code: head.status.as_u16(),
        warnings: warnings.collect::<Result<_, _>>()?,
        body: serde_json::from_slice(&body.collect_bytes().await?)?,
    })
}
