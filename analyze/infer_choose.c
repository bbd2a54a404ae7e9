/* SPDX-License-Identifier: MIT */
#include "analyze/infer_choose.h"

#include <string.h>

#include "analyze/infer.h"

/* Percent, as measured for each rule on containers of C and C++ programs. */
enum {
	SURE_ELEMENT = 98,
	SURE_EXACT = 97,
	SURE_CONTEXT = 95,
	SURE_HOLDER = 93,
	SURE_TAIL = 90,
	SURE_VALUE = 88,	/* though others begin with such a value */
	SURE_DERIVED = 85,
	SURE_TEXT_TAIL = 75,	/* sds, and the like */
};

enum { MAX_CANDIDATES = 4096 };	/* types that begin with one type */

static const struct type *type_at(const struct chooser *c, uint32_t id)
{
	return &c->heap->image->types.types.at[id];
}

/* Is @type an instance of a template with the argument @arg? */
static bool is_made_with(const struct type_table *types, uint32_t type,
			 uint32_t arg)
{
	const struct type *t = &types->types.at[type];

	for (uint32_t i = 0; i < t->n_args; i++) {
		const struct template_arg *a = &types->args.at[t->first_arg + i];

		if (!a->is_value && types_strip(types, a->type) == arg)
			return true;
	}
	return false;
}

/* What a type and the classes around a pointer are both about. */
struct relation {
	uint32_t subject;	/* TYPE_NONE: nothing */
	uint8_t distance;	/* classes between the pointer and it */
	bool whole;		/* all arguments of the type */
};

/*
 * Of several subjects one that is made of the others: pair<const int, int> is
 * what the nodes of a map<int, int> are about, int only in part.
 */
static struct relation relation_of(const struct chooser *c,
				   const struct pointer_kind *kind,
				   uint32_t type)
{
	const struct type_table *types = &c->heap->image->types;
	const struct type *t = &types->types.at[type];
	struct relation r = { .subject = TYPE_NONE, .whole = true };
	uint8_t distance;

	if (pointer_kind_mentions(kind, type, &distance))
		return (struct relation){ type, distance, true };
	for (uint32_t i = 0; i < t->n_args; i++) {
		const struct template_arg *a = &types->args.at[t->first_arg + i];
		uint32_t id = types_strip(types, a->type);

		if (a->is_value || id == TYPE_NONE)
			continue;
		if (!pointer_kind_mentions(kind, id, &distance)) {
			r.whole = false;
		} else if (r.subject == TYPE_NONE ||
			   is_made_with(types, id, r.subject)) {
			r.subject = id;
			r.distance = distance;
		}
	}
	return r;
}

/* What begins with the pointee and fits the block. */
struct fitting {
	uint32_t related, any, open;	/* the last one seen */
	struct relation relation;	/* of @related */
	uint32_t n_related, n_any;
	uint32_t n_open;	/* smaller, but end in an array of any length */
	bool is_class;		/* @related is derived from the pointee */
	bool derived;		/* so is some of them all */
	bool self;		/* the pointee does */
	bool shy;		/* it could be a member of what was left out */
	bool nearly;		/* ... with 16 bytes more than it asked for */
	bool rivals;		/* others begin with it, of whatever size */
};

/*
 * Is relation @a, of a class if @a_class, closer than @b? A node of a container
 * is derived from what links it; a container that has such a link as a member
 * begins with it, too, but is not meant.
 */
static bool is_closer(const struct type_table *types, const struct relation *a,
		      bool a_class, const struct relation *b, bool b_class)
{
	if (a_class != b_class)
		return a_class;
	if (a->whole != b->whole)
		return a->whole;
	if (a->distance != b->distance)
		return a->distance < b->distance;
	return is_made_with(types, a->subject, b->subject);
}

static void note_related(const struct chooser *c, const struct candidate *one,
			 const struct relation *r, struct fitting *f)
{
	const struct type_table *types = &c->heap->image->types;

	if (f->n_related > 0) {
		if (is_closer(types, &f->relation, f->is_class, r,
			      one->is_class))
			return;
		if (is_closer(types, r, one->is_class, &f->relation,
			      f->is_class))
			f->n_related = 0;
	}
	f->related = one->type;
	f->is_class = one->is_class;
	f->relation = *r;
	f->n_related++;
}

/* The record begins with a base class, not with a member. */
static bool begins_with_base(const struct chooser *c, uint32_t id)
{
	const struct type_table *types = &c->heap->image->types;
	const struct type *t = &types->types.at[id];

	return types->members.at[t->first_member].flags & MEMBER_BASE;
}

/* What begins with @id. @is_class: and all on the way are its base classes. */
static bool add_outer(struct chooser *c, uint32_t id, bool is_class)
{
	const struct beginnings *b = &c->beginnings;

	if (id >= b->n_types)
		return true;
	for (uint32_t k = b->row[id]; k < b->row[id + 1]; k++) {
		struct candidate one = {
			.type = b->outer[k],
			.is_class = is_class && begins_with_base(c, b->outer[k]),
		};

		if (!vec_push(&c->candidates, one))
			return false;
	}
	return true;
}

/*
 * A struct that holds the pointee and nothing else (storage, a wrapper) is no
 * rival to it; a class derived from it is, even if it adds nothing.
 */
static bool is_wrapper(const struct chooser *c, uint32_t outer, uint32_t inner)
{
	const struct type *t = type_at(c, outer);

	return t->size == type_at(c, inner)->size && t->n_members > 0 &&
	       !(c->heap->image->types.members.at[t->first_member].flags &
		 MEMBER_BASE);
}

/* Could an instance of a container's template that is about other types than
 * the pointer's classes be meant? */
static bool is_foreign(const struct chooser *c, const struct pointer_kind *kind,
		       uint32_t type)
{
	return kind->n_context > 0 && type_at(c, type)->n_args > 0;
}

/* Of what a closure captured nothing holds the address but its own code. */
static bool is_closure(const struct chooser *c, uint32_t id)
{
	const char *name = types_text(&c->heap->image->types,
				      type_at(c, id)->name);

	return strstr(name, "{lambda(") || strstr(name, "(lambda at ") ||
	       strstr(name, "::$_");
}

/*
 * An instance of a template that links to no other of its kind: a value, such
 * as a string. In C all that stands first may be a base; this may not, and few
 * keep its address where they could keep that of what holds it.
 */
static bool is_value(struct chooser *c, uint32_t id, bool *ok)
{
	const struct pointer_fields *fields = pointer_fields_of(&c->fields, id);

	*ok = fields != NULL;
	if (!fields || type_at(c, id)->n_args == 0)
		return false;
	for (size_t i = 0; i < fields->n; i++) {
		if (fields->at[i].target == id)
			return false;
	}
	return true;
}

/* char data[] at the end: the block may be of any size from sizeof on. */
static bool has_tail(const struct chooser *c, uint32_t type)
{
	const struct type *tail = types_tail(&c->heap->image->types, type);

	return tail && (tail->flags & TYPE_NO_COUNT || tail->count == 0);
}

static bool find_fitting(struct chooser *c, uint32_t node,
			 const struct pointer_kind *kind, bool loose,
			 struct fitting *ret)
{
	bool value, ok = true;

	*ret = (struct fitting){
		.related = TYPE_NONE, .any = TYPE_NONE, .open = TYPE_NONE,
	};
	ret->self = infer_fits(c->heap, node, type_at(c, kind->target)->size,
			       loose);
	value = ret->self && is_value(c, kind->target, &ok);
	ret->nearly = infer_fits(c->heap, node, type_at(c, kind->target)->size,
				 true);
	c->candidates.len = 0;
	if (!ok || !add_outer(c, kind->target, true))
		return false;
	for (size_t i = 0; i < c->candidates.len && i < MAX_CANDIDATES; i++) {
		struct candidate one = c->candidates.at[i];
		uint32_t id = one.type;
		struct relation relation;

		if (!add_outer(c, id, one.is_class))
			return false;
		if (is_wrapper(c, id, kind->target) ||
		    (!one.is_class && is_closure(c, id)))
			continue;
		relation = relation_of(c, kind, id);
		if (relation.subject == TYPE_NONE && is_foreign(c, kind, id))
			continue;
		ret->rivals = true;
		if (!infer_fits(c->heap, node, type_at(c, id)->size, loose)) {
			if (infer_fits_tail(c->heap, node, id)) {
				ret->n_open++;
				ret->open = id;
			}
			continue;
		}
		if (relation.subject == TYPE_NONE && value && !one.is_class) {
			ret->shy = true;
			continue;
		}
		if (relation.subject != TYPE_NONE)
			note_related(c, &one, &relation, ret);
		ret->any = id;
		ret->n_any++;
		ret->derived |= one.is_class;
	}
	return true;
}

static void set(struct choice *ret, uint32_t type, uint8_t evidence,
		uint8_t confidence)
{
	ret->type = type;
	ret->evidence = evidence;
	ret->confidence = confidence;
}

/* T[n], where the block has room for just @n of T. */
static bool fits_array(const struct chooser *c, uint32_t node, uint32_t type)
{
	uint64_t size = type_at(c, type)->size;
	uint64_t n = size ? heap_size(c->heap, node) / size : 0;

	return n > 1 && n <= UINT32_MAX &&
	       infer_fits(c->heap, node, n * size, true);
}

/* Rust has no base classes: a pointer to T refers to a T, whatever begins with
 * one. But for nodes of BTreeMap, and those differ much in size. */
static bool is_rust(const struct chooser *c, uint32_t type)
{
	return type_at(c, type)->language == TYPE_LANGUAGE_RUST;
}

static bool decide_record(struct chooser *c, uint32_t node,
			  const struct pointer_kind *kind, bool loose,
			  struct choice *ret)
{
	bool about = pointer_kind_is_about(kind, kind->target);
	struct fitting f;

	if (!find_fitting(c, node, kind, loose, &f))
		return false;
	ret->rivals = f.rivals;
	ret->fitting = f.n_any + f.n_open > 0;
	if (is_rust(c, kind->target) && f.nearly) {
		set(ret, kind->target, about ? EVIDENCE_ELEMENT : EVIDENCE_NONE,
		    about ? SURE_ELEMENT : SURE_EXACT);
	} else if (f.n_related == 1 && f.is_class) {
		set(ret, f.related, EVIDENCE_DERIVED, SURE_CONTEXT);
	} else if (about && f.self) {
		set(ret, kind->target, EVIDENCE_ELEMENT, SURE_ELEMENT);
	} else if (about && f.nearly && f.n_related > 0) {
		/* A holder is less likely than a generous malloc. */
		return true;
	} else if (about && !f.derived && f.n_related == 0 &&
		   fits_array(c, node, kind->target)) {
		/* Who owns a T does not own what only has one as a member. */
		set(ret, kind->target, EVIDENCE_ELEMENT, SURE_ELEMENT);
		ret->is_array = true;
	} else if (f.n_related == 1) {
		set(ret, f.related, EVIDENCE_DERIVED, SURE_CONTEXT);
	} else if (f.n_related > 1 || (loose && f.rivals)) {
		return true;
	} else if (f.self && f.n_any + f.n_open == 0) {
		set(ret, kind->target, EVIDENCE_NONE,
		    f.shy ? SURE_VALUE : SURE_EXACT);
	} else if (!f.self && f.n_any + f.n_open == 1) {
		set(ret, f.n_any ? f.any : f.open, EVIDENCE_DERIVED,
		    SURE_DERIVED);
	} else if (!f.rivals && infer_fits_tail(c->heap, node, kind->target)) {
		set(ret, kind->target, EVIDENCE_NONE, SURE_TAIL);
	}
	return true;
}

/* Numbers and letters that a container is about: as many as there is room. */
static void decide_scalar(const struct chooser *c,
			  const struct pointer_kind *kind, struct choice *ret)
{
	if (!pointer_kind_is_about(kind, kind->target) ||
	    type_at(c, kind->target)->size == 0)
		return;
	set(ret, kind->target, EVIDENCE_ELEMENT, SURE_ELEMENT);
	ret->is_array = true;
}

static bool decide_start(struct chooser *c, uint32_t node, uint32_t kind,
			 struct choice *ret)
{
	const struct pointer_kind *k = pointer_kind_at(&c->fields, kind);

	/* What is_value() asks for, now: it may move the kinds. */
	if (!pointer_fields_of(&c->fields, k->target))
		return false;
	k = pointer_kind_at(&c->fields, kind);
	switch (type_at(c, k->target)->kind) {
	case TYPE_STRUCT:
	case TYPE_CLASS:
	case TYPE_UNION:
		if (!decide_record(c, node, k, false, ret))
			return false;
		return ret->type != TYPE_NONE ||
		       decide_record(c, node, k, true, ret);
	case TYPE_ARRAY:
		if (infer_fits(c->heap, node, type_at(c, k->target)->size,
			       false))
			set(ret, k->target, EVIDENCE_NONE, SURE_EXACT);
		return true;
	default:
		decide_scalar(c, k, ret);
		return true;
	}
}

/** Keys hold sizes below 128 MiB in words of 8; others are decided anew. */
static bool fits_key(uint64_t size)
{
	return size % 8 == 0 && size < UINT64_C(8) << 24;
}

/* The place for a choice under @key; *@found when it is made already. */
static struct choice *slot_of(struct chooser *c, struct map *map, uint64_t key,
			      bool *found)
{
	const struct choice none = { .type = TYPE_NONE };
	bool added;
	uint64_t *slot = map_slot(map, key, &added);

	*found = slot && !added && *slot;
	if (!slot)
		return NULL;
	if (!*found) {
		if (!vec_push(&c->kept, none))
			return NULL;
		*slot = c->kept.len;
	}
	return &c->kept.at[*slot - 1];
}

bool choose_start(struct chooser *c, uint32_t node, uint32_t kind,
		  struct choice *ret)
{
	uint64_t size = heap_size(c->heap, node);
	struct choice *kept;
	bool found;

	*ret = (struct choice){ .type = TYPE_NONE };
	if (!fits_key(size))
		return decide_start(c, node, kind, ret);
	kept = slot_of(c, &c->by_start, (uint64_t)kind << 32 |
		       (uint64_t)c->heap->owner[node] << 24 | size / 8, &found);
	if (!kept)
		return false;
	if (!found && !decide_start(c, node, kind, kept))
		return false;
	*ret = *kept;
	return true;
}

bool choose_holder(struct chooser *c, uint32_t node, uint32_t type,
		   struct choice *ret)
{
	uint32_t found = TYPE_NONE;

	*ret = (struct choice){ .type = TYPE_NONE };
	c->candidates.len = 0;
	if (!add_outer(c, type, true))
		return false;
	for (size_t i = 0; i < c->candidates.len && i < MAX_CANDIDATES; i++) {
		struct candidate one = c->candidates.at[i];

		if (!add_outer(c, one.type, one.is_class))
			return false;
		if (one.is_class || is_wrapper(c, one.type, type) ||
		    !infer_fits(c->heap, node, type_at(c, one.type)->size,
				false))
			continue;
		if (found != TYPE_NONE)
			return true;
		found = one.type;
	}
	if (found != TYPE_NONE)
		set(ret, found, EVIDENCE_DERIVED, SURE_DERIVED);
	return true;
}

/* Type @outer could be block @node; with a tail it may be of any size. */
static bool could_be(const struct chooser *c, uint32_t node, uint32_t outer,
		     bool tails)
{
	uint64_t size = type_at(c, outer)->size;

	return tails ? has_tail(c, outer) && size <= heap_size(c->heap, node) :
		       infer_fits(c->heap, node, size, false);
}

/* The one type that has @target at @offset and fits the block. */
static void decide_inside(const struct chooser *c, uint32_t node,
			  uint32_t target, uint64_t offset, bool tails,
			  struct choice *ret)
{
	const struct holders *h = &c->holders;
	uint32_t found = TYPE_NONE;

	if (target >= h->n_types)
		return;
	for (uint64_t i = h->row[target]; i < h->row[target + 1]; i++) {
		uint32_t outer = h->at[i].outer;

		if (h->at[i].offset != offset || outer == found ||
		    !could_be(c, node, outer, tails))
			continue;
		if (found != TYPE_NONE) {
			ret->rivals = true;
			return;
		}
		found = outer;
	}
	if (found != TYPE_NONE)
		set(ret, found, EVIDENCE_CONTAINER_OF,
		    tails ? SURE_TAIL : SURE_HOLDER);
	else if (!tails)
		decide_inside(c, node, target, offset, true, ret);
}

bool choose_inside(struct chooser *c, uint32_t node, uint32_t target,
		   uint64_t offset, struct choice *ret)
{
	uint64_t size = heap_size(c->heap, node);
	struct choice *kept;
	bool found;

	*ret = (struct choice){ .type = TYPE_NONE };
	if (!fits_key(size) || offset >= 1 << 16 || size / 8 >= 1 << 13) {
		decide_inside(c, node, target, offset, false, ret);
		return true;
	}
	kept = slot_of(c, &c->by_inside, (uint64_t)target << 32 |
		       (uint64_t)(c->heap->owner[node] & 7) << 29 |
		       offset << 13 | size / 8, &found);
	if (!kept)
		return false;
	if (!found)
		decide_inside(c, node, target, offset, false, kept);
	*ret = *kept;
	return true;
}

/* Note the program's structs that end in char text[]: by where the text
 * begins. */
static bool find_text_tails(struct chooser *c)
{
	const struct type_table *types = &c->heap->image->types;
	uint32_t program = image_program(c->heap->image);

	for (uint32_t i = 0; i < types->types.len; i++) {
		const struct type *t = &types->types.at[i];
		const struct member *last;
		uint32_t id;
		uint64_t *slot;
		bool added;

		if (t->kind != TYPE_STRUCT || t->popularity == 0 ||
		    t->module != program || !has_tail(c, i))
			continue;
		last = &types->members.at[t->first_member + t->n_members - 1];
		id = types_strip(types, types->types.at[
				 types_strip(types, last->type)].target);
		if (id == TYPE_NONE || types->types.at[id].kind != TYPE_CHAR)
			continue;
		slot = map_slot(&c->text_tails, last->offset, &added);
		if (!slot)
			return false;
		*slot = added ? (uint64_t)i + 1 : 0;
	}
	return true;
}

void choose_text_tail(const struct chooser *c, uint64_t offset,
		      struct choice *ret)
{
	uint64_t found = map_get(&c->text_tails, offset, 0);

	*ret = (struct choice){ .type = TYPE_NONE };
	if (found)
		set(ret, (uint32_t)found - 1, EVIDENCE_CONTAINER_OF,
		    SURE_TEXT_TAIL);
}

bool chooser_init(struct chooser *c, const struct heap *heap, struct err *err)
{
	*c = (struct chooser){
		.heap = heap, .fields = { .types = &heap->image->types },
	};
	return beginnings_build(&heap->image->types, &c->beginnings, err) &&
	       holders_build(&heap->image->types, &c->holders, err) &&
	       (find_text_tails(c) || err_nomem(err, "types of blocks"));
}

void chooser_free(struct chooser *c)
{
	pointer_cache_free(&c->fields);
	beginnings_free(&c->beginnings);
	holders_free(&c->holders);
	vec_free(&c->candidates);
	map_free(&c->by_start);
	map_free(&c->by_inside);
	map_free(&c->text_tails);
	vec_free(&c->kept);
}
