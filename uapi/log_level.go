package uapi

// LogLevel selects what the verifier logs: 1 the instructions, and the verifier's state at
// branches; 2 the state at every instruction. Added to one of these, 4 logs statistics, and 8 keeps
// the beginning of a log that doesn't fit instead of its end (6.4).
type LogLevel uint32
