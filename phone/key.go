package phone

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

// keySize is that of a key as operators keep it, in bytes.
const keySize = 32

// idSize is that of a key's id, in bytes.
const idSize = 4

// Three secrets are made from each key, so that one line in a file is all that
// operators care for, and none of the three says anything of the others
// (RFC 5869, section 3.2). A change of how numbers are sealed or marked changes
// all three labels: a key then has another id for it, and old and new are never
// taken for each other.
const (
	labelID   = "fairlead phone v1: key id"
	labelSeal = "fairlead phone v1: AES-256-GCM"
	labelMark = "fairlead phone v1: HMAC-SHA-256"
)

// A key is what one key of the operator's can do. The secrets are in functions
// because fmt, which calls no methods of a field that is not exported, shows
// all else that is in such a field, through pointers too.
type key struct {
	id   string
	seal func(text, about []byte) (box []byte)
	open func(box, about []byte) (text []byte, err error)
	mark func(number string) string
}

// newKey makes a key from keySize bytes.
func newKey(secret []byte) *key {
	aead := newAEAD(derive(secret, labelSeal, 32))
	markKey := derive(secret, labelMark, sha256.Size)
	return &key{
		id:   hex.EncodeToString(derive(secret, labelID, idSize)),
		seal: func(text, about []byte) []byte { return aead.Seal(nil, nil, text, about) },
		open: func(box, about []byte) ([]byte, error) { return aead.Open(nil, nil, box, about) },
		mark: func(number string) string {
			mac := hmac.New(sha256.New, markKey)
			mac.Write([]byte(number))
			return string(mac.Sum(nil))
		},
	}
}

// newAEAD returns AES-256-GCM that puts a random nonce in front of what it
// seals.
func newAEAD(secret []byte) cipher.AEAD {
	block, err := aes.NewCipher(secret)
	if err != nil {
		panic(err) // only for other lengths than 16, 24 and 32
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only for other ciphers than AES
	}
	return aead
}

func derive(secret []byte, label string, size int) []byte {
	out, err := hkdf.Key(sha256.New, secret, nil, label, size)
	if err != nil {
		panic(err) // only for sizes above 8,160
	}
	return out
}

// isID reports whether s is written like the id of a key.
func isID(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == idSize && hex.EncodeToString(b) == s
}

// NewKey makes a key, written as [ParseKeys] reads it.
func NewKey() string {
	secret := make([]byte, keySize)
	rand.Read(secret) // never fails: the program would end
	return base64.StdEncoding.EncodeToString(secret)
}
