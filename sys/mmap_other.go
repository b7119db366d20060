//go:build !linux

package sys

const mapAnonymous = 0
