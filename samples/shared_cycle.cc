/* SPDX-License-Identifier: MIT */
/* shared_ptr cycles: a document owns its pages, each page its document. */
#include <memory>
#include <string>
#include <vector>

#include "samples/truth.h"

namespace report {

enum { N_LOST = 5, N_PAGES = 3 };

struct Document;

struct Page {
	std::shared_ptr<Document> owner;	/* should have been weak */
	int number = 0;
	char text[200] = "";
};

struct Document {
	std::string title;
	std::vector<std::shared_ptr<Page>> pages;
	double version = 1.0;
};

std::shared_ptr<Document> current;

static std::shared_ptr<Document> open_document(int number)
{
	auto document = std::make_shared<Document>();

	document->title = "Quarterly report number " + std::to_string(number);
	document->pages.reserve(N_PAGES);
	for (int i = 0; i < N_PAGES; i++) {
		auto page = std::make_shared<Page>();

		page->owner = document;
		page->number = i;
		snprintf(page->text, sizeof(page->text), "Page %d", i);
		document->pages.push_back(page);
	}
	return document;
}

template <class Note>
static void note_all(const std::shared_ptr<Document> &document, Note note)
{
	note(truth_control_block(document));
	note(document->title.data());
	note(document->pages.data());
	for (const auto &page : document->pages)
		note(truth_control_block(page));
}

TRUTH_APART static void lose_document(int number)
{
	note_all(open_document(number), truth_leaked);
}

TRUTH_APART static void hold_document()
{
	current = open_document(0);
	note_all(current, truth_held);
	truth_root(current->pages.data(), "current");
}

} // namespace report

int main()
{
	truth_begin("shared_cycle");
	report::hold_document();
	for (int i = 1; i <= report::N_LOST; i++)
		report::lose_document(i);
	truth_group("cycle", "make_shared<report::Page>", report::N_LOST);
	truth_type("make_shared<report::Document>", report::N_LOST + 1);
	truth_type("make_shared<report::Page>",
		   (report::N_LOST + 1) * report::N_PAGES);
	return truth_stop();
}
