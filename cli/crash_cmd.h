/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The parts of `crash`: what each of its subcommands is told, and does.
 */
#ifndef CLI_CRASH_CMD_H
#define CLI_CRASH_CMD_H

#include "dump/core_pattern.h"
#include "dump/crash_store.h"

struct crash_args {
	const char *dir;	/* NULL: where they go now, or CRASH_FOLDER */
	bool json;
	struct crash_settings settings;
	char **rest;		/* what follows the subcommand */
	int n_rest;
};

/** The folder that @args means, as an absolute path. */
bool crash_folder(const struct crash_args *args, char ret[PATH_MAX],
		  struct err *err) MUST_CHECK;

/* Each returns the exit status. */
int crash_install(const struct crash_args *args);
int crash_uninstall(const struct crash_args *args);
int crash_status(const struct crash_args *args);
int crash_list(const struct crash_args *args);
int crash_handle(const struct crash_args *args);

#endif
