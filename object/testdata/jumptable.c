/* An indirect jump through a table in .jumptables, as newer compilers emit it: written in assembly, and the instruction
 * gotox r2 as its bytes, because clang 19 knows neither. Entries are byte offsets into the code section. */
#include "defs.h"

asm(".section .jumptables,\"\",@progbits\n"
    ".globl table, table_two\n.type table,@object\n"
    ".size table, 16\n"
    "table: .quad 56, 72\n"
    ".type table_two,@object\n"
    ".size table_two, 8\n"
    "table_two: .quad 72\n"
    ".text\n");

SEC("socket") __attribute__((naked)) int jump(void *ctx)
{
	asm volatile("r2 = table ll;"         /*  0 */
		     "r1 = *(u32 *)(r1 + 0);" /* 16 */
		     "r1 &= 8;"               /* 24 */
		     "r2 += r1;"              /* 32 */
		     "r2 = *(u64 *)(r2 + 0);" /* 40 */
		     ".quad 0x000000000000020d;" /* 48: gotox r2 */
		     "r0 = 1;"                /* 56 */
		     "exit;"
		     "r0 = 2;"                /* 72 */
		     "exit;");
}
SEC("socket") __attribute__((naked)) int jump_too(void *ctx)
{
	asm volatile("r2 = table_two ll;"
		     "r0 = 0;"
		     "exit;");
}
