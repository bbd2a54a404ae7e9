/* SPDX-License-Identifier: MIT */
#include "tui/terminfo_carried.h"

#include <stddef.h>
#include <string.h>

static const struct { const char *name, *entry; } carried[] = {
#include "tui/terminfo_entries.h"
	{ NULL, NULL }
};

const char *terminfo_carried(const char *name)
{
	for (size_t i = 0; carried[i].name; i++) {
		if (!strcmp(carried[i].name, name))
			return carried[i].entry;
	}
	return NULL;
}
