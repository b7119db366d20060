/* The registers as bpf_tracing.h reads them on arm64 and s390x (asm/ptrace.h of those machines), for sources that are compiled with the
 * headers of another machine. */
#ifdef __TARGET_ARCH_arm64
struct user_pt_regs {
	unsigned long long regs[31], sp, pc, pstate;
};
#endif
#ifdef __TARGET_ARCH_s390
typedef struct {
	unsigned long args[1];
	struct {
		unsigned long mask, addr;
	} psw;
	unsigned long gprs[16];
} user_pt_regs;
#endif
