package stationlog

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// MaxJob bounds what one order gives to a printer, in bytes as the printer gets them.
const MaxJob = 256 << 10

// maxPacked bounds the same as an order carries it: with its encoding and the rest of the order it stays under MaxPayload.
const maxPacked = 11 << 10

// Pack makes a job small enough for an order. ErrMalformed for one that is empty or too large.
func Pack(job []byte) ([]byte, error) {
	if len(job) == 0 || len(job) > MaxJob {
		return nil, fmt.Errorf("%w: print job of %d bytes", ErrMalformed, len(job))
	}
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(job); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if packed.Len() > maxPacked {
		return nil, fmt.Errorf("%w: print job of %d bytes packed", ErrMalformed, packed.Len())
	}
	return packed.Bytes(), nil
}

// Unpack undoes Pack. What would become larger than MaxJob is ErrMalformed, and is not unpacked to find out by how much.
func Unpack(packed []byte) ([]byte, error) {
	r := flate.NewReader(bytes.NewReader(packed))
	job, err := io.ReadAll(io.LimitReader(r, MaxJob+1))
	if err != nil || len(job) == 0 || len(job) > MaxJob {
		return nil, fmt.Errorf("%w: print job that does not unpack", ErrMalformed)
	}
	return job, nil
}

// JobHash names a job in records, as lower-case hex.
func JobHash(job []byte) string {
	sum := sha256.Sum256(job)
	return hex.EncodeToString(sum[:])
}
