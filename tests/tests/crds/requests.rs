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
    pub(crate) fn is_success(&self) -> bool {
        self.code < 300
    }

    pub(crate) fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    pub(crate) fn success(self) -> Result<Value> {
        ensure!(self.is_success(), "{} {}", self.code, self.message());
        Ok(self.body)
    }
}

pub(crate) async fn send(client: &Client, method: &str, path: &str, body: &Value) -> Result<Answer> {
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(Body::from(serde_json::to_vec(body)?))?;
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

pub(crate) async fn get(client: &Client, path: &str) -> Result<Value> {
    Ok(client.request(http::Request::get(path).body(Vec::new())?).await?)
}

/// A list as `kubectl get` asks for it.
pub(crate) async fn table(client: &Client, path: &str) -> Result<Value> {
    let request = http::Request::get(path)
        .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
        .body(Vec::new())?;
    Ok(client.request(request).await?)
}
