//! Web application firewalls, as annotations of Ingresses switch them on and off.
//!
//! Values are looked at while an object is read and never kept: names of policies are long, and what stands in them
//! is nobody's business here.

/// What an annotation says of a web application firewall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Firewall {
    /// What it is called.
    pub product: &'static str,
    /// Whether it is to look at requests, if only to report them.
    pub on: bool,
    /// The annotation.
    pub annotation: &'static str,
}

const NGINX: &str = "ModSecurity in ingress-nginx";
const AWS: &str = "AWS WAF";
const AZURE: &str = "Azure Application Gateway WAF";
const F5: &str = "NGINX App Protect";
const HAPROXY: &str = "ModSecurity in HAProxy Ingress";

/// What the annotation `key` says of a firewall, if it is about one.
pub(crate) fn said(key: &str, value: &str) -> Option<Firewall> {
    let value = value.trim();
    let (product, annotation, on) = match key {
        "nginx.ingress.kubernetes.io/enable-modsecurity" => (
            NGINX,
            "nginx.ingress.kubernetes.io/enable-modsecurity",
            boolean(value)?,
        ),
        "nginx.ingress.kubernetes.io/modsecurity-snippet" => (
            NGINX,
            "nginx.ingress.kubernetes.io/modsecurity-snippet",
            rule_engine(value)?,
        ),
        "alb.ingress.kubernetes.io/wafv2-acl-arn" => {
            (AWS, "alb.ingress.kubernetes.io/wafv2-acl-arn", is_named(value))
        }
        "alb.ingress.kubernetes.io/wafv2-acl-name" => {
            (AWS, "alb.ingress.kubernetes.io/wafv2-acl-name", is_named(value))
        }
        "alb.ingress.kubernetes.io/waf-acl-id" => {
            (AWS, "alb.ingress.kubernetes.io/waf-acl-id", is_named(value))
        }
        "alb.ingress.kubernetes.io/web-acl-id" => {
            (AWS, "alb.ingress.kubernetes.io/web-acl-id", is_named(value))
        }
        "appgw.ingress.kubernetes.io/waf-policy-for-path" => (
            AZURE,
            "appgw.ingress.kubernetes.io/waf-policy-for-path",
            is_named(value),
        ),
        "appprotect.f5.com/app-protect-enable" => {
            (F5, "appprotect.f5.com/app-protect-enable", boolean(value)?)
        }
        "haproxy-ingress.github.io/waf" => (HAPROXY, "haproxy-ingress.github.io/waf", value == "modsecurity"),
        "ingress.kubernetes.io/waf" => (HAPROXY, "ingress.kubernetes.io/waf", value == "modsecurity"),
        _ => return None,
    };
    Some(Firewall {
        product,
        on,
        annotation,
    })
}

/// A boolean as Go reads it; what is none, controllers ignore.
fn boolean(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Whether a policy is named: `none` takes it away.
fn is_named(value: &str) -> bool {
    !matches!(value, "" | "none")
}

/// Whether the rules of `ModSecurity` are looked at, by the last directive that says it.
fn rule_engine(snippet: &str) -> Option<bool> {
    let directives = snippet.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let is_directive = words.next()?.eq_ignore_ascii_case("SecRuleEngine");
        is_directive.then(|| words.next()).flatten()
    });
    let mut directives = directives;
    let mode = directives.next_back()?.trim_matches('"');
    Some(!mode.eq_ignore_ascii_case("Off"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(key: &str, value: &str) -> Option<bool> {
        said(key, value).map(|firewall| firewall.on)
    }

    #[test]
    fn booleans_are_those_of_go() {
        let enable = "nginx.ingress.kubernetes.io/enable-modsecurity";
        assert_eq!(on(enable, "true"), Some(true));
        assert_eq!(on(enable, "False"), Some(false));
        assert_eq!(on(enable, "yes"), None);
        assert_eq!(on("appprotect.f5.com/app-protect-enable", "True"), Some(true));
    }

    #[test]
    fn of_several_directives_the_last_counts_and_comments_are_none() {
        let snippet = "nginx.ingress.kubernetes.io/modsecurity-snippet";
        let looks = "SecRuleEngine Off\n  secruleengine DetectionOnly\n# SecRuleEngine Off";
        assert_eq!(on(snippet, looks), Some(true));
        assert_eq!(
            on(snippet, "SecRuleEngine On\nSecRuleEngine \"Off\""),
            Some(false)
        );
        assert_eq!(on(snippet, "SecRequestBodyAccess On"), None);
    }

    #[test]
    fn a_policy_is_on_by_being_named() {
        let long = format!("arn:aws:wafv2:eu-west-1:1:regional/webacl/{}/1", "a".repeat(128));
        assert_eq!(on("alb.ingress.kubernetes.io/wafv2-acl-arn", &long), Some(true));
        assert_eq!(on("alb.ingress.kubernetes.io/wafv2-acl-arn", "none"), Some(false));
        assert_eq!(on("haproxy-ingress.github.io/waf", "modsecurity"), Some(true));
        assert_eq!(on("haproxy-ingress.github.io/waf-mode", "deny"), None);
    }
}
