/* SPDX-License-Identifier: MIT */
/**
 * @file
 * How reports name a node: a block by its type, a root by its name, a leak
 * group (an id behind the nodes of a dominator tree) by what it lost.
 */
#ifndef CLI_NODE_TEXT_H
#define CLI_NODE_TEXT_H

#include "analyze/facts.h"
#include "cli/json.h"

enum { NODE_TEXT_MAX = 4096 };

/** "Account", "(text)", "app:server.db", "leaked Account". */
const char *node_label(const struct facts *facts, uint32_t id,
		       char buf[NODE_TEXT_MAX]);

/* The same for text that people read: arguments of long templates are left
 * out, the innermost first. */
const char *node_text(const struct facts *facts, uint32_t id,
		      char buf[NODE_TEXT_MAX]);
const char *key_text(const struct heap *heap, uint64_t key,
		     char buf[NODE_TEXT_MAX]);
const char *readable_text(const char *label, char buf[NODE_TEXT_MAX]);

/** The type alone; NULL when it is not known. */
const char *node_type(const struct facts *facts, uint32_t id,
		      char buf[NODE_TEXT_MAX]);

/** Put the "type" of a block_key(), or null and its "size". */
void key_put(struct json_t *object, const struct heap *heap, uint64_t key);

/** [{"type", "count"}]: the members of signature @i. */
struct json_t *members_json(const struct heap *heap,
			    const struct signatures *signatures, uint32_t i);

/** Put "root" or "addr", and "type". */
void node_put(struct json_t *object, const struct facts *facts, uint32_t id);

#endif
