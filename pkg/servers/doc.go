// Package servers answers "which server is this": one table for rows, events, annotations and Save & test. A server is one
// API server of vLLM, with the engines behind it. Three stores name the same server in their own words (pod, scrape address,
// host, container), and two clusters or environments use the same words for different servers.
//
// It is pure: values in, values out.
package servers
