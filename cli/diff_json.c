/* SPDX-License-Identifier: MIT */
#include "cli/diff_report.h"

#include "cli/json.h"

static void put_images(const struct diff_report *r, struct json_t *document)
{
	struct json_t *list = json_new_array();

	for (size_t i = 0; i < r->n; i++) {
		const struct diff_image *image = &r->images[i];
		const struct digest *digest = &r->digests[i];
		struct json_t *o = json_new_object();

		json_put_text(o, "file", image->file);
		json_put_u64(o, "pid", digest->process.pid);
		json_put_text(o, "captured_at", image->captured_at);
		json_put_u64(o, "live_blocks", digest->live.count);
		json_put_u64(o, "live_bytes", digest->live.bytes);
		json_add(list, o);
	}
	json_put(document, "images", list);
}

static void put_sums(const struct diff_report *r, struct json_t *o,
		     const struct diff_row *row, bool retained)
{
	json_put_u64(o, "old_count", row->old.count);
	json_put_u64(o, "new_count", row->new.count);
	json_put_u64(o, "old_bytes", retained ? row->old.retained :
						row->old.bytes);
	json_put_u64(o, "new_bytes", retained ? row->new.retained :
						row->new.bytes);
	if (r->n > 2)
		json_put_bool(o, "grew_every_time", row->grew_every_time);
}

static void put_label(struct json_t *o, const struct label *label)
{
	json_put_text(o, "type", label->typed ? label->text : NULL);
	if (label->class)
		json_put_text(o, "class", label->class);
	if (label->size)
		json_put_u64(o, "size", label->size);
}

static void put_types(const struct diff_report *r, struct json_t *document)
{
	struct json_t *list = json_new_array();
	uint64_t shown = 0;

	json_put(document, "types", list);
	for (size_t i = 0; i < r->diff.types.len &&
	     shown < r->options.limit; i++) {
		const struct diff_row *row = &r->diff.types.at[i];
		struct json_t *o;

		if (!diff_shows_label(r, row->id))
			continue;
		o = json_new_object();
		put_label(o, &r->names.labels.at.at[row->id]);
		put_sums(r, o, row, false);
		json_put_u64(o, "old_retained", row->old.retained);
		json_put_u64(o, "new_retained", row->new.retained);
		json_add(list, o);
		shown++;
	}
}

static void put_paths(const struct diff_report *r, struct json_t *document)
{
	struct json_t *list = json_new_array();
	uint64_t shown = 0;

	json_put(document, "paths", list);
	for (size_t i = 0; i < r->diff.paths.len &&
	     shown < r->options.limit; i++) {
		const struct diff_row *row = &r->diff.paths.at[i];
		struct json_t *o, *path;
		uint32_t labels[PATH_STEPS], n;

		if (!diff_shows_path(r, row->id))
			continue;
		o = json_new_object();
		path = json_new_array();
		n = holder_paths_labels(&r->names.paths, row->id, labels);
		for (uint32_t k = 0; k < n; k++)
			json_add_text(path,
				      r->names.labels.at.at[labels[k]].text);
		json_put(o, "path", path);
		put_sums(r, o, row, true);
		json_add(list, o);
		shown++;
	}
}

static void put_leaks(const struct diff_report *r, struct json_t *document)
{
	struct json_t *list = json_new_array();
	uint64_t shown = 0;

	json_put(document, "leaks", list);
	for (size_t i = 0; i < r->diff.leaks.len &&
	     shown < r->options.limit; i++) {
		const struct diff_row *row = &r->diff.leaks.at[i];
		const struct label *label = &r->names.labels.at.at[row->id];
		struct json_t *o;

		if (!diff_shows_label(r, row->id))
			continue;
		o = json_new_object();
		json_put_text(o, "kind", label->kind == LABEL_CYCLE ? "cycle" :
								      "block");
		put_label(o, label);
		put_sums(r, o, row, false);
		json_put_u64(o, "old_retained", row->old.retained);
		json_put_u64(o, "new_retained", row->new.retained);
		json_add(list, o);
		shown++;
	}
}

static void put_blocks(const struct diff_report *r, struct json_t *document)
{
	struct json_t *o = json_new_object();
	const struct diff *diff = &r->diff;

	json_put(document, "blocks", o);
	json_put_bool(o, "comparable", diff->blocks.comparable);
	json_put_text(o, "why", diff->blocks.why);
	if (!diff->blocks.comparable)
		return;
	json_put_bool(o, "by_type", diff->blocks.by_type);
	json_put_u64(o, "new", diff->blocks.new.count);
	json_put_u64(o, "gone", diff->blocks.gone.count);
	json_put_u64(o, "survived", diff->blocks.survived.count);
	json_put_u64(o, "new_bytes", diff->blocks.new.bytes);
	json_put_u64(o, "gone_bytes", diff->blocks.gone.bytes);
	json_put_u64(o, "survived_bytes", diff->blocks.survived.bytes);
}

static void put_notes(struct diff_report *r, struct json_t *document)
{
	struct json_t *list = json_new_array();

	json_put(document, "notes", list);
	for (size_t i = 0; i < r->n; i++) {
		for (size_t k = 0; k < r->images[i].notes.len; k++) {
			const char *text = arena_printf(&r->arena, "%s: %s",
				r->images[i].file, r->images[i].notes.at[k]);

			json_add_text(list, text ? text : "out of memory");
		}
	}
}

int diff_print_json(struct diff_report *r)
{
	struct json_t *document = json_new_object();

	put_images(r, document);
	put_types(r, document);
	put_paths(r, document);
	put_blocks(r, document);
	put_leaks(r, document);
	put_notes(r, document);
	return json_print(document);
}
