/* The least there is: one program. */
__attribute__((section("socket"), used)) int prog(void *ctx) { return 0; }
