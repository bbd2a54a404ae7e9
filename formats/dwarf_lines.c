/* SPDX-License-Identifier: MIT */
#include "formats/dwarf_lines.h"

#include <stdio.h>

#include "formats/leb.h"

static void forget(struct reader *r, Dwarf_Error error)
{
	if (error)
		dwarf_dealloc_error(r->dbg, error);
}

void dwarf_lines_close(struct dwarf_lines *lines)
{
	if (lines->context)
		dwarf_srclines_dealloc_b(lines->context);
	*lines = (struct dwarf_lines){ .folder = "" };
}

/* The table that DW_AT_stmt_list tells of, as bytes. */
static bool find_table(struct reader *r, Dwarf_Die unit, struct bytes *ret)
{
	size_t i = elf_file_find(r->elf, ".debug_line");
	struct err ignored = {0};
	uint64_t offset;

	if (i == 0)
		i = elf_file_find(r->elf, ".zdebug_line");
	if (i == 0 || !dwarf_offset(r, unit, DW_AT_stmt_list, &offset) ||
	    !elf_file_data(r->elf, i, ret, &ignored))
		return false;
	(void)bytes_take(ret, offset);
	return !ret->broken;
}

void dwarf_lines_open(struct reader *r, Dwarf_Die unit,
		      struct dwarf_lines *ret)
{
	Dwarf_Error error = NULL;
	Dwarf_Unsigned version = 0;
	Dwarf_Small n_tables = 0;
	Dwarf_Signed n_files = 0;
	const char *folder;

	*ret = (struct dwarf_lines){ .folder = "" };
	if (!find_table(r, unit, &ret->table))
		return;
	if (dwarf_srclines_b(unit, &version, &n_tables, &ret->context,
			     &error) != DW_DLV_OK) {
		dwarf_drop(r, error, "a line table");
		ret->context = NULL;
		return;
	}
	ret->version = (uint8_t)version;
	if (dwarf_srclines_files_indexes(ret->context, &ret->first_file,
					 &n_files, &ret->end_file, &error) !=
	    DW_DLV_OK) {
		dwarf_drop(r, error, "a line table");
		dwarf_lines_close(ret);
		return;
	}
	folder = dwarf_text(r, unit, DW_AT_comp_dir);
	if (folder)
		ret->folder = folder;
}

/* --- the line program --- */

struct row {
	uint64_t addr, file;
	int64_t line;
	bool is_statement, is_end;
};

/* What runs the program, and what is wanted of it. */
struct program {
	struct bytes code;
	uint8_t min_length, line_range, opcode_base;
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

static bool read_header(struct bytes b, struct program *ret)
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

	memset(ret, 0, n * sizeof(*ret));
	if (!lines->context || !read_header(lines->table, &p))
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

/* Folder 0 is that of the compilation; before DWARF 5 it is not listed. */
static const char *folder_of(struct reader *r, const struct dwarf_lines *lines,
			     uint64_t index)
{
	Dwarf_Error error = NULL;
	const char *name = NULL;

	if ((index == 0 && lines->version < 5) || index > INT32_MAX)
		return "";
	if (dwarf_srclines_include_dir_data(
		    lines->context, (Dwarf_Signed)index, &name, &error) !=
	    DW_DLV_OK)
		forget(r, error);
	return name ? name : "";
}

const char *dwarf_lines_file(struct reader *r,
			     const struct dwarf_lines *lines, uint64_t index,
			     char *buf, size_t size)
{
	Dwarf_Error error = NULL;
	Dwarf_Unsigned folder = 0, changed = 0, length = 0;
	const char *name = NULL, *at = "";

	buf[0] = '\0';
	if (!lines->context || index > INT32_MAX ||
	    (Dwarf_Signed)index < lines->first_file ||
	    (Dwarf_Signed)index >= lines->end_file)
		return buf;
	if (dwarf_srclines_files_data_b(lines->context, (Dwarf_Signed)index,
					&name, &folder, &changed, &length,
					NULL, &error) != DW_DLV_OK)
		forget(r, error);
	if (!name)
		return buf;
	if (name[0] != '/')
		at = folder_of(r, lines, folder);
	if (name[0] == '/' || at[0] == '/')
		snprintf(buf, size, "%s%s%s", at, at[0] ? "/" : "", name);
	else
		snprintf(buf, size, "%s%s%s%s%s", lines->folder,
			 lines->folder[0] ? "/" : "", at, at[0] ? "/" : "",
			 name);
	return buf;
}
