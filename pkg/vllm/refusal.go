package vllm

import (
	"regexp"
	"strconv"
	"strings"
)

// statusInWords is how the clients of OpenAI's API and of HTTP write a status into the message of an error.
var statusInWords = regexp.MustCompile(`(?i)\b(?:error code|status code|status|http)[:= ]+'?([1-5][0-9][0-9])\b`)

// refusals are the names that client libraries give to answers of 4xx and 503 (OpenAI's, LiteLLM's, Vercel's), and vLLM's own words.
var refusals = []string{
	"badrequest", "notfound", "authenticationerror", "permissiondenied", "ratelimit", "unprocessableentity", "contextwindow",
	"contentpolicy", "invalidrequest", "conflicterror", "unsupportedparams", "budgetexceeded", "serviceunavailable",
	"unauthorized", "forbidden", "maximumcontextlength",
}

// RefusalInWords reports whether the error of a call says that the request was refused (4xx, 503), for instrumentations that do
// not tell the HTTP status.
func RefusalInWords(text string) bool {
	if m := statusInWords.FindStringSubmatch(text); m != nil {
		status, _ := strconv.Atoi(m[1])
		return status >= 400 && status < 500 && status != 408 && status != 499 || status == 503
	}
	name := strings.ToLower(strings.NewReplacer("_", "", " ", "", "-", "").Replace(text))
	for _, word := range refusals {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}
