// Package core holds the examples of the guide to CO-RE, and runs them.
package core
