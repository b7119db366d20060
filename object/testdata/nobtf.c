/* Compiled with -g0 it has no BTF: programs and data alone need none. */
int data = 3;
const volatile int rodata = 4;
int bss;
char license_text[] __attribute__((section("license"))) = "Dual BSD/GPL";
unsigned int version_number __attribute__((section("version"))) = 0x050a03;
__attribute__((section("socket"), used)) int prog(void *ctx) { return data + rodata + ++bss; }
