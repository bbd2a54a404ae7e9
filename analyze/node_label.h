/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What people call a node: a block by its type, a root by its name, a leak
 * group (an id behind the nodes of a dominator tree) by what it lost.
 *
 * Labels may hold any bytes: whoever shows them escapes them.
 */
#ifndef ANALYZE_NODE_LABEL_H
#define ANALYZE_NODE_LABEL_H

#include "analyze/facts.h"

/** "Account", "(text)", "app:server.db", "leaked Account", in @buf. */
const char *node_label_of(const struct facts *facts, uint32_t id, char *buf,
			  size_t size);

extern const char *const root_kind_names[N_ROOT_KINDS];
extern const char *const ref_kind_names[N_REF_KINDS];

#endif
