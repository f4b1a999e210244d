// Package choices has the lists that variables and editors offer, out of all stores that know them.
package choices
