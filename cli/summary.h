/* SPDX-License-Identifier: MIT */
/**
 * @file
 * `holdfast FILE` without a terminal: memory, suspects, the top holders. And
 * the parts it is made of, which are reports of their own.
 */
#ifndef CLI_SUMMARY_H
#define CLI_SUMMARY_H

#include "cli/report.h"

/* Print one report on what is open, as text or JSON. Exit status. */
int memory_print(const struct report *report);
int suspects_print(const struct report *report);
int dominators_print(const struct report *report);

/** argv[0] is the file; options as in every report but --json. */
int summary_run(int argc, char **argv);

#endif
