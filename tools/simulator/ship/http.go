package ship

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// post sends a body and sorts the answers: 2xx is delivered, 4xx is Rejected,
// except 429 (slow down) and 404 (the server is there but not ready).
func post(ctx context.Context, client *http.Client, url string, header map[string]string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return Rejected{err.Error()}
	}
	for k, v := range header {
		request.Header.Set(k, v)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	message, _ := io.ReadAll(io.LimitReader(response.Body, 1024)) // only words for the error
	if response.StatusCode/100 == 2 {
		return nil
	}
	reason := fmt.Sprintf("%s: %s", response.Status, strings.TrimSpace(string(message)))
	switch s := response.StatusCode; {
	case s == http.StatusTooManyRequests || s == http.StatusNotFound || s/100 != 4:
		return fmt.Errorf("%s", reason)
	}
	return Rejected{reason}
}
