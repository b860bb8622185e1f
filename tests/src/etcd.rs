//! A look into the store.

use anyhow::Context as _;

use crate::{controlplane::ControlPlane, plain_http};

/// How large the store is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EtcdSize {
    /// The database file, which grows in large steps and never shrinks by itself.
    pub file: u64,
    /// The pages of it in use: every revision since the last compaction, five minutes ago at most.
    pub used: u64,
}

impl ControlPlane {
    /// How large etcd is now.
    pub async fn etcd_size(&self) -> anyhow::Result<EtcdSize> {
        let metrics = plain_http::get(self.work.etcd_port.number(), "/metrics")
            .await
            .context("no metrics from etcd")?;
        Ok(EtcdSize {
            file: gauge(&metrics, "etcd_mvcc_db_total_size_in_bytes")?,
            used: gauge(&metrics, "etcd_mvcc_db_total_size_in_use_in_bytes")?,
        })
    }
}

/// The value of a metric without labels in Prometheus text format.
fn gauge(metrics: &str, name: &str) -> anyhow::Result<u64> {
    let value = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = value.with_context(|| format!("etcd has no metric {name}"))?;
    let number: f64 = value
        .parse()
        .with_context(|| format!("metric {name} of etcd is {value}"))?;
    Ok(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_is_read_from_prometheus_text() {
        let text = "# HELP size_total Size\nsize_total 7\n# TYPE size gauge\nsize 2.5165824e+07\n";
        assert_eq!(gauge(text, "size").unwrap(), 25_165_824);
    }

    #[test]
    fn a_missing_gauge_is_named() {
        assert_eq!(
            gauge("", "size").unwrap_err().to_string(),
            "etcd has no metric size"
        );
    }
}
