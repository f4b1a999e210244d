// Package querytest holds queries that must be refused. Package query says which field of each is wrong; package host that
// nothing is sent to a store for them.
package querytest

import "strings"

// Bad is a query that must be refused.
type Bad struct {
	JSON  string
	Alert bool   // sent by an alert rule
	Field string // that the error names
}

// endless is longer than any value may be.
var endless = strings.Repeat("x", 2000)

// BadQueries by what is wrong with them.
var BadQueries = map[string]Bad{
	"unknown kind":                                {JSON: `{"queryType":"sql"}`, Field: "queryType"},
	"a version from the future":                   {JSON: `{"version":99}`, Field: "version"},
	"rows cannot alert":                           {JSON: `{"queryType":"requests"}`, Alert: true, Field: "requests.filters"},
	"a share of everything":                       {JSON: `{"queryType":"requests","requests":{"form":"timeseries"}}`, Field: "requests.filters"},
	"a share grouped by nothing known":            {JSON: `{"requests":{"groupBy":["user"]}}`, Field: "requests"},
	"logs cannot alert":                           {JSON: `{"queryType":"logs"}`, Alert: true, Field: "queryType"},
	"negative limit":                              {JSON: `{"requests":{"limit":-1}}`, Field: "requests.limit"},
	"a limit above the data source's own":         {JSON: `{"requests":{"limit":1000000000}}`, Field: "requests.limit"},
	"sort by an unknown column":                   {JSON: `{"requests":{"sort":{"column":"password"}}}`, Field: "requests.sort.column"},
	"filter on an unknown column":                 {JSON: `{"requests":{"filters":[{"column":"x","op":"="}]}}`, Field: "requests"},
	"filter with an unknown op":                   {JSON: `{"requests":{"filters":[{"column":"e2e","op":"~~","value":"1"}]}}`, Field: "requests"},
	"text op on a number":                         {JSON: `{"requests":{"filters":[{"column":"e2e","op":"=~","value":"1"}]}}`, Field: "requests"},
	"number op on a text":                         {JSON: `{"requests":{"filters":[{"column":"model","op":">","value":"1"}]}}`, Field: "requests"},
	"a duration that is none":                     {JSON: `{"requests":{"filters":[{"column":"e2e","op":">","value":"soon"}]}}`, Field: "requests"},
	"an infinite number":                          {JSON: `{"requests":{"filters":[{"column":"e2e","op":">","value":"Inf"}]}}`, Field: "requests"},
	"a broken expression":                         {JSON: `{"requests":{"filters":[{"column":"model","op":"=~","value":"("}]}}`, Field: "requests"},
	"an endless filter value":                     {JSON: `{"requests":{"filters":[{"column":"model","op":"=","value":"` + endless + `"}]}}`, Field: "requests.filters[0]"},
	"an event of no catalogue":                    {JSON: `{"queryType":"annotations","annotations":{"events":["restart","x\"}"]}}`, Field: "annotations.events"},
	"more events than can be drawn":               {JSON: `{"queryType":"annotations","annotations":{"limit":1000000}}`, Field: "annotations.limit"},
	"a negative number of events":                 {JSON: `{"queryType":"annotations","annotations":{"limit":-1}}`, Field: "annotations.limit"},
	"events cannot alert":                         {JSON: `{"queryType":"annotations"}`, Alert: true, Field: "queryType"},
	"a control character in a scope":              {JSON: `{"scope":{"models":["a\u0000b"]}}`, Field: "scope.models"},
	"a scope with endless values":                 {JSON: `{"scope":{"pods":["` + endless + `"]}}`, Field: "scope.pods"},
	"too many scope values":                       {JSON: `{"scope":{"pods":[` + strings.Repeat(`"p",`, 500) + `"p"]}}`, Field: "scope.pods"},
	"no request id":                               {JSON: `{"queryType":"request","request":{"id":" "}}`, Field: "request.id"},
	"a request id with a line break":              {JSON: `{"queryType":"request","request":{"id":"x\ny"}}`, Field: "request.id"},
	"a request id with a zero byte":               {JSON: `{"queryType":"request","request":{"id":"a\u0000b"}}`, Field: "request.id"},
	"a part that no answer has":                   {JSON: `{"queryType":"request","request":{"id":"a","show":["logs","all"]}}`, Field: "request.show"},
	"an endless request id":                       {JSON: `{"queryType":"request","request":{"id":"` + endless + `"}}`, Field: "request.id"},
	"a trace id with a path in it":                {JSON: `{"queryType":"trace","trace":{"traceId":"../../api"}}`, Field: "trace.traceId"},
	"a trace id that is all zero":                 {JSON: `{"queryType":"trace","trace":{"traceId":"0000"}}`, Field: "trace.traceId"},
	"a log level that is none":                    {JSON: `{"queryType":"logs","logs":{"levels":["loud"]}}`, Field: "logs.levels"},
	"a hostile process":                           {JSON: `{"queryType":"logs","logs":{"process":"x\"}"}}`, Field: "logs.process"},
	"a hostile logger":                            {JSON: "{\"queryType\":\"logs\",\"logs\":{\"logger\":\"`|\"}}", Field: "logs.logger"},
	"a hostile id in logs":                        {JSON: `{"queryType":"logs","logs":{"requestId":"a\tb"}}`, Field: "logs.requestId"},
	"a broken log expression":                     {JSON: `{"queryType":"logs","logs":{"regex":"["}}`, Field: "logs.regex"},
	"negative log limit":                          {JSON: `{"queryType":"logs","logs":{"limit":-5}}`, Field: "logs.limit"},
	"no expression":                               {JSON: `{"queryType":"promql","promql":{"expr":""}}`, Field: "promql.expr"},
	"an endless expression":                       {JSON: `{"queryType":"promql","promql":{"expr":"` + strings.Repeat("a", 30_000) + `"}}`, Field: "promql.expr"},
	"a step that is none":                         {JSON: `{"queryType":"promql","promql":{"expr":"up","minStep":"-1s"}}`, Field: "promql.minStep"},
	"an unknown figure":                           {JSON: `{"queryType":"models","models":{"metrics":["speed"]}}`, Field: "models"},
	"an unknown dimension":                        {JSON: `{"queryType":"models","models":{"groupBy":["user"]}}`, Field: "models"},
	"a quantile of one":                           {JSON: `{"queryType":"models","models":{"quantiles":[1]}}`, Field: "models"},
	"two figures in an alert":                     {JSON: `{"queryType":"models","models":{"metrics":["running","waiting"]}}`, Alert: true, Field: "models"},
	"an SLO figure that is none":                  {JSON: `{"queryType":"slo","slo":{"metrics":["luck"]}}`, Field: "slo"},
	"an SLO that all requests must keep":          {JSON: `{"queryType":"slo","slo":{"target":1}}`, Field: "slo"},
	"an SLO grouped by nothing known":             {JSON: `{"queryType":"slo","slo":{"groupBy":["user"]}}`, Field: "slo"},
	"an SLO in a form of its own":                 {JSON: `{"queryType":"slo","slo":{"form":"pie"}}`, Field: "slo"},
	"an alert on all SLO figures":                 {JSON: `{"queryType":"slo"}`, Alert: true, Field: "slo"},
	"an unknown coverage number":                  {JSON: `{"queryType":"coverage","coverage":{"metric":"luck"}}`, Field: "coverage.metric"},
	"an alert on all coverage numbers":            {JSON: `{"queryType":"coverage"}`, Alert: true, Field: "coverage.metric"},
	"an alert on all of them over time":           {JSON: `{"queryType":"coverage","coverage":{"form":"timeseries"}}`, Alert: true, Field: "coverage.metric"},
	"an unknown coverage form":                    {JSON: `{"queryType":"coverage","coverage":{"form":"pie"}}`, Field: "coverage.form"},
	"a condition on no place":                     {JSON: `{"scope":{"where":[{"key":"user","op":"=","values":["a"]}]}}`, Field: "scope.where[0]"},
	"a condition with an unknown op":              {JSON: `{"scope":{"where":[{"key":"pod","op":">","values":["a"]}]}}`, Field: "scope.where[0]"},
	"a condition with a broken expression":        {JSON: `{"scope":{"where":[{"key":"pod","op":"=~","values":["a","("]}]}}`, Field: "scope.where[0]"},
	"an expression that gets out of its brackets": {JSON: `{"scope":{"where":[{"key":"pod","op":"=~","values":["a)|(b"]}]}}`, Field: "scope.where[0]"},
	"a condition without values":                  {JSON: `{"scope":{"where":[{"key":"pod","op":"="}]}}`, Field: "scope.where[0]"},
	"a condition on nothing":                      {JSON: `{"scope":{"where":[{"key":"pod","op":"!=","values":[""]}]}}`, Field: "scope.where[0]"},
	"a condition with a control character":        {JSON: `{"scope":{"where":[{"key":"pod","op":"=","values":["a\nb"]}]}}`, Field: "scope.where[0]"},
	"too many conditions":                         {JSON: `{"scope":{"where":[` + strings.Repeat(`{"key":"pod","op":"=","values":["a"]},`, 60) + `{}]}}`, Field: "scope.where"},
	"a log label with LogQL in it":                {JSON: `{"queryType":"logs","logs":{"where":[{"key":"a=\"b\" or c","op":"=","values":["a"]}]}}`, Field: "logs.where[0]"},
	"an expression on a process":                  {JSON: `{"queryType":"logs","logs":{"where":[{"key":"process","op":"=~","values":["a"]}]}}`, Field: "logs.where[0]"},
	"a stream label that is none":                 {JSON: `{"queryType":"logs","logs":{"stream":{"a}":"b"}}}`, Field: "logs.stream"},
	"a stream with a control character":           {JSON: `{"queryType":"logs","logs":{"stream":{"a":"b\u0000"}}}`, Field: "logs.stream"},
	"around no time":                              {JSON: `{"queryType":"logs","logs":{"around":"-1"}}`, Field: "logs.around"},
}
