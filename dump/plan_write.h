/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The memory of a snapshot, put together in the order of its ranges.
 *
 * What was live comes through the queue; zeros and bytes of module files are
 * added here, so that the process does not stand still for them.
 */
#ifndef DUMP_PLAN_WRITE_H
#define DUMP_PLAN_WRITE_H

#include "dump/piece_queue.h"
#include "dump/ranges.h"
#include "dump/redact.h"
#include "formats/snapshot.h"

/**
 * Write all pieces of @plan, without what @redactor (or NULL) leaves out.
 * When the queue ends too early the copy failed: then this fails too, with
 * err->code left at ERR_NONE.
 */
bool plan_write(const struct plan *plan, struct piece_queue *queue,
		struct redactor *redactor, struct snapshot_writer *writer,
		struct diag *diag, struct err *err) MUST_CHECK;

#endif
