package stationlog

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Scheme is the Authorization scheme of a counter's requests:
//
//	Authorization: Lieu-Station <station id> <unix seconds> <base64url signature>
//
// The signature is over method, path with query, seconds and the body's SHA-256, one per line.
const Scheme = "Lieu-Station"

// MaxSkew is how far a request's time may be from the server's. A counter whose clock is off corrects itself by the
// Date header of the refusal.
const MaxSkew = 5 * time.Minute

func requestBytes(method, path string, unix int64, body []byte) []byte {
	sum := sha256.Sum256(body)
	return fmt.Appendf(nil, "%s\n%s\n%d\n%x", method, path, unix, sum)
}

// Authorization returns the header value for a request.
func Authorization(station, method, path string, now time.Time, body []byte, key ed25519.PrivateKey) string {
	unix := now.Unix()
	sig := ed25519.Sign(key, requestBytes(method, path, unix, body))
	return fmt.Sprintf("%s %s %d %s", Scheme, station, unix, base64.RawURLEncoding.EncodeToString(sig))
}

// Claim is a request's say about who sends it, before it is checked.
type Claim struct {
	Station string
	unix    int64
	sig     []byte
}

// ParseAuthorization reads the header; ok is false when it is not of this scheme or is malformed.
func ParseAuthorization(header string) (c Claim, ok bool) {
	f := strings.Split(header, " ")
	if len(f) != 4 || f[0] != Scheme || f[1] == "" {
		return Claim{}, false
	}
	unix, err := strconv.ParseInt(f[2], 10, 64)
	if err != nil {
		return Claim{}, false
	}
	sig, err := base64.RawURLEncoding.DecodeString(f[3])
	if err != nil {
		return Claim{}, false
	}
	return Claim{Station: f[1], unix: unix, sig: sig}, true
}

// Check verifies the claim against the station's key and the request as received.
func (c Claim) Check(key ed25519.PublicKey, method, path string, now time.Time, body []byte) error {
	if d := now.Sub(time.Unix(c.unix, 0)); d > MaxSkew || d < -MaxSkew {
		return fmt.Errorf("%w: its clock is off by %s", ErrSignature, d.Round(time.Second))
	}
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, requestBytes(method, path, c.unix, body), c.sig) {
		return ErrSignature
	}
	return nil
}
