//! Whether a validating webhook stands in front of the Istio kinds.

use serde_json::Value;

const GROUP: &str = "networking.istio.io";

/// Whether some webhook with failurePolicy `Fail` validates Gateways and VirtualServices on create and update.
///
/// Without it one bad object freezes the plain or the TLS listener for every host (measured). `configurations` are the
/// ValidatingWebhookConfigurations of the cluster. A webhook whose selectors leave out our objects (which have no
/// `istio.io/rev` label) does not count.
pub fn guarded(configurations: &[Value]) -> bool {
    let webhooks =
        || configurations.iter().flat_map(|c| list(c, "webhooks")).filter(|w| fails_closed(w) && sees_ours(w));
    ["gateways", "virtualservices"].iter().all(|resource| {
        ["CREATE", "UPDATE"].iter().all(|operation| {
            webhooks().any(|w| {
                list(w, "rules").any(|rule| {
                    has(rule, "apiGroups", &[GROUP, "*"])
                        && has(rule, "resources", &[resource, "*", "*/*"])
                        && has(rule, "operations", &[operation, "*"])
                })
            })
        })
    })
}

/// The API server's default is `Fail` (admissionregistration.k8s.io/v1).
fn fails_closed(webhook: &Value) -> bool {
    webhook.get("failurePolicy").and_then(Value::as_str).is_none_or(|p| p == "Fail")
}

/// Our objects have no label that a selector of a mesh would ask for, so a selector must accept an object without labels.
fn sees_ours(webhook: &Value) -> bool {
    ["objectSelector", "namespaceSelector"].iter().all(|key| {
        let Some(selector) = webhook.get(key) else { return true };
        let labels = selector.get("matchLabels").and_then(Value::as_object).is_none_or(serde_json::Map::is_empty);
        labels && list(selector, "matchExpressions").all(|e| has_operator(e, &["NotIn", "DoesNotExist"]))
    })
}

fn has_operator(expression: &Value, allowed: &[&str]) -> bool {
    expression.get("operator").and_then(Value::as_str).is_some_and(|o| allowed.contains(&o))
}

fn has(rule: &Value, key: &str, any_of: &[&str]) -> bool {
    list(rule, key).filter_map(Value::as_str).any(|v| any_of.contains(&v))
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn webhook(policy: &str, resources: Value, extra: Value) -> Value {
        let mut webhook = json!({
            "failurePolicy": policy,
            "rules": [{ "apiGroups": [GROUP], "resources": resources, "operations": ["CREATE", "UPDATE"] }],
        });
        if let (Some(webhook), Some(extra)) = (webhook.as_object_mut(), extra.as_object()) {
            webhook.extend(extra.clone());
        }
        json!({ "webhooks": [webhook] })
    }

    #[track_caller]
    fn check(configurations: &[Value], expected: bool) {
        assert_eq!(guarded(configurations), expected, "{configurations:?}");
    }

    #[test]
    fn only_a_webhook_that_fails_closed_guards() {
        check(&[], false);
        check(&[webhook("Fail", json!(["*"]), json!({}))], true);
        check(&[webhook("Ignore", json!(["*"]), json!({}))], false);
        check(&[webhook("Fail", json!(["gateways"]), json!({}))], false);
        let both =
            [webhook("Fail", json!(["gateways"]), json!({})), webhook("Fail", json!(["virtualservices"]), json!({}))];
        check(&both, true);
    }

    #[test]
    fn a_selector_that_leaves_our_objects_out_does_not_guard() {
        let with = |operator| {
            let selector = json!({ "matchExpressions": [{ "key": "istio.io/rev", "operator": operator }] });
            webhook("Fail", json!(["*"]), json!({ "objectSelector": selector }))
        };
        check(&[with("DoesNotExist")], true);
        check(&[with("In")], false);
        check(&[webhook("Fail", json!(["*"]), json!({ "objectSelector": { "matchLabels": { "a": "b" } } }))], false);
        check(&[webhook("Fail", json!(["*"]), json!({ "namespaceSelector": {} }))], true);
    }
}
