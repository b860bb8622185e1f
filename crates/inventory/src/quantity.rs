//! Kubernetes quantities, as far as a check needs them.

/// Whether a quantity (`100m`, `1.5Gi`, `2e3`) is greater than zero; `None` if it is no quantity.
///
/// The grammar is that of `k8s.io/apimachinery/pkg/api/resource`: a signed decimal number, then a binary
/// suffix, a decimal suffix or an exponent.
pub fn is_positive(quantity: &str) -> Option<bool> {
    let (negative, rest) = match quantity.as_bytes().first()? {
        b'-' => (true, &quantity[1..]),
        b'+' => (false, &quantity[1..]),
        _ => (false, quantity),
    };
    let digits = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(digits);
    let well_formed = number.bytes().any(|b| b.is_ascii_digit())
        && number.bytes().filter(|b| *b == b'.').count() <= 1
        && is_suffix(suffix);
    well_formed.then(|| !negative && number.bytes().any(|b| matches!(b, b'1'..=b'9')))
}

fn is_suffix(suffix: &str) -> bool {
    const SUFFIXES: [&str; 16] = [
        "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei",
    ];
    SUFFIXES.contains(&suffix)
        || suffix
            .strip_prefix(['e', 'E'])
            .is_some_and(|exponent| exponent.parse::<i32>().is_ok() && !exponent.is_empty())
}

#[cfg(test)]
mod tests {
    use super::is_positive;

    #[test]
    fn quantities() {
        for positive in ["1", "100m", "0.5", ".5", "1.", "128Mi", "2e3", "1E-3", "+4", "5E"] {
            assert_eq!(is_positive(positive), Some(true), "{positive}");
        }
        for zero in ["0", "0m", "0.0Gi", "-1", "0e7"] {
            assert_eq!(is_positive(zero), Some(false), "{zero}");
        }
        for wrong in ["", "-", "Mi", "1.2.3", "12MiB", "1 Gi", "eins", "1e"] {
            assert_eq!(is_positive(wrong), None, "{wrong}");
        }
    }
}
