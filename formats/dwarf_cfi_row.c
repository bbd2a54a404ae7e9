/* SPDX-License-Identifier: MIT */
/* One FDE through libdwarf: a section that holds it and its CIE alone. */
#include "formats/dwarf.h"
#include "formats/dwarf_cfi_entry.h"

enum {
	/* Rules for registers that we do not follow: those of AVX-512, too. */
	MAX_REGISTERS = 256,
	UNDEFINED = 1034, SAME = 1035, CFA = 1436,
	WIDE_HEADER = 12, HEADER = 4, END = 4,
	MAX_ENTRY = 1 << 24,
};

/*
 * CIE, FDE and an end. The FDE's pointer to its CIE is set anew; the section
 * lies so that the FDE is where it was, because its address may be relative.
 */
static uint8_t *make_section(const struct cfi *cfi, const struct cfi_fde *fde,
			     struct dwarf_section *ret)
{
	size_t cie = fde->cie.end - fde->cie.start;
	size_t id = cie + (fde->id_at - fde->start);
	size_t size = cie + (fde->end - fde->start);
	uint64_t pointer = cfi->is_eh ? id : 0;
	uint8_t *at;

	if (cie > MAX_ENTRY || size > MAX_ENTRY)
		return NULL;
	at = calloc(1, size + END);
	if (!at)
		return NULL;
	memcpy(at, cfi->section.start + fde->cie.start, cie);
	memcpy(at + cie, cfi->section.start + fde->start, size - cie);
	memcpy(at + id, &pointer, fde->is_wide ? 8 : 4);
	*ret = (struct dwarf_section){
		.name = cfi->is_eh ? ".eh_frame" : ".debug_frame",
		.addr = cfi->addr + fde->start - cie,
		/* .debug_frame ends where it ends. */
		.bytes = bytes_of(at, cfi->is_eh ? size + END : size),
	};
	return at;
}

static bool take_expression(struct cfi *cfi, const void *at, uint64_t n,
			    struct bytes *ret)
{
	char *copy;

	if (!at || n > MAX_ENTRY)
		return false;
	copy = arena_text(&cfi->arena, at, (size_t)n);
	*ret = bytes_of(copy, copy ? (size_t)n : 0);
	return copy != NULL;
}

static bool take_rule(struct cfi *cfi, const Dwarf_Regtable_Entry3 *from,
		      struct cfi_rule *ret)
{
#ifdef DW_LIBDWARF_VERSION
	const void *block = from->dw_block.bl_data;
	uint64_t n = from->dw_block.bl_len, number = from->dw_offset;
#else
	const void *block = from->dw_block_ptr;
	uint64_t n = from->dw_offset_or_block_len, number = n;
#endif

	*ret = (struct cfi_rule){ .kind = CFI_UNSPECIFIED };
	switch (from->dw_value_type) {
	case DW_EXPR_VAL_OFFSET:
		ret->kind = CFI_VALUE;
		ret->number = (int64_t)number;
		return true;
	case DW_EXPR_EXPRESSION:
		ret->kind = CFI_EXPRESSION;
		return take_expression(cfi, block, n, &ret->expr);
	case DW_EXPR_VAL_EXPRESSION:
		ret->kind = CFI_VALUE_EXPRESSION;
		return take_expression(cfi, block, n, &ret->expr);
	default:
		break;
	}
	if (from->dw_regnum == UNDEFINED) {
		ret->kind = CFI_UNDEFINED;
	} else if (from->dw_regnum != SAME) {
		ret->kind = from->dw_offset_relevant ? CFI_OFFSET
						     : CFI_REGISTER;
		ret->reg = from->dw_regnum;
		ret->number = from->dw_offset_relevant ? (int64_t)number : 0;
	}
	return true;
}

static bool take_row(struct cfi *cfi, const Dwarf_Regtable3 *table,
		     struct cfi_row *ret)
{
	if (!take_rule(cfi, &table->rt3_cfa_rule, &ret->cfa))
		return false;
	/* "In memory at CFA + n" is register + n for the CFA itself. */
	if (ret->cfa.kind == CFI_OFFSET)
		ret->cfa.kind = CFI_REGISTER;
	if (ret->cfa.kind == CFI_EXPRESSION)
		ret->cfa.kind = CFI_VALUE_EXPRESSION;
	for (size_t i = 0; i < CFI_REGS; i++) {
		if (!take_rule(cfi, &table->rt3_rules[i], &ret->regs[i]))
			return false;
	}
	return ret->cfa.kind == CFI_REGISTER ||
	       ret->cfa.kind == CFI_VALUE_EXPRESSION;
}

/* libdwarf's list of the one FDE that there is. */
static Dwarf_Fde only_fde(Dwarf_Debug debug, bool is_eh)
{
	Dwarf_Signed n_cies = 0, n_fdes = 0;
	Dwarf_Cie *cies = NULL;
	Dwarf_Fde *fdes = NULL;
	Dwarf_Error error = NULL;
	int result;

	(void)dwarf_set_frame_rule_table_size(debug, MAX_REGISTERS);
	(void)dwarf_set_frame_rule_initial_value(debug, SAME);
	(void)dwarf_set_frame_undefined_value(debug, UNDEFINED);
	(void)dwarf_set_frame_same_value(debug, SAME);
	(void)dwarf_set_frame_cfa_value(debug, CFA);
	result = is_eh ? dwarf_get_fde_list_eh(debug, &cies, &n_cies, &fdes,
					       &n_fdes, &error)
		       : dwarf_get_fde_list(debug, &cies, &n_cies, &fdes,
					    &n_fdes, &error);
	if (result == DW_DLV_ERROR)
		dwarf_dealloc_error(debug, error);
	return result == DW_DLV_OK && n_fdes == 1 ? fdes[0] : NULL;
}

static bool run(struct cfi *cfi, Dwarf_Debug debug, uint64_t pc,
		struct cfi_row *ret)
{
	Dwarf_Regtable_Entry3 rules[MAX_REGISTERS];
	Dwarf_Regtable3 table = {
		.rt3_reg_table_size = MAX_REGISTERS, .rt3_rules = rules,
	};
	Dwarf_Fde fde = only_fde(debug, cfi->is_eh);
	Dwarf_Error error = NULL;
	Dwarf_Addr row_pc;
	int result;

	if (!fde)
		return false;
	memset(rules, 0, sizeof(rules));
	result = dwarf_get_fde_info_for_all_regs3(fde, pc, &table, &row_pc,
						  &error);
	if (result == DW_DLV_ERROR)
		dwarf_dealloc_error(debug, error);
	return result == DW_DLV_OK && take_row(cfi, &table, ret);
}

bool cfi_read_row(struct cfi *cfi, const struct cfi_fde *fde, uint64_t pc,
		  struct cfi_row *ret)
{
	struct dwarf_section section;
	struct dwarf_file *file;
	struct err err = {0};
	uint8_t *bytes = make_section(cfi, fde, &section);
	bool ok = false;

	*ret = (struct cfi_row){
		.return_column = (uint16_t)fde->cie.return_column,
		.is_signal = fde->cie.is_signal,
		.start = fde->pc, .end = fde->pc_end,
	};
	if (!bytes)
		return false;
	if (dwarf_sections_open(&section, 1, &file, &err) && file) {
		ok = run(cfi, dwarf_file_debug(file), pc, ret);
		dwarf_file_close(file);
	}
	free(bytes);
	return ok;
}
