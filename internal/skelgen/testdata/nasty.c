/* Prints, makes and reads a struct nasty as this machine's compiler lays it out. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "nasty.h"

#define PLACE(member) printf(#member " %zu %zu\n", offsetof(struct nasty, member), sizeof(n.member));
#define SET(member, value) n.member = value;
#define PRINT(member, value) printf(#member " %lld\n", (long long)n.member);

int main(int argc, char **argv)
{
	struct nasty n;

	memset(&n, 0, sizeof(n));
	if (!strcmp(argv[1], "layout")) {
		printf("nasty %zu\npoint %zu\npacked7 %zu\npacked9 %zu\ncrooked %zu\nbits %zu\nnumber %zu\n"
			"small %zu\ntail %zu\nanon_t %zu\n", sizeof(n), sizeof(struct point),
			sizeof(struct packed7), sizeof(struct packed9), sizeof(struct crooked),
			sizeof(struct bits), sizeof(union number), sizeof(union small), sizeof(struct tail),
			sizeof(anon_t));
		PLACE(c1) PLACE(u64) PLACE(c2) PLACE(seven) PLACE(crooked) PLACE(bits) PLACE(word)
		PLACE(u) PLACE(small) PLACE(ax) PLACE(sub) PLACE(f) PLACE(d) PLACE(b) PLACE(comm)
		PLACE(grid) PLACE(mac) PLACE(sc) PLACE(ptr) PLACE(self) PLACE(fn) PLACE(cv) PLACE(matrix)
		PLACE(pts) PLACE(color) PLACE(tiny) PLACE(negative) PLACE(big) PLACE(direction)
		PLACE(anon) PLACE(type) PLACE(func) PLACE(range) PLACE(_x) PLACE(a_b) PLACE(aB)
		PLACE(a_1_2) PLACE(a_12) PLACE(far)
	} else if (!strcmp(argv[1], "write")) {
		SCALARS(SET)
		n.f = 1.5f;
		n.d = -2.25;
		n.ptr = (void *)0x1122334455667788;
		fwrite(&n, sizeof(n), 1, stdout);
	} else {
		if (fread(&n, sizeof(n), 1, stdin) != 1)
			return 1;
		SCALARS(PRINT)
		printf("f %g\nd %g\nptr %llx\n", n.f, n.d, (unsigned long long)n.ptr);
	}
	return 0;
}
