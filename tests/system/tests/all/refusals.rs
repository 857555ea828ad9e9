//! A removal that the cluster refuses: the row stays, the reason is shown, and nothing is torn out of a standing edge.

use crate::rig::on_the_stack;
use anyhow::{Context as _, ensure};
use harness::{Rig, eventually};
use serde_json::{Value, json};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const POLICY: &str = "keep-a-gateway";

/// Denies the delete of one Gateway.
fn policy(gateway: &str) -> Value {
    let rule = json!({ "apiGroups": ["networking.istio.io"], "apiVersions": ["*"], "operations": ["DELETE"],
        "resources": ["gateways"] });
    let version = "admissionregistration.k8s.io/v1";
    json!({ "apiVersion": "v1", "kind": "List", "items": [
        { "apiVersion": version, "kind": "ValidatingAdmissionPolicy", "metadata": { "name": POLICY }, "spec": {
            "failurePolicy": "Fail", "matchConstraints": { "resourceRules": [rule] }, "validations": [
                { "expression": format!("request.name != '{gateway}'"), "message": "kept by a test", "reason": "Forbidden" } ] } },
        { "apiVersion": version, "kind": "ValidatingAdmissionPolicyBinding", "metadata": { "name": POLICY },
          "spec": { "policyName": POLICY, "validationActions": ["Deny"] } },
    ]})
}

/// A policy is in force a moment after it is stored, and for a moment after it is gone.
async fn until_kept(rig: &Rig, gateway: &str, kept: bool) -> anyhow::Result<()> {
    eventually(&format!("{gateway} kept: {kept}"), MINUTE, || async {
        let dry = ["delete", "gateways.networking.istio.io", "-n", "istio-system", gateway, "--dry-run=server"];
        let refused = rig.kubectl.run(&dry, None).await.is_err();
        if refused == kept { Ok(()) } else { Err(format!("refused: {refused}")) }
    })
    .await
}

#[test]
fn a_refused_delete_keeps_the_row_the_secrets_and_says_so() {
    on_the_stack(async |rig| {
        let domain = rig.domain("refused").await?;
        domain.go_live(rig).await?;
        let (gateway, secret) = (format!("portal-domain-gw-{}", domain.id), format!("portal-domain-{}", domain.id));
        rig.kubectl.run(&["apply", "-f", "-"], Some(&policy(&gateway).to_string())).await?;
        until_kept(rig, &gateway, true).await?;
        domain.disable_row(rig).await?;
        domain.announce(rig, "disable").await?;
        eventually("the removal says that it is blocked", MINUTE, || async {
            let reply = domain.reconcile(rig).await.map_err(|error| error.to_string())?;
            let refused = reply.steps.iter().any(|step| step == "refused delete_gateway (REMOVAL_BLOCKED)");
            let torn = reply.steps.iter().any(|step| step == "delete_secret_copy" || step == "delete_secret");
            match reply.reason == "REMOVAL_BLOCKED" && reply.status == "disabled" && refused && !torn {
                true => Ok(()),
                false => Err(format!("{reply:?}")),
            }
        })
        .await?;
        let row = domain.row(rig).await?.context("the row went")?;
        ensure!(row.status == "disabled", "{row:?}");
        for namespace in ["msp", "istio-system"] {
            ensure!(
                rig.kubectl.object("secret", namespace, &secret).await?.is_some(),
                "the Secret in {namespace} went"
            );
        }
        let (_, explained, _) = rig.tenantry(&["domain", "explain", "--tenant", &domain.tenant.to_string()]).await?;
        ensure!(explained.contains("REMOVAL_BLOCKED") && explained.contains(&gateway), "{explained}");
        rig.kubectl
            .run(&["delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", POLICY], None)
            .await?;
        until_kept(rig, &gateway, false).await?;
        domain.vanishes(rig, 2 * MINUTE).await?;
        rig.oracle(&domain).await
    });
}

#[test]
fn a_gateway_that_lost_its_labels_is_named_and_kept_until_somebody_says_whose_it_is() {
    on_the_stack(async |rig| {
        let domain = rig.domain("unlabelled").await?;
        domain.go_live(rig).await?;
        let gateway = format!("portal-domain-gw-{}", domain.id);
        let kind = "gateways.networking.istio.io";
        let (tenant, id) = ("portal.alga-psa.com/tenant", "portal.alga-psa.com/domain-id");
        let args = ["label", kind, "-n", "istio-system", &gateway, &format!("{tenant}-"), &format!("{id}-")];
        rig.kubectl.run(&args, None).await?;
        domain.disable_row(rig).await?;
        domain.announce(rig, "disable").await?;
        eventually("explain names the Gateway", MINUTE, || async {
            let args = ["domain", "explain", "--tenant", &domain.tenant.to_string()];
            let (_, explained, _) = rig.tenantry(&args).await.map_err(|error| error.to_string())?;
            match explained.contains("REMOVAL_BLOCKED")
                && explained.contains(&format!("gateway istio-system/{gateway}"))
            {
                true => Ok(()),
                false => Err(explained),
            }
        })
        .await?;
        ensure!(rig.kubectl.object(kind, "istio-system", &gateway).await?.is_some(), "it was deleted all the same");
        let again = [format!("{tenant}={}", domain.tenant), format!("{id}={}", domain.id)];
        rig.kubectl.run(&["label", kind, "-n", "istio-system", &gateway, &again[0], &again[1]], None).await?;
        domain.announce(rig, "disable").await?;
        domain.vanishes(rig, 2 * MINUTE).await?;
        rig.oracle(&domain).await
    });
}
