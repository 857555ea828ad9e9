//! What a new tenant begins with: roles, permissions, grants, and the first rows of some lists (tenant-provisioning
//! contract, section 5).
//!
//! The data is in `seeds/psa.json` and `seeds/algadesk.json`, written as compactly as the contract's tables, so that the two
//! can be laid side by side. The groups of section 5.3 whose texts come from an operator's seed pack are not here.

mod file;
#[cfg(test)]
mod tests;

use super::product::Product;
use std::sync::LazyLock;

/// `status_type` and `item_type` of every [`Status`] here.
pub const STATUS_TYPE: &str = "project_task";

/// Which of the two applications a role belongs to: the provider's workspace or the portal of its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The workspace: `msp` true, `client` false.
    Msp,
    /// The client portal: `msp` false, `client` true.
    Client,
}

/// Which sides a permission row is flagged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sides {
    /// `msp` true, `client` false.
    Msp,
    /// `msp` false, `client` true.
    Client,
    /// Both true: the `settings` rows of the full product. They count as rows of the workspace, and no role of the client
    /// portal holds them.
    Both,
}

/// A row of `roles`. Names repeat: each side has an `Admin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// `role_name`.
    pub name: String,
    /// Columns `msp` and `client`.
    pub side: Side,
    /// `description`, free text.
    pub description: String,
}

impl Role {
    /// Column `msp`.
    pub const fn msp(&self) -> bool {
        matches!(self.side, Side::Msp)
    }

    /// Column `client`: the reverse of [`msp`](Self::msp).
    pub const fn client(&self) -> bool {
        matches!(self.side, Side::Client)
    }
}

/// A row of `permissions`. Resource and action repeat: a permission of the client portal is a row of its own, also where the
/// workspace has one of the same name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// `resource`.
    pub resource: String,
    /// `action`.
    pub action: String,
    /// Columns `msp` and `client`.
    pub sides: Sides,
}

impl Permission {
    /// Column `msp`.
    pub const fn msp(&self) -> bool {
        matches!(self.sides, Sides::Msp | Sides::Both)
    }

    /// Column `client`.
    pub const fn client(&self) -> bool {
        matches!(self.sides, Sides::Client | Sides::Both)
    }

    /// The side whose roles may hold it.
    pub const fn held_by(&self) -> Side {
        match self.sides {
            Sides::Msp | Sides::Both => Side::Msp,
            Sides::Client => Side::Client,
        }
    }
}

/// A row of `role_permissions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// Index into [`Seeds::roles`].
    pub role: usize,
    /// Index into [`Seeds::permissions`].
    pub permission: usize,
}

/// A row of `tax_regions`, active, and one of `tax_rates` in it, active from today on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tax {
    /// `region_code` of both rows.
    pub region_code: String,
    /// `region_name`.
    pub region_name: String,
    /// `tax_percentage`, whole per cent.
    pub rate_percent: u8,
    /// `tax_rates.description`.
    pub rate_description: String,
}

/// A row of `statuses`, with `created_by` null. Only for a tenant that has no status of [`STATUS_TYPE`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// `name`.
    pub name: String,
    /// `order_number`, from 1.
    pub order_number: i32,
    /// `is_default`.
    pub is_default: bool,
    /// `is_closed`.
    pub is_closed: bool,
    /// `color`: `#` and six hexadecimal digits.
    pub color: String,
    /// `icon`.
    pub icon: String,
}

/// A row of `asset_type_registry`, with `is_builtin` true and an empty list as `fields_schema`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetType {
    /// `slug`.
    pub slug: String,
    /// `name`.
    pub name: String,
    /// `display_order`, from 0.
    pub display_order: i32,
}

/// Everything a product seeds. Lists are in the order of the files, rows that the files write in groups by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seeds {
    /// Roles.
    pub roles: Vec<Role>,
    /// Permissions, each once per side.
    pub permissions: Vec<Permission>,
    /// Grants, ascending; each role holds permissions of its own side only.
    pub grants: Vec<Grant>,
    /// Tax region and rate, where the product has any.
    pub tax: Option<Tax>,
    /// Statuses of project tasks.
    pub statuses: Vec<Status>,
    /// Types of assets.
    pub asset_types: Vec<AssetType>,
}

impl Seeds {
    /// The role of that name and side. `("Admin", Side::Msp)` is the first administrator's (section 4.2).
    pub fn role(&self, name: &str, side: Side) -> Option<&Role> {
        self.roles.iter().find(|role| role.name == name && role.side == side)
    }
}

static PSA: LazyLock<Seeds> = LazyLock::new(|| parsed(include_str!("seeds/psa.json")));
static ALGADESK: LazyLock<Seeds> = LazyLock::new(|| parsed(include_str!("seeds/algadesk.json")));

/// The seeds of a product, read once.
pub fn seeds(product: Product) -> &'static Seeds {
    match product {
        Product::Psa => &PSA,
        Product::Algadesk => &ALGADESK,
    }
}

fn parsed(text: &str) -> Seeds {
    file::parse(text).expect("the seed files are part of the program and are read by its tests")
}
