/* Global data of all sorts. */
#include "defs.h"

struct pair { int a; long b; };
enum color { RED, GREEN = 7 };

int in_data = 1;
char text[16] = "hello";
struct pair pairs[2] = { { 1, 2 }, { 3, 4 } };
const volatile int in_rodata = 5;
const volatile bool flag;
const volatile char name[8] = "abc";
const volatile double ratio = 0.5;
const volatile enum color shade = GREEN;
long in_bss;
__u16 small;
static volatile int hidden_in_bss;
int big[100];
int custom SEC(".data.custom") = 42;
static volatile int custom_static SEC(".data.statics") = 43;
__hidden int custom_hidden SEC(".data.hidden") = 44;
const volatile int ro_custom SEC(".rodata.abracadabra") = 45;
int bss_custom SEC(".bss.name");
int odd SEC(".data.odd-name") = 3;
__weak int weak_data = 9;

SEC("?socket") int off(void *ctx) { return custom_static; }
SEC("socket") int use(void *ctx)
{
	hidden_in_bss++;
	in_bss++;
	bpf_printk("%d %s", in_data, text);
	return in_rodata + small + pairs[1].a + custom + custom_static + custom_hidden + ro_custom + bss_custom + odd + big[3] + weak_data;
}
