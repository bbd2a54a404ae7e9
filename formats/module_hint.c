/* SPDX-License-Identifier: MIT */
#include "formats/module_hint.h"

/* Folders whose files come from packages; others hold what people build. */
static bool is_packaged(const char *path)
{
	static const char *const folders[] = {
		"/usr/bin/", "/usr/sbin/", "/usr/lib", "/usr/games/", "/bin/",
		"/sbin/", "/lib/", "/lib64/", "/lib32/",
	};

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		if (strncmp(path, folders[i], strlen(folders[i])) == 0)
			return true;
	}
	return false;
}

static const char *in_arena(struct image *image, const char *before,
			    const char *what, const char *after)
{
	const char *text = arena_printf(&image->arena, "%s%s%s", before, what,
					after);

	return text ? text : "";
}

const char *module_hint(struct image *image, const struct module *module,
			const struct module_evidence *evidence)
{
	if (evidence->failure)
		return in_arena(image, "its types could not be read: ",
				evidence->failure, "");
	if (evidence->lacks_files)
		return "parts of its debug information are in files that were "
		       "not found (.dwo, .dwp, dwz); --debug-dir says where "
		       "they are";
	if (evidence->has_no_types)
		return "its debug information has no types; build it with -g, "
		       "without -g1";
	if (module->debug == DEBUG_FULL)
		return "";
	if (!evidence->is_found && evidence->is_other_build)
		return "the file on disk is not the one that ran; --sysroot "
		       "or --exe say where that is";
	if (!evidence->is_found)
		return "the file was not found; --sysroot or --exe say where "
		       "it is";
	if (is_packaged(module->path))
		return "install its debug package (Debian: -dbgsym or -dbg, "
		       "Fedora: -debuginfo)";
	if (evidence->link)
		return in_arena(image, "its debug information is in ",
				evidence->link, ", which was not found; "
				"--debug-dir says where it is");
	/* Only a build-id says that a file with all of it is the same. */
	if (module->debug == DEBUG_NONE && module->build_id_size > 0)
		return "stripped: holdfast resolve --debug-dir DIR, with the "
		       "unstripped file in DIR";
	return "build it with -g";
}
