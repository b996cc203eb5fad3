package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/secret"
	"github.com/lieu-clinic/lieu/internal/store"
)

// keys are what the master key is good for.
type keys struct {
	sealer *secret.Sealer
	pepper []byte
	orders ed25519.PrivateKey
}

// forOrders is the purpose of the key that signs orders to the counters. Changing it makes every counter enrol again.
const forOrders = "lieu orders v1"

// sealingKey is the id of the first sealing key.
const sealingKey = 1

func deriveKeys(master []byte) (k keys, err error) {
	sealing, err := secret.Derive(master, secret.ForSealing)
	if err != nil {
		return keys{}, err
	}
	marks, err := secret.Derive(master, secret.ForFingerprints)
	if err != nil {
		return keys{}, err
	}
	if k.pepper, err = secret.Derive(master, secret.ForPINs); err != nil {
		return keys{}, err
	}
	seed, err := secret.Derive(master, forOrders)
	if err != nil {
		return keys{}, err
	}
	k.orders = ed25519.NewKeyFromSeed(seed)
	k.sealer, err = secret.NewSealer(marks, secret.Key{ID: sealingKey, Bytes: sealing})
	return k, err
}

// keyPath returns where the master key of a database is, and whether it may be made there.
func (c *cli) keyPath() (path string, mayMake bool, err error) {
	u, err := url.Parse(c.Database)
	if err != nil {
		return "", false, errors.New("the database URL does not parse") // its text may hold a password
	}
	if u.Scheme != "sqlite" {
		if c.KeyFile == "" {
			return "", false, errors.New("name the master key with --key-file: several servers of one PostgreSQL share it")
		}
		return c.KeyFile, false, nil
	}
	if c.KeyFile != "" {
		return c.KeyFile, true, nil
	}
	return filepath.Join(filepath.Dir(u.Path), "lieu.key"), true, nil
}

// loadMaster reads the master key; with mayMake a missing one is made, readable by its owner alone.
func loadMaster(path string, mayMake bool) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && mayMake {
		return makeMaster(path)
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no key file %s: make one with `openssl rand -hex 32`, readable by this user alone", path)
	}
	if err != nil {
		return nil, err
	}
	master, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(master) != secret.KeySize {
		return nil, fmt.Errorf("key file %s does not hold %d bytes in hex", path, secret.KeySize)
	}
	return master, nil
}

func makeMaster(path string) ([]byte, error) {
	master := make([]byte, secret.KeySize)
	if _, err := rand.Read(master); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // an error of the write counts, and Sync has reported it
	if _, err := f.WriteString(hex.EncodeToString(master) + "\n"); err != nil {
		return nil, err
	}
	return master, f.Sync()
}

// keyCheck is where a database remembers which key it is used with.
const keyCheck = "key_check"

// checkKey binds a database to its key: with another one, PINs would be wrong and national ids could not be read.
func checkKey(ctx context.Context, db *store.Store, k keys) error {
	err := db.Mark(ctx, keyCheck, k.sealer.Fingerprint(keyCheck))
	if fault.Is(err, fault.Conflict) {
		return errors.New("this key is not the one that the database was used with before")
	}
	return err
}
