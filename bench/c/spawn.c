/* spawn ROUNDS FILE: runs the commands in FILE (one a line, words split at blanks) ROUNDS times, interleaved: every round runs
 * each once, another one first each time. Prints one line a run: COMMAND-INDEX WALL-ns CPU-us PEAK-RSS-KiB EXIT-STATUS.
 * In C and static because a child's peak RSS begins at its parent's: this one is below a megabyte. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char **environ;
static char *commands[256][64];

static long long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv)
{
	static char line[65536];
	int n = 0, rounds;
	FILE *f = argc == 3 ? fopen(argv[2], "r") : NULL;

	if (!f)
		return 2;
	rounds = atoi(argv[1]);
	while (n < 256 && fgets(line, sizeof(line), f)) {
		int words = 0;
		for (char *w = strtok(strdup(line), " \n"); w && words < 63; w = strtok(NULL, " \n"))
			commands[n][words++] = w;
		n += words > 0;
	}
	fclose(f);
	for (int round = 0; round < rounds; round++)
		for (int i = 0; i < n; i++) {
			int which = (i + round) % n, status;
			posix_spawn_file_actions_t actions;
			struct rusage usage;
			long long begin, end;
			pid_t pid;

			posix_spawn_file_actions_init(&actions);
			posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
			begin = now();
			if (posix_spawn(&pid, commands[which][0], &actions, NULL, commands[which], environ))
				return 3;
			if (wait4(pid, &status, 0, &usage) != pid)
				return 4;
			end = now();
			posix_spawn_file_actions_destroy(&actions);
			printf("%d %lld %lld %ld %d\n", which, end - begin,
			       (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec,
			       usage.ru_maxrss, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
		}
	return 0;
}
