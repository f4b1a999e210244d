//go:build integration && unix

package worlds_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// partial is a Thanos Querier one of whose stores is away: it answers with what the other one has and adds a warning.
func partial(t *testing.T, prometheus string) http.Handler {
	t.Helper()
	target, err := url.Parse(prometheus)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = func(r *http.Response) error {
		if !strings.Contains(r.Request.URL.Path, "/api/v1/query") {
			return nil
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		var answer map[string]any
		if json.Unmarshal(body, &answer) == nil {
			if data, ok := answer["data"].(map[string]any); ok {
				data["result"] = half(data["result"])
			}
			answer["warnings"] = []string{"No StoreAPIs matched for this query: store thanos-store-1 is away, partial response"}
			if body, err = json.Marshal(answer); err != nil {
				return err
			}
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		r.Header.Del("Content-Encoding")
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Accept-Encoding")
		proxy.ServeHTTP(w, r)
	})
}

// half leaves out the series of every second replica.
func half(result any) any {
	series, ok := result.([]any)
	if !ok {
		return result
	}
	kept := []any{}
	for _, s := range series {
		labels, _ := s.(map[string]any)["metric"].(map[string]any)
		if instance, _ := labels["instance"].(string); !strings.HasSuffix(instance, "-1") {
			kept = append(kept, s)
		}
	}
	return kept
}
