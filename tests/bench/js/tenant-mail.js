// The welcome mail: the product's own templates with their placeholders filled and escaped.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const template = (name) => readFileSync(join(__dirname, '../../../activities/mail/templates', name), 'utf8');
const HTML = template('welcome.html');
const TEXT = template('welcome.txt');
const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escaped = (value) => value.replace(/[&<>"']/g, (character) => ESCAPES[character]);

// Conditions are taken out, not decided: the length of the mail is what matters here.
function fill(text, letter, write) {
  const values = {
    subject: 'Welcome to AlgaPSA - Your Account is Ready',
    product: 'AlgaPSA',
    about: 'Everything for your service desk in one place.',
    full_name: `${letter.firstName} ${letter.lastName}`,
    tenant_name: letter.tenantName,
    sign_in_url: 'https://app.tenantry.test',
    password: letter.password,
    year: '2026',
  };
  return text.replace(/\{%.*?%\}/g, '').replace(/\{\{ (\S+) \}\}/g, (_, name) => write(values[name] ?? name));
}

exports.html = (letter) => fill(HTML, letter, escaped);
exports.text = (letter) => fill(TEXT, letter, (value) => value);
