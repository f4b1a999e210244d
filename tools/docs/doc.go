// Package docs reads this repository's Markdown as far as tests must understand it: which pages there are, where their links
// lead, which examples they give. What holds the pages true lies beside it (go test ./docs: links, flags, settings, tables) and
// in ../integration (every example, asked of real stores).
package docs
