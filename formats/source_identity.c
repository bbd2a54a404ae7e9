/* SPDX-License-Identifier: MIT */
#include "formats/source_identity.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "base/cache.h"
#include "base/file_read.h"

enum { STEP = 1 << 20 };

bool file_identity(int fd, uint64_t *ret, uint64_t *ret_size, struct err *err)
{
	XXH3_state_t *state = XXH3_createState();
	uint8_t *bytes = malloc(STEP);
	struct stat st;
	bool ok = false;

	if (!state || !bytes) {
		err_nomem(err, "the cache");
	} else if (fstat(fd, &st) != 0) {
		err_errno(err, "looking at the file");
	} else {
		uint64_t size = (uint64_t)st.st_size;
		const int64_t facts[] = {
			(int64_t)st.st_dev, (int64_t)st.st_ino, st.st_size,
			st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
		};

		XXH3_64bits_reset(state);
		XXH3_64bits_update(state, facts, sizeof(facts));
		XXH3_64bits_update(state, bytes,
				   file_read_at(fd, bytes, STEP, 0));
		if (size > STEP)
			XXH3_64bits_update(state, bytes,
					   file_read_at(fd, bytes, STEP,
							size - STEP));
		*ret = XXH3_64bits_digest(state);
		*ret_size = size;
		ok = true;
	}
	free(bytes);
	XXH3_freeState(state);
	return ok;
}

uint64_t table_identity(const struct seekable_table *table)
{
	uint64_t sum = table->frames.len;

	for (size_t i = 0; i < table->frames.len; i++) {
		const struct seekable_frame *f = &table->frames.at[i];
		const uint32_t entry[] = { f->size, f->plain_size,
					   f->checksum };

		sum = cache_sum(entry, sizeof(entry), sum);
	}
	return sum;
}
