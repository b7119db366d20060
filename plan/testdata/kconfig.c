/* Configuration alone. */
#include "defs.h"

extern int LINUX_KERNEL_VERSION __kconfig;
extern bool CONFIG_BPF_SYSCALL __kconfig;
extern enum libbpf_tristate CONFIG_IP_NF_IPTABLES __kconfig __weak;
extern char CONFIG_DEFAULT_HOSTNAME[37] __kconfig __weak;
extern char CONFIG_LETTER __kconfig __weak;
extern unsigned long CONFIG_HZ __kconfig;
extern short CONFIG_SHORT __kconfig __weak;
extern unsigned int CONFIG_NO_SUCH_THING __kconfig __weak;
extern bool LINUX_HAS_BPF_COOKIE __kconfig __weak;
extern bool LINUX_HAS_SYSCALL_WRAPPER __kconfig;
extern long LINUX_NO_SUCH_FACT __kconfig __weak;

SEC("socket") int use(void *ctx)
{
	return LINUX_KERNEL_VERSION + CONFIG_BPF_SYSCALL + CONFIG_IP_NF_IPTABLES + CONFIG_DEFAULT_HOSTNAME[1] + CONFIG_LETTER +
	       CONFIG_HZ + CONFIG_SHORT + CONFIG_NO_SUCH_THING + LINUX_HAS_BPF_COOKIE + LINUX_HAS_SYSCALL_WRAPPER + LINUX_NO_SUCH_FACT;
}
