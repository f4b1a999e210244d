package settings

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted stands where a secret would have been shown.
const redacted = "[redacted]"

// Secret is a password, token, key, certificate or header value. It prints, logs and encodes as a placeholder, also deep
// inside another struct and under every fmt verb; string(s) is the one way out, so `string(` marks each place where a
// secret leaves.
type Secret string

// Format shows a placeholder whatever the verb. Being a fmt.Formatter, it goes before String, GoString and reflection.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// String shows a placeholder, or nothing for an empty secret: whether it is set may be seen.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// LogValue is String for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is String for encoding/json and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
