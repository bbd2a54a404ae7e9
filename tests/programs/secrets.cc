/* SPDX-License-Identifier: MIT */
/*
 * A program full of secrets, which it reads from its standard input: lines of
 * text. It puts them wherever a program can put text and numbers, and stops.
 *
 * The test looks for each of them in what a capture has kept.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <map>
#include <string>
#include <vector>

using std::string;

struct node {
	struct node *next;
	uint64_t number;
	char text[24];
	double real;
};

static char global_text[256] = "initialised";
static char zero_text[256];
static string global_string;
static std::vector<string> *strings;
static std::vector<int> *ints;
static std::vector<double> *reals;
static std::map<string, string> *table;
static node *list;
static void *kept[4096];
static size_t n_kept;
static thread_local char thread_text[128];
static pthread_barrier_t barrier;

static void keep(void *p)
{
	kept[n_kept++] = p;
}

/* Of all lengths, at all places in a word. */
static void fill_heap(const string &s)
{
	for (size_t n = 1; n <= s.size(); n++) {
		char *block = static_cast<char *>(malloc(n + 16));

		memset(block, 0, n + 16);
		memcpy(block + n % 8, s.data(), n);
		keep(block);
	}
}

/* Into tcaches, fastbins and bins; the large one joins the top. */
static void fill_freed(const string &s)
{
	std::vector<char *> blocks;

	for (size_t size = 24; size < 9000; size += size / 4) {
		for (int i = 0; i < 12; i++) {
			char *block = static_cast<char *>(malloc(size));

			for (size_t at = i % 8; at + s.size() < size;
			     at += s.size())
				memcpy(block + at, s.data(), s.size());
			blocks.push_back(block);
		}
	}
	for (size_t i = 0; i < blocks.size(); i++) {
		if (i % 3)
			free(blocks[i]);
		else
			keep(blocks[i]);
	}
	for (size_t i = 0; i < blocks.size(); i += 3)
		memset(blocks[i], 0, 24);
}

static void fill_containers(const std::vector<string> &secrets)
{
	for (const string &s : secrets) {
		strings->push_back(s.substr(0, 15));
		strings->push_back(s);
		(*table)[s.substr(1)] = s.substr(0, 9);
		for (size_t i = 0; i + 8 <= s.size(); i += 4) {
			int number;
			double real;

			memcpy(&number, s.data() + i, sizeof(number));
			memcpy(&real, s.data() + i, sizeof(real));
			ints->push_back(number);
			ints->push_back(number ^ 1);
			reals->push_back(real);
		}
		node *n = new node();

		n->next = list;
		memcpy(&n->number, s.data(), sizeof(n->number));
		memcpy(n->text, s.data(), sizeof(n->text) - 1);
		memcpy(&n->real, s.data() + 5, sizeof(n->real));
		list = n;
	}
}

static void fill_mappings(const string &s)
{
	size_t size = 3 * 4096;
	int memfd = (int)syscall(SYS_memfd_create, "shared", 0);
	char *shared, *anon, *sealed, *large;

	anon = static_cast<char *>(mmap(nullptr, size, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	sealed = static_cast<char *>(mmap(nullptr, size, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	if (memfd < 0 || ftruncate(memfd, (off_t)size))
		abort();
	shared = static_cast<char *>(mmap(nullptr, size, PROT_READ | PROT_WRITE,
				     MAP_SHARED, memfd, 0));
	large = static_cast<char *>(malloc(1 << 20));
	for (size_t at = 3; at + s.size() < size; at += s.size() + 1) {
		memcpy(anon + at, s.data(), s.size());
		memcpy(sealed + at, s.data(), s.size());
		memcpy(shared + at, s.data(), s.size());
		memcpy(large + at, s.data(), s.size());
	}
	if (mprotect(sealed, size, PROT_READ))
		abort();
	keep(large);
}

static void *thread(void *arg)
{
	const string &s = *static_cast<string *>(arg);
	char local[128] = {};

	memcpy(local + 1, s.data(), s.size());
	memcpy(thread_text, s.data(), s.size());
	asm volatile("" : : "r"(local) : "memory");
	pthread_barrier_wait(&barrier);
	for (;;)
		pause();
	return nullptr;
}

/* Stops with secrets in all registers that the kernel leaves alone. */
static void __attribute__((noinline)) stop(const char *s)
{
	long result = SYS_kill;

	asm volatile(
		"movdqu (%[s]), %%xmm0\n\t"
		"movdqu 1(%[s]), %%xmm1\n\t"
		"movdqu 2(%[s]), %%xmm9\n\t"
		"movdqu 3(%[s]), %%xmm15\n\t"
		"fldl 4(%[s])\n\t"
		"mov (%[s]), %%r12\n\t"
		"mov 1(%[s]), %%r13\n\t"
		"mov 2(%[s]), %%r14\n\t"
		"mov 3(%[s]), %%r8\n\t"
		"mov 4(%[s]), %%r9\n\t"
		"syscall\n\t"
		"fstp %%st(0)"
		: "+a"(result)
		: [s] "r"(s), "D"((long)getpid()), "S"((long)SIGSTOP)
		: "rcx", "r8", "r9", "r11", "r12", "r13", "r14", "xmm0", "xmm1",
		  "xmm9", "xmm15", "memory");
}

int main(int argc, char **argv)
{
	static std::vector<string> secrets;
	char line[256], local[256] = {};
	pthread_t id;

	(void)argc;
	(void)argv;
	while (fgets(line, sizeof(line), stdin))
		secrets.emplace_back(line, strcspn(line, "\n"));
	strings = new std::vector<string>;
	ints = new std::vector<int>;
	reals = new std::vector<double>;
	table = new std::map<string, string>;
	for (const string &s : secrets) {
		fill_heap(s);
		fill_freed(s);
	}
	fill_containers(secrets);
	fill_mappings(secrets[0]);
	global_string = secrets[1];
	memcpy(global_text + 5, secrets[1].data(), secrets[1].size());
	memcpy(zero_text + 6, secrets[2].data(), secrets[2].size());
	memcpy(local + 7, secrets[3].data(), secrets[3].size());
	memcpy(thread_text, secrets[4].data(), secrets[4].size());
	pthread_barrier_init(&barrier, nullptr, 2);
	pthread_create(&id, nullptr, thread, &secrets[5]);
	pthread_barrier_wait(&barrier);
	puts("ready");
	fflush(stdout);
	asm volatile("" : : "r"(local) : "memory");
	stop(secrets[6].c_str());
	return 0;
}
