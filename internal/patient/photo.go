package patient

import (
	"bytes"
	"context"

	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/staff"
)

// signatures are the first bytes of the pictures that a photo may be.
var signatures = []struct {
	mediaType string
	magic     []byte
}{
	{"image/jpeg", []byte{0xFF, 0xD8, 0xFF}},
	{"image/png", []byte("\x89PNG\r\n\x1a\n")},
}

// photoType tells a picture's type by its bytes, whatever its sender calls it.
func photoType(data []byte) (string, error) {
	if len(data) > MaxPhotoBytes {
		return "", fault.New(fault.Invalid, "patient.photo_size", "photo of %d bytes, at most %d", len(data), MaxPhotoBytes)
	}
	for _, s := range signatures {
		if bytes.HasPrefix(data, s.magic) {
			return s.mediaType, nil
		}
	}
	return "", fault.New(fault.Invalid, "patient.photo_type", "photo is neither JPEG nor PNG")
}

// SetPhoto stores a JPEG or PNG of at most MaxPhotoBytes in place of an earlier photo.
func (s *Service) SetPhoto(ctx context.Context, c clinic.ID, by staff.Member, key ID, picture []byte) error {
	if err := by.Require(c, staff.ManagePatient); err != nil {
		return err
	}
	mediaType, err := photoType(picture)
	if err != nil {
		return err
	}
	_, err = s.edit(ctx, c, by, key, "patient.photo", func(tx Tx, p *Patient) (any, error) {
		p.HasPhoto = true
		photo := Photo{MediaType: mediaType, Data: picture, TakenAt: s.instant()}
		return map[string]any{"changed": []string{"photo"}, "bytes": len(picture)}, tx.PutPhoto(ctx, key, photo)
	})
	return err
}

// Photo reads a file's photo. It is part of a record that the same screen has just read, and was audited with it.
func (s *Service) Photo(ctx context.Context, c clinic.ID, by staff.Member, key ID) (Photo, error) {
	if err := by.Require(c, staff.ReadPatient); err != nil {
		return Photo{}, err
	}
	return s.store.Photo(ctx, c, key)
}
