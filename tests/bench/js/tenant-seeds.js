// Roles, permissions and first rows of a tenant, as lists of parameters. The files are the product's own; their notation is
// that of model/src/tenant/seeds/file.rs.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const WORDS = { c: 'create', r: 'read', u: 'update', d: 'delete' };
const path = join(__dirname, '../../../model/src/tenant/seeds/psa.json');
const file = JSON.parse(readFileSync(path, 'utf8'));

const actions = (text) =>
  text.split(' ').flatMap((word) => (/^[crud]+$/.test(word) ? [...word].map((letter) => WORDS[letter]) : [word]));
const rows = (block) =>
  Object.entries(block).flatMap(([text, resources]) =>
    resources.flatMap((resource) => actions(text).map((action) => ({ resource, action })))
  );
const flagged = (side, msp, client) => rows(file.permissions[side]).map((row) => ({ ...row, msp, client }));
const permissions = [...flagged('msp', true, false), ...flagged('both', true, true), ...flagged('client', false, true)];
const roles = file.roles.map(({ name, description, side, grants }) => ({ name, description, grants, msp: side === 'msp' }));

// A row with both flags is one of the workspace.
const heldBy = (role) => permissions.filter((row) => row.msp === role.msp);
const grants = roles.flatMap((role) => {
  const held = role.grants === 'all' ? heldBy(role) : rows(role.grants).map(({ resource, action }) =>
    heldBy(role).find((row) => row.resource === resource && row.action === action));
  return held.map((row) => ({ role, row }));
});
const column = (list, of) => list.map(of);

exports.roles = () => [column(roles, (r) => r.name), column(roles, (r) => r.description), column(roles, (r) => r.msp)];
exports.permissions = () => ['resource', 'action', 'msp', 'client'].map((name) => column(permissions, (row) => row[name]));
// Role and permission of each grant, from the rows that the database has.
exports.grants = (roleRows, permissionRows) => {
  const role = new Map(roleRows.map((row) => [`${row.role_name} ${row.msp}`, row.role_id]));
  const key = ({ resource, action, msp, client }) => `${resource} ${action} ${msp} ${client}`;
  const permission = new Map(permissionRows.map((row) => [key(row), row.permission_id]));
  return [
    column(grants, (grant) => role.get(`${grant.role.name} ${grant.role.msp}`)),
    column(grants, (grant) => permission.get(key(grant.row))),
  ];
};
exports.tax = file.tax;
exports.statuses = () => [
  column(file.statuses, (s) => s.name),
  column(file.statuses, (_, index) => index + 1),
  column(file.statuses, (s) => s.default ?? false),
  column(file.statuses, (s) => s.closed ?? false),
  column(file.statuses, (s) => s.color),
  column(file.statuses, (s) => s.icon),
];
exports.assetTypes = () => [
  column(file.asset_types, (t) => t.slug),
  column(file.asset_types, (t) => t.name),
  column(file.asset_types, (_, index) => index),
];
