// Package soak holds a test that loads, attaches, uses and closes everything thousands of times in
// one process.
package soak
