package memo

import (
	"context"
	"crypto/sha256"
	"encoding/binary"

	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// who is an identity: a digest of what a store is sent to say who asks. The zero value is everybody, where no store is sent it.
type who [sha256.Size]byte

// identityOf says in whose name stores are asked. Who asks without a user, as alert rules do, is one identity: the data source's own.
// known is false when the context does not say who asks at all: then nothing may be kept or shared.
func identityOf(ctx context.Context) (id who, known bool) {
	headers := upstream.Identity(ctx)
	if headers == nil {
		return who{}, false
	}
	digest := sha256.New()
	for _, name := range upstream.IdentityHeaders {
		value := headers.Get(name)
		_ = binary.Write(digest, binary.BigEndian, uint64(len(value))) // a hash takes whatever it is given
		digest.Write([]byte(value))
	}
	return who(digest.Sum(nil)), true
}

// forwards reports whether any of the stores is sent the user's identity.
func forwards(stores []settings.Store) bool {
	for _, s := range stores {
		if s.Configured() && s.ForwardIdentity {
			return true
		}
	}
	return false
}
