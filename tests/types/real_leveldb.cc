/* SPDX-License-Identifier: MIT */
/*
 * A database of leveldb's, in use: open files, cache, iterators, snapshots.
 * Truth comes from the allocation log alone.
 */
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "leveldb/cache.h"
#include "leveldb/db.h"
#include "leveldb/filter_policy.h"
#include "leveldb/write_batch.h"

extern "C" void alloc_log_stop(void) __attribute__((weak));

struct Open {
	leveldb::DB *db = nullptr;
	std::unique_ptr<leveldb::Cache> cache;
	std::unique_ptr<const leveldb::FilterPolicy> filter;
	std::vector<std::unique_ptr<leveldb::Iterator>> iterators;
	std::vector<const leveldb::Snapshot *> snapshots;
	leveldb::WriteBatch batch;
};

Open *opened;

int main()
{
	leveldb::Options options;
	std::string value;

	opened = new Open;
	opened->cache.reset(leveldb::NewLRUCache(1 << 20));
	opened->filter.reset(leveldb::NewBloomFilterPolicy(10));
	options.create_if_missing = true;
	options.write_buffer_size = 64 << 10;
	options.max_file_size = 1 << 20;
	options.block_cache = opened->cache.get();
	options.filter_policy = opened->filter.get();
	if (!leveldb::DB::Open(options, "db", &opened->db).ok())
		return 1;
	for (int i = 0; i < 20000; i++) {
		opened->db->Put({}, "key" + std::to_string(i * 7919 % 20000), std::string(100, 'v'));
		if (i % 4000 == 0)
			opened->snapshots.push_back(opened->db->GetSnapshot());
	}
	/* What goes on in the background comes to rest. */
	opened->db->CompactRange(nullptr, nullptr);
	for (int i = 0; i < 3000; i++)
		opened->db->Get({}, "key" + std::to_string(i), &value);
	for (int i = 0; i < 20; i++) {
		opened->iterators.emplace_back(opened->db->NewIterator({}));
		opened->iterators.back()->Seek("key" + std::to_string(i * 100));
		opened->batch.Put("later" + std::to_string(i), value);
	}
	if (alloc_log_stop)
		alloc_log_stop();
	return 0;
}
