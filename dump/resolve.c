/* SPDX-License-Identifier: MIT */
#include "dump/resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump/core_convert.h"
#include "formats/debuginfod.h"
#include "formats/snapshot_renew.h"

/* What was known of a module. */
struct known {
	enum debug_state debug;
	bool has_symbols;
};

struct resolution {
	const char *path;
	const struct capture_options *options;
	struct image image;
	struct known *known;	/* [n_known] before, by module */
	size_t n_known;
};

static size_t count_full(const struct image *image)
{
	size_t n = 0;

	for (size_t i = 0; i < image->modules.len; i++)
		n += image->modules.at[i].debug == DEBUG_FULL;
	return n;
}

/* Modules may say that there were types, when damage took them. */
static void admit_losses(struct image *image)
{
	if (image->types.types.len > 0 && image->vars.len > 0 &&
	    image->symbols.len > 0)
		return;
	for (size_t i = 0; i < image->modules.len; i++) {
		struct module *m = &image->modules.at[i];

		if (m->debug > DEBUG_SYMBOLS)
			m->debug = DEBUG_SYMBOLS;
		if (image->symbols.len == 0)
			m->debug = DEBUG_NONE;
	}
}

static bool open_image(struct resolution *r, struct err *err)
{
	if (!image_open(r->path, &r->image, err))
		return false;
	admit_losses(&r->image);
	return true;
}

static bool remember(struct resolution *r, struct err *err)
{
	const struct image *image = &r->image;

	r->n_known = image->modules.len;
	r->known = calloc(r->n_known + 1, sizeof(*r->known));
	if (!r->known)
		return err_nomem(err, "modules");
	for (size_t i = 0; i < r->n_known; i++)
		r->known[i].debug = image->modules.at[i].debug;
	for (size_t i = 0; i < image->symbols.len; i++)
		r->known[image->symbols.at[i].module].has_symbols = true;
	return true;
}

/* As the image was before its module files were looked at. */
static bool forget(struct image *image, struct err *err)
{
	image->vars.len = 0;
	image->slots.len = 0;
	image->symbols.len = 0;
	image->frames.len = 0;
	image->locals.len = 0;
	for (size_t i = 0; i < image->modules.len; i++) {
		image->modules.at[i].debug = DEBUG_NONE;
		image->modules.at[i].hint = "";
		image->modules.at[i].debug_path = "";
	}
	types_free(&image->types);
	return types_init(&image->types, err);
}

static bool lost_something(const struct resolution *r)
{
	const struct image *image = &r->image;
	bool *has_symbols = calloc(r->n_known + 1, sizeof(*has_symbols));
	bool lost = !has_symbols;

	for (size_t i = 0; !lost && i < image->symbols.len; i++) {
		if (image->symbols.at[i].module < r->n_known)
			has_symbols[image->symbols.at[i].module] = true;
	}
	for (size_t i = 0; !lost && i < r->n_known; i++)
		lost = image->modules.at[i].debug < r->known[i].debug ||
		       (r->known[i].has_symbols && !has_symbols[i]);
	free(has_symbols);
	return lost;
}

/* Damage may have taken the modules. */
static bool find_modules(struct resolution *r, struct err *err)
{
	return r->image.modules.len > 0 ||
	       capture_find_modules(&r->image, &r->options->search, err);
}

static void swap_frames(struct image *a, struct image *b)
{
	struct image c;

	memcpy(&c.frames, &a->frames, sizeof(c.frames));
	memcpy(&c.locals, &a->locals, sizeof(c.locals));
	memcpy(&a->frames, &b->frames, sizeof(c.frames));
	memcpy(&a->locals, &b->locals, sizeof(c.locals));
	memcpy(&b->frames, &c.frames, sizeof(c.frames));
	memcpy(&b->locals, &c.locals, sizeof(c.locals));
}

/*
 * A register that was no pointer was made 0 (dump/redact.h), so what is
 * computed from one is not what it was.
 */
static void doubt_locals(struct image *image)
{
	for (size_t i = 0; i < image->locals.len; i++) {
		struct local *l = &image->locals.at[i];

		if (!(l->flags & (LOCAL_REGISTER | LOCAL_VALUE)) ||
		    image_mapping(image, l->value))
			continue;
		l->value = 0;
		l->flags |= LOCAL_LOST;
	}
}

static bool load(struct image *image, const struct capture_options *options,
		 struct err *err)
{
	if (!capture_load_modules(image, options, &options->search, err))
		return false;
	/* A core still has its registers while it becomes a snapshot. */
	if (image->meta.pointers_only && image->meta.kind == IMAGE_SNAPSHOT)
		doubt_locals(image);
	return true;
}

bool resolve_on_top(struct image *image, const struct capture_options *options,
		    struct err *err)
{
	struct image before = {0};
	bool ok;

	swap_frames(image, &before);
	ok = load(image, options, err);
	if (before.locals.len > image->locals.len ||
	    before.frames.len > image->frames.len)
		swap_frames(image, &before);
	vec_free(&before.frames);
	vec_free(&before.locals);
	return ok;
}

/*
 * First all anew. When that finds less of a module than is known, its file is
 * not on this machine: then on top of what is known.
 */
static bool add_information(struct resolution *r, struct diag *damage,
			    struct err *err)
{
	*damage = r->image.diag;
	r->image.diag = (struct diag){0};
	if (!remember(r, err) || !forget(&r->image, err) ||
	    !find_modules(r, err) || !load(&r->image, r->options, err))
		return false;
	if (!lost_something(r))
		return true;
	image_close(&r->image);
	if (!open_image(r, err))
		return false;
	diag_free(&r->image.diag);
	if (r->options->search.debuginfod)
		r->options->search.debuginfod->is_told = false;
	return find_modules(r, err) &&
	       resolve_on_top(&r->image, r->options, err);
}

static bool renew(struct resolution *r, struct resolve_result *ret,
		  struct err *err)
{
	struct snapshot_target target = r->options->target;
	bool in_place = !target.path, ok;
	struct diag damage = {0};

	if (in_place) {
		target.path = r->path;
		target.force = true;
	}
	ret->full_before = count_full(&r->image);
	ok = add_information(r, &damage, err);
	ret->modules = r->image.modules.len;
	ret->full = count_full(&r->image);
	diag_merge(&ret->diag, &damage);
	diag_merge(&ret->diag, &r->image.diag);
	diag_free(&damage);
	return ok && snapshot_renew(r->path, &target, in_place, &r->image,
				    err);
}

static bool convert(struct resolution *r, struct resolve_result *ret,
		    struct err *err)
{
	struct capture_result result;
	bool ok;

	ret->modules = r->image.modules.len;
	ret->full_before = count_full(&r->image);
	ok = core_convert(r->path, r->options, &result, err);
	ret->diag = result.diag;
	if (!ok || strcmp(result.path, "-") == 0)
		return ok;
	image_close(&r->image);
	if (!image_open(result.path, &r->image, err))
		return false;
	ret->modules = r->image.modules.len;
	ret->full = count_full(&r->image);
	return true;
}

bool resolve_snapshot(const char *path, const struct capture_options *options,
		      struct resolve_result *ret, struct err *err)
{
	struct resolution r = { .path = path, .options = options };
	const char *to = options->target.path;
	bool ok;

	*ret = (struct resolve_result){0};
	snprintf(ret->path, sizeof(ret->path), "%s", to ? to : path);
	if (!open_image(&r, err))
		return false;
	if (r.image.meta.kind == IMAGE_SNAPSHOT && snapshot_is_renewable(path))
		ok = renew(&r, ret, err);
	else if (to)
		ok = convert(&r, ret, err);
	else
		ok = err_set(err, ERR_UNSUPPORTED,
			     "%s is not a snapshot of `holdfast dump`: name "
			     "the snapshot to make of it with -o FILE", path);
	image_close(&r.image);
	free(r.known);
	return ok;
}
