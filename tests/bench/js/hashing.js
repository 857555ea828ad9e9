// CPU milliseconds of one password hash in Node: node hashing.js. The parameters of ../src/tenants/hashing.rs.
const { pbkdf2Sync } = require('node:crypto');

const HASHES = 100;
const begin = process.cpuUsage();
for (let n = 0; n < HASHES; n++) {
  const salt = 'pepper of a local stack' + n.toString(16).padStart(24, '0');
  pbkdf2Sync('TempPass123!', salt, 10000, 64, 'sha512');
}
const used = process.cpuUsage(begin);
console.log((used.user + used.system) / 1000 / HASHES);
