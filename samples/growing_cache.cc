/* SPDX-License-Identifier: MIT */
/* Nothing is lost here: a cache without a limit holds it all. */
#include <memory>
#include <string>
#include <unordered_map>

#include "samples/truth.h"

namespace web {

enum { N_PAGES = 400 };

struct CacheEntry {
	std::string body;
	std::string content_type;
	double fetched_at;
	unsigned hits;
};

std::unordered_map<std::string, std::unique_ptr<CacheEntry>> cache;

static void fetch(unsigned page)
{
	std::string url = "https://www.example.org/articles/" +
		std::to_string(page);
	auto entry = std::make_unique<CacheEntry>();

	entry->body.assign(100 + page, 'b');
	entry->content_type = "text/html; charset=utf-8";
	entry->fetched_at = 1000.5 + page;
	entry->hits = page % 7;
	truth_held(entry.get());
	truth_held(entry->body.data());
	truth_held(entry->content_type.data());
	truth_held(cache.emplace(url, std::move(entry)).first->first.data());
}

} // namespace web

TRUTH_APART static void fill()
{
	for (unsigned page = 0; page < web::N_PAGES; page++)
		web::fetch(page);
	truth_root(web::cache.begin()->second.get(), "cache");
}

int main()
{
	truth_begin("growing_cache");
	fill();
	truth_type("web::CacheEntry", web::N_PAGES);
	return truth_stop();
}
