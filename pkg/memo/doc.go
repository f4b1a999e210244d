// Package memo keeps what stores answered, and what was learnt from their answers, between one query and the next. All that the
// plugin keeps is kept by its type Memo, so that it is bounded, is forgotten after a while, and is never shown to another identity
// than the one that it was answered to. Kinds lists all of it; docs/security.md has the list as a table.
package memo
