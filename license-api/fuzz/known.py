"""What the registry knows, put into a part of the requests, so that they get further than to the first refusal.

Variables: LICENSE_API_URL, LICENSE_API_SECRET. Registers some tenants and redeems some codes when it is loaded. Which request gets
what is decided by the request itself, so that the same seed asks the same.
"""

import hashlib
import json
import os
import urllib.request

import schemathesis

URL = os.environ["LICENSE_API_URL"]
SECRET = os.environ["LICENSE_API_SECRET"]
# Tenants of each edition, and how many of their codes are redeemed here.
TENANTS = 20
REDEEMED = 6


def ask(path: str, body: dict) -> dict:
    headers = {"content-type": "application/json", "authorization": f"Bearer {SECRET}"}
    request = urllib.request.Request(f"{URL}{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=15) as answer:
        return json.load(answer)


def register(edition: str, number: int) -> dict:
    body = {
        "company_name": f"Fuzz {edition} {number}",
        # Some tenants share an address.
        "contact_email": f"it{number % 12}@fuzz.example",
        "edition": edition,
        "submission_id": f"fuzz-{edition}-{number}",
    }
    if edition == "pro":
        body |= {"stripe_sub_id": f"sub_fuzz_{number}", "seats": 25}
    return ask("/register-tenant", body)


TENANT = [register(edition, number) for number in range(TENANTS) for edition in ("essentials", "pro")]
REDEMPTION = [
    ask("/register", {"claim_code": tenant["install_code"], "appliance_id": f"appliance-fuzz-{number}"})
    for number, tenant in enumerate(TENANT[: 2 * REDEEMED])
]
CREDENTIALS = [answer["appliance_credential"] for answer in REDEMPTION if "appliance_credential" in answer]
IDS = [tenant["tenant_id"] for tenant in TENANT]

# Values that mean something, by the name of a member.
KNOWN = {
    "appliance_credential": CREDENTIALS,
    "appliance_id": [f"appliance-fuzz-{number}" for number in range(2 * REDEEMED)],
    "claim_code": [tenant["install_code"] for tenant in TENANT],
    "company_name": ["Acme", "Müller & Söhne"],
    "contact_email": [f"it{number}@fuzz.example" for number in range(12)],
    "contact_name": ["Ada Byron"],
    "credential": CREDENTIALS,
    "customer": ["Acme"],
    "deployment_type": ["appliance", "hosted"],
    "edition": ["essentials", "pro", "premium"],
    "expected_tenant_id": IDS,
    "product_code": ["psa", "algadesk"],
    "seats": [1, 25],
    "status": ["suspended", "cancelled", "active", "active"],
    "stripe_sub_id": [f"sub_fuzz_{number}" for number in range(2 * TENANTS)],
    "tenant_id": IDS,
    "tier": ["pro"],
    "transport": ["connected", "airgap"],
}


def replace(given: dict) -> None:
    """Three of four members that are there get a value that means something; a quarter of the requests stays as it is."""
    digest = hashlib.sha256(repr(sorted(given.items(), key=str)).encode("utf-8", "surrogatepass")).digest()
    if digest[31] < 64:
        return
    for index, name in enumerate(sorted(KNOWN)):
        choice = digest[index % 31]
        if name in given and choice >= 64:
            given[name] = KNOWN[name][choice % len(KNOWN[name])]


@schemathesis.hook
def before_call(context, case, kwargs) -> None:
    if isinstance(case.body, dict):
        replace(case.body)
    if isinstance(case.path_parameters, dict):
        replace(case.path_parameters)
