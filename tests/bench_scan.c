/* SPDX-License-Identifier: MIT */
/**
 * @file
 * How fast this machine reads memory: the limit of whoever looks at each word.
 *
 *     bench_scan FILE
 *
 * Maps FILE, reads it once to have it in memory, and then asks of each aligned
 * word whether it lies in a range of addresses, as a search for pointers does
 * first. One line: bytes, seconds of processor time, words in the range.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Where programs and mappings of x86-64 lie. */
static const uint64_t low = UINT64_C(0x550000000000);
static const uint64_t high = UINT64_C(0x7fffffffffff);

static uint64_t scan(const uint8_t *at, size_t n)
{
	uint64_t found = 0, word;

	for (size_t i = 0; i + sizeof(word) <= n; i += sizeof(word)) {
		memcpy(&word, at + i, sizeof(word));
		found += word - low < high - low;
	}
	return found;
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	struct stat st;
	const uint8_t *at;
	uint64_t found;
	double start;

	if (fd < 0 || fstat(fd, &st)) {
		fprintf(stderr, "usage: bench_scan FILE\n");
		return 2;
	}
	at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED) {
		perror(argv[1]);
		return 2;
	}
	found = scan(at, (size_t)st.st_size);
	start = cpu_seconds();
	if (scan(at, (size_t)st.st_size) != found)
		return 1;
	printf("%jd %.6f %" PRIu64 "\n", (intmax_t)st.st_size,
	       cpu_seconds() - start, found);
	return 0;
}
