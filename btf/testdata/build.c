// What libbpf makes of the calls that TestBuilderLibbpf makes too: "NAME hex bytes", and for calls that may be refused
// "NAME ok" or "NAME refused".
#include <stdio.h>
#include <string.h>
#include <bpf/btf.h>

static void raw(const char *name, struct btf *btf)
{
	__u32 size;
	const unsigned char *data = btf__raw_data(btf, &size);

	printf("%s ", name);
	for (__u32 i = 0; i < size; i++)
		printf("%02x", data[i]);
	printf("\n");
}

static void all_kinds(struct btf *b)
{
	btf__add_int(b, "int", 4, BTF_INT_SIGNED);
	btf__add_int(b, "char", 1, BTF_INT_CHAR);
	btf__add_int(b, "_Bool", 1, BTF_INT_BOOL);
	btf__add_int(b, "__int128", 16, 0);
	btf__add_ptr(b, 1);
	btf__add_array(b, 1, 2, 16);
	btf__add_struct(b, "event", 24);
	btf__add_field(b, "pid", 1, 0, 0);
	btf__add_field(b, "comm", 6, 32, 0);
	btf__add_field(b, "a", 1, 160, 3);
	btf__add_field(b, "", 1, 163, 5);
	btf__add_union(b, NULL, 8);
	btf__add_field(b, "p", 5, 0, 0);
	btf__add_field(b, "low", 1, 0, 7);
	btf__add_enum(b, "e", 4);
	btf__add_enum_value(b, "E_A", 1);
	btf__add_enum_value(b, "E_B", 4294967295LL);
	btf__add_enum_value(b, "E_C", -2147483648LL);
	btf__add_enum(b, NULL, 1);
	btf__add_enum_value(b, "E_A", 7);
	btf__add_enum64(b, "e64", 8, false);
	btf__add_enum64_value(b, "BIG", 0x123456789abcdef0ULL);
	btf__add_enum64(b, "se64", 8, true);
	btf__add_enum64_value(b, "NEG", (__u64)-5);
	btf__add_fwd(b, "later", BTF_FWD_STRUCT);
	btf__add_fwd(b, "ulater", BTF_FWD_UNION);
	btf__add_fwd(b, "elater", BTF_FWD_ENUM);
	btf__add_typedef(b, "event_t", 7);
	btf__add_volatile(b, 1);
	btf__add_const(b, 1);
	btf__add_restrict(b, 5);
	btf__add_func_proto(b, 1);
	btf__add_func_param(b, "ctx", 5);
	btf__add_func_param(b, NULL, 0);
	btf__add_func(b, "prog", BTF_FUNC_GLOBAL, 20);
	btf__add_func(b, "sub", BTF_FUNC_STATIC, 20);
	btf__add_func(b, "kfunc", BTF_FUNC_EXTERN, 20);
	btf__add_var(b, "counter", BTF_VAR_GLOBAL_ALLOCATED, 1);
	btf__add_var(b, "stat", BTF_VAR_STATIC, 1);
	btf__add_datasec(b, ".data", 8);
	btf__add_datasec_var_info(b, 24, 0, 4);
	btf__add_datasec_var_info(b, 25, 4, 4);
	btf__add_float(b, "double", 8);
	btf__add_decl_tag(b, "tag", 7, 1);
	btf__add_decl_tag(b, "tag", 21, -1);
	btf__add_type_tag(b, "user", 1);
	btf__add_ptr(b, 30);
}

static void verdict(const char *name, int result)
{
	printf("%s %s\n", name, result < 0 ? "refused" : "ok");
}

#define TRY(name, setup, call) do { struct btf *b = btf__new_empty(); btf__add_int(b, "int", 4, 0); setup; verdict(name, call); btf__free(b); } while (0)

int main(void)
{
	struct btf *base = btf__new_empty(), *split, *copy;

	all_kinds(base);
	raw("all", base);
	split = btf__new_empty_split(base);
	btf__add_struct(split, "event", 4);
	btf__add_field(split, "pid", 1, 0, 0);
	btf__add_struct(split, "own", 4);
	btf__add_field(split, "own", 1, 0, 0);
	btf__add_ptr(split, btf__type_cnt(base));
	raw("split", split);
	raw("empty", btf__new_empty());
	copy = btf__new_empty();
	btf__add_int(copy, "first", 4, 0);
	btf__add_btf(copy, base);
	btf__add_type(copy, base, btf__type_by_id(base, 7));
	btf__add_btf(copy, base);
	raw("copy", copy);

	TRY("int size 0", , btf__add_int(b, "x", 0, 0));
	TRY("int size 3", , btf__add_int(b, "x", 3, 0));
	TRY("int size 16", , btf__add_int(b, "x", 16, 0));
	TRY("int size 32", , btf__add_int(b, "x", 32, 0));
	TRY("int encoding 8", , btf__add_int(b, "x", 4, 8));
	TRY("int no name", , btf__add_int(b, "", 4, 0));
	for (int n = 0; n <= 17; n++) {
		char name[32];
		snprintf(name, sizeof(name), "float size %d", n);
		TRY(name, , btf__add_float(b, "x", n));
	}
	TRY("float no name", , btf__add_float(b, "", 8));
	TRY("ptr forward", , btf__add_ptr(b, 1000));
	TRY("ptr max", , btf__add_ptr(b, 0x7fffffff));
	TRY("ptr beyond", , btf__add_ptr(b, 0x80000000));
	TRY("typedef no name", , btf__add_typedef(b, "", 1));
	TRY("type tag no value", , btf__add_type_tag(b, "", 1));
	TRY("member of int", , btf__add_field(b, "x", 1, 0, 0));
	TRY("member no name", btf__add_struct(b, "s", 4), btf__add_field(b, "", 1, 0, 0));
	TRY("member unaligned", btf__add_struct(b, "s", 4), btf__add_field(b, "x", 1, 3, 0));
	TRY("member 255 bits", btf__add_struct(b, "s", 4), btf__add_field(b, "x", 1, 3, 255));
	TRY("member 256 bits", btf__add_struct(b, "s", 4), btf__add_field(b, "x", 1, 3, 256));
	TRY("member bit 0xffffff", btf__add_struct(b, "s", 4), btf__add_field(b, "x", 1, 0xffffff, 1));
	TRY("member bit 0x1000000", btf__add_struct(b, "s", 4), btf__add_field(b, "x", 1, 0x1000000, 1));
	TRY("plain member bit 0x1000000", btf__add_struct(b, "s", 4), btf__add_field(b, "x", 1, 0x1000000, 0));
	TRY("union member at 8", btf__add_union(b, "u", 4), btf__add_field(b, "x", 1, 8, 0));
	TRY("enum size 0", , btf__add_enum(b, "e", 0));
	TRY("enum size 3", , btf__add_enum(b, "e", 3));
	TRY("enum size 8", , btf__add_enum(b, "e", 8));
	TRY("enum size 16", , btf__add_enum(b, "e", 16));
	TRY("enum no name", , btf__add_enum(b, "", 4));
	TRY("enum value no name", btf__add_enum(b, "e", 4), btf__add_enum_value(b, "", 4));
	TRY("enum value 2^32-1", btf__add_enum(b, "e", 4), btf__add_enum_value(b, "x", 0xffffffffLL));
	TRY("enum value 2^32", btf__add_enum(b, "e", 4), btf__add_enum_value(b, "x", 0x100000000LL));
	TRY("enum value -2^31", btf__add_enum(b, "e", 4), btf__add_enum_value(b, "x", -2147483648LL));
	TRY("enum value -2^31-1", btf__add_enum(b, "e", 4), btf__add_enum_value(b, "x", -2147483649LL));
	TRY("enum value of struct", btf__add_struct(b, "e", 4), btf__add_enum_value(b, "x", 1));
	TRY("fwd no name", , btf__add_fwd(b, "", BTF_FWD_STRUCT));
	TRY("func no name", , btf__add_func(b, "", BTF_FUNC_STATIC, 1));
	TRY("func linkage 3", , btf__add_func(b, "f", 3, 1));
	TRY("param of int", , btf__add_func_param(b, "x", 1));
	TRY("param no name", btf__add_func_proto(b, 0), btf__add_func_param(b, "", 1));
	TRY("var no name", , btf__add_var(b, "", 0, 1));
	TRY("var linkage 3", , btf__add_var(b, "v", 3, 1));
	TRY("datasec no name", , btf__add_datasec(b, "", 1));
	TRY("section variable of int", , btf__add_datasec_var_info(b, 1, 0, 4));
	TRY("decl tag no value", , btf__add_decl_tag(b, "", 1, -1));
	TRY("decl tag component -2", , btf__add_decl_tag(b, "x", 1, -2));
	return 0;
}
