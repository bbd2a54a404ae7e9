/* SPDX-License-Identifier: MIT */
/*
 * new[] of objects with destructors: the block begins with a count, and the
 * program holds the first element, eight bytes into the block.
 */
#include <memory>
#include <string>

#include "samples/truth.h"

namespace mail {

enum { N_FOLDERS = 7, N_LOST = 4 };

struct Attachment {
	~Attachment() { delete[] bytes; }
	unsigned char *bytes = nullptr;
	double size = 0;
	char name[40] = "";
};

struct Folder {
	Attachment *attachments;
	unsigned n_attachments;
	char label[20];
};

Folder *folders;

static Attachment *new_attachments(unsigned n)
{
	auto *attachments = new Attachment[n];

	for (unsigned i = 0; i < n; i++) {
		attachments[i].bytes = new unsigned char[64 + i]();
		attachments[i].size = 64.0 + i;
		snprintf(attachments[i].name, sizeof(attachments[i].name),
			 "picture-%u.jpeg", i);
	}
	return attachments;
}

template <class Note>
static void note_all(const Attachment *attachments, unsigned n, Note note)
{
	note(reinterpret_cast<const size_t *>(attachments) - 1);
	for (unsigned i = 0; i < n; i++)
		note(attachments[i].bytes);
}

} // namespace mail

TRUTH_APART static void fill()
{
	using namespace mail;

	folders = new Folder[N_FOLDERS];
	truth_root(folders, "folders");
	for (unsigned i = 0; i < N_FOLDERS; i++) {
		folders[i].attachments = new_attachments(i + 1);
		folders[i].n_attachments = i + 1;
		snprintf(folders[i].label, sizeof(folders[i].label), "%u", i);
		note_all(folders[i].attachments, i + 1, truth_held);
	}
}

TRUTH_APART static void lose_attachments()
{
	mail::note_all(mail::new_attachments(3), 3, truth_leaked);
}

int main()
{
	truth_begin("arrays");
	fill();
	for (int i = 0; i < mail::N_LOST; i++)
		lose_attachments();
	return truth_stop();
}
