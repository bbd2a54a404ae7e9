/* SPDX-License-Identifier: MIT */
#include "dump/kernel_version.h"

#include <stdlib.h>
#include <sys/utsname.h>

bool kernel_at_least(unsigned long major, unsigned long minor)
{
	unsigned long here, under = 0;
	struct utsname name;
	char *end;

	if (uname(&name) != 0)
		return false;
	here = strtoul(name.release, &end, 10);
	if (*end == '.')
		under = strtoul(end + 1, NULL, 10);
	return here > major || (here == major && under >= minor);
}
