package station

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
)

// Files of a counter's directory.
const (
	keyFile      = "station.key"  // the seed of the Ed25519 key, born here and never sent
	identityFile = "station.json" // what the server answered to the enrolment
	journalFile  = "journal.db"
)

// JournalPath is where the journal of a counter's directory lies.
func JournalPath(dir string) string { return filepath.Join(dir, journalFile) }

// Errors of enrolment. Match with errors.Is.
var (
	ErrEnrolled    = errors.New("this directory belongs to an enrolled counter already")
	ErrNotEnrolled = errors.New("this directory belongs to no enrolled counter")
)

// Identity is who this counter is, to the server and to itself.
type Identity struct {
	Server    string            `json:"server"`
	Station   string            `json:"station_id"`
	Clinic    string            `json:"clinic_id"`
	Name      string            `json:"name"`
	ServerKey ed25519.PublicKey `json:"server_key"`
	Manual    bool              `json:"manual"` // poured by hand: no pump
	// Position is where the station's chain of events stood when this counter was enrolled: a counter that replaces
	// another goes on from there.
	Position

	Key ed25519.PrivateKey `json:"-"`
}

func (i Identity) valid() bool {
	return i.Station != "" && i.Server != "" && len(i.ServerKey) == ed25519.PublicKeySize && len(i.Key) == ed25519.PrivateKeySize
}

// PublicKey is what others check this counter's records with; nil for the zero Identity.
func (i Identity) PublicKey() ed25519.PublicKey {
	if len(i.Key) == 0 {
		return nil
	}
	return publicOf(i.Key)
}

// publicOf returns the public half, which is the second half of a private key.
func publicOf(key ed25519.PrivateKey) ed25519.PublicKey {
	return ed25519.PublicKey(key[ed25519.SeedSize:])
}

// LoadIdentity reads what Enrol left in dir.
func LoadIdentity(dir string) (Identity, error) {
	raw, err := os.ReadFile(filepath.Join(dir, identityFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Identity{}, fmt.Errorf("%s: %w", dir, ErrNotEnrolled)
	}
	if err != nil {
		return Identity{}, err
	}
	var i Identity
	if err := json.Unmarshal(raw, &i); err != nil {
		return Identity{}, fmt.Errorf("%s: %w", identityFile, err)
	}
	if i.Key, err = loadKey(dir); err != nil {
		return Identity{}, err
	}
	if !i.valid() {
		return Identity{}, fmt.Errorf("%s: %w", identityFile, ErrNotEnrolled)
	}
	return i, nil
}

// Enrol makes this counter known to a server: a key is born in dir, and its public half goes to the server with the
// one-time code. When the answer is lost, Enrol may be called again: the key stays the same.
func Enrol(ctx context.Context, dir, server, code string, client *http.Client, random io.Reader) (Identity, error) {
	if _, err := os.Stat(filepath.Join(dir, identityFile)); err == nil {
		return Identity{}, fmt.Errorf("%s: %w", dir, ErrEnrolled)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Identity{}, err
	}
	key, err := loadKey(dir)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = newKey(dir, random)
	}
	if err != nil {
		return Identity{}, err
	}
	i, err := enrol(ctx, client, server, code, key)
	if err != nil {
		return Identity{}, fmt.Errorf("enrolment at %s: %w", server, err)
	}
	raw, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		return Identity{}, err
	}
	return i, writeDurably(dir, identityFile, raw)
}

func loadKey(dir string) (ed25519.PrivateKey, error) {
	path := filepath.Join(dir, keyFile)
	seed, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%s: %d bytes instead of %d", path, len(seed), ed25519.SeedSize)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

func newKey(dir string, random io.Reader) (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(random)
	if err != nil {
		return nil, err
	}
	return key, writeDurably(dir, keyFile, key.Seed())
}

// writeDurably replaces a file so that after a power cut it is there whole or not at all. Only its owner may read it.
func writeDurably(dir, name string, content []byte) error {
	f, err := os.CreateTemp(dir, name+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", name, err), os.Remove(f.Name()))
	}
	return syncDir(dir)
}

// syncDir makes a rename durable. Where directories cannot be synced, the file system has its own promise.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}
