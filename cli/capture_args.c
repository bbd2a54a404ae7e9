/* SPDX-License-Identifier: MIT */
#include "cli/capture_args.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/human.h"
#include "cli/metadata_spans.h"
#include "dump/exclude.h"
#include "formats/debuginfod.h"

/* What the modules of one call have in common. */
static struct debuginfod debuginfod;

bool capture_args_number(const char *text, uint32_t min, uint32_t max,
			 uint32_t *ret)
{
	unsigned long long value;
	char *end;

	if (!isdigit((unsigned char)text[0]) || strlen(text) > 10)
		return false;
	value = strtoull(text, &end, 10);
	*ret = (uint32_t)value;
	return *end == '\0' && value >= min && value <= max;
}

static bool take_level(const char *arg, struct capture_options *ret)
{
	uint32_t level;

	if (!capture_args_number(arg, 1, 19, &level))
		return false;
	ret->target.level = (int)level;
	return true;
}

/** Take one of two words: *@ret is which. */
static bool take_word(const char *arg, const char *first, const char *second,
		      bool *ret)
{
	*ret = strcmp(arg, second) == 0;
	return *ret || strcmp(arg, first) == 0;
}

static bool take_exclude(const char *arg, struct capture_options *ret)
{
	if (ret->n_excludes == EXCLUDES_MAX || !exclude_is_sound(arg))
		return false;
	ret->excludes[ret->n_excludes++] = arg;
	return true;
}

bool capture_args_take(int c, char *arg, struct capture_options *ret)
{
	bool second;

	switch (c) {
	case ARG_FORCE:     ret->target.force = true; return true;
	case ARG_LEVEL:     return take_level(arg, ret);
	case ARG_EXE:       ret->search.exe = arg; return true;
	case ARG_SYSROOT:   ret->search.sysroot = arg; return true;
	case ARG_DEBUG_DIR: ret->search.debug_dir = arg; return true;
	case ARG_DEBUGINFOD:
		ret->search.debuginfod = &debuginfod;
		return true;
	case ARG_NO_TYPES:  ret->no_types = true; return true;
	case ARG_NO_FORK:   ret->no_fork = true; return true;
	case ARG_EXCLUDE:   return take_exclude(arg, ret);
	case ARG_CONTENT:
		if (!take_word(arg, "full", "pointers", &second))
			return false;
		ret->content = second ? CONTENT_POINTERS : CONTENT_FULL;
		return true;
	case ARG_ON_LOW_MEMORY:
		if (!take_word(arg, "copy", "give-up", &second))
			return false;
		ret->on_low_memory =
			second ? LOW_MEMORY_GIVE_UP : LOW_MEMORY_COPY;
		return true;
	default:
		return false;
	}
}

/** The options as given; owned by the caller, or NULL. */
static char *join_options(int argc, char **argv)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (int i = 1; i < argc; i++)
		fprintf(out, "%s%s", i > 1 ? " " : "", argv[i]);
	fclose(out);
	return text;
}

/** Each module of the process stays open while it is captured. */
static void allow_many_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

char *capture_args_settle(int argc, char **argv, struct capture_options *ret)
{
	char *options = join_options(argc, argv);

	ret->metadata = metadata_spans;
	allow_many_files();
	if (getrandom(ret->capture_id, sizeof(ret->capture_id), 0) < 0)
		memset(ret->capture_id, 0, sizeof(ret->capture_id));
	ret->options = options;
	return options;
}

void capture_args_notes(const struct diag *diag)
{
	for (size_t i = 0; i < diag->len; i++) {
		const struct diag_entry *e = &diag->at[i];
		char text[HUMAN_ESCAPED(400)];

		human_escape(e->what, strnlen(e->what, 400), HUMAN_UTF8, text,
			     sizeof(text));
		fprintf(stderr, "holdfast: note: %s", text);
		if (e->count > 1)
			fprintf(stderr, " (%" PRIu64 ")", e->count);
		if (e->first != DIAG_NO_PLACE)
			fprintf(stderr, ", first at 0x%" PRIx64, e->first);
		fputc('\n', stderr);
	}
}

double capture_args_seconds(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) +
	       (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

void capture_args_report(const struct capture_result *result,
			 const struct timespec *start, bool live)
{
	char path[HUMAN_ESCAPED(SNAPSHOT_PATH_MAX)];
	char memory[HUMAN_MAX], size[HUMAN_MAX];
	struct stat st;

	human_escape(result->path, strlen(result->path), HUMAN_UTF8, path,
		     sizeof(path));
	human_size(result->memory_bytes, false, memory);
	fprintf(stderr, "%s: %s of memory", path, memory);
	if (stat(result->path, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size > 0)
		fprintf(stderr, " in %s (%.1f:1)",
			human_size((uint64_t)st.st_size, false, size),
			(double)result->memory_bytes / (double)st.st_size);
	if (live)
		fprintf(stderr, ", paused %.1f ms",
			(double)result->pause_ns / 1e6);
	fprintf(stderr, ", %.2f s\n", capture_args_seconds(start));
	capture_args_notes(&result->diag);
}
