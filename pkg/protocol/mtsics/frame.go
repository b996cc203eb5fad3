package mtsics

import "github.com/lieu-clinic/lieu/pkg/protocol/lines"

// MaxLine is the longest line that is taken for a reply, without its CR LF.
const MaxLine = lines.Max

// A Framer cuts a stream of bytes into lines ended by CR LF.
type Framer = lines.Framer
