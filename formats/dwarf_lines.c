/* SPDX-License-Identifier: MIT */
#include "formats/dwarf_lines.h"

#include <stdio.h>

#include "formats/leb.h"

/* --- the line program --- */

struct row {
	uint64_t addr, file;
	int64_t line;
	bool is_statement, is_end;
};

/* What runs the program, and what is wanted of it. */
struct program {
	struct bytes code;
	uint8_t version, min_length, line_range, opcode_base;
	int8_t line_base;
	bool is_statement;	/* at the start of each sequence */
	const uint8_t *lengths;	/* [opcode_base - 1] operands of opcodes */
	struct row now;

	struct row choice;	/* of the rows for last */
	uint64_t last;		/* address of the row before */
	bool has_last, has_choice;
	const uint64_t *addrs;
	size_t n;
	uint64_t *best;		/* [n] where the row begins that was taken */
	struct dwarf_line *ret;
};

/* What is behind the header, the names of files, goes to @names. */
static bool read_header(struct bytes b, struct program *ret,
			struct bytes *names)
{
	uint64_t length = bytes_u32(&b);
	bool is_wide = length == UINT32_MAX;
	uint16_t version;
	struct bytes unit;

	if (is_wide)
		length = bytes_u64(&b);
	unit = bytes_sub(&b, length);
	version = bytes_u16(&unit);
	if (version < 2 || version > 5)
		return false;
	ret->version = (uint8_t)version;
	if (version >= 5)
		(void)bytes_u16(&unit);		/* sizes of an address */
	length = is_wide ? bytes_u64(&unit) : bytes_u32(&unit);
	ret->code = unit;
	(void)bytes_take(&ret->code, length);
	ret->min_length = bytes_u8(&unit);
	if (version >= 4)
		(void)bytes_u8(&unit);		/* operations, for VLIW */
	ret->is_statement = bytes_u8(&unit);
	ret->line_base = (int8_t)bytes_u8(&unit);
	ret->line_range = bytes_u8(&unit);
	ret->opcode_base = bytes_u8(&unit);
	if (ret->line_range == 0 || ret->opcode_base == 0)
		return false;
	ret->lengths = bytes_take(&unit, ret->opcode_base - 1u);
	*names = unit;
	return ret->lengths && !ret->code.broken;
}

static void begin_sequence(struct program *p)
{
	p->now = (struct row){
		.file = 1, .line = 1, .is_statement = p->is_statement,
	};
	p->has_last = p->has_choice = false;
}

/*
 * The rows from p->last to @end are done: they tell of the addresses there.
 * Where sequences overlap, the nearest start wins: at address 0 lie the
 * functions that the linker dropped.
 */
static void settle(struct program *p, uint64_t end)
{
	size_t from = 0, to = p->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (p->addrs[middle] < p->last)
			from = middle + 1;
		else
			to = middle;
	}
	for (; from < p->n && p->addrs[from] < end; from++) {
		if (p->ret[from].line > 0 && p->best[from] >= p->last)
			continue;
		p->best[from] = p->last;
		p->ret[from].file = p->choice.file;
		p->ret[from].line = p->choice.line <= UINT32_MAX ?
				    (uint32_t)p->choice.line : 0;
	}
}

/*
 * Of several rows for one address the last that begins a statement is taken.
 * Line 0 is code that belongs nowhere: it stays with what is before it.
 */
static void add_row(struct program *p)
{
	bool moved = p->has_last && p->now.addr != p->last;

	if (moved && p->has_choice && p->now.addr > p->last)
		settle(p, p->now.addr);
	if (p->now.is_end) {
		begin_sequence(p);
		return;
	}
	if (p->now.line > 0 &&
	    (moved || !p->has_choice || p->now.is_statement ||
	     !p->choice.is_statement)) {
		p->choice = p->now;
		p->has_choice = true;
	}
	p->last = p->now.addr;
	p->has_last = true;
}

static void extended(struct program *p)
{
	struct bytes b = bytes_sub(&p->code, leb_u64(&p->code));
	uint8_t op = bytes_u8(&b);

	if (op == DW_LNE_end_sequence) {
		p->now.is_end = true;
		add_row(p);
	} else if (op == DW_LNE_set_address && bytes_left(&b) == 8) {
		p->now.addr = bytes_u64(&b);
	}
}

static void advance(struct program *p, uint64_t n)
{
	p->now.addr += n * p->min_length;
}

static void add_lines(struct program *p, int64_t n)
{
	p->now.line = (int64_t)((uint64_t)p->now.line + (uint64_t)n);
}

static void special(struct program *p, uint8_t op)
{
	unsigned n = (unsigned)(op - p->opcode_base);

	advance(p, n / p->line_range);
	add_lines(p, p->line_base + (int64_t)(n % p->line_range));
	add_row(p);
}

static void standard(struct program *p, uint8_t op)
{
	switch (op) {
	case DW_LNS_copy:
		add_row(p);
		break;
	case DW_LNS_advance_pc:
		advance(p, leb_u64(&p->code));
		break;
	case DW_LNS_advance_line:
		add_lines(p, leb_i64(&p->code));
		break;
	case DW_LNS_set_file:
		p->now.file = leb_u64(&p->code);
		break;
	case DW_LNS_negate_stmt:
		p->now.is_statement = !p->now.is_statement;
		break;
	case DW_LNS_const_add_pc:
		advance(p, (255u - p->opcode_base) / p->line_range);
		break;
	case DW_LNS_fixed_advance_pc:
		p->now.addr += bytes_u16(&p->code);
		break;
	default:
		for (unsigned i = 0; i < p->lengths[op - 1]; i++)
			(void)leb_u64(&p->code);
		break;
	}
}

bool dwarf_lines_find(const struct dwarf_lines *lines, const uint64_t *addrs,
		      size_t n, struct dwarf_line *ret)
{
	struct program p = { .addrs = addrs, .n = n, .ret = ret };
	struct bytes names;

	memset(ret, 0, n * sizeof(*ret));
	if (lines->table.size == 0 || !read_header(lines->table, &p, &names))
		return true;
	p.best = calloc(n + 1, sizeof(*p.best));
	if (!p.best)
		return false;
	begin_sequence(&p);
	while (bytes_left(&p.code) > 0) {
		uint8_t op = bytes_u8(&p.code);

		if (op >= p.opcode_base)
			special(&p, op);
		else if (op == 0)
			extended(&p);
		else
			standard(&p, op);
	}
	free(p.best);
	return true;
}

/* --- files --- */

static const char *take_string(struct bytes *b)
{
	const char *text = (const char *)b->start + b->pos;

	if (bytes_left(b) == 0 || !memchr(text, '\0', bytes_left(b))) {
		b->broken = true;
		return "";
	}
	(void)bytes_take(b, strlen(text) + 1);
	return text;
}

/* DWARF 2 to 4: names up to an empty one; both count from 1. */
static bool read_old_names(struct bytes *b, struct dwarf_lines *ret)
{
	struct dwarf_path path = { .name = "" };

	if (!vec_push(&ret->folders, path) || !vec_push(&ret->files, path))
		return false;
	for (;;) {
		path.name = take_string(b);
		if (b->broken || !*path.name)
			break;
		if (!vec_push(&ret->folders, path))
			return false;
	}
	while (!b->broken) {
		path.name = take_string(b);
		if (b->broken || !*path.name)
			break;
		path.folder = leb_u64(b);
		(void)leb_u64(b);	/* time of change */
		(void)leb_u64(b);	/* size */
		if (!b->broken && !vec_push(&ret->files, path))
			return false;
	}
	return true;
}

enum { MAX_FIELDS = 255 };

struct field {
	uint64_t content;	/* DW_LNCT_* */
	unsigned form;
};

static struct dwarf_path read_path(struct bytes *b, const struct field *fields,
				   size_t n, const struct die_unit *unit)
{
	struct dwarf_path path = { .name = "" };

	for (size_t i = 0; i < n; i++) {
		struct die_value v = {
			.unit = unit, .form = fields[i].form, .at = *b,
		};

		die_form_skip(b, v.form, &unit->sizes);
		if (b->broken)
			break;
		if (fields[i].content == DW_LNCT_path) {
			path.name = die_value_text(&v);
			if (!path.name)
				path.name = "";
		} else if (fields[i].content == DW_LNCT_directory_index) {
			(void)die_value_number(&v, &path.folder);
		}
	}
	return path;
}

/* DWARF 5: a description of the fields, a count, the entries. */
static bool read_names(struct bytes *b, const struct die_unit *unit,
		       struct dwarf_lines *ret, bool are_files)
{
	struct field fields[MAX_FIELDS];
	size_t n_fields = bytes_u8(b);
	uint64_t n;

	for (size_t i = 0; i < n_fields; i++) {
		uint64_t form;

		fields[i].content = leb_u64(b);
		form = leb_u64(b);
		fields[i].form = form > UINT16_MAX ? 0 : (unsigned)form;
	}
	n = leb_u64(b);
	/* Entries without fields would not end. */
	for (uint64_t i = 0; n_fields > 0 && i < n && bytes_left(b) > 0; i++) {
		struct dwarf_path path = read_path(b, fields, n_fields, unit);

		if (b->broken)
			break;
		if (!(are_files ? vec_push(&ret->files, path)
				: vec_push(&ret->folders, path)))
			return false;
	}
	return true;
}

void dwarf_lines_close(struct dwarf_lines *lines)
{
	vec_free(&lines->files);
	vec_free(&lines->folders);
	memset(lines, 0, sizeof(*lines));
	lines->folder = "";
}

void dwarf_lines_open(const struct die_unit *unit, struct dwarf_lines *ret)
{
	struct program program;
	struct bytes names;
	const char *folder;
	uint64_t offset;
	struct die die;
	bool ok;

	memset(ret, 0, sizeof(*ret));
	ret->folder = "";
	if (!die_of_unit(unit, &die) ||
	    !die_offset(&die, DW_AT_stmt_list, &offset))
		return;
	ret->table = unit->file->line;
	(void)bytes_take(&ret->table, offset);
	if (ret->table.broken || !read_header(ret->table, &program, &names)) {
		ret->table = bytes_of(NULL, 0);
		return;
	}
	folder = die_text(&die, DW_AT_comp_dir);
	if (folder)
		ret->folder = folder;
	ret->version = program.version;
	ok = ret->version < 5 ? read_old_names(&names, ret) :
	     read_names(&names, unit, ret, false) &&
	     read_names(&names, unit, ret, true);
	if (!ok)
		dwarf_lines_close(ret);
}

const char *dwarf_lines_file(const struct dwarf_lines *lines, uint64_t index,
			     char *buf, size_t size)
{
	const struct dwarf_path *file;
	const char *at = "";

	buf[0] = '\0';
	if (index >= lines->files.len || !*lines->files.at[index].name)
		return buf;
	file = &lines->files.at[index];
	/* Folder 0 is that of the compilation; before DWARF 5 not listed. */
	if (file->name[0] != '/' && file->folder < lines->folders.len)
		at = lines->folders.at[file->folder].name;
	if (file->name[0] == '/' || at[0] == '/')
		snprintf(buf, size, "%s%s%s", at, at[0] ? "/" : "",
			 file->name);
	else
		snprintf(buf, size, "%s%s%s%s%s", lines->folder,
			 lines->folder[0] ? "/" : "", at, at[0] ? "/" : "",
			 file->name);
	return buf;
}
