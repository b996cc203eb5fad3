// Package secret owns the cryptography of small secrets: hashes of passwords and PINs, sealed national ids with the
// fingerprints that find them again, and one-time codes.
//
// It holds keys in memory and nothing else; who loads them, and from where, is the command's business. One 32-byte
// master key is enough: [Derive] makes one key per purpose from it.
//
//   - A password is hashed with Argon2id and a salt of its own ([NewPasswords]). The hash needs no key, so that losing
//     the key locks nobody out.
//   - A PIN has four to eight digits, which no hash can protect once the table is stolen. It is therefore keyed before it
//     is hashed ([NewPINs]): without the key, the table says nothing.
//   - A sealed text names the key that sealed it in its first byte, so that keys can be changed one record at a time
//     ([Sealer]).
//   - A fingerprint is a keyed hash: equal texts have equal fingerprints, and nobody without the key can try texts.
package secret
