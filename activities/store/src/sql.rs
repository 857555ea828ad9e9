//! Every SQL text of this crate but the words that begin a transaction (`db::begin_turn`), in one place, so that a test
//! prepares and explains each under the role that runs it.
//!
//! Names are qualified (a `search_path` decides nothing), parameters are cast (the server need not guess), and instants are
//! integer microseconds (`tenantry.instant`, `tenantry.micros`). Statements that write name both the tenant and the id.

/// A SQL text with its name, for error messages and for the test that prepares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    /// What the statement does, as in "could not `read the row`".
    pub name: &'static str,
    /// The text.
    pub text: &'static str,
}

macro_rules! statements {
    ($($(#[$list_doc:meta])* $list:ident { $($(#[$doc:meta])* $id:ident $name:literal = $text:literal;)+ })+) => {
        $($($(#[$doc])* pub(crate) const $id: Statement = Statement { name: $name, text: $text };)+

        $(#[$list_doc])*
        pub const $list: &[Statement] = &[$($id,)+];)+
    };
}
pub(crate) use statements;

statements! {
/// Statements of the worker's role.
WORKER {
    /// The row of the tenant, preferably the one with that id, and whether the id is another tenant's. Texts are read up to a
    /// length that no valid one has, so that no row can make an answer too large for a history.
    READ_ROW "read the row" = "
SELECT EXISTS (SELECT 1 FROM public.portal_domains f WHERE f.id = $2::uuid AND f.tenant <> $1::uuid) AS foreign_id,
       p.id, left(p.domain, 1024) AS domain, left(p.canonical_host, 1024) AS canonical_host, p.status::text AS status,
       left(coalesce(p.status_message, ''), 1024) AS status_message,
       CASE WHEN jsonb_typeof(p.verification_details -> 'expected_cname') = 'string'
            THEN left(p.verification_details ->> 'expected_cname', 1024) ELSE '' END AS expected_cname,
       left(coalesce(p.certificate_secret_name, ''), 1024) AS certificate_secret_name,
       tenantry.micros(p.last_checked_at) AS last_checked_us, tenantry.micros(p.updated_at) AS updated_us
FROM (SELECT 1) AS one LEFT JOIN public.portal_domains p ON p.tenant = $1::uuid
ORDER BY (p.id = $2::uuid) DESC NULLS LAST LIMIT 1";

    /// What a writer compares after its statement changed no row.
    READ_VERSION "read the row's version" = "
SELECT left(p.domain, 1024) AS domain, p.status::text AS status, left(coalesce(p.status_message, ''), 1024) AS status_message,
       tenantry.micros(p.updated_at) AS updated_us
FROM public.portal_domains p WHERE p.tenant = $1::uuid AND p.id = $2::uuid";

    /// Compare-and-set. Never from `disabled`; a whole key of the details replaces the same key and nothing else.
    WRITE_STATUS "write the status" = "
UPDATE public.portal_domains p SET
  status = $6::text::public.portal_domain_status,
  status_message = left($7::text, 1024),
  last_checked_at = CASE WHEN $8::boolean AND (p.status::text <> $6::text OR p.last_checked_at IS NULL
         OR p.last_checked_at <= tenantry.instant($9::bigint) - interval '1 minute')
       THEN tenantry.instant($9::bigint) ELSE p.last_checked_at END,
  verification_details = CASE WHEN jsonb_typeof(p.verification_details) = 'object' THEN p.verification_details
       ELSE '{}'::jsonb END || $10::jsonb,
  certificate_secret_name = nullif($11::text, ''),
  updated_at = tenantry.instant($12::bigint)
WHERE p.tenant = $1::uuid AND p.id = $2::uuid AND left(p.domain, 1024) = $3::text AND p.status::text = $4::text
  AND p.status <> 'disabled' AND tenantry.micros(p.updated_at) = $5::bigint";

    /// Only where the row is still the disabled one whose removal was verified, and nothing of it is left.
    DELETE_ROW "delete the row" = "
DELETE FROM public.portal_domains p
WHERE p.tenant = $1::uuid AND p.id = $2::uuid AND left(p.domain, 1024) = $3::text AND p.status = 'disabled'
  AND tenantry.micros(p.updated_at) = $4::bigint";

    /// Only where the row is unchanged, and its claim was opened or resumed, and what proof it has is known, since before $5.
    DELETE_EXPIRED_ROW "delete the row of an expired claim" = "
DELETE FROM public.portal_domains p
WHERE p.tenant = $1::uuid AND p.id = $2::uuid AND left(p.domain, 1024) = $3::text AND p.status <> 'active'
  AND tenantry.micros(p.updated_at) = $4::bigint
  AND EXISTS (SELECT 1 FROM tenantry.claims c WHERE c.tenant = p.tenant AND c.portal_domain_id = p.id AND c.closed_at IS NULL
    AND greatest(c.opened_at, c.proven_at) <= tenantry.instant($5::bigint))";

    /// Objects of a tenant that were not read back as gone, of whichever row they were.
    COUNT_OBJECTS "count the objects" = "
SELECT count(*) FROM tenantry.inventory i WHERE i.tenant = $1::uuid AND i.removed_at IS NULL";

    /// The open claims of a tenant, newest first: one, or two while a row was replaced by another.
    OPEN_CLAIMS "read the claims" = "
SELECT c.claim_id, c.portal_domain_id, c.host, c.canonical_host, c.accepted_targets, c.generation, c.fence,
       c.ownership_token, c.own_target, c.probe_nonce, tenantry.micros(c.opened_at) AS opened_us,
       tenantry.micros(c.proven_at) AS proven_us, coalesce(c.proof_method, '') AS proof_method
FROM tenantry.claims c WHERE c.tenant = $1::uuid AND c.closed_at IS NULL ORDER BY c.claim_id DESC";

    /// The newest claim of a tenant, open or closed: objects without a row are removed under it.
    LAST_CLAIM "read the last claim" = "
SELECT c.claim_id, c.portal_domain_id, c.host, c.canonical_host, c.accepted_targets, c.generation, c.fence,
       c.ownership_token, c.own_target, c.probe_nonce, tenantry.micros(c.opened_at) AS opened_us,
       tenantry.micros(c.proven_at) AS proven_us, coalesce(c.proof_method, '') AS proof_method
FROM tenantry.claims c WHERE c.tenant = $1::uuid ORDER BY c.claim_id DESC LIMIT 1";

    /// The next generation of a tenant and the next fence of all; and the token and the target that a claim of the same host
    /// goes on with, because its forerunner is open or still has objects.
    NEXT_GENERATION "number the generation" = "
SELECT (SELECT coalesce(max(g.generation), 0) + 1 FROM tenantry.claim_generations g WHERE g.tenant = $1::uuid) AS generation,
       nextval('tenantry.fence') AS fence,
       EXISTS (SELECT 1 FROM tenantry.claims c WHERE c.tenant = $1::uuid)
         OR EXISTS (SELECT 1 FROM tenantry.claims o WHERE o.host = $2::text AND o.tenant <> $1::uuid) AS known,
       f.ownership_token, f.own_target
FROM (SELECT 1) AS one LEFT JOIN LATERAL (
  SELECT c.ownership_token, c.own_target FROM tenantry.claims c
  WHERE c.tenant = $1::uuid AND c.host = $2::text AND (c.closed_at IS NULL OR EXISTS (SELECT 1 FROM tenantry.inventory i
        WHERE i.tenant = c.tenant AND i.host = c.host AND i.removed_at IS NULL))
  ORDER BY c.claim_id DESC LIMIT 1) AS f ON true";

    /// Opens a claim of a row that was just read, with its first generation and the first line of its history; a tenant who
    /// comes back has no tombstone. One statement, because every first status waits for it.
    OPEN_CLAIM "open the claim" = "
WITH claim AS (
  INSERT INTO tenantry.claims (tenant, portal_domain_id, host, canonical_host, accepted_targets, generation, fence,
    ownership_token, own_target, probe_nonce, opened_at, proven_at, proof_method, row_seen_at, row_version)
  VALUES ($1::uuid, $2::uuid, $3::text, $4::text, $5::text[], $6::bigint, $7::bigint, $8::text, $9::text, $10::text,
    tenantry.instant($11::bigint), tenantry.instant($12::bigint), nullif($13::text, ''), tenantry.instant($11::bigint),
    tenantry.instant($14::bigint))
  RETURNING *),
generation AS (
  INSERT INTO tenantry.claim_generations (tenant, portal_domain_id, claim_id, generation, fence, host, canonical_host,
    accepted_targets, probe_nonce, opened_at)
  SELECT c.tenant, c.portal_domain_id, c.claim_id, c.generation, c.fence, c.host, c.canonical_host, c.accepted_targets,
    c.probe_nonce, c.opened_at FROM claim c),
returned AS (
  UPDATE tenantry.tombstones t SET released_at = tenantry.instant($11::bigint), released_reason = 'returned'
  WHERE t.tenant = $1::uuid AND t.host = $3::text AND t.released_at IS NULL AND $15::text <> 'disabled')
INSERT INTO tenantry.history (tenant, portal_domain_id, at, event, host, status, reason, message, generation, worker_build)
SELECT c.tenant, c.portal_domain_id, c.opened_at, 'claimed', c.host, $15::text, '', '', c.generation, $16::text FROM claim c
RETURNING (SELECT c.claim_id FROM claim c) AS claim_id";

    /// Gives an open claim its next generation.
    ADVANCE_CLAIM "advance the claim" = "
UPDATE tenantry.claims c SET canonical_host = $4::text, accepted_targets = $5::text[], generation = $6::bigint,
  fence = $7::bigint, own_target = $8::text, probe_nonce = $9::text
WHERE c.tenant = $1::uuid AND c.portal_domain_id = $2::uuid AND c.claim_id = $3::bigint AND c.closed_at IS NULL";

    /// Records a generation.
    INSERT_GENERATION "record the generation" = "
INSERT INTO tenantry.claim_generations (tenant, portal_domain_id, claim_id, generation, fence, host, canonical_host,
  accepted_targets, probe_nonce, opened_at)
VALUES ($1::uuid, $2::uuid, $3::bigint, $4::bigint, $5::bigint, $6::text, $7::text, $8::text[], $9::text,
  tenantry.instant($10::bigint))";

    /// Closes the open claim of one domain.
    CLOSE_CLAIM "close the claim" = "
UPDATE tenantry.claims c SET closed_at = tenantry.instant($3::bigint), closed_reason = $4::text
WHERE c.tenant = $1::uuid AND c.portal_domain_id = $2::uuid AND c.closed_at IS NULL";

    /// Starts the 14 days of an expired claim anew, when the tenant asked again.
    RESUME_CLAIM "resume the claim" = "
UPDATE tenantry.claims c SET opened_at = tenantry.instant($3::bigint)
WHERE c.tenant = $1::uuid AND c.portal_domain_id = $2::uuid AND c.closed_at IS NULL";

    /// Remembers which version of the row was seen.
    MARK_SEEN "remember the row's version" = "
UPDATE tenantry.claims c SET row_seen_at = tenantry.instant($3::bigint), row_version = tenantry.instant($4::bigint),
  row_gone_at = NULL
WHERE c.tenant = $1::uuid AND c.portal_domain_id = $2::uuid AND c.closed_at IS NULL";

    /// Remembers that the row was missing, and since when.
    MARK_GONE "remember the missing row" = "
UPDATE tenantry.claims c SET row_seen_at = tenantry.instant($3::bigint),
  row_gone_at = coalesce(c.row_gone_at, tenantry.instant($3::bigint))
WHERE c.tenant = $1::uuid AND c.portal_domain_id = $2::uuid AND c.closed_at IS NULL
RETURNING tenantry.micros(c.row_gone_at) AS gone_us";

    /// After a write: the version that we wrote, the copied certificate, and since when which proof holds.
    MARK_WRITTEN "remember what was written" = "
UPDATE tenantry.claims c SET row_seen_at = tenantry.instant($3::bigint), row_version = tenantry.instant($4::bigint),
  fingerprint_sha256 = coalesce(nullif($5::text, ''), c.fingerprint_sha256),
  proven_at = CASE WHEN $6::text <> '' AND c.generation = $7::bigint AND c.proof_method IS DISTINCT FROM $6::text
                   THEN tenantry.instant($3::bigint) ELSE c.proven_at END,
  proof_method = CASE WHEN $6::text <> '' AND c.generation = $7::bigint THEN $6::text ELSE c.proof_method END
WHERE c.tenant = $1::uuid AND c.portal_domain_id = $2::uuid AND c.closed_at IS NULL";

    /// Does another tenant hold the host, have objects on it, or have lost it while its name is fenced; or has another
    /// tenant had this canonical host? An unproven claim does not contend with a proven one.
    CONTENDED "look for other claims of the host" = "
SELECT EXISTS (SELECT 1 FROM tenantry.claims o WHERE o.host = $2::text AND o.tenant <> $1::uuid AND o.closed_at IS NULL
          AND (o.proven_at IS NOT NULL OR NOT $4::boolean))
    OR EXISTS (SELECT 1 FROM tenantry.inventory i WHERE i.host = $2::text AND i.tenant <> $1::uuid AND i.removed_at IS NULL)
    OR EXISTS (SELECT 1 FROM tenantry.tombstones t WHERE t.host = $2::text AND t.tenant <> $1::uuid AND t.released_at IS NULL)
    OR EXISTS (SELECT 1 FROM tenantry.claim_generations g WHERE g.canonical_host = $3::text AND g.tenant <> $1::uuid)
    AS contended";

    /// The objects of a tenant that were not read back as gone, of every generation.
    READ_INVENTORY "read the inventory" = "
SELECT i.portal_domain_id, i.generation, i.kind, i.namespace, i.name, i.uid, i.host FROM tenantry.inventory i
WHERE i.tenant = $1::uuid AND i.removed_at IS NULL ORDER BY i.generation, i.kind, i.namespace, i.name";

    /// The highest fence that a domain ever had, and whether its claim is open.
    READ_FENCE "read the fence" = "
SELECT max(c.fence) AS fence, coalesce(bool_or(c.closed_at IS NULL), false) AS open
FROM tenantry.claims c WHERE c.tenant = $1::uuid AND c.portal_domain_id = $2::uuid";

    /// Records objects. An entry that was removed later than this record stays removed.
    RECORD_OBJECTS "record the objects" = "
INSERT INTO tenantry.inventory (tenant, portal_domain_id, generation, kind, namespace, name, uid, host, fence, recorded_at)
SELECT $1::uuid, $2::uuid, o.generation, o.kind, o.namespace, o.name, o.uid, o.host, $3::bigint, tenantry.instant($4::bigint)
FROM jsonb_to_recordset($5::jsonb) AS o(generation bigint, kind text, namespace text, name text, uid text, host text)
ON CONFLICT (tenant, portal_domain_id, generation, kind, namespace, name) DO UPDATE SET
  uid = CASE WHEN excluded.uid <> '' THEN excluded.uid WHEN inventory.removed_at IS NOT NULL THEN '' ELSE inventory.uid END,
  host = excluded.host, fence = excluded.fence, recorded_at = excluded.recorded_at, removed_at = NULL
WHERE inventory.recorded_at <= excluded.recorded_at
  AND (inventory.removed_at IS NULL OR inventory.removed_at < excluded.recorded_at)";

    /// Records objects as gone, of whichever domain and generation of the tenant they were: what was read back is the name.
    REMOVE_OBJECTS "record the removed objects" = "
UPDATE tenantry.inventory i SET removed_at = tenantry.instant($2::bigint)
FROM jsonb_to_recordset($3::jsonb) AS o(kind text, namespace text, name text)
WHERE i.tenant = $1::uuid AND i.kind = o.kind AND i.namespace = o.namespace AND i.name = o.name AND i.removed_at IS NULL AND i.recorded_at <= tenantry.instant($2::bigint)";

    /// Stores the newest state of each axis, and logs the ones that changed.
    STORE_AXES "store the observations" = "
WITH new AS (
  SELECT a ->> 'axis' AS axis, coalesce(a ->> 'state', '') AS state, coalesce(a ->> 'reason', '') AS reason,
         coalesce((a ->> 'observedGeneration')::bigint, 0) AS generation, a AS body, tenantry.instant($3::bigint) AS at
  FROM jsonb_array_elements($4::jsonb) AS a),
before AS (
  SELECT o.axis, o.state, o.reason, o.generation FROM tenantry.observations o
  WHERE o.tenant = $1::uuid AND o.portal_domain_id = $2::uuid),
latest AS (
  INSERT INTO tenantry.observations AS o (tenant, portal_domain_id, axis, generation, state, reason, body, at)
  SELECT $1::uuid, $2::uuid, new.axis, new.generation, new.state, new.reason, new.body, new.at FROM new
  ON CONFLICT (tenant, portal_domain_id, axis) DO UPDATE SET generation = excluded.generation, state = excluded.state,
    reason = excluded.reason, body = excluded.body, at = excluded.at
  WHERE o.at <= excluded.at
  RETURNING axis)
INSERT INTO tenantry.observation_log (tenant, portal_domain_id, axis, generation, state, reason, body, at)
SELECT $1::uuid, $2::uuid, new.axis, new.generation, new.state, new.reason, new.body, new.at
FROM new JOIN latest USING (axis) LEFT JOIN before USING (axis)
WHERE (before.state, before.reason, before.generation) IS DISTINCT FROM (new.state, new.reason, new.generation)";

    /// Appends to the history, unless nothing changed since its last entry of this kind.
    APPEND_HISTORY "append to the history" = "
INSERT INTO tenantry.history (tenant, portal_domain_id, at, event, host, status, reason, message, generation, worker_build)
SELECT $1::uuid, $2::uuid, tenantry.instant($3::bigint), $4::text, $5::text, $6::text, $7::text, left($8::text, 1024),
       $9::bigint, $10::text
WHERE $11::boolean OR NOT EXISTS (SELECT 1 FROM
  (SELECT h.status, h.reason FROM tenantry.history h WHERE h.tenant = $1::uuid AND h.portal_domain_id = $2::uuid
    AND h.event = $4::text ORDER BY h.id DESC LIMIT 1) AS last WHERE last.status = $6::text AND last.reason = $7::text)";

    /// Fences the host of the open claim if it was proven, and every host that the domain had objects on. A name that was
    /// only asked for is free again.
    BURY "write the tombstones" = "
INSERT INTO tenantry.tombstones (tenant, portal_domain_id, host, canonical_host, own_target, generation, fence, buried_at)
SELECT c.tenant, c.portal_domain_id, c.host, c.canonical_host, c.own_target, c.generation, c.fence, tenantry.instant($3::bigint)
FROM tenantry.claims c WHERE c.tenant = $1::uuid AND c.portal_domain_id = $2::uuid AND (
  (c.closed_at IS NULL AND c.proven_at IS NOT NULL) OR EXISTS (SELECT 1 FROM tenantry.inventory i WHERE i.tenant = c.tenant AND i.host = c.host))
ON CONFLICT (tenant, portal_domain_id, host, generation) DO NOTHING";

    /// Fences the hosts that a tenant left behind: their claim was closed by a change, and their last object is gone.
    BURY_LEFT_HOSTS "write the tombstones of hosts left behind" = "
INSERT INTO tenantry.tombstones (tenant, portal_domain_id, host, canonical_host, own_target, generation, fence, buried_at)
SELECT c.tenant, c.portal_domain_id, c.host, c.canonical_host, c.own_target, c.generation, c.fence, tenantry.instant($2::bigint)
FROM tenantry.claims c
WHERE c.tenant = $1::uuid AND c.closed_reason IN ('renamed', 'replaced')
  AND NOT EXISTS (SELECT 1 FROM tenantry.claims o WHERE o.tenant = c.tenant AND o.host = c.host AND o.closed_at IS NULL)
  AND EXISTS (SELECT 1 FROM tenantry.inventory i WHERE i.tenant = c.tenant AND i.host = c.host)
  AND NOT EXISTS (SELECT 1 FROM tenantry.inventory i WHERE i.tenant = c.tenant AND i.host = c.host AND i.removed_at IS NULL)
ON CONFLICT (tenant, portal_domain_id, host, generation) DO NOTHING";

    /// The newest generation of a domain, 0 when it never had one.
    READ_GENERATION "read the generation" = "
SELECT coalesce(max(g.generation), 0) AS generation FROM tenantry.claim_generations g
WHERE g.tenant = $1::uuid AND g.portal_domain_id = $2::uuid";

    /// Another tenant proved the host by TXT or by its own target.
    RELEASE_OTHER_TOMBSTONES "release the other tombstones" = "
UPDATE tenantry.tombstones t SET released_at = tenantry.instant($3::bigint), released_reason = 'proven_by_other'
WHERE t.tenant <> $1::uuid AND t.released_at IS NULL AND t.host = (SELECT c.host FROM tenantry.claims c
  WHERE c.tenant = $1::uuid AND c.portal_domain_id = $2::uuid AND c.closed_at IS NULL)";

    /// How the newest claim of a domain ended.
    HOW_CLOSED "read how the claim ended" = "
SELECT coalesce(c.closed_reason, '') AS reason FROM tenantry.claims c
WHERE c.tenant = $1::uuid AND c.portal_domain_id = $2::uuid ORDER BY c.claim_id DESC LIMIT 1";

    /// Saves a token; the same key gives the token that was saved first.
    SAVE_TOKEN "save the preflight token" = "
INSERT INTO tenantry.preflight_tokens AS t (token, host, body, expires_at, idempotency_key)
VALUES ($1::text, $2::text, $3::text, tenantry.instant($4::bigint), $5::text)
ON CONFLICT (idempotency_key) DO UPDATE SET expires_at = greatest(t.expires_at, excluded.expires_at)
RETURNING t.token, t.host, t.body";

    /// Forgets tokens that expired long ago, a bounded number at a time.
    FORGET_TOKENS "forget old preflight tokens" = "
DELETE FROM tenantry.preflight_tokens t WHERE t.token IN (SELECT o.token FROM tenantry.preflight_tokens o
  WHERE o.expires_at < tenantry.instant($1::bigint) ORDER BY o.expires_at LIMIT 100 FOR UPDATE SKIP LOCKED)";

    /// One page of the fleet: rows and open claims by id, with what each wants.
    SWEEP "sweep the rows" = "
WITH page AS (
  SELECT u.id FROM (
    (SELECT p.id FROM public.portal_domains p WHERE $1::uuid IS NULL OR p.id > $1::uuid ORDER BY p.id LIMIT $2::bigint)
    UNION
    (SELECT c.portal_domain_id FROM tenantry.claims c
      WHERE c.closed_at IS NULL AND ($1::uuid IS NULL OR c.portal_domain_id > $1::uuid)
      ORDER BY c.portal_domain_id LIMIT $2::bigint)) AS u(id)
  ORDER BY u.id LIMIT $2::bigint)
SELECT page.id, coalesce(p.tenant, c.tenant) AS tenant,
  CASE WHEN p.id IS NULL AND (c.row_gone_at IS NULL OR c.row_seen_at <= tenantry.instant($3::bigint)) THEN 'vanished'
       WHEN p.id IS NULL THEN ''
       WHEN c.claim_id IS NULL THEN 'unannounced'
       WHEN tenantry.micros(p.updated_at) <> tenantry.micros(c.row_version) THEN 'changed'
       WHEN p.status = 'disabled' AND c.row_seen_at <= tenantry.instant($3::bigint) THEN 'disabled_with_objects'
       WHEN c.row_seen_at IS NULL OR c.row_seen_at <= tenantry.instant($4::bigint) THEN 'unannounced'
       ELSE '' END AS why,
  coalesce(p.status = 'active', false) AS active,
  coalesce(p.id IS NOT NULL AND c.opened_at <= tenantry.instant($5::bigint), false) AS settled,
  coalesce(c.host, '') AS host, coalesce(c.probe_nonce, '') AS probe_nonce, coalesce(c.generation, 0) AS generation,
  coalesce(c.fingerprint_sha256, '') AS fingerprint_sha256, coalesce(p.certificate_secret_name, '') AS secret_name,
  coalesce(e.state, '') AS edge_state, coalesce(e.reason, '') AS edge_reason, coalesce(c.fence, 0) AS fence, k.kept
FROM page
LEFT JOIN public.portal_domains p ON p.id = page.id
LEFT JOIN tenantry.claims c ON c.portal_domain_id = page.id AND c.closed_at IS NULL AND (p.tenant IS NULL OR c.tenant = p.tenant)
LEFT JOIN tenantry.observations e ON e.tenant = p.tenant AND e.portal_domain_id = p.id AND e.axis = 'edge'
LEFT JOIN LATERAL (SELECT jsonb_agg(jsonb_build_object('id', i.portal_domain_id, 'host', i.host, 'generation', i.generation,
    'secret', i.name) ORDER BY i.generation) AS kept FROM tenantry.inventory i
  WHERE i.tenant = c.tenant AND i.kind = 'secret_copy' AND i.host <> c.host AND i.removed_at IS NULL AND p.status <> 'disabled')
  AS k ON true
ORDER BY page.id";

    /// Rows by a filter, with the claim of each.
    LIST_DOMAINS "list the domains" = "
SELECT p.tenant, p.id, p.domain, p.canonical_host, p.status::text AS status, coalesce(p.status_message, '') AS status_message,
       tenantry.micros(p.last_checked_at) AS last_checked_us, tenantry.micros(p.updated_at) AS updated_us,
       coalesce(c.generation, 0) AS generation, coalesce(c.proof_method, '') AS proof_method
FROM public.portal_domains p
LEFT JOIN tenantry.claims c ON c.tenant = p.tenant AND c.portal_domain_id = p.id AND c.closed_at IS NULL
WHERE ($1::text = '' OR p.status::text = $1::text) AND ($2::text = '' OR position(lower($2::text) in lower(p.domain)) > 0)
  AND ($3::uuid IS NULL OR p.tenant = $3::uuid) AND ($4::uuid IS NULL OR p.id > $4::uuid)
ORDER BY p.id LIMIT $5::bigint";

    /// The newest state of each axis of one domain.
    READ_AXES "read the observations" = "
SELECT o.body FROM tenantry.observations o WHERE o.tenant = $1::uuid AND o.portal_domain_id = $2::uuid ORDER BY o.axis";

    /// The newest entries of a tenant's history, oldest of them first.
    READ_HISTORY "read the history" = "
SELECT h.* FROM (
  SELECT h.id, h.portal_domain_id, tenantry.micros(h.at) AS at_us, h.event, h.host, h.status, h.reason, h.message,
         h.generation, h.worker_build
  FROM tenantry.history h WHERE h.tenant = $1::uuid ORDER BY h.id DESC LIMIT $2::bigint) AS h
ORDER BY h.id";

    /// The open hold of all removals, and the rows that vanished since the last release and within the window: two counts
    /// that end at the numbers beyond which they no longer matter.
    READ_HOLD "read the hold of removals" = "
SELECT (SELECT tenantry.micros(h.began_at) FROM tenantry.removal_holds h WHERE h.released_at IS NULL) AS held_us,
  (SELECT count(*) FROM (SELECT 1 FROM tenantry.claims c WHERE c.row_gone_at > greatest(tenantry.instant($1::bigint),
      (SELECT max(r.released_at) FROM tenantry.removal_holds r)) LIMIT $2::bigint) AS v) AS vanished,
  (SELECT count(*) FROM (SELECT 1 FROM tenantry.claims c WHERE c.closed_at IS NULL LIMIT $3::bigint) AS f) AS fleet";

    /// Holds all removals; nothing where they are held already.
    HOLD_REMOVALS "hold the removals" = "
INSERT INTO tenantry.removal_holds (began_at, vanished, fleet) VALUES (tenantry.instant($1::bigint), $2::bigint, $3::bigint)
ON CONFLICT DO NOTHING";

    /// Lets removals go on. The rows that vanished until now no longer count.
    RELEASE_REMOVALS "release the removals" = "
UPDATE tenantry.removal_holds h SET released_at = tenantry.instant($1::bigint), released_by = $2::text, note = $3::text
WHERE h.released_at IS NULL";

    /// The newest holds, newest first.
    LIST_HOLDS "list the holds of removals" = "
SELECT tenantry.micros(h.began_at) AS began_us, h.vanished, h.fleet, tenantry.micros(h.released_at) AS released_us,
       coalesce(h.released_by, '') AS released_by, coalesce(h.note, '') AS note
FROM tenantry.removal_holds h ORDER BY h.id DESC LIMIT $1::bigint";

    /// How many domains stand where: by status, and by axis and reason of what is not good.
    CENSUS "count the domains" = "
SELECT 'status' AS kind, '' AS axis, p.status::text AS word, count(*) AS domains FROM public.portal_domains p GROUP BY p.status
UNION ALL
SELECT 'reason', o.axis, o.reason, count(*) FROM tenantry.observations o
  JOIN public.portal_domains p ON p.id = o.portal_domain_id AND p.tenant = o.tenant
WHERE o.reason <> '' GROUP BY o.axis, o.reason";

    /// Which migrations were applied.
    APPLIED "read the schema's version" = "
SELECT m.version FROM tenantry.schema_migrations m WHERE m.success ORDER BY m.version";
}}

statements! {
/// Statements of the web application's role: `tenantry domain register|disable` act as the web application.
APPLICATION {
    /// The row before the upsert.
    APP_ROW "read the row" = "
SELECT p.id, p.domain FROM public.portal_domains p WHERE p.tenant = $1::uuid FOR UPDATE";

    /// The web application's upsert: everything is rebuilt, id and created_at survive.
    APP_REGISTER "register the domain" = "
INSERT INTO public.portal_domains AS p (tenant, domain, canonical_host, status, status_message, last_checked_at,
  verification_method, verification_details, certificate_secret_name, last_synced_resource_version, updated_at)
VALUES ($1::uuid, $2::text, $3::text, 'pending_dns', $4::text, now(), 'cname', $5::jsonb, NULL, NULL, now())
ON CONFLICT (tenant) DO UPDATE SET domain = excluded.domain, canonical_host = excluded.canonical_host,
  status = excluded.status, status_message = excluded.status_message, last_checked_at = excluded.last_checked_at,
  verification_method = excluded.verification_method, verification_details = excluded.verification_details,
  certificate_secret_name = NULL, last_synced_resource_version = NULL, updated_at = excluded.updated_at
RETURNING p.id";

    /// The web application's disable: domain and details stay.
    APP_DISABLE "disable the domain" = "
UPDATE public.portal_domains p SET status = 'disabled', status_message = $2::text, last_checked_at = now(),
  certificate_secret_name = NULL, last_synced_resource_version = NULL, updated_at = now()
WHERE p.tenant = $1::uuid RETURNING p.id";
}}
