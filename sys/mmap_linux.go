package sys

import "syscall"

const mapAnonymous = syscall.MAP_ANON
