//! Ledger, claims, creations and their log.

use crate::sql::{Statement, statements};

statements! {
/// Statements on our own records.
RECORDS {
    /// Makes this the only writer for each key until the transaction ends; sorted, so that no two wait for each other.
    TAKE_TURN "take the creation's turn" = "
SELECT pg_advisory_xact_lock(ordered.h) FROM (
  SELECT DISTINCT hashtextextended('tenantry creation ' || k, 0) AS h FROM unnest($1::text[]) AS k ORDER BY 1) AS ordered";

    /// What a step answered before.
    FIND_LEDGER "read the ledger" = "
SELECT l.input_digest, l.result FROM tenantry.activity_ledger l WHERE l.key = $1::text";

    /// The record of a step.
    WRITE_LEDGER "write the ledger" = "
INSERT INTO tenantry.activity_ledger (key, origin_id, activity, tenant, input_digest, result, recorded_at)
VALUES ($1::text, $2::text, $3::text, $4::uuid, $5::bytea, $6::jsonb, tenantry.instant($7::bigint))";

    /// Keeps a sealed credential beside its record.
    SEAL_LEDGER "keep the credential" = "
UPDATE tenantry.activity_ledger SET sealed = nullif($2::text, '') WHERE key = $1::text";

    /// Whether a credential is still on its way.
    FIND_CREDENTIAL "read the credential" = "
SELECT l.sealed, coalesce((l.result ->> 'delivered')::boolean, false) AS delivered,
       l.result ->> 'closed' AS closed, tenantry.micros(l.recorded_at) AS recorded_us
FROM tenantry.activity_ledger l WHERE l.key = $1::text";

    /// Forgets a delivered credential; once.
    FORGET_CREDENTIAL "forget the credential" = "
UPDATE tenantry.activity_ledger SET sealed = NULL, result = $2::jsonb
WHERE key = $1::text AND coalesce((result ->> 'delivered')::boolean, false) = false";

    /// Forgets the first credential of a user, where it was not delivered.
    FORGET_FIRST "forget the first credential" = "
UPDATE tenantry.activity_ledger SET sealed = NULL, result = $3::jsonb
WHERE tenant = $1::uuid AND right(key, 36) = $2::text AND sealed IS NOT NULL AND activity = 'sendWelcomeEmail'";

    /// What became of a mail with an install code.
    FIND_INSTALL_MAIL "read the install mail" = "
SELECT m.state, m.why, tenantry.micros(m.begun_at) AS begun_us FROM tenantry.install_mails m WHERE m.origin_id = $1::text";

    /// How many an address was sent; those that were closed reached nobody.
    COUNT_INSTALL_MAILS "count the install mails" = "
SELECT count(*) AS count FROM tenantry.install_mails m
WHERE m.address_key = $1::text AND m.begun_at > tenantry.instant($2::bigint) AND m.state <> 'closed'";

    /// The record of one that is to be sent.
    BEGIN_INSTALL_MAIL "begin the install mail" = "
INSERT INTO tenantry.install_mails (origin_id, address_key, begun_at, state)
VALUES ($1::text, $2::text, tenantry.instant($3::bigint), 'pending')";

    /// How it ended, once.
    END_INSTALL_MAIL "end the install mail" = "
UPDATE tenantry.install_mails SET state = CASE WHEN $2::text = '' THEN 'sent' ELSE 'closed' END, why = $2::text
WHERE origin_id = $1::text AND state = 'pending'";

    /// Claims of others on any of these.
    FIND_CLAIMS "read the claims of creations" = "
SELECT c.kind, c.tenant FROM tenantry.creation_claims c
JOIN unnest($1::text[], $2::text[]) AS asked (kind, key) ON c.kind = asked.kind AND c.key = asked.key
WHERE c.origin_id <> $3::text ORDER BY c.kind DESC";

    /// Whether a checkout is another creation's, or that of a complete one: then nobody else speaks of it.
    CHECKOUT_IS_ELSEWHERE "look for the checkout" = "
SELECT EXISTS (SELECT 1 FROM tenantry.creation_claims k LEFT JOIN tenantry.creations c ON c.origin_id = k.origin_id
  WHERE k.kind = 'checkout' AND k.key = $1::text AND (k.origin_id <> $2::text OR c.state = 'completed')) AS elsewhere";

    /// Takes them all.
    TAKE_CLAIMS "take the claims" = "
INSERT INTO tenantry.creation_claims (kind, key, origin_id, tenant, taken_at)
SELECT asked.kind, asked.key, $3::text, $4::uuid, tenantry.instant($5::bigint)
FROM unnest($1::text[], $2::text[]) AS asked (kind, key) ON CONFLICT (kind, key) DO NOTHING";

    /// An address that is in the users' table needs no claim.
    END_ADDRESS_CLAIM "end the claim on the address" = "
DELETE FROM tenantry.creation_claims WHERE kind = 'address' AND origin_id = $1::text";

    /// The creation of this workflow, else that of the tenant.
    FIND_CREATION "read the creation" = "
SELECT c.origin_id, c.state, c.workflow_id FROM tenantry.creations c
WHERE c.origin_id = $1::text OR c.tenant = $2::uuid ORDER BY (c.origin_id = $1::text) DESC LIMIT 1";

    /// Which tenant a creation wrote, and where it stands.
    FIND_CREATION_OF "read the creation's record" = "
SELECT c.tenant, c.state FROM tenantry.creations c WHERE c.origin_id = $1::text";

    /// Whether a creation wrote this user as the administrator of its tenant.
    IS_CREATED_ADMIN "prove whose administrator it is" = "
SELECT EXISTS (SELECT 1 FROM tenantry.creations c JOIN tenantry.activity_ledger l ON l.origin_id = c.origin_id
  WHERE c.tenant = $1::uuid AND c.origin_id = $2::text AND l.tenant = c.tenant AND l.activity = 'createAdminUser'
    AND l.result ->> 'userId' = $3::text) AS ours";

    /// Opens the record of a creation.
    OPEN_CREATION "open the creation" = "
INSERT INTO tenantry.creations (tenant, origin_id, state, workflow_id, product_code, opened_at, changed_at)
VALUES ($1::uuid, $2::text, 'open', $3::text, $4::text, tenantry.instant($5::bigint), tenantry.instant($5::bigint))";

    /// A run that goes on with a creation that is not completed.
    REOPEN_CREATION "go on with the creation" = "
UPDATE tenantry.creations SET state = 'open', workflow_id = $2::text, step = '', reason = '',
  changed_at = tenantry.instant($3::bigint)
WHERE origin_id = $1::text AND state <> 'completed' AND (state <> 'open' OR workflow_id <> $2::text) RETURNING tenant";

    /// A new state. A completed creation stays so, and the note of a wait that comes late changes nothing any more.
    SET_CREATION "write the creation's state" = "
UPDATE tenantry.creations SET state = $2::text, workflow_id = $3::text, step = $4::text, reason = $5::text,
  changed_at = tenantry.instant($6::bigint)
WHERE origin_id = $1::text AND state <> 'completed' AND (state, workflow_id, step, reason) IS DISTINCT FROM
  ($2::text, $3::text, $4::text, $5::text) AND ($2::text <> 'repair' OR changed_at <= tenantry.instant($6::bigint))
RETURNING tenant";

    /// A line of the creation's log.
    LOG_CREATION "write the creation's log" = "
INSERT INTO tenantry.creation_log (tenant, origin_id, at, state, step, reason, workflow_id, decided_by, note)
VALUES ($1::uuid, $2::text, tenantry.instant($3::bigint), $4::text, $5::text, $6::text, $7::text, $8::text, $9::text)";

    /// The creations, newest first.
    LIST_CREATIONS "list the creations" = "
SELECT c.tenant, coalesce(t.client_name, '') AS client_name, c.product_code, c.state, c.origin_id, c.workflow_id, c.step,
       c.reason, coalesce((SELECT g.note FROM tenantry.creation_log g WHERE c.state = 'repair' AND g.tenant = c.tenant
         AND g.state = 'repair' ORDER BY g.id DESC LIMIT 1), '') AS message, tenantry.micros(c.opened_at) AS opened_us, tenantry.micros(c.changed_at) AS changed_us
FROM tenantry.creations c LEFT JOIN public.tenants t ON t.tenant = c.tenant
WHERE $1::text IS NULL OR c.state = $1::text ORDER BY c.opened_at DESC, c.tenant LIMIT $2::bigint";

    /// One creation.
    READ_CREATION "read the tenant's creation" = "
SELECT c.tenant, coalesce(t.client_name, '') AS client_name, c.product_code, c.state, c.origin_id, c.workflow_id, c.step,
       c.reason, coalesce((SELECT g.note FROM tenantry.creation_log g WHERE c.state = 'repair' AND g.tenant = c.tenant
         AND g.state = 'repair' ORDER BY g.id DESC LIMIT 1), '') AS message, tenantry.micros(c.opened_at) AS opened_us, tenantry.micros(c.changed_at) AS changed_us
FROM tenantry.creations c LEFT JOIN public.tenants t ON t.tenant = c.tenant WHERE c.tenant = $1::uuid";

    /// The steps that are committed, in the order of the second parameter. Of a mail, only one that was delivered.
    READ_DONE "read the finished steps" = "
SELECT l.activity FROM tenantry.activity_ledger l WHERE l.origin_id = $1::text
  AND coalesce((l.result ->> 'delivered')::boolean, true)
ORDER BY array_position($2::text[], l.activity) NULLS LAST, l.key";

    /// The log of a creation, oldest first.
    READ_CREATION_LOG "read the creation's log" = "
SELECT tenantry.micros(g.at) AS at_us, g.state, g.step, g.reason, g.workflow_id, g.decided_by, g.note
FROM tenantry.creation_log g WHERE g.tenant = $1::uuid ORDER BY g.id LIMIT 1000";

    /// For the metric: how many creations stand where; of those that wait, at which step.
    COUNT_CREATIONS "count the creations" = "
SELECT c.state, c.step, count(*) AS count FROM tenantry.creations c GROUP BY c.state, c.step";

    /// Credentials that a user was given by one activity, but this one, and when the sixth parameter's newest was given: their
    /// ledger keys end in the user's id.
    COUNT_CREDENTIALS "count the credentials" = "
SELECT count(*) AS count, tenantry.micros((array_agg(l.recorded_at ORDER BY l.recorded_at DESC))[$6::int]) AS bound_us
FROM tenantry.activity_ledger l WHERE l.tenant = $1::uuid AND l.activity = $4::text
  AND right(l.key, 36) = $2::text AND l.recorded_at > tenantry.instant($3::bigint) AND l.key <> $5::text";
}
}
