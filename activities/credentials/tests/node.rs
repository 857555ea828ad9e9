//! The web application's verifier, run by Node.js, accepts what is made here.

use credentials::{Algorithm, PasswordHasher, PasswordParams, generate_password, system_random};
use secrecy::{ExposeSecret, SecretString};
use std::io::ErrorKind;
use std::process::Command;

/// What the application does at sign-in (tenant-provisioning contract, section 6). Prints whether password and hash agree.
const VERIFIER: &str = r"
const { pbkdf2Sync } = require('node:crypto');
const [password, pepper, stored, iterations, length, digest] = process.argv.slice(1);
const [salt, hash] = stored.split(':');
const made = pbkdf2Sync(password, pepper + salt, Number(iterations), Number(length), digest).toString('hex');
console.log(made === hash);
";

/// None where Node.js is not installed.
fn node_accepts(password: &SecretString, pepper: &str, stored: &str, params: PasswordParams) -> Option<bool> {
    let digest = match params.algorithm() {
        Algorithm::Sha256 => "sha256",
        Algorithm::Sha512 => "sha512",
    };
    let numbers = [params.iterations().to_string(), params.key_length().to_string()];
    let output = Command::new("node")
        .args(["-e", VERIFIER, "--", password.expose_secret(), pepper, stored, &numbers[0], &numbers[1], digest])
        .output();
    match output {
        Ok(output) => {
            assert!(output.status.success(), "node failed");
            Some(output.stdout.trim_ascii() == b"true")
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("node does not start: {error}"),
    }
}

#[test]
fn node_verifies_a_hash_made_here_and_refuses_another_password() {
    let mut rng = system_random();
    let pepper = "pepper of the installation, with ü";
    let other = PasswordParams::new(16, 1_000, 48, Algorithm::Sha256).unwrap();
    for params in [PasswordParams::default(), other] {
        let hasher = PasswordHasher::new(params, pepper.into()).unwrap();
        for password in [generate_password(&mut rng), "pässwörd✓ 'with' \"quotes\"".into()] {
            let hash = hasher.hash(&password, &mut rng);
            let Some(accepted) = node_accepts(&password, pepper, hash.expose(), params) else {
                println!("not run: node is not installed");
                return;
            };
            assert!(accepted);
            assert_eq!(node_accepts(&"another".into(), pepper, hash.expose(), params), Some(false));
            assert_eq!(node_accepts(&password, pepper, hasher.unusable(&mut rng).expose(), params), Some(false));
        }
    }
}
