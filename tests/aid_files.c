/* SPDX-License-Identifier: MIT */
#include "tests/aid_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void need(int ok, const char *path)
{
	if (ok)
		return;
	perror(path);
	exit(2);
}

uint8_t *slurp(const char *path, size_t *ret_n)
{
	FILE *in = fopen(path, "re");
	struct stat st;
	uint8_t *bytes;

	need(in && fstat(fileno(in), &st) == 0, path);
	*ret_n = (size_t)st.st_size;
	bytes = malloc(*ret_n + 1);
	need(bytes && fread(bytes, 1, *ret_n, in) == *ret_n, path);
	fclose(in);
	return bytes;
}

void spill(const char *path, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;

	need(out && fwrite(bytes, 1, n, out) == n && fclose(out) == 0, path);
}

unsigned count_files(const char *folder)
{
	DIR *dir = opendir(folder);
	unsigned n = 0;

	need(dir != NULL, folder);
	for (struct dirent *e; (e = readdir(dir));)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..");
	closedir(dir);
	return n;
}
