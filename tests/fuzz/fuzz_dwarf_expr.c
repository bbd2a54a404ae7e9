/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a DWARF expression, in surroundings that know everything: it
 * ends, and what it says can be fetched or not.
 */
#include <stdint.h>

#include "formats/dwarf_expr_fetch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bytes code;

static bool read_any(void *ctx, uint64_t addr, void *buf, size_t n)
{
	(void)ctx;
	memset(buf, (int)(addr & 0xff), n);
	return addr % 16 != 15;
}

static bool any(void *ctx, uint64_t *ret)
{
	(void)ctx;
	*ret = 0x7fff0000;
	return true;
}

static bool any_of(void *ctx, uint64_t which, uint64_t *ret)
{
	(void)ctx;
	*ret = which * 3;
	return which < 1000;
}

static bool any_expr(void *ctx, struct bytes expr, uint64_t *ret)
{
	(void)ctx;
	*ret = expr.size ? expr.start[0] : 0;
	return true;
}

static bool any_type(void *ctx, uint64_t offset, struct expr_type *ret)
{
	(void)ctx;
	ret->encoding = (uint8_t)(offset & 15);
	ret->size = (uint8_t)(offset >> 4);
	return true;
}

static bool any_procedure(void *ctx, uint64_t offset, bool is_global,
			  struct bytes *ret)
{
	(void)ctx;
	(void)is_global;
	*ret = code;
	return offset > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct expr_ops ops = {
		.read = read_any, .reg = any_of, .frame_base = any,
		.cfa = any, .tls = any_of, .entry_value = any_expr,
		.debug_addr = any_of, .base_type = any_type,
		.procedure = any_procedure, .parameter = any_of,
	};
	struct expr_env env = { .ops = &ops, .bias = 0x1000 };
	struct expr_result result;
	uint8_t buf[100];
	uint64_t value = 7;

	if (size == 0)
		return 0;
	env.offset_size = data[0] & 1 ? 8 : 4;
	env.version = data[0] & 2 ? 2 : 5;
	code = bytes_of(data + 1, size - 1);
	expr_locate(&env, code, &result);
	for (size_t n = 0; n <= sizeof(buf); n += 5)
		(void)expr_fetch(&env, &result, buf, n);
	(void)expr_value(&env, code, &value, &value);
	return 0;
}
