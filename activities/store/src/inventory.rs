//! `recordInventory`: which objects of the cluster belong to which generation of which domain.

use crate::db::{begin_turn, bigint, commit, micros};
use crate::error::StoreError;
use crate::{ids, sql};
use proto::v1 as wire;
use serde_json::{Value, json};
use sqlx::PgConnection;
use sqlx::types::Json;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Most objects of one request: five kinds, old and new generation, and as many Orders again, with room.
const OBJECTS_MAX: usize = 200;

/// The objects of a tenant that were not read back as gone, and the row ids that they were made for.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    pub(crate) objects: Vec<wire::InventoryObject>,
    ids: BTreeSet<Uuid>,
}

impl Inventory {
    /// The ids other than this one: of rows that were deleted and made again before their objects were gone.
    pub(crate) fn former_ids(&self, id: Uuid) -> Vec<String> {
        self.ids.iter().filter(|known| **known != id).map(Uuid::to_string).collect()
    }
}

pub(crate) async fn read(conn: &mut PgConnection, tenant: Uuid) -> Result<Inventory, StoreError> {
    let mut inventory = Inventory::default();
    for record in sql::READ_INVENTORY.bind(tenant).all(conn).await? {
        inventory.ids.insert(record.field("portal_domain_id")?);
        inventory.objects.push(wire::InventoryObject {
            generation: record.count("generation")?,
            kind: record.field("kind")?,
            namespace: record.field("namespace")?,
            name: record.field("name")?,
            uid: record.field("uid")?,
            host: record.field("host")?,
        });
    }
    Ok(inventory)
}

fn rows(objects: &[wire::InventoryObject]) -> Result<Value, StoreError> {
    if objects.len() > OBJECTS_MAX {
        return Err(StoreError::Unreadable { what: "the number of objects" });
    }
    let row = |o: &wire::InventoryObject| {
        json!({
            "generation": bigint(o.generation), "kind": o.kind, "namespace": o.namespace,
            "name": o.name, "uid": o.uid, "host": o.host,
        })
    };
    let mut keyed = BTreeMap::new();
    for object in objects {
        let key = (object.generation, &object.kind, &object.namespace, &object.name);
        keyed.insert(key, row(object)); // The last entry of one object counts: a statement may touch a row once.
    }
    Ok(Value::Array(keyed.into_values().collect()))
}

/// Records objects before and after they exist, and the ones that were read back as gone.
///
/// Answers `fenced` and records nothing when a newer fence of the domain exists, or when objects would be added to a domain
/// whose claim is closed. Answers `stale` when the request says for which host the objects are, and the row is disabled or
/// asks for another one by now. Removed objects count for whichever domain of the tenant they were recorded.
pub(crate) async fn record(
    conn: &mut PgConnection,
    request: &wire::RecordInventoryRequest,
) -> Result<wire::RecordInventoryReply, StoreError> {
    let (tenant, id) = ids(&request.tenant_id, &request.portal_domain_id)?;
    let (objects, removed) = (rows(&request.objects)?, rows(&request.removed)?);
    let fence = bigint(request.fence);
    let mut tx = begin_turn(conn, tenant).await?;
    let known = sql::READ_FENCE.bind(tenant).bind(id).one(&mut tx).await?;
    let newest: Option<i64> = known.field("fence")?;
    let closed = !known.field::<bool>("open")?;
    if newest.is_none_or(|newest| fence < newest) || (closed && !request.objects.is_empty()) {
        commit(tx).await?;
        return Ok(wire::RecordInventoryReply { outcome: "fenced".to_owned() });
    }
    if !request.wanted_domain.is_empty() && !is_wanted(&mut tx, (tenant, id), &request.wanted_domain).await? {
        commit(tx).await?;
        return Ok(wire::RecordInventoryReply { outcome: "stale".to_owned() });
    }
    let now = micros(request.now_ms);
    if !request.objects.is_empty() {
        let objects = Json(objects);
        sql::RECORD_OBJECTS.bind(tenant).bind(id).bind(fence).bind(now).bind(objects).execute(&mut tx).await?;
    }
    if !request.removed.is_empty() {
        sql::REMOVE_OBJECTS.bind(tenant).bind(now).bind(Json(removed)).execute(&mut tx).await?;
        sql::BURY_LEFT_HOSTS.bind(tenant).bind(now).execute(&mut tx).await?;
    }
    commit(tx).await?;
    Ok(wire::RecordInventoryReply { outcome: "recorded".to_owned() })
}

/// Tells whether the row still asks for this host: the gate before anything is written for it.
async fn is_wanted(conn: &mut PgConnection, (tenant, id): (Uuid, Uuid), domain: &str) -> Result<bool, StoreError> {
    let Some(row) = sql::READ_VERSION.bind(tenant).bind(id).optional(conn).await? else { return Ok(false) };
    Ok(row.field::<&str>("domain")? == domain && row.field::<&str>("status")? != "disabled")
}
