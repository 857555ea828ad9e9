//! The notation of the seed files.

use super::{AssetType, Grant, Permission, Role, Seeds, Side, Sides, Status, Tax};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Actions and the resources that have them. The actions are words with blanks between them; a word of only the letters
/// `c r u d` stands for create, read, update, delete.
type Block = BTreeMap<String, Vec<String>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    permissions: Permissions,
    roles: Vec<RoleEntry>,
    tax: Option<TaxEntry>,
    statuses: Vec<StatusEntry>,
    asset_types: Vec<AssetTypeEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Permissions {
    msp: Block,
    client: Block,
    both: Block,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleEntry {
    name: String,
    side: SideWord,
    description: String,
    grants: Grants,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum SideWord {
    Msp,
    Client,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Grants {
    /// Every permission that the role's side holds.
    All(AllWord),
    /// These.
    Some(Block),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum AllWord {
    All,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TaxEntry {
    region_code: String,
    region_name: String,
    rate_percent: u8,
    rate_description: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatusEntry {
    name: String,
    color: String,
    icon: String,
    #[serde(default)]
    default: bool,
    #[serde(default)]
    closed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AssetTypeEntry {
    slug: String,
    name: String,
}

/// Reads a file.
///
/// # Errors
/// One sentence for whoever edits the files: not the notation, a permission that stands twice on one side, or a role that
/// holds what its side has not, or holds it twice. No other reader exists, because the files are part of the program.
pub(super) fn parse(text: &str) -> Result<Seeds, String> {
    let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let Permissions { msp, client, both } = &file.permissions;
    let permissions: Vec<Permission> = [(msp, Sides::Msp), (both, Sides::Both), (client, Sides::Client)]
        .into_iter()
        .flat_map(|(block, sides)| rows(block).map(move |(resource, action)| Permission { resource, action, sides }))
        .collect();
    let mut seen = BTreeSet::new();
    if let Some(twice) = permissions.iter().find(|p| !seen.insert((p.held_by(), &p.resource, &p.action))) {
        return Err(format!("{} {} stands twice", twice.resource, twice.action));
    }
    let (mut roles, mut grants) = (Vec::new(), BTreeSet::new());
    for RoleEntry { name, side, description, grants: held } in file.roles {
        let side = match side {
            SideWord::Msp => Side::Msp,
            SideWord::Client => Side::Client,
        };
        let (index, role) = (roles.len(), Role { name, side, description });
        let of_side = permissions.iter().enumerate().filter(|(_, permission)| permission.held_by() == side);
        match held {
            Grants::All(AllWord::All) => grants.extend(of_side.map(|(row, _)| Grant { role: index, permission: row })),
            Grants::Some(block) => {
                for (resource, action) in rows(&block) {
                    let row = of_side.clone().find(|(_, p)| p.resource == resource && p.action == action);
                    let grant = row.map(|(row, _)| Grant { role: index, permission: row });
                    if !grant.is_some_and(|grant| grants.insert(grant)) {
                        return Err(format!("{} cannot hold {resource} {action}", role.name));
                    }
                }
            }
        }
        roles.push(role);
    }
    Ok(Seeds {
        roles,
        permissions,
        grants: grants.into_iter().collect(),
        tax: file.tax.map(|TaxEntry { region_code, region_name, rate_percent, rate_description }| Tax {
            region_code,
            region_name,
            rate_percent,
            rate_description,
        }),
        statuses: (1..).zip(file.statuses).map(status).collect(),
        asset_types: (0..)
            .zip(file.asset_types)
            .map(|(display_order, AssetTypeEntry { slug, name })| AssetType { slug, name, display_order })
            .collect(),
    })
}

fn status((order_number, entry): (i32, StatusEntry)) -> Status {
    let StatusEntry { name, color, icon, default, closed } = entry;
    Status { name, order_number, is_default: default, is_closed: closed, color, icon }
}

/// Resource and action of every row of a block.
fn rows(block: &Block) -> impl Iterator<Item = (String, String)> {
    block.iter().flat_map(|(actions, resources)| {
        let actions: Vec<String> = actions.split(' ').flat_map(spelled_out).collect();
        resources.iter().flat_map(move |resource| actions.clone().into_iter().map(|action| (resource.clone(), action)))
    })
}

/// The actions behind one word.
fn spelled_out(word: &str) -> Vec<String> {
    let letter = |letter: char| match letter {
        'c' => Some("create".to_owned()),
        'r' => Some("read".to_owned()),
        'u' => Some("update".to_owned()),
        'd' => Some("delete".to_owned()),
        _ => None,
    };
    word.chars().map(letter).collect::<Option<_>>().unwrap_or_else(|| vec![word.to_owned()])
}
