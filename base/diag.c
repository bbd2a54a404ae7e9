/* SPDX-License-Identifier: MIT */
#include "base/diag.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

/*
 * Texts may quote the input, which must not be able to fill memory with them.
 * Kinds beyond the limit are still counted.
 */
#define MAX_KINDS 1000
#define FURTHER_KINDS "findings of further kinds"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t prepared = PTHREAD_ONCE_INIT;

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&lock);
}

/* Else a child forked while another thread counts would hang on its first. */
static void prepare(void)
{
	pthread_atfork(before_fork, after_fork, after_fork);
}

static struct diag_entry *find(const struct diag *diag, const char *what)
{
	for (size_t i = 0; i < diag->len; i++)
		if (strcmp(diag->at[i].what, what) == 0)
			return &diag->at[i];
	return NULL;
}

static struct diag_entry *append(struct diag *diag, const char *what)
{
	struct diag_entry entry = {
		.what = strdup(what), .first = DIAG_NO_PLACE,
	};

	if (!entry.what || !vec_push(diag, entry)) {
		free(entry.what);
		return NULL;
	}
	return &diag->at[diag->len - 1];
}

static void count(struct diag *diag, const char *what, uint64_t place,
		  uint64_t n)
{
	struct diag_entry *entry;

	if (n == 0)
		return;
	pthread_once(&prepared, prepare);
	pthread_mutex_lock(&lock);
	entry = find(diag, what);
	if (!entry && diag->len >= MAX_KINDS) {
		what = FURTHER_KINDS;
		entry = find(diag, what);
	}
	if (!entry)
		entry = append(diag, what);
	if (entry) {
		if (entry->first == DIAG_NO_PLACE)
			entry->first = place;
		if (__builtin_add_overflow(entry->count, n, &entry->count))
			entry->count = UINT64_MAX;
	}
	pthread_mutex_unlock(&lock);
}

void diag_add(struct diag *diag, const char *fmt, ...)
{
	char what[400];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	count(diag, what, DIAG_NO_PLACE, 1);
}

void diag_add_at(struct diag *diag, uint64_t place, uint64_t n,
		 const char *fmt, ...)
{
	char what[400];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	count(diag, what, place, n);
}

void diag_merge(struct diag *to, const struct diag *from)
{
	for (size_t i = 0; i < from->len; i++)
		count(to, from->at[i].what, from->at[i].first,
		      from->at[i].count);
}

void diag_free(struct diag *diag)
{
	for (size_t i = 0; i < diag->len; i++)
		free(diag->at[i].what);
	free(diag->at);
	*diag = (struct diag){0};
}
