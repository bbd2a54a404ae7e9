/* SPDX-License-Identifier: MIT */
/* DIEs that are types, and the parts of types. */
#include "formats/dwarf_reader.h"

enum { WORD = 8 };

static uint8_t kind_of_base(const struct die *die, uint64_t size, uint16_t *flags)
{
	uint64_t encoding = 0;

	die_number(die, DW_AT_encoding, &encoding);
	switch (encoding) {
	case DW_ATE_boolean:
		return TYPE_BOOL;
	case DW_ATE_float:
	case DW_ATE_complex_float:
	case DW_ATE_imaginary_float:
	case DW_ATE_decimal_float:
		return TYPE_FLOAT;
	case DW_ATE_signed_char:
		return TYPE_CHAR;
	case DW_ATE_unsigned_char:
		*flags |= TYPE_UNSIGNED;
		return TYPE_CHAR;
	case DW_ATE_UTF:
		*flags |= TYPE_UNSIGNED;
		return size == 1 ? TYPE_CHAR : TYPE_INT;
	case DW_ATE_unsigned:
	case DW_ATE_address:
		*flags |= TYPE_UNSIGNED;
		return TYPE_INT;
	default:
		return TYPE_INT;
	}
}

static struct type blank(const struct reader *r, enum type_kind kind)
{
	return (struct type){
		.kind = (uint8_t)kind, .language = r->language,
		.target = TYPE_NONE, .scope = TYPE_NONE, .module = UINT32_MAX,
	};
}

/* The class around us: members of it may be types. */
static uint32_t enclosing(const struct reader *r)
{
	for (int i = r->depth - 1; i > 0; i--) {
		const struct die_level *f = &r->stack[i];

		if (f->id != TYPE_NONE && f->type.kind >= TYPE_STRUCT)
			return f->id;
		if (f->tag == DW_TAG_subprogram)
			break;
	}
	return TYPE_NONE;
}

/* C knows one space of tags; elsewhere types belong to where they stand. */
static uint32_t type_name(struct reader *r, const struct die *die)
{
	const char *name = dwarf_name(die);

	if (!name)
		return 0;
	if (!r->is_c && dwarf_top(r)->in_function)
		dwarf_scope_function(r);
	return dwarf_string(r, name, !r->is_c);
}

static void base_type(struct reader *r, const struct die *die, uint32_t id)
{
	struct type t = blank(r, TYPE_INT);
	uint64_t bits;

	t.name = dwarf_string(r, dwarf_name(die), false);
	if (!die_number(die, DW_AT_byte_size, &t.size) &&
	    die_number(die, DW_AT_bit_size, &bits))
		t.size = bits / 8 + (bits % 8 != 0);
	t.kind = kind_of_base(die, t.size, &t.flags);
	dwarf_fill(r, id, &t, NULL, NULL);
}

static void pointer_type(struct reader *r, const struct die *die, unsigned tag,
			 uint32_t id)
{
	struct type t = blank(r, TYPE_POINTER);

	t.target = dwarf_type_of(r, die, DW_AT_type);
	if (tag == DW_TAG_reference_type || tag == DW_TAG_rvalue_reference_type)
		t.kind = TYPE_REFERENCE;
	if (!die_number(die, DW_AT_byte_size, &t.size))
		t.size = WORD;
	if (tag == DW_TAG_ptr_to_member_type) {
		t.kind = TYPE_MEMBER_POINTER;
		t.scope = dwarf_type_of(r, die, DW_AT_containing_type);
		/* Its size follows from the target: dwarf_finish_module(). */
		t.size = 0;
	}
	dwarf_fill(r, id, &t, NULL, NULL);
}

static void typedef_type(struct reader *r, const struct die *die, uint32_t id)
{
	struct type t = blank(r, TYPE_TYPEDEF);

	t.name = type_name(r, die);
	t.target = dwarf_type_of(r, die, DW_AT_type);
	t.scope = enclosing(r);
	dwarf_fill(r, id, &t, NULL, NULL);
}

static void alias_type(struct reader *r, uint32_t id, uint32_t target)
{
	struct type t = blank(r, TYPE_TYPEDEF);

	t.target = target;
	dwarf_fill(r, id, &t, NULL, NULL);
}

static void enum_type(struct reader *r, const struct die *die, uint32_t id)
{
	struct type t = blank(r, TYPE_ENUM);

	t.name = type_name(r, die);
	t.target = dwarf_type_of(r, die, DW_AT_type);
	t.scope = enclosing(r);
	die_number(die, DW_AT_byte_size, &t.size);
	if (die_flag(die, DW_AT_declaration))
		t.flags |= TYPE_DECLARATION;
	dwarf_fill(r, id, &t, NULL, NULL);
}

static void open_frame(struct die_level *next, uint32_t id, struct type type)
{
	next->id = id;
	next->type = type;
	next->members.len = 0;
	next->args.len = 0;
	next->counts.len = 0;
	next->variant = 0;
	next->discriminant = 0;
	next->is_variant = false;
}

static bool is_type(unsigned tag)
{
	switch (tag) {
	case DW_TAG_pointer_type:
	case DW_TAG_const_type:
	case DW_TAG_structure_type:
	case DW_TAG_typedef:
	case DW_TAG_base_type:
	case DW_TAG_reference_type:
	case DW_TAG_class_type:
	case DW_TAG_array_type:
	case DW_TAG_subroutine_type:
	case DW_TAG_enumeration_type:
	case DW_TAG_union_type:
	case DW_TAG_rvalue_reference_type:
	case DW_TAG_ptr_to_member_type:
	case DW_TAG_volatile_type:
	case DW_TAG_restrict_type:
	case DW_TAG_atomic_type:
	case DW_TAG_immutable_type:
	case DW_TAG_packed_type:
	case DW_TAG_shared_type:
	case DW_TAG_template_alias:
	case DW_TAG_interface_type:
		return true;
	default:
		return false;
	}
}

/* A Rust vtable says whose it is; elsewhere this marks a vtable pointer. */
static void containing_type(struct reader *r, const struct die *die,
			    struct die_level *next)
{
	struct template_arg self = { .type = TYPE_NONE };

	self.type = dwarf_type_of(r, die, DW_AT_containing_type);
	if (self.type == TYPE_NONE)
		return;
	if (r->language != DW_LANG_Rust) {
		next->type.flags |= TYPE_POLYMORPHIC;
		return;
	}
	self.name = types_string(&r->raw, ARG_SELF);
	if (!vec_push(&next->args, self))
		r->no_memory = true;
}

static void push_class(struct reader *r, const struct die *die)
{
	const char *name = dwarf_name(die);
	struct die unit;

	/* What stands for a type unit need not repeat its name (clang). */
	if (!name && dwarf_die_of_signature(r, die, &unit))
		name = dwarf_name(&unit);
	if (name)
		dwarf_scope_push(r, name);
}

static bool record_type(struct reader *r, const struct die *die, unsigned tag,
			uint32_t id, struct die_level *next)
{
	struct type t = blank(r, TYPE_STRUCT);
	uint32_t unit = dwarf_type_of(r, die, DW_AT_signature);
	uint64_t declared;

	if (unit != TYPE_NONE) {
		/* Its statics and methods are declared here all the same. */
		alias_type(r, id, unit);
		open_frame(next, TYPE_NONE, blank(r, TYPE_VOID));
		next->owner = -1;
		push_class(r, die);
		return true;
	}
	if (tag == DW_TAG_union_type)
		t.kind = TYPE_UNION;
	else if (tag == DW_TAG_class_type || tag == DW_TAG_interface_type)
		t.kind = TYPE_CLASS;
	t.name = type_name(r, die);
	declared = dwarf_reference(r, die, DW_AT_specification);
	if (declared) {
		/* The table may move when an id is made. */
		uint32_t there = dwarf_id(r, declared);

		if (there != TYPE_NONE && r->raw.types.at[there].name)
			t.name = r->raw.types.at[there].name;
	}
	t.scope = enclosing(r);
	die_number(die, DW_AT_byte_size, &t.size);
	if (die_flag(die, DW_AT_declaration))
		t.flags |= TYPE_DECLARATION;
	open_frame(next, id, t);
	next->owner = r->depth;
	containing_type(r, die, next);
	push_class(r, die);
	return true;
}

static bool composite_type(struct reader *r, const struct die *die, unsigned tag,
			   uint32_t id, struct die_level *next)
{
	struct type t = blank(r, tag == DW_TAG_array_type ? TYPE_ARRAY
							  : TYPE_FUNCTION);

	t.target = dwarf_type_of(r, die, DW_AT_type);
	if (t.kind == TYPE_FUNCTION)
		t.size = 0;
	open_frame(next, id, t);
	next->owner = -1;
	return true;
}

bool dwarf_visit_type(struct reader *r, const struct die *die, unsigned tag,
		      struct die_level *next, bool *descend)
{
	uint32_t id;

	if (!is_type(tag))
		return false;
	id = dwarf_id(r, die_key(die));
	switch (tag) {
	case DW_TAG_base_type:
		base_type(r, die, id);
		break;
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
	case DW_TAG_ptr_to_member_type:
		pointer_type(r, die, tag, id);
		break;
	case DW_TAG_typedef:
	case DW_TAG_template_alias:
		typedef_type(r, die, id);
		break;
	case DW_TAG_enumeration_type:
		enum_type(r, die, id);
		break;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_interface_type:
	case DW_TAG_union_type:
		*descend = record_type(r, die, tag, id, next);
		break;
	case DW_TAG_array_type:
	case DW_TAG_subroutine_type:
		*descend = composite_type(r, die, tag, id, next);
		break;
	default:
		alias_type(r, id, dwarf_type_of(r, die, DW_AT_type));
		break;
	}
	return true;
}

static struct die_level *owner_of(struct reader *r)
{
	int owner = dwarf_top(r)->owner;

	return owner < 0 ? NULL : &r->stack[owner];
}

/* Bits from the start of the record to a bit-field, DWARF 2 to 5. */
static uint64_t bit_position(const struct die *die, uint64_t bytes,
			     uint64_t bit_size)
{
	uint64_t bits, from_top, storage = 0;

	if (die_number(die, DW_AT_data_bit_offset, &bits))
		return bits;
	/* DWARF 2 counts from the most significant bit of the storage unit. */
	if (die_number(die, DW_AT_bit_offset, &from_top) &&
	    die_number(die, DW_AT_byte_size, &storage) &&
	    storage <= 16 && from_top <= storage * 8 &&
	    bit_size <= storage * 8 - from_top)
		return bytes * 8 + storage * 8 - from_top - bit_size;
	return bytes * 8;
}

/* A constant, or in DWARF 2 the expression "plus a constant". */
static bool member_offset(const struct die *die, uint64_t *ret)
{
	struct bytes b;
	uint8_t op;

	if (die_expression(die, DW_AT_data_member_location, &b)) {
		op = bytes_u8(&b);
		if (op != DW_OP_plus_uconst && op != DW_OP_constu)
			return false;
		*ret = 0;
		for (unsigned shift = 0; shift < 64; shift += 7) {
			uint8_t byte = bytes_u8(&b);

			*ret |= (uint64_t)(byte & 0x7f) << shift;
			if (!(byte & 0x80))
				break;
		}
		return !b.broken;
	}
	return die_number(die, DW_AT_data_member_location, ret);
}

static void set_bits(const struct die *die, struct member *m)
{
	uint64_t size, at;

	if (!die_number(die, DW_AT_bit_size, &size) || size > UINT16_MAX)
		return;
	at = bit_position(die, m->offset, size);
	m->flags |= MEMBER_BITFIELD;
	m->bit_size = (uint16_t)size;
	m->offset = at / 8;
	m->bit_offset = at % 8;
}

static void add_member(struct reader *r, const struct die *die, unsigned tag)
{
	const struct die_level *top = dwarf_top(r);
	struct die_level *owner = owner_of(r);
	struct member m = {0};
	const char *name = dwarf_name(die);
	bool placed = member_offset(die, &m.offset);

	/* A static member is a variable that is defined elsewhere. */
	if (!placed && (die_flag(die, DW_AT_external) ||
			die_flag(die, DW_AT_declaration))) {
		dwarf_visit_variable(r, die);
		return;
	}
	m.type = dwarf_type_of(r, die, DW_AT_type);
	if (tag == DW_TAG_inheritance) {
		m.flags |= MEMBER_BASE;
		if (die_flag(die, DW_AT_virtuality))
			m.flags |= MEMBER_VIRTUAL;
	} else {
		m.name = dwarf_string(r, name, false);
		set_bits(die, &m);
	}
	if (name && strncmp(name, "_vptr", 5) == 0) {
		m.flags |= MEMBER_VPTR;
		owner->type.flags |= TYPE_POLYMORPHIC;
	}
	if (top->is_variant) {
		m.flags |= MEMBER_VARIANT;
		m.bit_offset = top->variant;
	} else if (top->discriminant &&
		   top->discriminant == die_key(die)) {
		m.flags |= MEMBER_DISCRIMINANT;
	}
	if (!vec_push(&owner->members, m))
		r->no_memory = true;
}

static void add_arg(struct reader *r, const struct die *die, unsigned tag,
		    struct die_level *owner)
{
	struct template_arg a = {
		.is_value = tag == DW_TAG_template_value_parameter,
	};

	a.name = dwarf_string(r, dwarf_name(die), false);
	a.type = dwarf_type_of(r, die, DW_AT_type);
	if (a.is_value)
		die_number(die, DW_AT_const_value, &a.value);
	if (!vec_push(&owner->args, a))
		r->no_memory = true;
}

static void add_dimension(struct reader *r, const struct die *die, struct die_level *array)
{
	uint64_t count, upper, lower = 0;

	if (!die_number(die, DW_AT_count, &count)) {
		count = UINT64_MAX;
		die_number(die, DW_AT_lower_bound, &lower);
		/* gcc once wrote an upper bound of -1 for [0]. */
		if (die_number(die, DW_AT_upper_bound, &upper) &&
		    upper < UINT32_MAX * UINT64_C(256) && upper >= lower)
			count = upper - lower + 1;
	}
	if (!vec_push(&array->counts, count))
		r->no_memory = true;
}

/* A variant without a value is the one for all other values. */
static void open_variant(struct reader *r, const struct die *die, struct die_level *next)
{
	struct die_level *owner = owner_of(r);
	struct template_arg value = { .type = TYPE_NONE, .is_value = 1 };

	open_frame(next, TYPE_NONE, blank(r, TYPE_VOID));
	next->owner = dwarf_top(r)->owner;
	next->is_variant = true;
	next->variant = VARIANT_OTHERWISE;
	if (!die_number(die, DW_AT_discr_value, &value.value))
		return;
	next->variant = (uint32_t)owner->args.len;
	if (!vec_push(&owner->args, value))
		r->no_memory = true;
}

static void open_part(struct reader *r, struct die_level *next)
{
	open_frame(next, TYPE_NONE, blank(r, TYPE_VOID));
	next->owner = dwarf_top(r)->owner;
}

static bool visit_record_part(struct reader *r, const struct die *die, unsigned tag,
			      struct die_level *next, bool *descend)
{
	switch (tag) {
	case DW_TAG_member:
	case DW_TAG_inheritance:
		add_member(r, die, tag);
		return true;
	case DW_TAG_template_type_parameter:
	case DW_TAG_template_value_parameter:
		add_arg(r, die, tag, owner_of(r));
		return true;
	case DW_TAG_GNU_template_parameter_pack:
		open_part(r, next);
		*descend = true;
		return true;
	case DW_TAG_variant_part:
		owner_of(r)->type.flags |= TYPE_VARIANT;
		open_part(r, next);
		next->discriminant = dwarf_reference(r, die, DW_AT_discr);
		*descend = true;
		return true;
	case DW_TAG_variant:
		open_variant(r, die, next);
		*descend = true;
		return true;
	default:
		return false;
	}
}

bool dwarf_visit_part(struct reader *r, const struct die *die, unsigned tag,
		      struct die_level *next, bool *descend)
{
	struct die_level *top = dwarf_top(r);

	if (top->owner >= 0)
		return visit_record_part(r, die, tag, next, descend);
	if (top->tag == DW_TAG_array_type && tag == DW_TAG_subrange_type) {
		add_dimension(r, die, top);
		return true;
	}
	if (top->tag == DW_TAG_subroutine_type &&
	    tag == DW_TAG_formal_parameter) {
		add_arg(r, die, tag, top);
		return true;
	}
	return false;
}

/* int a[4][3] is 4 of (3 of int): the last dimension is innermost. */
static void finish_array(struct reader *r, struct die_level *f)
{
	struct type t = f->type;

	for (size_t i = f->counts.len; i > 0; i--) {
		uint64_t count = f->counts.at[i - 1];
		uint32_t inner;

		t.flags = count == UINT64_MAX || count == 0 ? TYPE_NO_COUNT : 0;
		t.count = count == UINT64_MAX ? 0 : count;
		if (i == 1)
			break;
		inner = types_append(&r->raw, &t, NULL, NULL);
		if (inner == TYPE_NONE)
			r->no_memory = true;
		t.target = inner;
	}
	if (f->counts.len == 0)
		t.flags = TYPE_NO_COUNT;
	dwarf_fill(r, f->id, &t, NULL, NULL);
}

/* By offset; where two share it (unions, empty bases), as they came. */
static int by_offset(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return (x->bit_offset > y->bit_offset) -
	       (x->bit_offset < y->bit_offset);
}

static void sort_members(struct die_level *f)
{
	for (size_t i = 1; i < f->members.len; i++) {
		if (f->members.at[i].offset < f->members.at[i - 1].offset) {
			qsort(f->members.at, f->members.len,
			      sizeof(*f->members.at), by_offset);
			break;
		}
	}
}

void dwarf_finish_type(struct reader *r, struct die_level *f)
{
	if (f->id == TYPE_NONE)
		return;
	if (f->type.kind == TYPE_ARRAY) {
		finish_array(r, f);
		return;
	}
	if (!(f->type.flags & TYPE_VARIANT))
		sort_members(f);
	f->type.n_members = (uint32_t)f->members.len;
	f->type.n_args = (uint32_t)f->args.len;
	dwarf_fill(r, f->id, &f->type, f->members.at, f->args.at);
}
