// Package phone keeps people's real phone numbers secret: it seals a number so
// that it can be kept where others read, opens it again for who may know it,
// and makes marks by which a number is found without being opened.
//
// What is promised:
//
//   - A sealed number tells nothing without its key, not even its length. It is
//     AES-256-GCM with a random nonce, so the same number sealed twice looks
//     like two.
//   - A sealed number belongs to whom it was sealed for. One that is copied to
//     somebody else's record, or changed in a single bit, does not open.
//   - A mark is an HMAC-SHA-256 of the number, and never a plain hash: there are
//     so few phone numbers that all of them can be hashed in minutes, and the
//     hashes looked up. With the key it is the same for the same number, which
//     is its purpose, and which it tells to whoever compares two marks. It says
//     nothing of whom the number belongs to, and is not what protects it.
//   - A key's id is made from the key. With a wrong key a number is one whose
//     key is missing; it is never opened to something else.
//   - Nothing here prints a key or a digit of a number, in errors or otherwise,
//     except [Keyring.Open], [NewKey] and the last two digits of [Mask].
//
// What is not: a lost key is a lost number. There is no other way to it, and
// whoever keeps the keys must keep them apart from the database, and as long
// as the oldest backup of it. Who has both can read all.
//
// A key may seal 2^32 numbers, on all instances together: with more, the risk
// that two of them get the same random nonce, by which the one gives away the
// other and more can be forged, passes 2^-32 (NIST SP 800-38D, section 8.3). A
// key that is changed each year comes that far at 136 numbers a second, day and
// night.
package phone
