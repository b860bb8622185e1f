//! Requests as they go over the wire, and what the API server says to them.

use anyhow::{Result, ensure};
use kube::Client;
use kube::client::Body;
use serde_json::Value;

/// What the API server says to a request.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub code: u16,
    /// Warnings that came with it.
    pub warnings: Vec<String>,
    /// The object, or the `Status` that says why not.
    pub body: Value,
}

impl Answer {
    /// Whether the request was accepted.
    pub fn is_success(&self) -> bool {
        self.code < 300
    }

    /// Why it was not.
    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    /// The object.
    ///
    /// # Errors
    /// The request was refused.
    pub fn success(self) -> Result<Value> {
        ensure!(self.is_success(), "{} {}", self.code, self.message());
        Ok(self.body)
    }
}

/// Sends a request; a `PATCH` is a merge patch.
///
/// # Errors
/// There is no answer, or none that is JSON.
pub async fn send(client: &Client, method: &str, path: &str, body: &Value) -> Result<Answer> {
    let form = if method == "PATCH" {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    send_as(client, method, path, form, body).await
}

/// Applies an object on the server's side, as field manager `manager` and by force.
///
/// # Errors
/// There is no answer, or none that is JSON.
pub async fn apply(client: &Client, path: &str, manager: &str, body: &Value) -> Result<Answer> {
    let path = format!("{path}?fieldManager={manager}&force=true");
    send_as(client, "PATCH", &path, "application/apply-patch+yaml", body).await
}

/// Sends a request with a body of this form.
///
/// # Errors
/// There is no answer, or none that is JSON.
pub async fn send_as(client: &Client, method: &str, path: &str, form: &str, body: &Value) -> Result<Answer> {
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

/// What is at `path`.
///
/// # Errors
/// There is no answer, or a refusal.
pub async fn get(client: &Client, path: &str) -> Result<Value> {
    Ok(client.request(http::Request::get(path).body(Vec::new())?).await?)
}

/// A list as `kubectl get` asks for it.
///
/// # Errors
/// There is no answer, or a refusal.
pub async fn table(client: &Client, path: &str) -> Result<Value> {
    let request = http::Request::get(path)
        .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
        .body(Vec::new())?;
    Ok(client.request(request).await?)
}
