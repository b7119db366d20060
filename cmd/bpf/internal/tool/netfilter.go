package tool

// NetfilterHooks returns the names of netfilter's hooks in nftables, in the kernel's order.
func NetfilterHooks() []string {
	return []string{"prerouting", "input", "forward", "output", "postrouting"}
}
