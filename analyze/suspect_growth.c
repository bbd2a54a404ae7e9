/* SPDX-License-Identifier: MIT */
#include "analyze/suspect_growth.h"

#include <inttypes.h>

#include "base/human.h"

#define THRESHOLD 0.02	/* of what was live before */

enum { MOST_PLACES = 5 };

struct builder {
	const struct digest_names *names;
	struct growths *ret;
	double threshold;	/* bytes */
	uint64_t all;		/* growth of what is live, 0: it shrank */
};

/* "12.0 MiB more than before (90 % of all growth)" */
static const char *how_much(struct builder *b, const struct growth *g)
{
	char size[HUMAN_MAX];

	human_size(g->bytes, false, size);
	if (g->share == 0 || g->share > 1)
		return arena_printf(&b->ret->arena, "%s more than before", size);
	return arena_printf(&b->ret->arena, "%s more than before (%.0f %% of "
			    "all growth)", size, 100 * g->share);
}

static bool add(struct builder *b, const struct diff_row *row, bool leak)
{
	const char *what = leak ? label_text(&b->names->labels, row->id,
					     &b->ret->arena) :
			   digest_path_text(b->names, row->id, &b->ret->arena);
	struct growth g = {
		.bytes = (uint64_t)row->growth,
		.share = b->all ? (double)row->growth / (double)b->all : 0,
	};
	const char *size = how_much(b, &g);

	if (!what || !size)
		return false;
	g.text = arena_printf(&b->ret->arena, "%s is %s %s: %" PRIu64
			      " %s then, %" PRIu64 " now", size,
			      leak ? "lost with" : "held by", what,
			      row->old.count, leak ? "of them" : "blocks",
			      row->new.count);
	return g.text && vec_push(&b->ret->at, g);
}

static bool add_rows(struct builder *b, const struct diff_rows *rows, bool leak)
{
	size_t told = 0;

	for (size_t i = 0; i < rows->len && told < MOST_PLACES; i++) {
		if ((double)rows->at[i].growth <= b->threshold)
			continue;
		if (!add(b, &rows->at[i], leak))
			return false;
		told++;
	}
	return true;
}

bool growths_build(const struct digest_names *names, const struct diff *diff,
		   const struct digest digests[2], struct growths *ret,
		   struct err *err)
{
	uint64_t old = digests[0].live.bytes, new = digests[1].live.bytes;
	struct builder b = {
		.names = names, .ret = ret, .all = new > old ? new - old : 0,
		.threshold = THRESHOLD * (double)old,
	};

	*ret = (struct growths){0};
	if (add_rows(&b, &diff->paths, false) && add_rows(&b, &diff->leaks, true))
		return true;
	growths_free(ret);
	return err_nomem(err, "growth");
}

void growths_free(struct growths *growths)
{
	vec_free(&growths->at);
	arena_free(&growths->arena);
}
