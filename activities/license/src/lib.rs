//! Keys of licences and install codes: signing, verification, keyed hashes, presigned links.
